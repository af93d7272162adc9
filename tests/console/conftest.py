"""One company on stage for all tests of the console, and a browser that looks at it."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import Browser, async_playwright

from services.console.pages.rendering import STATIC
from tests.console.browsing import CHROMIUM, FLAGS
from tests.console.stage import Stage
from tests.console.stage import stage as set_up
from tests.shared.rabbit import own_virtual_host
from tools.demo.fleet import ROOT
from tools.servers import Servers


@pytest.fixture(scope="session")
async def stage(servers: Servers) -> AsyncIterator[Stage]:
    """Everything runs at a virtual host of its own; a broker that was given is used as it is."""
    await asyncio.to_thread(_dress)
    if servers.rabbitmq is None:
        async with set_up(servers.rabbitmq_url) as found:
            yield found
        return
    place = own_virtual_host(servers, f"console-{uuid4().hex[:4]}")
    url, _ = await asyncio.to_thread(place.__enter__)
    async with set_up(url) as found:
        yield found
    await asyncio.to_thread(place.__exit__, None, None, None)


def _dress() -> None:
    """The files for browsers, if they are not there yet."""
    if (STATIC / "vendor" / "axe.min.js").exists():
        return
    if shutil.which("npm") is None:
        pytest.skip("npm is not on this machine; `sh tools/install-debian.sh npm` installs it on Debian and Ubuntu")
    done = subprocess.run(["sh", "tools/browser_files.sh", "dev"], cwd=ROOT, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium as the system has it; nothing is downloaded. It ends with its module: idle, it still costs a third of a
    core."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is missing; `sh tools/install-debian.sh chromium` installs it on Debian and Ubuntu")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()
