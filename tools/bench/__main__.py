"""`python -m tools.bench [PART ...]` measures all parts, or these.

SCALE=0.1 makes every part smaller, GROWTH_LINES=1000000 only the large ledger. All parts at full size also write
docs/benchmarks.md. The exit code is 1 if a gate was missed, or if what was measured did a wrong thing.
"""

import os
import sys
from collections.abc import Awaitable, Callable

import uvloop

from tools import servers
from tools.bench import growth, latency, machine, memory, page, pages, poisoned, posting, rebuilding, relaying, walk
from tools.bench.books import WrongError
from tools.bench.line import WARNING_LOAD, Line
from tools.demo.fleet import NotReadyError
from tools.demo.places import TakenError
from tools.servers import Servers
from tools.servers.packages import CannotInstall
from tools.servers.server import NotStarted

PARTS: dict[str, Callable[[Servers, float], Awaitable[list[Line]]]] = {
    "posting": posting.measure,
    "relay": relaying.measure,
    "walk": walk.measure,
    "latency": latency.measure,
    "poison": poisoned.measure,
    "memory": memory.measure,
    "rebuild": rebuilding.measure,
    "growth": growth.measure,
    "pages": pages.measure,
}


def main(arguments: list[str]) -> int:
    """Measure what was asked for; say each line as soon as it is known."""
    if unknown := [name for name in arguments if name not in PARTS]:
        print(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    scale = float(os.environ.get("SCALE") or 1)
    lines: list[Line] = []
    load = machine.load()
    with servers.servers() as running:
        told = uvloop.run(machine.description(running))
        for name in arguments or PARTS:
            for line in uvloop.run(_measure(PARTS[name], running, scale)):
                lines.append(line)
                print(line, flush=True)
    if load > WARNING_LOAD:
        print(f"bench: other programs were at work (load {load:.1f}); the figures are too low", file=sys.stderr)
    if not arguments and scale == 1:
        page.write(lines, told, load)
    return 0 if all(line.passes for line in lines) else 1


async def _measure(
    part: Callable[[Servers, float], Awaitable[list[Line]]], running: Servers, scale: float
) -> list[Line]:
    return await part(running, scale)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CannotInstall, NotStarted, NotReadyError, TakenError, WrongError, TimeoutError, ValueError) as problem:
        sys.exit(f"bench: {problem or 'it took too long'}")
