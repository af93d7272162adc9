"""One company on stage for all tests of the console, and a browser that looks at it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from playwright.async_api import Browser, async_playwright

from services.console.pages.rendering import STATIC
from tests.console.browsing import CHROMIUM, FLAGS
from tests.console.stage import Stage
from tests.console.stage import stage as set_up
from tests.shared.rabbit import own_virtual_host
from tools.servers import Servers


@pytest.fixture(scope="session")
async def stage(servers: Servers) -> AsyncIterator[Stage]:
    """Everything runs at a virtual host of its own; a broker that was given is used as it is."""
    if not (STATIC / "vendor" / "axe.min.js").exists():
        pytest.skip("browser files are missing: sh tools/browser_files.sh dev")
    if servers.rabbitmq is None:
        async with set_up(servers.rabbitmq_url) as found:
            yield found
        return
    place = own_virtual_host(servers, f"console-{uuid4().hex[:4]}")
    url, _ = await asyncio.to_thread(place.__enter__)
    async with set_up(url) as found:
        yield found
    await asyncio.to_thread(place.__exit__, None, None, None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium as the system has it; nothing is downloaded."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is missing; `sh tools/install-debian.sh chromium` installs it on Debian and Ubuntu")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()
