"""What was owed before the books, from the sheet to the last payment: all services agree, and all comes to zero."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest

from services.accounting import follower
from services.accounting.sheets.command import main
from services.inventory.views import subledger as purchases
from services.order.views import subledger as sales
from shared.db import Db
from shared.events.accounting import CheckVoucher, PostVoucher, SignVoucher
from shared.events.inventory import PaySupplier
from shared.events.tieout import Movement
from tests.shared.front import app_of, served, token
from tests.walk.bus import Bus, open_bus
from tests.walk.test_tieout import all_agree, state
from tests.walk.trade import DAY, Trade

SHEETS = {
    "receivables": ("order", "客户编码,单据号,单据日期,到期日,金额",
                    ["K1,XS-1,2016-11-20,2016-12-20,500.00", "K1,XS-2,2016-12-05,,130.50", "K1,SK-1,2016-12-30,,-80"]),
    "payables": ("inventory", "供应商编码,单据号,单据日期,到期日,金额", ["S1,CG-1,2016-12-01,,300"]),
    "opening-balances": ("accounting", "科目编码,期初借方,期初贷方", ["1002,1000,", "3001,,1250.5"]),
}


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with open_bus() as bus:
        yield bus


async def bring_in(bus: Bus, kind: str, folder: Path) -> None:
    """A person's file, by the command line, at the door of its owner."""
    owner, head, rows = SHEETS[kind]
    file, key = folder / f"{kind}.csv", folder / "token"
    file.write_text("\n".join([head, *rows]), encoding="utf-8")
    key.write_text(token("accountant"))
    app = app_of(bus.services[owner], import_module(f"services.{owner}.api").router, bus.pools[owner])
    async with served(app) as url:
        done = await asyncio.to_thread(main, [kind, str(file), "--url", url, "--token-file", str(key)])
    assert done == 0, kind
    await bus.carry()


async def items(bus: Bus) -> dict[tuple[str, str], Decimal]:
    """What is open per document."""
    pool = bus.pools["accounting"]
    while await follower.follow(pool):
        pass
    rows = await pool.fetch("select kind, document, open from open_item where open <> 0")
    return {(row["kind"], row["document"]): row["open"] for row in rows}


async def test_a_company_changes_over(bus: Bus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trade = Trade(bus)
    await trade.begin()
    for kind in SHEETS:
        await bring_in(bus, kind, tmp_path)
    assert "3 documents, 550.50 in all (已录入 3 张期初单据，合计 550.50)" in capsys.readouterr().out
    draft = await bus.pools["accounting"].fetchval("select draft_id from draft")
    for command, who in ((CheckVoucher(draft_id=draft), "boss"), (SignVoucher(draft_id=draft), "cashier"),
                         (PostVoucher(draft_id=draft), "boss")):
        await bus.do(command, actor=who)
    assert await bus.balances() == {
        "1002": Decimal(1000), "1122": Decimal("630.50"), "2203": Decimal(-80), "220201": Decimal(-300),
        "3001": Decimal("-1250.50"),
    }, "the opening account is zero once all is in"
    assert await items(bus) == {
        ("receivable", "opening/XS-1"): Decimal(500), ("receivable", "opening/XS-2"): Decimal("130.50"),
        ("advance", "SK-1"): Decimal(80), ("payable", "CG-1"): Decimal(300),
    }
    await state(bus)
    assert (await all_agree(bus))["ar"] == ("630.5", "630.5")
    balance = "select delivered - paid from customer_account where customer_id = 'K1'"
    assert await bus.pools["crm"].fetchval(balance) == Decimal("550.50")

    await trade.receive("R1", "1", "10")
    await trade.sell("O1", "1", "50")  # 56.50 with tax, which the advance pays
    await trade.pay("P1", "630.50")
    pay = {"supplier_payment_id": "Y1", "supplier_id": "S1", "paid_on": DAY, "currency": "CNY", "amount": "300"}
    await bus.do(PaySupplier.model_validate(pay))
    assert await items(bus) == {("advance", "SK-1"): Decimal("23.50"), ("accrual", "R1"): Decimal(10)}
    await state(bus)
    assert (await all_agree(bus))["ar"] == ("0", "0")
    balances = await bus.balances()
    assert "1122" not in balances
    assert "220201" not in balances
    await bus.check()


async def test_what_moved_a_balance_is_named_by_its_event(bus: Bus, tmp_path: Path) -> None:
    """Where tie-out finds a difference, the owners can say which documents the balance is made of."""
    await Trade(bus).begin()
    await bring_in(bus, "receivables", tmp_path)
    await bring_in(bus, "payables", tmp_path)
    assert await moved(bus, "order", sales.movements, "ar") == [
        ("order.receivable_opened.v1", Decimal(500)), ("order.receivable_opened.v1", Decimal("130.50"))]
    assert await moved(bus, "order", sales.movements, "advances") == [("order.advance_opened.v1", Decimal(80))]
    assert await moved(bus, "inventory", purchases.movements, "payable") == [
        ("inventory.payable_opened.v1", Decimal(300))]
    for owner, movements, role in (("order", sales.movements, "pending_output_vat"),
                                   ("inventory", purchases.movements, "accrued_payable")):
        assert await moved(bus, owner, movements, role) == []


async def moved(
    bus: Bus, owner: str, movements: Callable[[Db, str, str, int, int], Awaitable[list[Movement]]], role: str
) -> list[tuple[str, Decimal]]:
    async with bus.pools[owner].acquire() as connection:
        return [(m.type, m.amount) for m in await movements(Db(connection, "C1"), role, "", 0, 10**6)]
