"""The main job of each role from its start to its end, each on one device and in one language; what one may not do says
why; what a service refuses stands at its field and loses nothing."""

from decimal import Decimal
from urllib.parse import unquote

from playwright.async_api import Browser, Page, expect

from shared.events.accounting import CheckVoucher, PostVoucher, SignVoucher
from tests.console.browsing import Visitor, visit
from tests.console.stage import Stage

TO = 30_000


async def _pick(page: Page, field: str, said: str, option: str) -> None:
    """Search while typing, and take what is found by Enter."""
    await page.locator(f"[name='{field}']").press_sequentially(said)
    finder = page.locator(".finder", has=page.locator(f"[name='{field}']"))
    await expect(finder.locator("[role=option][aria-selected=true]")).to_contain_text(option, timeout=TO)
    await page.keyboard.press("Enter")


async def test_a_salesperson_enters_an_order_with_the_keyboard_alone(stage: Stage, browser: Browser) -> None:
    await stage.trade.receive("R-sales", "10", "10")
    async with visit(browser, stage) as visitor:
        page = visitor.page
        await visitor.sign_in("sales")
        await visitor.go("/orders/new")
        await page.fill("[name=order_id]", "SO-typed")
        await _pick(page, "customer_id", "客", "客户")
        await expect(page.locator("[name=customer_id]")).to_have_value("K1")
        await _pick(page, "lines.0.sku", "茶", "可用")
        await expect(page.locator("[name='lines.0.quantity']")).to_be_focused()
        await page.keyboard.type("2")
        await page.keyboard.press("Enter")
        await page.keyboard.type("99.995")
        await expect(page.locator("[data-net='0']")).to_have_text("199.99", timeout=TO)
        await expect(page.locator("[data-sums]")).to_contain_text("225.99", timeout=TO)
        await page.fill("[name='lines.3.sku']", "NONE")  # rows between may stay empty
        await page.fill("[name='lines.3.quantity']", "1")
        await page.fill("[name='lines.3.unit_price']", "1")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#f-lines-3-sku-note")).to_have_text("商品 NONE 不存在", timeout=TO)
        assert await page.input_value("[name='lines.0.unit_price']") == "99.995"
        assert await visitor.serious() == []
        await page.locator("[data-row='3'] [data-clear]").click()
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".top-title .state")).to_have_text("待发货", timeout=TO)
        await expect(page.locator(".todo")).to_contain_text("需要角色：仓库", timeout=TO)
        assert await visitor.serious() == []


