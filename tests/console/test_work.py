"""The main job of each role from its start to its end, on a desktop and on a phone, in Chinese and in English; what one
may not do says why; what a service refuses stands at its field and loses nothing."""

from decimal import Decimal
from urllib.parse import unquote

from playwright.async_api import Browser, Page, expect

from shared.events.accounting import CheckVoucher, PostVoucher, SignVoucher
from tests.console.browsing import EVERYWHERE, Device, Visitor, visit
from tests.console.stage import Stage

TO = 30_000


async def _pick(page: Page, field: str, said: str, option: str) -> None:
    """Search while typing, and take what is found by Enter."""
    await page.locator(f"[name='{field}']").press_sequentially(said)
    finder = page.locator(".finder", has=page.locator(f"[name='{field}']"))
    await expect(finder.locator("[role=option][aria-selected=true]")).to_contain_text(option, timeout=TO)
    await page.keyboard.press("Enter")


@EVERYWHERE
async def test_a_salesperson_enters_an_order_with_the_keyboard_alone(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    await stage.trade.receive(f"R-sales-{device}", "10", "10")
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("sales")
        await visitor.go("/orders/new")
        await page.fill("[name=order_id]", f"SO-typed-{device}")
        await _pick(page, "customer_id", "客", "客户")
        await expect(page.locator("[name=customer_id]")).to_have_value("K1")
        await _pick(page, "lines.0.sku", "茶", says("可用", "free"))
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
        await expect(page.locator("#f-lines-3-sku-note")).to_have_text(
            says("商品 NONE 不存在", "there is no product NONE"), timeout=TO)
        assert await page.input_value("[name='lines.0.unit_price']") == "99.995"
        assert await visitor.serious() == []
        await page.locator("[data-row='3'] [data-clear]").click()
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".top-title .state")).to_have_text(says("待发货", "To ship"), timeout=TO)
        await expect(page.locator(".todo")).to_contain_text(
            says("需要角色：仓库", "needs the role Warehouse"), timeout=TO)
        assert await visitor.serious() == []


