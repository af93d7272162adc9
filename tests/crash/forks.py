"""Processes that cost milliseconds: a parent that has imported everything forks one per job that it reads from stdin.

It has neither an event loop nor a thread nor a connection, so that nothing is shared by a fork.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import uvloop

from tests.crash.pieces import Job, Request, work
from tests.crash.points import Effects, Point, install

ROOT = Path(__file__).parents[2]
SERVICES = ("order", "inventory", "accounting", "crm")
LIMIT_SECONDS = 60  # a process that takes longer is ended by the alarm: exit code -14


class Ended(NamedTuple):
    """How a process ended, and the kinds of its side effects in their order."""

    code: int
    effects: list[str]


class Forks:
    """The test's end of the pipes to the parent."""

    def __init__(self, parent: asyncio.subprocess.Process) -> None:
        self._parent = parent

    async def run(self, job: Job, point: Point | None = None) -> Ended:
        """Let a new process do this job; it ends by itself, or at this point."""
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps([job, point]).encode() + b"\n")
        return Ended(*json.loads(await self._parent.stdout.readline()))


@asynccontextmanager
async def open_forks() -> AsyncIterator[Forks]:
    """A parent of its own; it ends when its stdin closes."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdin
    try:
        yield Forks(parent)
    finally:
        parent.stdin.close()
        await parent.wait()


def serve() -> None:
    """Read jobs, fork, say how each process ended."""
    for name in SERVICES:
        import_module(f"services.{name}.handlers")
        import_module(f"services.{name}.api")
    for line in sys.stdin:
        job, point = json.loads(line)
        *given, request = job
        ended = _run(Job._make([*given, Request(*request)]), Point(*point) if point else None)
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _run(job: Job, point: Point | None) -> Ended:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(job, Effects(point, writer))
    os.close(writer)
    with os.fdopen(reader) as trace:
        effects = trace.read().split()
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), effects)


def _work_and_exit(job: Job, effects: Effects) -> None:
    code = 1
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what it logs is no answer of the parent's
        signal.alarm(LIMIT_SECONDS)
        install(effects)
        uvloop.run(work(job, effects))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # nothing of the parent is cleaned up twice


if __name__ == "__main__":
    serve()
