"""What every server offers, however it runs, and the settings that they all get."""

import secrets
import socket
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

USER = "fenlu"
MAX_MESSAGE_SIZE = 1024 * 1024
CONSUMER_TIMEOUT = 1_800_000  # ms that a consumer may hold a message unacknowledged
# A small machine for developers. Durability is as in production: fsync and synchronous_commit stay on.
POSTGRES_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "15s",  # a young table soon has statistics, and statements the plans that fit
    "jit": "off",
    "timezone": "UTC",
}


class Server(Protocol):
    """A PostgreSQL or a RabbitMQ that this run started."""

    @property
    def url(self) -> str:
        """Where its administrator signs in; stays the same after a restart."""

    @property
    def pid(self) -> int:
        """The id of its main process; of a container's only where the engine runs on this very machine."""

    def start(self) -> None:
        """Start it (again), on the same port and data, and wait until it answers."""

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would, and wait until it is gone."""

    def ctl(self, *arguments: str) -> str:
        """Run its own command-line tool (psql, rabbitmqctl) as administrator, and give back what it prints."""


class NotStarted(RuntimeError):
    """A server did not start; the text holds the end of its log."""


def password() -> str:
    """A new password; letters and digits only, so that it can stand in an address."""
    return secrets.token_hex(12)


def listens(url: str) -> bool:
    """True if something listens at the host and port of this address."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError:
        return False
    return True


def speaks_amqp(port: int) -> bool:
    """True if an AMQP broker answers on this port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"  # the first frame of Connection.Start
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], failed: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is ready; False when it failed or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        if failed():
            return False
        time.sleep(0.1)
    return False


class Broker(Server, Protocol):
    """A RabbitMQ that this run started."""

    @property
    def management_url(self) -> str:
        """Where the administrator of its users signs in; ends with `/`, the virtual host."""
