"""`python -m tools.demo` runs the demo (ORDERS=500, KEEP=1); `python -m tools.demo down` ends one that was kept.

`python -m tools.demo proofs` runs the demo, and every proof of accounting on its ledger before it goes down.
"""

import asyncio
import os
import sys

from tools import servers
from tools.demo import run
from tools.demo.fleet import NotReadyError
from tools.demo.places import TakenError
from tools.servers.packages import CannotInstall
from tools.servers.server import NotStarted


def main(arguments: list[str]) -> int:
    """Do what was asked; the exit code is 0 only if everything is right."""
    match arguments:
        case []:
            return demo()
        case ["proofs"]:
            return demo(prove=True)
        case ["down"]:
            found = asyncio.run(run.take_down())
            print("stopped" if servers.down() or found else "nothing to stop")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


def demo(*, prove: bool = False) -> int:
    """Bring the servers, run the demo on them, and leave nothing running unless KEEP=1."""
    orders, keep = os.environ.get("ORDERS") or "500", os.environ.get("KEEP") == "1"
    if not orders.isdigit() or int(orders) < 1:
        print(f"ORDERS must be a whole number from 1 on, not {orders!r}", file=sys.stderr)
        return 2
    with servers.servers(keep=keep) as running:
        return asyncio.run(run.run(running, int(orders), keep=keep, prove=prove))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CannotInstall, NotStarted, NotReadyError, TakenError, ValueError) as problem:
        sys.exit(f"demo: {problem}")