@EVERYWHERE
async def test_an_order_is_shipped_invoiced_paid_and_partly_returned(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    order = f"SO-walk-{device}"
    await stage.trade.receive(f"R-walk-{device}", "10", "10")
    await stage.trade.order(order, "4")
    await stage.live.until_quiet()
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("warehouse")
        await visitor.go(f"/orders/{order}")
        await page.fill("[name='lines.0.quantity']", "5")
        await page.click(f"button:text-is('{says('发货', 'Ship')}')")
        await expect(page.locator(".step .wrong")).to_contain_text("5", timeout=TO)
        assert await page.input_value("[name='lines.0.quantity']") == "5"
        await page.fill("[name='lines.0.quantity']", "3")
        await page.click(f"button:text-is('{says('发货', 'Ship')}')")
        await expect(page.locator(".notice")).to_contain_text(f"{order}-D1", timeout=TO)
        assert await page.input_value("[name='lines.0.quantity']") == "1", "what is left is proposed"
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("accountant")
        await visitor.go(f"/orders/{order}")
        await page.click(f"button:text-is('{says('开票', 'Invoice')}')")
        await expect(page.locator(".notice")).to_contain_text(f"{order}-I1", timeout=TO)
        await page.fill("#receive-amount", "339")
        await page.click(f"button:text-is('{says('收款', 'Receive payment')}')")
        await expect(page.locator(".notice")).to_contain_text(f"{order}-P1", timeout=TO)
        await expect(page.locator(".line a.number").first).to_be_visible(timeout=TO)
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("warehouse")
        await visitor.go(f"/orders/{order}")
        await page.click(f"summary:has-text('{says('退货', 'Return of')} {order}-D1')")
        await page.locator("details[open] [name='lines.0.quantity']").last.fill("1")
        await page.locator("details[open] button[type=submit]").last.click()
        await expect(page.locator(".notice")).to_contain_text(f"{order}-R1", timeout=TO)
        assert await visitor.serious() == []
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("second.accountant")
        await visitor.go(f"/orders/{order}")
        await page.locator(f"summary:has-text('{says('红字发票', 'Credit note')}')").wait_for()
        await page.click(f"summary:has-text('{says('退款', 'Refund')}')")
        assert await page.input_value("#refund-amount") == "113"
        await page.click(f"button:text-is('{says('退款', 'Refund')}')")
        await expect(page.locator(".notice")).to_contain_text(f"{order}-B1", timeout=TO)


@EVERYWHERE
async def test_goods_are_received_and_counted_with_one_thumb(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
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
        await expect(page.locator(".scan .wrong")).to_contain_text(
            says("没有商品", "there is no product"), timeout=TO)
        await page.click(f"button:text-is('{says('入库', 'Receive')}')")
        await expect(page.locator(".scanned .wrong")).to_contain_text(
            says("缺少单价", "has no unit cost"), timeout=TO)
        await expect(page.locator("[name='lines.0.quantity']")).to_have_value("2")
        await page.fill("[name='lines.0.unit_cost']", "10")
        await page.click("[data-add='1']")
        await page.click(f"button:text-is('{says('入库', 'Receive')}')")
        await expect(page.locator(".notice")).to_contain_text(says("已入库", "is in stock"), timeout=TO)
        await visitor.go("/stock/count")
        await page.fill("#f-scan", "TEA")
        await page.press("#f-scan", "Enter")
        await page.fill("[name='lines.0.counted']", str(await _free(stage) + 1))
        assert await visitor.serious() == []
        await page.click(f"button:text-is('{says('提交盘点', 'Enter the count')}')")
        await expect(page.locator(".card-foot .why")).to_contain_text(
            says("需要角色", "needs the role"), timeout=TO)
        await expect(page.locator("tbody .money").first).to_have_text("+1")
        where = page.url.removeprefix(visitor.url)
    async with visit(browser, stage, device, language) as visitor:
        await visitor.sign_in("accountant")
        await visitor.go(where)
        await visitor.page.click(f"text={visitor.says('审批差异', 'Approve the differences')}")
        await expect(visitor.page.locator(".top-title .state")).to_have_text(
            visitor.says("已审批", "Approved"), timeout=TO)


async def _free(stage: Stage) -> int:
    pool = stage.live.stations["inventory"].pool
    return int(await pool.fetchval("select quantity from stock where sku = 'TEA' and company = 'C1'") or Decimal(0))


@EVERYWHERE
async def test_a_buyer_orders_and_an_accountant_matches_and_pays(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    purchase, receipt, bill = f"PO-{device}", f"R-PO-{device}", f"FP-{device}"
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("buyer")
        await visitor.go("/purchases/new?supplier_id=S1")
        await page.fill("[name=purchase_id]", purchase)
        await _pick(page, "lines.0.sku", "TE", says("可用", "free"))
        await page.keyboard.type("6")
        await page.keyboard.press("Enter")
        await page.keyboard.type("10")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".notice")).to_contain_text(purchase, timeout=TO)
        await expect(page.locator(".todo .why")).to_have_text(says("需要角色：仓库", "needs the role Warehouse"))
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("warehouse")
        await visitor.go(f"/stock/receive?purchase_id={purchase}")
        await page.click("[data-fill]")
        await page.click(".scan-more summary")
        await page.fill("[name=receipt_id]", receipt)
        await page.click(f"button:text-is('{says('入库', 'Receive')}')")
        await expect(page.locator(".notice")).to_contain_text(receipt, timeout=TO)
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("accountant")
        await visitor.go("/purchases/match?supplier_id=S1")
        await page.check(f"[value='{receipt}/1']")
        await page.click(f"button:has-text('{says('录入发票', 'Enter the bill')}')")
        await page.fill("[name=supplier_invoice_id]", bill)
        await page.fill("[name='lines.0.unit_cost']", "11")
        await expect(page.locator("[data-sums]")).to_contain_text("74.58", timeout=TO)
        assert await visitor.serious() == []
        await page.click("form[action='/purchases/bill'] button[type=submit]")
        await expect(page.locator("h1")).to_have_text(f"{says('采购发票', 'Bill')} {bill}", timeout=TO)
        await page.click(".top-title .back")
        await page.fill("[name=amount]", "99999")
        await page.click(f"button:text-is('{says('付款', 'Pay')}')")
        await expect(page.locator("#pay-amount-note")).to_contain_text(says("不能付", "is owed, not"), timeout=TO)
        await page.fill("[name=amount]", "74.58")
        await page.click(f"button:text-is('{says('付款', 'Pay')}')")
        await expect(page.locator(".notice")).to_contain_text(says("已登记", "is recorded"), timeout=TO)
        await visitor.go("/products/TEA")  # the price is known since: the pieces, and what there is, are worth it
        await expect(page.locator("tbody tr", has_text=receipt).locator("td.money span").first).to_contain_text(
            says("66.00 记账 60.00", "66.00 booked 60.00"))


@EVERYWHERE
async def test_who_placed_an_order_over_the_limit_does_not_approve_it(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    tiny = f"tiny-{device}"
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("sales")
        await visitor.go("/customers/new")
        for name, value in (("name", "Tiny Ltd"), ("customer_id", tiny), ("credit_limit", "0.001")):
            await page.fill(f"[name='customers.0.{name}']", value)
        await page.click(f"button:text-is('{says('建档', 'Register')}')")
        await expect(page.locator("#f-customers-0-credit_limit-note")).to_contain_text(
            says("小数位", "decimals"), timeout=TO)
        await page.fill("[name='customers.0.credit_limit']", "1")
        await page.click(f"button:text-is('{says('建档', 'Register')}')")
        await page.click(f"summary:has-text('{says('记一次沟通', 'Write down a talk')}')")
        await page.fill("#talk-text", "asked for tea")
        await page.click(f"button:text-is('{says('记录', 'Save')}') >> visible=true")
        await expect(page.locator(".said")).to_have_text("asked for tea", timeout=TO)
        assert await visitor.serious() == []
    await stage.trade.receive(f"R-{tiny}", "5", "10")
    await stage.live.until_quiet()
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("sales")
        await visitor.go(f"/orders/new?customer_id={tiny}")
        await page.fill("[name=order_id]", f"SO-{tiny}")
        for name, value in (("sku", "TEA"), ("quantity", "1"), ("unit_price", "100")):
            await page.fill(f"[name='lines.0.{name}']", value)
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".top-title .state")).to_have_text(says("待审核", "Awaits approval"), timeout=TO)
        await expect(page.locator(".step.locked").first).to_contain_text(
            says("需要角色：会计、会计主管", "needs the role Accountant / Chief accountant"))
    async with visit(browser, stage, device, language) as visitor:
        await visitor.sign_in("chief_accountant")
        await visitor.go("/orders?state=held")
        await visitor.page.click(f"text=SO-{tiny}")
        await visitor.page.click(f"button:text-is('{visitor.says('审核通过', 'Approve')}')")
        await expect(visitor.page.locator(".top-title .state")).to_have_text(
            visitor.says("待发货", "To ship"), timeout=TO)


