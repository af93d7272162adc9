"""Where this machine's server programs are; installs them when they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

from tools.servers import packages

BREW = (Path("/opt/homebrew"), Path("/usr/local"))
OLDEST_POSTGRES = 15


def postgres() -> Path:
    """The folder of the newest PostgreSQL server programs."""
    if not (found := found_postgres()):
        packages.install("postgresql")
        found = found_postgres()
    if not found:
        raise packages.CannotInstall(f"no PostgreSQL {OLDEST_POSTGRES} or newer was found, nor came with the package")
    return found[-1]


def rabbitmq() -> Path:
    """The folder of RabbitMQ's own programs.

    Not Debian's /usr/sbin/rabbitmq-server: that wrapper goes to /var/lib/rabbitmq and knows one broker only.
    """
    if not (found := _rabbitmq_folder()):
        packages.install("rabbitmq-server")
        found = _rabbitmq_folder()
    if not found:
        raise packages.CannotInstall("no RabbitMQ was found, nor came with the package")
    return found


def epmd() -> Path:
    """Erlang's port mapper, which comes with RabbitMQ's Erlang."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/bin", *(str(brew / "bin") for brew in BREW)])
    if not (found := shutil.which("epmd", path=path)):
        raise packages.CannotInstall("Erlang's epmd was not found")
    return Path(found)


def found_postgres() -> list[Path]:
    """Oldest first."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    folders += [folder for brew in BREW for folder in brew.glob("opt/postgresql@*/bin")]
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    versions = {folder: _postgres_version(folder) for folder in folders if (folder / "initdb").exists()}
    return sorted((one for one in versions if versions[one] >= OLDEST_POSTGRES), key=lambda one: versions[one])


def _postgres_version(folder: Path) -> int:
    shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int("".join(letter if letter.isdigit() else " " for letter in shown).split()[0])


def _rabbitmq_folder() -> Path | None:
    folders = [Path("/usr/lib/rabbitmq/bin"), *(brew / "opt/rabbitmq/sbin" for brew in BREW)]
    if (on_path := shutil.which("rabbitmq-server")) and not Path(on_path).is_relative_to("/usr/sbin"):
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if (folder / "rabbitmq-server").exists()), None)
