"""PostgreSQL and RabbitMQ in containers of a Docker engine on this machine."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient, get_docker_host

from tools.servers import server
from tools.servers.holdings import Holdings
from tools.servers.native import free_ports

SILENCE = 20  # seconds without a word from the engine
PULL_SECONDS = 240.0
START_SECONDS = 90.0
FILLED_IN = "{password}"
# Our guard removes the containers, also after kill -9; a helper container would be one more image to pull.
testcontainers_config.ryuk_disabled = True

Unavailable = (DockerException, RequestException, OSError)


class Container:
    """A server in a container; its ports are fixed, so that it comes back where it was."""

    def __init__(
        self, image: str, inner_ports: list[int], holdings: Holdings, environment: Mapping[str, str],
        command: list[str]
    ) -> None:
        self.ports = free_ports(len(inner_ports))
        self.password = server.password()
        variables = {name: value.format(password=self.password) for name, value in environment.items()}
        self._container = DockerContainer(image, docker_client_kw={"timeout": 60}, env=variables)
        self._container.with_kwargs(shm_size="256m").with_command(command or None)  # type: ignore[arg-type]
        # Docker takes (address, port) too; the port alone would be open to the network.
        for inner, outer in zip(inner_ports, self.ports, strict=True):
            self._container.ports[str(inner)] = ("127.0.0.1", outer)  # type: ignore[assignment]
        self._container.start()
        holdings.add(container=self._container.get_container_id())
        holdings.afterwards.append(self._container.get_docker_client().client.close)

    @property
    def pid(self) -> int:
        """The id of its main process, as this machine knows it if the engine runs here."""
        container = self._container.get_wrapped_container()
        container.reload()
        return int(container.attrs["State"]["Pid"])

    def start(self) -> None:
        """Start it, again on the same data if need be, and wait until it answers."""
        self._container.get_wrapped_container().start()
        self._wait()

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would, and wait until it is gone."""
        self._container.get_wrapped_container().kill()
        self._container.get_wrapped_container().wait()

    def _exec(self, *command: str) -> str:
        done = self._container.exec(list(command))
        text = done.output.decode(errors="replace")
        if done.exit_code:
            raise server.NotStarted(f"{command[0]} failed:\n{text}")
        return text

    def _ready(self) -> bool:
        raise NotImplementedError

    def _wait(self) -> None:
        if not server.wait_until(self._ready, self._exited, START_SECONDS):
            logs = b"\n".join(self._container.get_logs()).decode(errors="replace")
            raise server.NotStarted(f"the container of {self._container.image} did not get ready:\n{logs[-2000:]}")

    def _exited(self) -> bool:
        self._container.reload()
        return self._container.status == "exited"


class Postgres(Container):
    """PostgreSQL's image."""

    def __init__(self, image: str, holdings: Holdings) -> None:
        environment = {
            "POSTGRES_USER": server.USER, "POSTGRES_DB": "postgres",
            "POSTGRES_PASSWORD": FILLED_IN,
            "POSTGRES_INITDB_ARGS": "--no-locale --encoding=UTF8",
        }
        options = [word for name, value in server.POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
        super().__init__(image, [5432], holdings, environment, ["postgres", *options])
        self._wait()

    @property
    def url(self) -> str:
        """Where its administrator signs in."""
        return f"postgresql://{server.USER}:{self.password}@127.0.0.1:{self.ports[0]}/postgres"

    def ctl(self, *arguments: str) -> str:
        """Run psql as administrator."""
        return self._exec("psql", "-X", "-q", "-U", server.USER, "-d", "postgres", *arguments)

    def _ready(self) -> bool:
        # Asked inside, by TCP: the port is published before the server is there, and it is first started without TCP.
        return self._container.exec(["pg_isready", "-q", "-h", "127.0.0.1"]).exit_code == 0


class RabbitMQ(Container):
    """RabbitMQ's image."""

    def __init__(self, image: str, holdings: Holdings) -> None:
        limits = {"max_message_size": server.MAX_MESSAGE_SIZE, "consumer_timeout": server.CONSUMER_TIMEOUT}
        environment = {
            "RABBITMQ_DEFAULT_USER": server.USER,
            "RABBITMQ_DEFAULT_PASS": FILLED_IN,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(f"-rabbit {name} {limits[name]}" for name in limits),
        }
        super().__init__(image, [5672, 15672], holdings, environment, [])
        self._wait()
        self.ctl("enable_feature_flag", "all")

    @property
    def url(self) -> str:
        """Where its administrator signs in."""
        return f"amqp://{server.USER}:{self.password}@127.0.0.1:{self.ports[0]}/"

    @property
    def management_url(self) -> str:
        """Where the administrator of its users signs in."""
        return f"http://{server.USER}:{self.password}@127.0.0.1:{self.ports[1]}/"

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node."""
        return self._exec("rabbitmqctl", "--quiet", *arguments)

    def _ready(self) -> bool:
        return server.speaks_amqp(self.ports[0])


def postgres(holdings: Holdings) -> Postgres | None:
    """PostgreSQL in a container; None where there is no engine on this machine that has or can pull the image."""
    image = os.environ.get("POSTGRES_IMAGE", "postgres:18")
    return Postgres(image, holdings) if _offers(image) else None


def rabbitmq(holdings: Holdings) -> RabbitMQ | None:
    """RabbitMQ in a container; None where there is no engine on this machine that has or can pull the image."""
    image = os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management")
    return RabbitMQ(image, holdings) if _offers(image) else None


def remove(ids: list[str]) -> None:
    """Remove containers with their data, also running ones. With an engine that is gone they are gone, too."""
    if not _engine_listens():
        print("servers: the Docker engine is gone, and what ran in it", file=sys.stderr)
        return
    client = DockerClient(timeout=60).client
    for identity in ids:
        with contextlib.suppress(*Unavailable):
            client.containers.get(identity).remove(force=True, v=True)
    client.close()


def _offers(image: str) -> bool:
    """True if an engine on this machine answers, and has the image or can pull it in a reasonable time."""
    if not _engine_listens():
        return False
    try:
        engine = DockerClient(timeout=SILENCE)
    except Unavailable:
        return False
    with contextlib.closing(engine.client):
        return _has(engine, image) or _pulls(engine, image)


def _engine_listens() -> bool:
    """True if there is an engine on this machine: behind a socket file, as the ports of a remote one are not here."""
    address = urlsplit(get_docker_host() or "unix:///var/run/docker.sock")
    if address.scheme != "unix":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SILENCE)
        try:
            probe.connect(address.path)
        except OSError:
            return False
    return True


def _has(engine: DockerClient, image: str) -> bool:
    try:
        engine.client.images.get(testcontainers_config.hub_image_name_prefix + image)
    except ImageNotFound:
        return False
    except Unavailable as problem:
        print(f"servers: {problem}", file=sys.stderr)
        return False
    return True


def _pulls(engine: DockerClient, image: str) -> bool:
    print(f"servers: the Docker engine pulls {image}", file=sys.stderr)
    deadline = time.monotonic() + PULL_SECONDS
    try:
        name, _, tag = (testcontainers_config.hub_image_name_prefix + image).rpartition(":")
        progress: Any = engine.client.api.pull(name, tag=tag, stream=True, decode=True)
        for line in progress:
            if "error" in line or time.monotonic() > deadline:
                break
    except Unavailable as problem:
        print(f"servers: {problem}", file=sys.stderr)
    if _has(engine, image):
        return True
    print(f"servers: the Docker engine cannot pull {image}; using this machine's own programs", file=sys.stderr)
    return False