@EVERYWHERE
async def test_a_voucher_by_hand_goes_through_four_hands(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    """Made by an accountant, checked by another one, signed by the cashier, since money moves, posted by the chief."""
    fee, summary = f"V-fee-{device}", f"银行手续费 {device}"
    async with visit(browser, stage, device, language) as maker:
        await _draft(maker, fee, summary)
    async with visit(browser, stage, device, language) as checker:
        says = checker.says
        await checker.sign_in("second.accountant")
        await checker.page.click(f"a.task:has-text('{says('待审核的凭证', 'Vouchers to check')}')")
        await checker.page.locator(f"a[href$='/{fee}']").first.click()
        await checker.page.click("form[action$='/check'] button")
        await expect(checker.page.locator(".notice")).to_contain_text(
            says(f"{fee} 已审核", f"{fee} is checked"), timeout=TO)
        await checker.page.click("form[action$='/post'] button")
        await expect(checker.page.locator(".oops")).to_contain_text(says("出纳", "cashier"), timeout=TO)
    async with visit(browser, stage, device, language) as cashier:
        says = cashier.says
        await cashier.sign_in("cashier")
        await cashier.page.click(f"a.task:has-text('{says('待出纳签字的凭证', 'Vouchers to sign')}')")
        await cashier.page.locator(f"a[href$='/{fee}']").first.click()
        assert await cashier.serious() == []
        assert await cashier.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await expect(cashier.page.locator("form[action$='/check'] button")).to_be_disabled()
        await cashier.page.click("form[action$='/sign'] button")
        await expect(cashier.page.locator(".notice")).to_contain_text(
            says(f"{fee} 出纳已签字", f"{fee} is signed"), timeout=TO)
    async with visit(browser, stage, device, language) as chief:
        await chief.sign_in("chief_accountant")
        await chief.go(f"/vouchers/drafts/{fee}")
        await chief.page.click("form[action$='/post'] button")
        await expect(chief.page.locator(".paper")).to_contain_text(summary, timeout=TO)
        await expect(chief.page.locator(".paper-foot")).to_contain_text("cashier")
        assert await chief.serious() == []
        await _correct(stage, chief, f"{fee}-2")
        await chief.go("/vouchers")
        await expect(chief.page.locator("tr", has_text=summary).first).to_be_visible()


async def _draft(maker: Visitor, fee: str, summary: str) -> None:
    """What cannot be is said at its field, and nothing that was typed is lost."""
    page, says = maker.page, maker.says
    await maker.sign_in("accountant")
    await maker.go("/vouchers/drafts/new")
    await page.fill("[name=draft_id]", fee)
    await page.fill("[name=summary]", summary)
    await _pick(page, "lines.0.account", "1122", says("统驭科目", "control account"))  # it is found, and not taken
    await expect(page.locator("#f-lines-0-account-note")).to_contain_text(
        says("只能由业务事件变动", "only events move it"))
    await page.fill("[name='lines.0.account']", "")
    await _pick(page, "lines.0.account", says("财务费用", "Finance expenses"), "5603")
    await page.fill("[name='lines.0.debit']", "25.50")
    await _pick(page, "lines.1.account", "1002", says("银行存款", "Cash at bank"))
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
    await expect(page.locator("[data-sums]")).to_contain_text(says("借贷平衡", "Balanced"), timeout=TO)
    await page.fill("[name='lines.2.credit']", "1")  # a line without an account is not lost without a word
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#f-lines-2-account-note")).not_to_be_empty(timeout=TO)
    assert await maker.serious() == []
    await page.locator("[data-row='2'] [data-clear]").click()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".todo")).to_contain_text(says("你是制单人", "you made it"), timeout=TO)
    assert await maker.serious() == []