async def test_an_order_is_shipped_invoiced_paid_and_partly_returned(stage: Stage, browser: Browser) -> None:
    await stage.trade.receive("R-walk", "10", "10")
    await stage.trade.order("SO-walk", "4")
    await stage.live.until_quiet()
    async with visit(browser, stage, "phone", "zh-CN") as visitor:
        page = visitor.page
        await visitor.sign_in("warehouse")
        await visitor.go("/orders/SO-walk")
        await page.fill("[name='lines.0.quantity']", "5")
        await page.click("button:text-is('发货')")
        await expect(page.locator(".step .wrong")).to_contain_text("5", timeout=TO)
        assert await page.input_value("[name='lines.0.quantity']") == "5"
        await page.fill("[name='lines.0.quantity']", "3")
        await page.click("button:text-is('发货')")
        await expect(page.locator(".notice")).to_contain_text("SO-walk-D1", timeout=TO)
        assert await page.input_value("[name='lines.0.quantity']") == "1", "what is left is proposed"
    async with visit(browser, stage, "desktop", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("accountant")
        await visitor.go("/orders/SO-walk")
        await page.click("button:text-is('Invoice')")
        await expect(page.locator(".notice")).to_contain_text("SO-walk-I1", timeout=TO)
        await page.fill("#receive-amount", "339")
        await page.click("button:text-is('Receive payment')")
        await expect(page.locator(".notice")).to_contain_text("SO-walk-P1", timeout=TO)
        await expect(page.locator(".line a.number").first).to_be_visible(timeout=TO)
    async with visit(browser, stage, "phone", "zh-CN") as visitor:
        page = visitor.page
        await visitor.sign_in("warehouse")
        await visitor.go("/orders/SO-walk")
        await page.click("summary:has-text('退货 SO-walk-D1')")
        await page.locator("details[open] [name='lines.0.quantity']").last.fill("1")
        await page.locator("details[open] button[type=submit]").last.click()
        await expect(page.locator(".notice")).to_contain_text("SO-walk-R1", timeout=TO)
        assert await visitor.serious() == []
    async with visit(browser, stage, "desktop", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("second.accountant")
        await visitor.go("/orders/SO-walk")
        await page.locator("summary:has-text('Credit note')").wait_for()
        await page.click("summary:has-text('Refund')")
        assert await page.input_value("#refund-amount") == "113"
        await page.click("button:text-is('Refund')")
        await expect(page.locator(".notice")).to_contain_text("SO-walk-B1", timeout=TO)


async def test_goods_are_received_and_counted_with_one_thumb(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage, "phone", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("warehouse")
        await visitor.go("/stock/receive")
        await expect(page.locator("#f-scan")).to_be_focused()
        await _pick(page, "supplier_id", "S1", "供应商")
        for _ in range(2):  # a reader types the code and Enter
            await page.fill("#f-scan", "TEA")
            await page.press("#f-scan", "Enter")
            await page.locator(".scanned").wait_for()
        await expect(page.locator("[name='lines.0.quantity']")).to_have_value("2")
        await page.fill("#f-scan", "nothing-like-it")
        await page.press("#f-scan", "Enter")
        await expect(page.locator(".scan .wrong")).to_contain_text("there is no product", timeout=TO)
        await page.click("button:text-is('Receive')")
        await expect(page.locator(".scanned .wrong")).to_contain_text("has no unit cost", timeout=TO)
        await expect(page.locator("[name='lines.0.quantity']")).to_have_value("2")
        await page.fill("[name='lines.0.unit_cost']", "10")
        await page.click("[data-add='1']")
        await page.click("button:text-is('Receive')")
        await expect(page.locator(".notice")).to_contain_text("is in stock", timeout=TO)
        await visitor.go("/stock/count")
        await page.fill("#f-scan", "TEA")
        await page.press("#f-scan", "Enter")
        await page.fill("[name='lines.0.counted']", str(await _free(stage) + 1))
        assert await visitor.serious() == []
        await page.click("button:text-is('Enter the count')")
        await expect(page.locator(".card-foot .why")).to_contain_text("needs the role", timeout=TO)
        await expect(page.locator("tbody .money").first).to_have_text("+1")
        where = page.url.removeprefix(visitor.url)
    async with visit(browser, stage) as visitor:
        await visitor.sign_in("accountant")
        await visitor.go(where)
        await visitor.page.click("text=审批差异")
        await expect(visitor.page.locator(".top-title .state")).to_have_text("已审批", timeout=TO)


async def _free(stage: Stage) -> int:
    pool = stage.live.stations["inventory"].pool
    return int(await pool.fetchval("select quantity from stock where sku = 'TEA' and company = 'C1'") or Decimal(0))


async def test_a_buyer_orders_and_an_accountant_matches_and_pays(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage, "desktop", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("buyer")
        await visitor.go("/purchases/new?supplier_id=S1")
        await page.fill("[name=purchase_id]", "PO-1")
        await _pick(page, "lines.0.sku", "TE", "free")
        await page.keyboard.type("6")
        await page.keyboard.press("Enter")
        await page.keyboard.type("10")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".notice")).to_contain_text("PO-1", timeout=TO)
        await expect(page.locator(".todo .why")).to_have_text("needs the role Warehouse")
    async with visit(browser, stage, "phone", "zh-CN") as visitor:
        page = visitor.page
        await visitor.sign_in("warehouse")
        await visitor.go("/stock/receive?purchase_id=PO-1")
        await page.click("[data-fill]")
        await page.click(".scan-more summary")
        await page.fill("[name=receipt_id]", "R-PO-1")
        await page.click("button:text-is('入库')")
        await expect(page.locator(".notice")).to_contain_text("R-PO-1", timeout=TO)
    async with visit(browser, stage, "desktop", "zh-CN") as visitor:
        page = visitor.page
        await visitor.sign_in("accountant")
        await visitor.go("/purchases/match?supplier_id=S1")
        await page.check("[value='R-PO-1/1']")
        await page.click("button:has-text('录入发票')")
        await page.fill("[name=supplier_invoice_id]", "FP-1")
        await page.fill("[name='lines.0.unit_cost']", "11")
        await expect(page.locator("[data-sums]")).to_contain_text("74.58", timeout=TO)
        assert await visitor.serious() == []
        await page.click("button:has-text('发票入账')")
        await expect(page.locator("h1")).to_have_text("采购发票 FP-1", timeout=TO)
        await page.click(".top-title .back")
        await page.fill("[name=amount]", "99999")
        await page.click("button:text-is('付款')")
        await expect(page.locator("#pay-amount-note")).to_contain_text("不能付", timeout=TO)
        await page.fill("[name=amount]", "74.58")
        await page.click("button:text-is('付款')")
        await expect(page.locator(".notice")).to_contain_text("已登记", timeout=TO)


async def test_who_placed_an_order_over_the_limit_does_not_approve_it(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage, "desktop", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("sales")
        await visitor.go("/customers/new")
        for name, value in (("name", "Tiny Ltd"), ("customer_id", "tiny"), ("credit_limit", "0.001")):
            await page.fill(f"[name='customers.0.{name}']", value)
        await page.click("button:text-is('Register')")
        await expect(page.locator("#f-customers-0-credit_limit-note")).to_contain_text("decimals", timeout=TO)
        await page.fill("[name='customers.0.credit_limit']", "1")
        await page.click("button:text-is('Register')")
        await page.click("summary:has-text('Write down a talk')")
        await page.fill("#talk-text", "asked for tea")
        await page.click("button:text-is('Save') >> visible=true")
        await expect(page.locator(".said")).to_have_text("asked for tea", timeout=TO)
        assert await visitor.serious() == []
    await stage.trade.receive("R-tiny", "5", "10")
    await stage.live.until_quiet()
    async with visit(browser, stage, "desktop", "zh-CN") as visitor:
        page = visitor.page
        await visitor.sign_in("sales")
        await visitor.go("/orders/new?customer_id=tiny")
        await page.fill("[name=order_id]", "SO-tiny")
        for name, value in (("sku", "TEA"), ("quantity", "1"), ("unit_price", "100")):
            await page.fill(f"[name='lines.0.{name}']", value)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".top-title .state")).to_have_text("待审核", timeout=TO)
        await expect(page.locator(".step.locked").first).to_contain_text("需要角色：会计、会计主管")
    async with visit(browser, stage, "phone", "zh-CN") as visitor:
        await visitor.sign_in("chief_accountant")
        await visitor.go("/orders?state=held")
        await visitor.page.click("text=SO-tiny")
        await visitor.page.click("button:text-is('审核通过')")
        await expect(visitor.page.locator(".top-title .state")).to_have_text("待发货", timeout=TO)


async def test_a_voucher_by_hand_goes_through_four_hands(stage: Stage, browser: Browser) -> None:
    """Made by an accountant, checked by another one, signed by the cashier, since money moves, posted by the chief."""
    async with visit(browser, stage) as maker:
        page = maker.page
        await maker.sign_in("accountant")
        await maker.go("/vouchers/drafts/new")
        await page.fill("[name=draft_id]", "V-fee")
        await page.fill("[name=summary]", "银行手续费")
        await _pick(page, "lines.0.account", "1122", "统驭科目")  # it is found, and not taken
        await expect(page.locator("#f-lines-0-account-note")).to_contain_text("只能由业务事件变动")
        await page.fill("[name='lines.0.account']", "")
        await _pick(page, "lines.0.account", "财务费用", "5603")
        await page.fill("[name='lines.0.debit']", "25.50")
        await _pick(page, "lines.1.account", "1002", "银行存款")
        await page.locator("[name='lines.1.credit']").press("=")
        await expect(page.locator("[name='lines.1.credit']")).to_have_value("25.5", timeout=TO)
        await page.fill("[name='lines.3.credit']", "1")
        await page.keyboard.press("Tab")
        await expect(page.locator("[name='lines.4.account']")).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await page.locator("[data-row='3'] [data-clear]").click()
        await page.fill("[name='lines.1.credit']", "25.05")
        await expect(page.locator("[data-sums]")).to_contain_text("0.45", timeout=TO)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".oops")).to_be_visible(timeout=TO)
        assert await page.input_value("[name='lines.0.debit']") == "25.50"
        await page.fill("[name='lines.1.credit']", "25.50")
        await expect(page.locator("[data-sums]")).to_contain_text("借贷平衡", timeout=TO)
        await page.fill("[name='lines.2.credit']", "1")  # a line without an account is not lost without a word
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#f-lines-2-account-note")).not_to_be_empty(timeout=TO)
        assert await maker.serious() == []
        await page.locator("[data-row='2'] [data-clear]").click()
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".todo")).to_contain_text("你是制单人", timeout=TO)
        assert await maker.serious() == []
    async with visit(browser, stage) as checker:
        await checker.sign_in("second.accountant")
        await checker.page.click("a.task:has-text('待审核的凭证')")
        await checker.page.locator("a[href$='/V-fee']").first.click()
        await checker.page.click("form[action$='/check'] button")
        await expect(checker.page.locator(".notice")).to_contain_text("V-fee 已审核", timeout=TO)
        await checker.page.click("form[action$='/post'] button")
        await expect(checker.page.locator(".oops")).to_contain_text("出纳", timeout=TO)
    async with visit(browser, stage, "phone", "en-US") as cashier:
        await cashier.sign_in("cashier")
        await cashier.page.click("a.task:has-text('Vouchers to sign')")
        await cashier.page.locator("a[href$='/V-fee']").first.click()
        assert await cashier.serious() == []
        assert await cashier.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await expect(cashier.page.locator("form[action$='/check'] button")).to_be_disabled()
        await cashier.page.click("form[action$='/sign'] button")
        await expect(cashier.page.locator(".notice")).to_contain_text("V-fee is signed", timeout=TO)
    async with visit(browser, stage) as chief:
        await chief.sign_in("chief_accountant")
        await chief.go("/vouchers/drafts/V-fee")
        await chief.page.click("form[action$='/post'] button")
        await expect(chief.page.locator(".paper")).to_contain_text("银行手续费", timeout=TO)
        await expect(chief.page.locator(".paper-foot")).to_contain_text("cashier")
        assert await chief.serious() == []
        await _correct(stage, chief)
        await chief.go("/vouchers")
        await expect(chief.page.locator("tr", has_text="银行手续费").first).to_be_visible()


