"""Installs servers from the system's own packages when they are missing, without starting them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

DEBIAN_SCRIPT = Path(__file__).parents[1] / "install-debian.sh"
BREW = {"postgresql": "postgresql@17", "rabbitmq-server": "rabbitmq"}


class CannotInstall(RuntimeError):
    """Something is missing and cannot be installed here; the text tells what to do."""


def install(package: str) -> None:
    """Install a package (by its Debian name) with apt as root or with sudo, or with Homebrew."""
    print(f"servers: installing {package} from the system's packages", file=sys.stderr)
    if shutil.which("apt-get"):
        command = [*_as_root(package), "sh", str(DEBIAN_SCRIPT), package]
    elif shutil.which("brew"):
        command = ["brew", "install", "--quiet", BREW[package]]
    else:
        raise CannotInstall(f"{package} is missing: install it, or set DATABASE_URL and RABBITMQ_URL, or start Docker")
    done = subprocess.run(command, stdin=None if sys.stdin.isatty() else subprocess.DEVNULL, check=False)
    if done.returncode:
        raise CannotInstall(f"installing {package} failed; see above, or set DATABASE_URL and RABBITMQ_URL")


def _as_root(package: str) -> list[str]:
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise CannotInstall(f"{package} is missing and there is no sudo: run `apt-get install {package}` as root")
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
