"""Who runs a native server, and where it may keep its data."""

import os
import pwd
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tools.servers.holdings import Holdings


@dataclass(frozen=True)
class Account:
    """A user of this system; None everywhere means: we ourselves."""

    name: str
    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None

    @classmethod
    def for_server(cls, name: str) -> Self:
        """We ourselves, or as root the system's user for this server: servers do not run as root."""
        if os.geteuid() != 0:
            return cls("you")
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            entry = pwd.getpwnam("nobody")
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, [])

    def owns(self, path: Path) -> None:
        """Give it a file or folder that we made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def write(self, path: Path, text: str) -> None:
        """Write a file that only this account can read."""
        path.touch(mode=0o600)
        path.write_text(text)
        self.owns(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder that only this account can enter."""
        path.mkdir(mode=0o700)
        self.owns(path)

    def can_enter(self, path: Path) -> bool:
        """True if every folder on the way lets this account through."""
        tried = subprocess.run(
            ["/bin/sh", "-c", 'cd "$1"', "sh", path], stderr=subprocess.DEVNULL, check=False,
            user=self.uid, group=self.gid, extra_groups=self.groups,
        )
        return tried.returncode == 0


def data_folder(holdings: Holdings, name: str, account: Account) -> Path:
    """A new folder for a server's data: in the checkout, or under /var/tmp if it cannot be entered.

    A checkout under /root cannot, as `postgres` may not pass there, and permissions outside are not ours to change.
    """
    folder = holdings.folder / name
    account.make_folder(folder)
    if not account.can_enter(folder):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=f"fenlu-{name}-", dir="/var/tmp"))  # nosec B108: mkdtemp is safe
        holdings.add(folder=folder)
        account.owns(folder)
        why = f"user {account.name} cannot enter this checkout"
        print(f"servers: {name} keeps its data in {folder}, as {why}", file=sys.stderr)
    return folder
