"""What the machine is, and what its processes take of it: read from /proc, where there is one (Linux)."""

import os
import platform
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import aio_pika
import asyncpg

from tools.demo.fleet import Fleet
from tools.servers import Servers

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


async def description(servers: Servers) -> dict[str, str]:
    """Machine and versions, in the order in which they are shown."""
    database = await asyncpg.connect(servers.database_url, timeout=10)
    try:
        postgres = await database.fetchval("show server_version")
    finally:
        await database.close()
    async with await aio_pika.connect(servers.rabbitmq_url, timeout=10) as broker:
        assert broker.transport
        told = broker.transport.connection.server_properties
    return {
        "CPU": f"{_field(PROC / 'cpuinfo', 'model name') or platform.processor()}, {os.cpu_count()} cores",
        "memory": _field(PROC / "meminfo", "MemTotal") or "unknown",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": str(postgres),
        "RabbitMQ": str(told.get("version", "unknown")),
    }


def load() -> float:
    """How many programs wanted a core in the last minute, on average."""
    return os.getloadavg()[0]


def cpu_seconds(pid: int) -> float:
    """What a process and all below it have taken so far, ended ones too; 0 where nobody tells."""
    children = defaultdict(list)
    taken = {}
    for child, parent, seconds in _processes():
        children[parent].append(child)
        taken[child] = seconds
    found, below = 0.0, [pid]
    while below:
        one = below.pop()
        found += taken.get(one, 0.0)
        below += children[one]
    return found


def pids(servers: Servers, fleet: Fleet) -> Mapping[str, int]:
    """Everything that works in a run, by name. A server that was given has no process here."""
    named = {name: member.process.pid for name, member in fleet.members.items() if member.process}
    both = (("postgres", servers.postgres), ("rabbitmq", servers.rabbitmq))
    return named | {name: server.pid for name, server in both if server}


def _processes() -> Iterator[tuple[int, int, float]]:
    """(id, parent, seconds of its own and of its ended children) of every process."""
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        yield int(stat.parent.name), int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def _field(path: Path, name: str) -> str:
    """The first value of a field in a file of `name: value` lines."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
