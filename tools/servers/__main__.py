"""python -m tools.servers up|down|status: servers that stay, for work by hand; `up` prints their addresses."""

import json
import sys
from pathlib import Path

from tools.servers import Servers, down, kept, servers
from tools.servers.holdings import guard
from tools.servers.packages import CannotInstall
from tools.servers.server import NotStarted


def main(arguments: list[str]) -> int:
    """Do what was asked; the exit code tells whether servers run (up, status) or nothing is left (down)."""
    match arguments:
        case ["up"]:
            with servers(keep=True) as running:
                _show(running)
            return 0
        case ["down"]:
            print("stopped" if down() else "nothing to stop")
            return 0
        case ["status"]:
            if running_now := kept():
                _show(running_now)
                return 0
            print("not running")
            return 1
        case ["guard", folder]:
            guard(Path(folder))
            return 0
    print(__doc__, file=sys.stderr)
    return 2


def _show(running: Servers) -> None:
    """Print the addresses as the environment that `make test` and the services understand."""
    print(f"export DATABASE_URL={running.database_url}\nexport RABBITMQ_URL={running.rabbitmq_url}")
    print(f"export RABBITMQ_MANAGEMENT_URL={running.management_url}")
    print(f"export RABBITMQ_USERS='{json.dumps(dict(running.users))}'")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CannotInstall, NotStarted) as problem:
        sys.exit(f"servers: {problem}")
