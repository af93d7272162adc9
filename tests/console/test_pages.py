"""The main job of those who look into the books and after the system, in a real browser: on every device, in both
languages, without faults."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, expect

from shared.events import Event
from shared.testing import Script, hear
from tests.console.browsing import Device, Visitor, visit
from tests.console.stage import Stage
from tests.shared.waits import until

BOTH = [("desktop", "zh-CN"), ("phone", "en-US")]
PAGES = {
    "chief_accountant": [
        "/", "/vouchers", "/vouchers?period=2017-01&find=nothing", "/vouchers/2017-01/记/1", "/books",
        "/books/ledger?account=1405&period=2017-01", "/books/statements/balance-sheet", "/books/statements/income",
        "/books/statements/balance-sheet/9?period=2017-01", "/books/tieout", "/books/closing", "/password",
        "/vouchers/drafts", "/vouchers/drafts/new",
    ],
    "admin": ["/", "/operation", "/operation/messages", "/accounts", "/accounts/new", "/accounts/sales",
              "/accounts/audit"],
}


@pytest.mark.parametrize(("device", "language"), BOTH)
async def test_an_event_appears_with_its_voucher_as_it_is_posted(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    async with visit(browser, stage, device, language) as visitor:
        page, order = visitor.page, f"SO-{device}"
        await visitor.sign_in("accountant")
        await stage.trade.receive(f"R-{device}", "10", "10")
        await stage.trade.walk(order)
        row = page.locator(".feed-row", has_text=f"PAY-{order}").first
        await row.locator("a.number").first.click()
        await expect(page.locator(".paper h2")).to_have_text("记账凭证" if language == "zh-CN" else "Journal voucher")
        await expect(page.locator(".paper tfoot .money").first).to_have_text("226.00")
        reason = page.locator("section", has=page.locator("#h-correction"))  # receivables: where the business is
        await expect(reason.locator(".why")).to_contain_text("1122")
        await expect(reason.locator(f"a[href='/orders/{order}']")).to_be_visible()
        await page.click("a[href^='/events/']")
        await expect(page.locator(".line .here")).to_be_visible()
        # Later the feed has it no more: then there is what accounting read, and the way to the voucher.
        await stage.pool.execute("delete from feed where event_id = $1", UUID(page.url.rpartition("/")[2]))
        await page.reload()
        await expect(page.locator("pre.raw")).to_contain_text(f"PAY-{order}")
        await expect(page.locator("h3 a.number").first).to_be_visible()
        assert await visitor.serious() == []


@pytest.mark.parametrize(("device", "language"), BOTH)
@pytest.mark.parametrize("role", PAGES)
async def test_everybody_can_use_every_page(
    stage: Stage, browser: Browser, role: str, device: Device, language: str
) -> None:
    """Also with a keyboard and a screen reader; nothing is wider than a phone."""
    await stage.trade.receive(f"R-{uuid4().hex[:6]}", "1", "10")
    scheme = "dark" if device == "phone" else "light"
    async with visit(browser, stage, device, language, color_scheme=scheme) as visitor:
        await visitor.sign_in(role)
        for path in PAGES[role]:
            await visitor.go(path)
            await expect(visitor.page.locator("h1").first).to_be_visible()
            assert await visitor.serious() == [], path
            width = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert width <= 0, f"{path} is {width} px too wide"


async def test_one_click_changes_the_language_and_the_look(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage) as visitor:
        page = visitor.page
        await visitor.sign_in("second.accountant")
        await visitor.go("/vouchers?word=记")
        await page.click("text=English")
        await expect(page.locator("h1")).to_have_text("Vouchers")
        assert "word=" in page.url
        await page.click("[href^='/theme/dark']")
        assert await page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
        await page.click("text=中文")
        await expect(page.locator("h1")).to_have_text("凭证")


async def test_a_list_is_sorted_and_narrowed_without_loading_the_page_anew(stage: Stage, browser: Browser) -> None:
    await stage.trade.receive(f"R-{uuid4().hex[:6]}", "10", "10")
    await stage.trade.walk("SO-list")
    async with visit(browser, stage) as visitor:
        page = visitor.page
        await visitor.sign_in("second.accountant")
        await visitor.go("/vouchers")
        numbers = page.locator("td.code")
        await until("vouchers", numbers.count, lambda n: n > 3, 30)
        await page.select_option("select[name=word]", "备")
        await expect(numbers.first).to_contain_text("备-")
        await page.click("th a >> text=凭证号")
        await expect(numbers.first).to_have_text("备-1")
        await page.fill("input[type=search]", "记-2")
        await expect(numbers).to_have_text(["记-2"])
        await page.keyboard.press("Escape")
        await page.fill("input[type=search]", "没有")
        await expect(page.locator(".list .blank")).to_be_visible()


@pytest.mark.parametrize(
    ("device", "language", "asked"), [("desktop", "zh-CN", "库存商品"), ("phone", "en-US", "1405")]
)
async def test_an_account_is_found_by_its_name_or_code(
    stage: Stage, browser: Browser, device: Device, language: str, asked: str
) -> None:
    await stage.trade.receive(f"R-{uuid4().hex[:6]}", "1", "10")
    async with visit(browser, stage, device, language) as visitor:
        page = visitor.page
        await visitor.sign_in("accountant")
        await visitor.go("/books/ledger")
        await page.fill("[name=account]", asked)
        await expect(page.locator("[role=option][aria-selected=true]")).to_contain_text("1405")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.keyboard.press("Enter")
        await expect(page.locator(".sheet-caption")).to_contain_text("1405")
        await expect(page.locator("tr.sum").first).to_be_visible()


async def close_step(visitor: Visitor, step: str) -> Any:
    await visitor.go("/books/closing")
    return visitor.page.locator(f"form[action$='/{step}'] button")


async def test_a_month_is_closed_by_two_people(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage) as asker, visit(browser, stage, "phone", "en-US") as approver:
        await asker.sign_in("chief_accountant")
        await approver.sign_in("second.chief_accountant")
        await (await close_step(asker, "seal")).click()
        await expect(asker.page.locator(".notice")).to_be_visible()

        async def can_ask() -> bool:
            return bool(await (await close_step(asker, "request")).is_enabled())

        await until("all checks hold", can_ask, bool, 60)
        await asker.page.locator("form[action$='/request'] button").click()
        own = await close_step(asker, "approve")
        await expect(own).to_be_disabled()
        await expect(asker.page.locator("form[action$='/approve'] .why")).to_contain_text("你是申请人")
        await (await close_step(approver, "approve")).click()
        await expect(approver.page.locator(".notice")).to_contain_text("2017-01 is closed")
        assert await stage.live.stations["accounting"].pool.fetchval("select count(*) from closed_period") == 1


async def test_an_operator_finds_out_what_was_rejected_and_has_it_handled_again(
    stage: Stage, browser: Browser
) -> None:
    crm, script = stage.live.stations["crm"], Script()
    settled = Event.registry["order.order_settled.v1"]
    _lost, waits = (script.say(settled.model_validate({"order_id": "SO-lost", "customer_id": "K1"})) for _ in range(2))
    await hear(crm.pool, crm.service, waits)
    async with visit(browser, stage) as visitor:
        page = visitor.page
        await visitor.sign_in("operator")
        await visitor.go("/operation/messages?service=crm&place=pending")
        await page.click("td.on-phone-head a")
        await page.click("form[action$='/retry'] button")
        await expect(page.locator(".notice")).to_be_visible()
        await page.click("td.on-phone-head a")
        await page.fill("[name=why]", "测试")
        await page.click("form[action$='/dismiss'] button")
        await expect(page.locator(".list .blank")).to_be_visible()
