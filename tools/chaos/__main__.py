"""`KILLS=50 EVENTS=5000 SEED=1 python -m tools.chaos` breaks everything under load, and checks what became of it.

`RESTARTS=160 EVENTS=5000 python -m tools.chaos rolling` only restarts every replica in turn, in order (SIGTERM): twenty
times the whole fleet. PATIENCE=3 stretches the limits of time, not those of correctness, on a loaded machine.
"""

import os
import secrets
import sys

import uvloop

from tools import servers
from tools.chaos import run
from tools.chaos.size import Size
from tools.demo.fleet import NotReadyError
from tools.demo.places import TakenError
from tools.servers.packages import CannotInstall
from tools.servers.server import NotStarted

LONGEST_FAULT = 30.0  # longer than a heartbeat takes to notice


def main(arguments: list[str]) -> int:
    """Do what was asked; the exit code is 0 only if everything is right."""
    events, patience = _number("EVENTS", 5000), float(os.environ.get("PATIENCE") or 1)
    match arguments:
        case []:
            kills = _number("KILLS", 50)
            size = Size(kills, 0, events, min(LONGEST_FAULT, 3 + kills / 10), patience)
        case ["rolling"]:
            size = Size(0, _number("RESTARTS", 160), events, 0, patience)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    seed = _number("SEED", 1 + secrets.randbelow(1_000_000))
    with servers.servers() as running:
        return uvloop.run(run.run(running, size, seed))


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {text!r}")
    return int(text)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CannotInstall, NotStarted, NotReadyError, TakenError, ValueError) as problem:
        sys.exit(f"chaos: {problem}")