async def _correct(stage: Stage, chief: Visitor, draft: str) -> None:
    """What was posted says that it may be corrected; the correction says of what, and the voucher by which."""
    page, says, voucher = chief.page, chief.says, chief.page.url.removeprefix(chief.url)
    await page.locator(".bar a[href$='/correct']").click()
    assert await page.input_value("[name='lines.0.debit']") == "25.50"
    await page.fill("[name=draft_id]", draft)
    await page.fill("[name=reason]", "金额录错")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".oops")).to_contain_text(says("没有差别", "changes nothing"), timeout=TO)
    await page.fill("[name='lines.0.debit']", "30")
    await page.locator("[name='lines.1.credit']").press("=")
    await expect(page.locator("[name='lines.1.credit']")).to_have_value("30", timeout=TO)
    assert await chief.serious() == []
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".notice")).to_contain_text(draft, timeout=TO)
    await expect(page.locator("section", has=page.locator("#h-was"))).to_contain_text("25.50")
    assert await chief.serious() == []
    await chief.go(voucher)
    await expect(page.locator("section", has=page.locator("#h-correction"))).to_contain_text(draft)
    for step, actor in ((CheckVoucher, "accountant"), (SignVoucher, "cashier"), (PostVoucher, "accountant")):
        await stage.live.do(step(draft_id=draft), actor=actor)
    await page.reload()
    await expect(page.locator("section", has=page.locator("#h-correction"))).to_contain_text(
        says("已由下列凭证更正", "it was corrected by"))
    assert await page.locator("a[href$='/correct']").count() == 0
    await chief.go(f"/vouchers/drafts/{draft}")
    await expect(page.locator(".todo .slot a.number").first).to_be_visible()
    await chief.go(f"{voucher}/correct")
    await expect(page.locator(".oops")).to_contain_text(says("已更正过", "was corrected already"))
    await expect(page.locator("[name=reason]")).to_have_count(0)
    await chief.go(voucher)
    await page.locator("#h-correction ~ .slot a.number").first.click()
    await page.locator(f"#h-correction ~ .slot a[href='{unquote(voucher)}']").click()
    assert unquote(page.url.removeprefix(chief.url)) == unquote(voucher)


@EVERYWHERE
async def test_a_draft_is_given_up_with_a_reason(
    stage: Stage, browser: Browser, device: Device, language: str
) -> None:
    draft = f"V-wrong-{device}"
    async with visit(browser, stage, device, language) as visitor:
        page, says = visitor.page, visitor.says
        await visitor.sign_in("chief_accountant")
        await visitor.go("/vouchers/drafts/new")
        await page.fill("[name=draft_id]", draft)
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
        await expect(page.locator(".notice")).to_contain_text(
            says(f"{draft} 已作废", f"{draft} is discarded"), timeout=TO)
        await visitor.go("/vouchers/drafts")
        await expect(page.locator(f"a[href$='/{draft}']")).to_have_count(0)
