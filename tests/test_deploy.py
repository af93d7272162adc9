"""The deployment as files: who is in it, what it publishes, what an image holds, where the secrets are.

No engine is needed; `make compose-walk` tries it for real.
"""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from shared.identity import NotAuthenticatedError, TokenVerifier

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/__main__.py"))
REPLICATED = ["accounting", "order"]
FILES = [
    "docker-compose.yml", "Dockerfile", ".env.example", "deploy/amqp.yml", "deploy/make-secrets.sh",
    "deploy/make-token.sh", "deploy/postgres/10-services.sh", "deploy/rabbitmq/fenlu.conf",
]


def sections(text: str, indent: int) -> dict[str, str]:
    """The blocks of YAML text whose keys stand at this indent; YAML of our own, so lines are enough."""
    key = re.compile(rf"^ {{{indent}}}([\w-]+):", re.MULTILINE)
    found = list(key.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one[1]: text[one.end():end] for one, end in zip(found, ends, strict=True)}


BLOCKS = sections(sections(COMPOSE, 0)["services"], 2)
SECRETS = sections(sections(COMPOSE, 0)["secrets"], 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder where an issuer's key lies already, so that no key is made."""
    (tmp_path / "jwt_public_key").write_text("a key")
    make_secrets(tmp_path)
    return tmp_path


def make_secrets(folder: Path) -> None:
    subprocess.run(["sh", ROOT / "deploy/make-secrets.sh", folder], check=True, capture_output=True)


# -- docker-compose.yml -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_deployed_with_its_jobs(name: str) -> None:
    for block in (name, f"{name}-migrate", f"{name}-topology"):
        assert f"image: fenlu-{name}:" in BLOCKS[block]
    for job in ("migrate", "topology"):
        assert f"{name}-{job}: {{condition: service_completed_successfully}}" in BLOCKS[name]
    assert f"SERVICE: {name}}}" in BLOCKS[f"{name}-migrate"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_only_its_own_secrets(name: str) -> None:
    given = set(re.findall(r"- (?:\{source: )?([a-z]+(?:_[a-z]+)+)", BLOCKS[name]))
    issuers = {"jwt_private_key"} if name == "console" else set()
    assert given == {f"{name}_database_url", f"{name}_rabbitmq_url", "queue_principals", "jwt_public_key"} | issuers


@pytest.mark.parametrize("name", REPLICATED)
def test_a_replica_is_what_the_first_one_is(name: str) -> None:
    assert BLOCKS[name].startswith(f" &{name}\n")
    lines = BLOCKS[f"{name}-2"].strip().splitlines()
    assert [line.partition(":")[0].strip() for line in lines[1:] if line.startswith("    ")] == ["<<", "ports"]
    assert f"<<: *{name}" in BLOCKS[f"{name}-2"]


def test_only_http_is_published_and_only_here() -> None:
    ports = {name: re.findall(r"ports: \[(.*)\]", block) for name, block in BLOCKS.items() if "ports:" in block}
    assert set(ports) == {*SERVICES, *(f"{name}-2" for name in REPLICATED)}
    for published in ports.values():
        assert re.fullmatch(r'"127\.0\.0\.1:\$\{[A-Z0-9_]+:-\d+\}:8000"', published[0]), published


def test_everything_is_watched_and_ends_in_its_own_time() -> None:
    anchors = sections(COMPOSE, 0)
    for block in (BLOCKS["postgres"], BLOCKS["rabbitmq"], anchors["x-service"]):
        assert "restart: unless-stopped" in block
        assert "stop_grace_period:" in block
    assert "healthcheck:" in BLOCKS["postgres"]
    assert "healthcheck:" in BLOCKS["rabbitmq"]
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    assert 'restart: "no"' in anchors["x-job"]
    assert "init: true" in anchors["x-process"]


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_no_file_of_the_deployment_holds_a_secret(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"://[^\s:/$%]+:[^\s@$%{]+@", text.replace("ROLE:PASSWORD@", "")), "an address with a password"
    assert not [word for word in re.findall(r"[0-9A-Za-z+/]{20,}", text) if re.search(r"\d", word)], "a random word"
    assert all(name.endswith("_FILE") for name in re.findall(r"^\s*(\w*(?:PASS|SECRET|TOKEN)\w*):", text, re.MULTILINE))
    assert "PRIVATE KEY" not in text


def test_every_secret_is_a_file_that_the_script_makes(folder: Path) -> None:
    for name, block in SECRETS.items():
        assert block.strip() == f'{{file: "${{SECRETS_DIR:-./secrets}}/{name}"}}'
        assert (folder / name).read_text().strip()
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o444, "the container's user must read it"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "nobody else may"
    assert set(re.findall(r"/run/secrets/(\w+)", COMPOSE)) <= set(SECRETS)


def test_secrets_are_random_and_kept(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "order_rabbitmq_url").unlink()
    make_secrets(folder)
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"order_rabbitmq_url", "rabbitmq_definitions"}
    passwords = re.findall(r"://\w+:(\w{48})@", "".join(after.values()))
    assert len(passwords) == len(set(passwords)) == 3 * len(SERVICES) + 4


def test_broker_users_may_only_do_their_part(folder: Path) -> None:
    """The one list of rights, deploy/rabbitmq/rights.json, against what each service is there for. It is also what the
    native servers get, where tests/walk/test_rights.py tries it."""
    definitions = json.loads((folder / "rabbitmq_definitions").read_text())
    rights_file = json.loads((ROOT / "deploy/rabbitmq/rights.json").read_text())
    assert {key: definitions[key] for key in rights_file} == rights_file
    assert {user["name"] for user in definitions["users"]} == {*SERVICES, "topology", "shop", "tap", "operator"}
    for user in definitions["users"]:
        operator = user["name"] == "operator"
        file = folder / (f"{user['name']}_rabbitmq_" + ("management_url" if operator else "url"))
        assert f"://{user['name']}:{user['password']}@" in file.read_text()
        assert user["tags"] == (["administrator"] if operator else []), "who may make users"
    rights = {one.pop("user"): one for one in definitions["permissions"]}
    topics = {(one["user"], one["exchange"]): (one["write"], one["read"]) for one in definitions["topic_permissions"]}
    for name in SERVICES:
        assert rights[name] == {"vhost": "fenlu", "configure": "^$", "write": "^erp[.](events|again|commands)$",
                                "read": f"^{name}[.](events|commands|parking)$"}
        assert topics[name, "erp.events"] == (f"^{name}[.]", "^$")
        assert topics[name, "erp.again"] == (f"^[^.]+[.]{name}[.]", "^$")
        assert topics[name, "erp.commands"] == ("[.]say_again[.]v1$", "^$")
    assert rights["shop"]["configure"] == "^shop[.]"
    assert rights["tap"] == {"vhost": "fenlu", "configure": "^tap[.]", "write": "^tap[.]",
                             "read": "^(erp[.]events|tap[.].+)$"}
    assert {user for user, _ in topics} == {*SERVICES, "shop", "tap"}
    for user, exchange in topics:  # without an entry a user may say everything on a topic exchange
        assert re.match(rights[user]["write"], exchange) or re.match(rights[user]["read"], exchange)


def test_git_and_the_image_know_no_secrets() -> None:
    assert {".env", "secrets/"} <= set((ROOT / ".gitignore").read_text().split())
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line for line in ignored if not line.startswith("#")]
    assert allowed == ["*", "!requirements.lock", "!services", "!shared", "!tools/browser_files.sh", "!tools/node.lock",
                       "services/console/static/vendor", "**/__pycache__", "**/*.pyc"]


