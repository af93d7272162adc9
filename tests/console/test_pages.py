"""What everybody sees: sign-in, the live feed with its vouchers, a voucher as on paper; on every device, in both
languages, without faults."""

import pytest
from playwright.async_api import Browser, expect

from tests.console.browsing import Device, visit
from tests.console.stage import Stage

TO = 30_000


@pytest.mark.parametrize(("device", "language"), [("desktop", "zh-CN"), ("phone", "en-US")])
async def test_an_event_appears_with_its_voucher_as_it_is_posted(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    async with visit(browser, stage, device, language) as visitor:
        await visitor.sign_in("accountant")
        order = f"SO-{device}"
        await stage.trade.receive(f"R-{device}", "10", "10")
        await stage.trade.walk(order)
        row = visitor.page.locator(".feed-row", has_text=f"PAY-{order}").first
        await row.locator("a.number").wait_for(timeout=TO)
        await row.locator("a.number").first.click()
        await expect(visitor.page.locator(".paper h2")).to_have_text(
            "记账凭证" if language == "zh-CN" else "Journal voucher")
        await expect(visitor.page.locator(".paper tfoot .money").first).to_have_text("226.00")
        assert await visitor.serious() == []
