"""Whatever goes wrong, no secret shows: not in logs at DEBUG, answers, probes, metrics, or what is kept of messages."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from services.order.handlers import service
from shared.amqp import COMMANDS, open_channel
from shared.testing import GROUP, admin_of, fresh_database
from shared.wire import Raw
from tests.shared.rabbit import Rabbit, own_virtual_host
from tests.shared.waits import until, until_true
from tools.demo import people
from tools.servers import Servers

ROOT = Path(__file__).parents[2]
CANARY = f"canary{uuid4().hex}"
Settings = Mapping[str, str]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def changed(url: str, *, password: str | None = None, port: str | None = None, name: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = f"{name or parts.username}:{password or parts.password}@{parts.hostname}:{port or parts.port}"
    return urlunsplit(parts._replace(netloc=netloc))


@pytest.fixture(scope="module")
async def rabbit(servers: Servers) -> AsyncIterator[Rabbit]:
    """A virtual host with the queues of `order`, and a user whose password is the canary."""
    with own_virtual_host(servers, "canary") as (_, users):
        assert servers.rabbitmq
        name = urlsplit(users["order"]).path[1:]
        servers.rabbitmq.ctl("add_user", name, CANARY)
        servers.rabbitmq.ctl("set_permissions", "-p", name, name, "^$", "^erp[.].*", "^order[.].*")
        async with open_channel(users["topology"]) as channel:
            rabbit = Rabbit(users["topology"], {"order": changed(users["order"], name=name, password=CANARY)}, channel)
            await rabbit.topology(service)
            yield rabbit
        servers.rabbitmq.ctl("delete_user", name)


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[str]:
    """A database of `order` with a role whose password is the canary."""
    role = f"canary_{uuid4().hex[:8]}"
    async with fresh_database(ROOT / "services/order") as url:
        admin = await asyncpg.connect(servers.database_url)
        await admin.execute(f"create role {role} login password '{CANARY}'; grant {GROUP} to {role}")
        yield changed(url, name=role, password=CANARY)
        await admin.execute(f"drop role {role}")
        await admin.close()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The issuer's public key in a file that also holds the canary, and a token per role."""
    file = tmp_path_factory.mktemp("secrets") / "key.pem"
    made = people.issue("C1", file.with_name("private"), file)
    file.write_text(f"{CANARY}\n{file.read_text()}")
    return file, made


@pytest.fixture
def settings(rabbit: Rabbit, database: str, tokens: tuple[Path, dict[str, str]]) -> Settings:
    return {
        "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "DEBUG", "HTTP_PORT": free_port(),
        "DATABASE_URL": database, "RABBITMQ_URL": rabbit.users["order"], "JWT_PUBLIC_KEY_FILE": str(tokens[0]),
        "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
    }


@asynccontextmanager
async def running(command: str, settings: Settings, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service order does something; what it prints goes into a file."""
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.order", command, cwd=ROOT, env=settings, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def broken(settings: Settings, trouble: str, key: Path) -> Settings:
    """Settings with one thing wrong."""
    database, broker = settings["DATABASE_URL"], settings["RABBITMQ_URL"]
    changes = {
        "database away": {"DATABASE_URL": changed(database, port=free_port())},
        "wrong database password": {"DATABASE_URL": changed(database, password=f"x{CANARY}")},
        "no database address": {"DATABASE_URL": changed(database, password=f"{CANARY}#x")},
        "broker away": {"RABBITMQ_URL": changed(broker, port=free_port())},
        "wrong broker password": {"RABBITMQ_URL": changed(broker, password=f"x{CANARY}")},
        "no broker address": {"RABBITMQ_URL": changed(broker, password=f"{CANARY}#x")},
        "a wrong setting": {"POOL_SIZE": "-1"},
        "users that are no JSON": {"SERVICE_USERS": f"{{{CANARY}"},
        "a missing setting": {"JWT_PUBLIC_KEY_FILE": ""},
        "a missing key": {"JWT_PUBLIC_KEY_FILE": str(key)},
    }
    made = {name: value for name, value in {**settings, **changes[trouble]}.items() if value}
    return made | {"HTTP_PORT": free_port()}


PATIENT = {"the database is not there yet", "starting anew"}  # then it waits, and does not end


@pytest.mark.parametrize(("command", "trouble", "said"), [
    ("migrate", "wrong database password", "password authentication failed"),
    ("topology", "wrong broker password", "ACCESS_REFUSED"),
    ("serve", "database away", "the database is not there yet"),
    ("serve", "no database address", "DATABASE_URL"),
    ("serve", "broker away", "starting anew"),
    ("serve", "wrong broker password", "starting anew"),
    ("serve", "no broker address", "RABBITMQ_URL"),
    ("serve", "a wrong setting", "POOL_SIZE"),
    ("serve", "users that are no JSON", "service_users"),
    ("serve", "a missing setting", "JWT_PUBLIC_KEY_FILE"),
    ("serve", "a missing key", "FileNotFoundError"),
])
async def test_trouble_is_said_without_secrets(
    settings: Settings, tmp_path: Path, command: str, trouble: str, said: str
) -> None:
    log = tmp_path / "log"
    async with running(command, broken(settings, trouble, tmp_path / "none.pem"), log) as process:
        await until_true("it says what is wrong", lambda: said in log.read_text(), 60)
        if said not in PATIENT:
            await asyncio.wait_for(process.wait(), 60)
    assert CANARY not in log.read_text()


async def test_a_service_at_work_shows_no_secret(
    settings: Settings, rabbit: Rabbit, database: str, tokens: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    token = tokens[1]["sales"]
    log, shown = tmp_path / "log", []
    admin = await asyncpg.connect(admin_of(database))
    async with (
        running("serve", settings, log),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings['HTTP_PORT']}", trust_env=False, timeout=20) as http,
    ):
        await until("it is ready", lambda: status(http), lambda code: code == 200, seconds=60)
        for bearer in (f"Bearer {token}", f"Bearer {CANARY}", f"Bearer {token}{CANARY}", f"Basic {CANARY}", CANARY):
            headers = {"Authorization": bearer, "Idempotency-Key": "k"}
            shown += [await http.get(path, headers=headers) for path in
                      ("/orders", "/orders/none", "/nowhere", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json")]
            shown += [await http.post("/orders", headers=headers, content=body) for body in ("{", "{}", "[1]")]
        await rabbit.publish("", Raw("order.events", {}, b"poison"))
        await rabbit.publish(COMMANDS, Raw("order.place_order.v1", {}, b"poison", "k"))
        await until("both are kept", lambda: admin.fetch("select * from rejected"), lambda rows: len(rows) == 2)
    kept = str([dict(row) for row in await admin.fetch("select * from rejected")])
    await admin.close()
    assert {answer.status_code for answer in shown} >= {200, 401, 404, 422}
    answers = "".join(f"{answer.headers} {answer.text}" for answer in shown)
    for text in (log.read_text(), answers, kept):
        assert CANARY not in text
        assert token not in text


async def status(http: httpx2.AsyncClient) -> int:
    try:
        return (await http.get("/readyz")).status_code
    except httpx2.TransportError:
        return 0