@pytest.mark.skipif(not shutil.which("openssl"), reason="the trial key needs openssl")
def test_a_trial_token_is_believed_only_with_its_key(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    key = (tmp_path / "jwt_public_key").read_bytes()
    for _ in range(3):  # signatures differ in length
        token = subprocess.run(
            ["sh", ROOT / "deploy/make-token.sh", "C1", "anna", "sales", "buyer"], check=True, capture_output=True,
            text=True, env={"PATH": os.environ["PATH"], "SECRETS_DIR": str(tmp_path)},
        ).stdout.strip()
        actor = TokenVerifier(key, "fenlu", "fenlu").verify(token)
        assert (actor.name, actor.company, actor.roles) == ("anna", "C1", frozenset({"sales", "buyer"}))
    with pytest.raises(NotAuthenticatedError):
        TokenVerifier(key, "fenlu", "fenlu").verify(token[:-4] + "AAAA")


# -- the image --------------------------------------------------------------------------------------------------------


def test_an_image_holds_shared_and_one_service_and_no_rights() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("COPY")] == [
        "COPY requirements.lock ./", "COPY tools/browser_files.sh tools/node.lock tools/",
        "COPY services/__init__.py services/", "COPY services/${SERVICE} services/${SERVICE}",
        "COPY --from=libraries /venv /venv", "COPY shared shared", "COPY --from=service /build/services services",
    ]
    assert 'RUN test -n "$SERVICE"' in lines, "without a name the last line would copy all services"
    assert "USER 10001:10001" in lines
    assert "--require-hashes" in "\n".join(lines)
    assert lines.index("USER 10001:10001") < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
