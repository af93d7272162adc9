"""Somebody at a browser: on a desktop or a phone, in one of the two languages; what goes wrong there is remembered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, Response, expect

from services.console.pages.rendering import STATIC
from tests.console.stage import PASSWORD, Stage

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-default-apps", "--no-first-run"]
PATIENCE = 90_000  # on a busy machine anything may take long
expect.set_options(timeout=PATIENCE)
Device = Literal["desktop", "phone"]
EVERYWHERE = pytest.mark.parametrize(("device", "language"), [("desktop", "zh-CN"), ("phone", "en-US")])
DEVICES: dict[Device, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@dataclass
class Visitor:
    """A browser window. `faults` holds console errors, requests that left the origin, and answers of 500 and above."""

    page: Page
    url: str
    language: str
    faults: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        await self.page.goto(self.url + path)

    def says(self, zh: str, en: str) -> str:
        """A text in the language of this browser."""
        return zh if self.language == "zh-CN" else en

    async def sign_in(self, name: str, password: str = PASSWORD) -> None:
        await self.go("/sign-in")
        await self.page.fill("[name=name]", name)
        await self.page.fill("[name=password]", password)
        await self.page.click("button[type=submit]")
        await self.page.wait_for_selector(".shell")

    async def serious(self) -> list[str]:
        """What axe finds on the page that is serious or worse."""
        await self.page.evaluate((STATIC / "vendor" / "axe.min.js").read_text())
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]
                if v["impact"] in ("serious", "critical")]

    def hear(self, request: Request) -> None:
        if urlsplit(request.url).scheme != "data" and not request.url.startswith(self.url):
            self.faults.append(f"left the origin: {request.url}")

    def judge(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status}: {response.url}")


@asynccontextmanager
async def visit(
    browser: Browser, stage: Stage, device: Device = "desktop", language: str = "zh-CN", **options: Any
) -> AsyncIterator[Visitor]:
    """A fresh window; in the end nothing may have gone wrong in it."""
    context = await browser.new_context(**DEVICES[device], locale=language, **options)
    context.set_default_timeout(PATIENCE)
    visitor = Visitor(await context.new_page(), stage.url, language)
    # Chromium notes every page of status 422 in its console: a form that was refused, which is no fault.
    visitor.page.on("console", lambda m: visitor.faults.append(f"console: {m.text}")
                    if m.type == "error" and "status of 422" not in m.text else None)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(f"script: {error}"))
    visitor.page.on("request", visitor.hear)
    visitor.page.on("response", visitor.judge)
    try:
        yield visitor
    finally:
        await context.close()
    assert visitor.faults == []
