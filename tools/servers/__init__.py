"""Brings PostgreSQL and RabbitMQ: given ones, else containers, else private native ones; ends what it started.

    with servers() as s:
        ...  # s.database_url, s.rabbitmq_url; s.postgres.kill(), s.postgres.start()

Given ones are DATABASE_URL (of an administrator who may create databases and roles) and RABBITMQ_URL (what else of
RabbitMQ can be given: tools.servers.users).
"""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tools.servers import native, users
from tools.servers.holdings import Guard, Holdings, sweep
from tools.servers.server import Broker, Server, listens

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
KEPT = RUN / "servers.json"
ServerT = TypeVar("ServerT", bound=Server)


@dataclass(frozen=True)
class Servers:
    """What a run can use. A server that was given, or left running by another run, has an address but no handle."""

    database_url: str
    rabbitmq_url: str
    users: users.Urls  # of RabbitMQ: user -> address
    management_url: str = ""  # of RabbitMQ; a given one has none unless RABBITMQ_MANAGEMENT_URL says where
    postgres: Server | None = None
    rabbitmq: Broker | None = None


@contextlib.contextmanager
def servers(*, keep: bool = False) -> Iterator[Servers]:
    """Bring both servers, and end what was started here when the block or the whole process ends, in whatever way.

    `keep` leaves them running until `python -m tools.servers down`, and uses those that were left before.
    """
    if keep:
        yield _kept_or_new()
        return
    holdings = _begin(guarded=True)
    try:
        yield _bring(holdings)
    finally:
        holdings.finish()


@contextlib.contextmanager
def own_rabbitmq() -> Iterator[Broker]:
    """One more RabbitMQ, for what would disturb others at the same broker."""
    holdings = _begin(guarded=True)
    try:
        yield _rabbitmq(holdings)
    finally:
        holdings.finish()


@contextlib.contextmanager
def own_postgres(settings: Mapping[str, str]) -> Iterator[native.Postgres]:
    """One more PostgreSQL with settings of its own, of this machine's programs: one that may lose its data."""
    holdings = _begin(guarded=True)
    try:
        yield native.Postgres(holdings, settings)
    finally:
        holdings.finish()


def kept() -> Servers | None:
    """The servers that were left running, if they still answer."""
    try:
        state = json.loads(KEPT.read_text())
    except FileNotFoundError:
        return None
    left = Servers(state["database_url"], state["rabbitmq_url"], state["users"], state["management_url"])
    return left if listens(left.database_url) and listens(left.rabbitmq_url) else None


def down() -> bool:
    """End the servers that were left running; False if there were none."""
    with _locked():
        sweep(RUN)
        return _release_kept()


def _kept_or_new() -> Servers:
    with _locked():
        if left := kept():
            return left
        _release_kept()
    holdings = _begin(guarded=False)
    try:
        new = _bring(holdings)
    except BaseException:
        holdings.release()
        raise
    state = {"database_url": new.database_url, "rabbitmq_url": new.rabbitmq_url, "users": new.users,
             "management_url": new.management_url, "holdings": str(holdings.folder)}
    KEPT.touch(mode=0o600)
    KEPT.write_text(json.dumps(state, indent=1))
    return new


def _release_kept() -> bool:
    if not KEPT.exists():
        return False
    Holdings(Path(json.loads(KEPT.read_text())["holdings"])).release()
    KEPT.unlink()
    return True


def _begin(*, guarded: bool) -> Holdings:
    """A new folder under `.run/` for one run, after cleaning up behind runs that could not do it themselves."""
    with _locked():
        sweep(RUN)
        folder = RUN / secrets.token_hex(4)
        folder.mkdir(mode=0o755)
        holdings = Holdings(folder)
        holdings.open(Guard(ROOT, folder) if guarded else None)
    return holdings


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One at a time, also across processes, as several runs may share a checkout."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    with (RUN / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _bring(holdings: Holdings) -> Servers:
    with ThreadPoolExecutor(2) as both:
        database = both.submit(_find, "DATABASE_URL", _postgres, holdings)
        broker = both.submit(_find, "RABBITMQ_URL", _rabbitmq, holdings)
    (database_url, postgres), (rabbitmq_url, rabbitmq) = database.result(), broker.result()
    made = users.make(rabbitmq) if rabbitmq else users.given(rabbitmq_url)
    management_url = rabbitmq.management_url if rabbitmq else os.environ.get("RABBITMQ_MANAGEMENT_URL", "")
    return Servers(database_url, rabbitmq_url, made, management_url, postgres, rabbitmq)


def _find(variable: str, start: Callable[[Holdings], ServerT], holdings: Holdings) -> tuple[str, ServerT | None]:
    if given := os.environ.get(variable):
        return given, None
    started = start(holdings)
    return started.url, started


def _postgres(holdings: Holdings) -> Server:
    from tools.servers import containers  # slow to import, and not needed where addresses are given

    return containers.postgres(holdings) or native.Postgres(holdings)


def _rabbitmq(holdings: Holdings) -> Broker:
    from tools.servers import containers

    return containers.rabbitmq(holdings) or native.RabbitMQ(holdings)
