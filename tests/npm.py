"""Packages of the npm registry that a test needs: installed into a folder that git ignores."""

import shutil
import subprocess
from pathlib import Path

import pytest


def npm_install(folder: Path, *packages: str) -> None:
    """Install packages (or, without any, those of the folder's package.json); skips the test where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not on this machine; `sh tools/install-debian.sh npm` installs it on Debian and Ubuntu")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save",
         "--prefer-offline", "--prefix", str(folder), *packages],
        capture_output=True, text=True, timeout=300, check=False,
    )
    assert done.returncode == 0, done.stderr