async def _correct(stage: Stage, chief: Visitor) -> None:
    """What was posted says that it may be corrected; the correction says of what, and the voucher by which."""
    page, voucher = chief.page, chief.page.url.removeprefix(chief.url)
    await page.locator(".bar a[href$='/correct']").click()
    assert await page.input_value("[name='lines.0.debit']") == "25.50"
    await page.fill("[name=draft_id]", "V-fee-2")
    await page.fill("[name=reason]", "金额录错")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".oops")).to_contain_text("没有差别", timeout=TO)
    await page.fill("[name='lines.0.debit']", "30")
    await page.locator("[name='lines.1.credit']").press("=")
    await expect(page.locator("[name='lines.1.credit']")).to_have_value("30", timeout=TO)
    assert await chief.serious() == []
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".notice")).to_contain_text("V-fee-2", timeout=TO)
    await expect(page.locator("section", has=page.locator("#h-was"))).to_contain_text("25.50")
    assert await chief.serious() == []
    await chief.go(voucher)
    await expect(page.locator("section", has=page.locator("#h-correction"))).to_contain_text("V-fee-2")
    for step, actor in ((CheckVoucher, "accountant"), (SignVoucher, "cashier"), (PostVoucher, "accountant")):
        await stage.live.do(step(draft_id="V-fee-2"), actor=actor)
    await page.reload()
    await expect(page.locator("section", has=page.locator("#h-correction"))).to_contain_text("已由下列凭证更正")
    assert await page.locator("a[href$='/correct']").count() == 0
    await chief.go("/vouchers/drafts/V-fee-2")
    await expect(page.locator(".todo .slot a.number").first).to_be_visible()
    await chief.go(f"{voucher}/correct")
    await expect(page.locator(".oops")).to_contain_text("已更正过")
    await expect(page.locator("[name=reason]")).to_have_count(0)
    await chief.go(voucher)
    await page.locator("#h-correction ~ .slot a.number").first.click()
    await page.locator(f"#h-correction ~ .slot a[href='{unquote(voucher)}']").click()
    assert unquote(page.url.removeprefix(chief.url)) == unquote(voucher)


