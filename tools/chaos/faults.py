"""The kinds of trouble: each begins, and is healed. A deck of them is dealt from a seeded shuffle."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import asyncpg

from tools.chaos.detour import Detour
from tools.chaos.fault import LINK_LIMIT, SERVER_LIMIT, SERVICE_LIMIT, Fault
from tools.chaos.stage import Stage
from tools.demo.fleet import PRODUCERS, Member
from tools.link import Link
from tools.servers.native import Native
from tools.servers.server import Server

GRACE_SECONDS = 20.0  # that a service has between SIGTERM and its end
ENDED = (0, -signal.SIGTERM, -signal.SIGKILL)  # in order, by then, or the storm killed it meanwhile
SLOW_RATE = 8_000  # bytes a second: 64 kbit/s


class Cut(Fault):
    """All connections of a link are reset, and new ones too until it is mended."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def begin(self) -> None:
        self._link.cut()

    async def heal(self) -> None:
        self._link.mend()


class Reset(Cut):
    """All connections of a link are reset once; new ones are welcome."""

    async def begin(self) -> None:
        self._link.reset()


class Slow(Cut):
    """Chunks come late: 200 ms ± 100, or at 64 kbit/s."""

    def __init__(self, link: Link, dice: Random) -> None:
        super().__init__(link)
        self._seconds: Callable[[int], float] = dice.choice([
            lambda _size: dice.uniform(0.1, 0.3), lambda size: size / SLOW_RATE,
        ])

    async def begin(self) -> None:
        self._link.slow(self._seconds)


class Hole(Cut):
    """A link swallows what goes out, what comes back, or both, and tells nobody. What it swallowed comes in the end."""

    def __init__(self, link: Link, dice: Random) -> None:
        super().__init__(link)
        self._out, self._back = dice.choice([(True, False), (False, True), (True, True)])

    async def begin(self) -> None:
        self._link.freeze(out=self._out, back=self._back)


class Frozen(Fault):
    """Processes stand still (SIGSTOP) and go on."""

    def __init__(self, pid: Callable[[], int], limit: float = LINK_LIMIT) -> None:
        self._pid, self.limit = pid, limit
        self._stopped: list[int] = []

    async def begin(self) -> None:
        """Children too, since each connection of PostgreSQL has a process of its own."""
        self._stopped = _family(self._pid())
        _signal(self._stopped, signal.SIGSTOP)

    async def heal(self) -> None:
        _signal(self._stopped, signal.SIGCONT)


class Killed(Fault):
    """A server is killed (SIGKILL) and started again on its data."""

    limit = SERVER_LIMIT

    def __init__(self, name: str, server: Server) -> None:
        self.victims = (name,)
        self._server = server

    async def begin(self) -> None:
        await asyncio.to_thread(self._server.kill)

    async def heal(self) -> None:
        await asyncio.to_thread(self._server.start)


class Terminated(Fault):
    """PostgreSQL ends the connections of a service."""

    limit = SERVER_LIMIT

    def __init__(self, url: str) -> None:
        self._url = url

    async def begin(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()


class Restarted(Fault):
    """A replica is asked to end (SIGTERM), ends within its grace period, and is started again by the fleet's watch."""

    limit = SERVICE_LIMIT

    def __init__(self, member: Member) -> None:
        self._member, self._process = member, member.process
        self.seconds = 0.0  # until it had ended

    async def begin(self) -> None:
        self._process = self._member.process
        assert self._process
        self._process.terminate()
        began = time.monotonic()
        try:
            code = await asyncio.to_thread(self._process.wait, GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            raise NotEndedError(f"did not end within {GRACE_SECONDS:.0f} s of SIGTERM") from None
        self.seconds = time.monotonic() - began
        if code not in ENDED:
            raise NotEndedError(f"ended with {code} on SIGTERM")

    async def heal(self) -> None:
        while True:
            if self._member.process is not self._process:  # the watch has started it again
                return
            await asyncio.sleep(0.05)


class NotEndedError(Exception):
    """A service did not end in order after SIGTERM."""


def _family(pid: int) -> list[int]:
    """A process and its children, where the system tells (Linux)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *map(int, children)]


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def deck(stage: Stage, dice: Random) -> Iterator[tuple[str, Fault]]:
    """(name, fault) without end: every round all kinds come, in another order, at other places."""
    while True:
        cards = [*_of_links(stage, dice), *_of_services(stage, dice), *_of_servers(stage)]
        dice.shuffle(cards)
        yield from cards


def _of_links(stage: Stage, dice: Random) -> Iterator[tuple[str, Fault]]:
    cut, reset, slow, *holes = dice.sample(list(stage.links), 5)
    yield f"cut {cut}", Cut(stage.links[cut])
    yield f"reset {reset}", Reset(stage.links[reset])
    yield f"slow {slow}", Slow(stage.links[slow], dice)
    for hole in holes:
        yield f"hole {hole}", Hole(stage.links[hole], dice)


def _of_services(stage: Stage, dice: Random) -> Iterator[tuple[str, Fault]]:
    frozen, *restarted = dice.sample(list(stage.fleet.members.values()), 3)
    yield f"frozen {frozen.name}", Frozen(partial(_pid_of, frozen))
    for member in restarted:
        yield f"restarted {member.name}", Restarted(member)
    service = dice.choice(PRODUCERS)
    yield f"terminated {service}", Terminated(stage.databases[service])
    yield f"detour {service}", Detour(stage.servers.rabbitmq_url, service, dice)


def _of_servers(stage: Stage) -> Iterator[tuple[str, Fault]]:
    """Only of servers that this run has started; those in containers cannot be frozen from here."""
    for name, server in (("postgres", stage.servers.postgres), ("rabbitmq", stage.servers.rabbitmq)):
        if server is not None:
            yield f"killed {name}", Killed(name, server)
        if isinstance(server, Native):
            yield f"frozen {name}", Frozen(partial(_pid_of_server, server))


def _pid_of(member: Member) -> int:
    assert member.process
    return member.process.pid


def _pid_of_server(server: Native) -> int:
    return server.pid
