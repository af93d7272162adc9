"""The main job of those who look into the books and after the system, in a real browser: on every device, in both
languages, without faults."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, expect

from shared.events import Event
from shared.testing import Script, hear
from tests.console.browsing import EVERYWHERE, Device, Visitor, visit
from tests.console.stage import Stage
from tests.shared.waits import until

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


@EVERYWHERE
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


@EVERYWHERE
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


@EVERYWHERE
async def test_a_month_is_closed_by_two_people(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    """January, and then February, which has nothing in it."""
    closed = stage.live.stations["accounting"].pool
    before = await closed.fetchval("select count(*) from closed_period")
    async with visit(browser, stage, device, language) as asker, visit(browser, stage, device, language) as approver:
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
        await expect(asker.page.locator("form[action$='/approve'] .why")).to_contain_text(
            asker.says("你是申请人", "you asked for it"))
        await (await close_step(approver, "approve")).click()
        await expect(approver.page.locator(".notice")).to_contain_text(
            approver.says(f"2017-0{before + 1} 已结账", f"2017-0{before + 1} is closed"))
        assert await closed.fetchval("select count(*) from closed_period") == before + 1


@EVERYWHERE
async def test_an_operator_finds_out_what_was_rejected_and_has_it_handled_again(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    crm, script = stage.live.stations["crm"], Script()
    settled = Event.registry["order.order_settled.v1"]
    said = settled.model_validate({"order_id": f"SO-lost-{device}", "customer_id": "K1"})
    _lost, waits = script.say(said), script.say(said)
    await hear(crm.pool, crm.service, waits)
    async with visit(browser, stage, device, language) as visitor:
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


@EVERYWHERE
async def test_an_administrator_lets_somebody_in_and_out_again(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    name, first, own = f"lin.{device}", "given by the admin", "known to lin alone"
    async with visit(browser, stage, device, language) as admin, visit(browser, stage, device, language) as lin:
        page, says = admin.page, admin.says
        await admin.sign_in("admin")
        await admin.go("/accounts/new")
        await page.fill("[name=name]", name)
        await page.fill("[name=password]", "short")
        await page.check("[name=roles][value=warehouse]")
        await page.click("form[action='/accounts/new'] button[type=submit]")
        await expect(page.locator("#f-password-note")).to_contain_text("10")
        await expect(page.locator("[name=roles][value=warehouse]")).to_be_checked()
        await page.fill("[name=password]", first)
        await page.click("form[action='/accounts/new'] button[type=submit]")
        await expect(page.locator(".notice")).to_contain_text(name)
        await lin.sign_in(name, first)
        await lin.go("/password")
        for field, value in (("old", first), ("new", own), ("again", own)):
            await lin.page.fill(f"[name={field}]", value)
        await lin.page.click("form[action='/password'] button[type=submit]")
        await expect(lin.page.locator(".notice")).to_be_visible()
        await lin.go("/purchases/new")
        await expect(lin.page.locator("main .why").first).to_contain_text(
            lin.says("需要角色：采购", "needs the role Buyer"))
        await admin.go(f"/accounts/{name}")
        await page.check("[name=roles][value=buyer]")
        assert await admin.serious() == []
        await page.click("form[action$='/roles'] button[type=submit]")
        await expect(page.locator(".notice")).to_contain_text(name)
        await lin.go("/purchases/new")  # with the next request, without signing in again
        await expect(lin.page.locator("form[data-entry] button[type=submit]")).to_be_enabled()
        await admin.go(f"/accounts/{name}")
        await page.click("form[action$='/lock'] button")
        await expect(page.locator(".notice")).to_contain_text(name)
        await lin.go("/stock")
        await expect(lin.page.locator("[name=password]")).to_be_visible()
        await admin.go("/accounts/admin")
        await expect(page.locator("form[action$='/lock'] button")).to_be_disabled()
        await admin.go("/accounts/audit?account=admin")
        log = page.locator("tbody tr", has_text=name)
        await expect(log.locator("span.state")).to_have_text([
            says("停用账号", "locked the account"), says("更改角色", "changed the roles"),
            says("建立账号", "made the account")])


@EVERYWHERE
async def test_an_auditor_follows_a_figure_to_its_event_and_changes_nothing(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    await stage.trade.receive(f"R-audit-{device}", "3", "10")
    await stage.live.until_quiet()
    async with visit(browser, stage, device, language) as visitor:
        page = visitor.page
        await visitor.sign_in("second.auditor")
        await visitor.go("/books/statements/balance-sheet")
        await page.click(f"a:text-is('{visitor.says('存货', 'Inventories')}')")
        await page.locator("section a", has_text="1405").first.click()
        await expect(page.locator(".sheet-caption")).to_contain_text("1405")
        await page.locator("tbody tr", has_text=f"R-audit-{device}").locator("td.code a").click()
        await expect(page.locator(".paper tfoot .money").first).to_have_text("30.00")
        await page.click("a[href^='/events/']")
        await expect(page.locator("pre.raw")).to_contain_text(f"R-audit-{device}")
        assert await visitor.serious() == []
        for path in ("/vouchers/drafts/new", "/orders/new", "/stock/receive", "/books/closing", "/products/new"):
            await visitor.go(path)
            await expect(page.locator("main .why").first).to_be_visible()
            offered = page.locator("main form[method=post] button[type=submit]:not([disabled])")
            assert await offered.count() == 0, f"{path} lets an auditor do something"
        await visitor.go("/accounts/audit?account=second.auditor")
        await expect(page.locator("tbody span.state").first).to_have_text(visitor.says("登录", "signed in"))