async def test_a_draft_is_given_up_with_a_reason(stage: Stage, browser: Browser) -> None:
    async with visit(browser, stage, "phone", "en-US") as visitor:
        page = visitor.page
        await visitor.sign_in("chief_accountant")
        await visitor.go("/vouchers/drafts/new")
        await page.fill("[name=draft_id]", "V-wrong")
        await page.fill("[name=summary]", "Rent")
        await _pick(page, "lines.0.account", "5602", "5602")
        await page.locator("[data-row='0'] [data-more-dims]").click()
        await expect(page.locator("[name='lines.0.customer']")).to_be_focused()
        await _pick(page, "lines.0.customer", "K1", "K1")
        await page.fill("[name='lines.0.debit']", "100")
        await _pick(page, "lines.1.account", "5001", "5001")  # what its lines carry by the rules is offered at once
        await expect(page.locator("[name='lines.1.salesperson']")).to_be_visible()
        await expect(page.locator("[name='lines.1.supplier']")).to_be_hidden()
        await page.fill("[name='lines.1.credit']", "100")
        assert await visitor.serious() == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await page.click("form[data-entry] button[type=submit]")
        await expect(page.locator("tbody tr").first).to_contain_text("K1", timeout=TO)
        await page.fill("[name=why]", "twice")
        await page.click("form[action$='/discard'] button")
        await expect(page.locator(".notice")).to_contain_text("V-wrong is discarded", timeout=TO)
        await visitor.go("/vouchers/drafts")
        await expect(page.locator("a[href$='/V-wrong']")).to_have_count(0)
