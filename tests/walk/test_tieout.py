"""Tie-out on the real services: whatever happens the ledger agrees with stock and debts, and what is changed behind a
service's back is named."""

from typing import Any

from services.accounting.handlers import tieout as comparing
from services.accounting.store import LEDGER
from services.accounting.views import tieout as views
from services.inventory.handlers import subledger as stock_ledger
from services.order.handlers import subledger as sales_ledger
from shared import log
from shared.db import Db
from shared.events.inventory import CountStock, GoodsReceived, PaySupplier, ReceiveGoods
from shared.events.order import CancelOrder, IssueCreditNote, PayRefund
from shared.events.tieout import PartingFound, SubledgerStated
from shared.testing import as_admin, ask, hear
from shared.testing import said as events_of_log
from tests.walk.bus import Bus, open_bus
from tests.walk.trade import DAY, Trade

OWNERS = {"order": sales_ledger, "inventory": stock_ledger.subledger}


async def state(bus: Bus, company: str = "C1") -> None:
    """Let both owners state what they have, and accounting compare it, until nobody wants to know more."""
    for owner, ledger in OWNERS.items():
        await bus.services[owner].tend(bus.pools[owner], company, ledger.state)
    await bus.carry()
    comparer = comparing.Comparer(bus.services["accounting"], bus.pools["accounting"])
    for _ in range(6):
        await comparer.look()
        await bus.carry()


async def tied(bus: Bus, company: str = "C1") -> dict[str, Any]:
    async with bus.pools["accounting"].acquire() as connection:
        return await views.tieout(Db(connection, company), LEDGER)


async def all_agree(bus: Bus, company: str = "C1") -> dict[str, tuple[str | None, str | None]]:
    """Both sides of each role, which agree."""
    found = await tied(bus, company)
    assert found["differences"] == []
    assert {role["role"] for role in found["roles"] if not role["agrees"]} == set()
    return {role["role"]: (role["stated"], role["posted"]) for role in found["roles"]}


async def trade_all(trade: Trade) -> None:
    """Everything that moves a subledger, most of it in part."""
    bus, company = trade.bus, trade.company
    await trade.begin()
    await trade.receive("R1", "100", "10.01")
    await trade.receive("R2", "50", "0")
    await trade.sell("O1", "7", "19.99")
    await trade.invoice("I1", "O1")
    await trade.pay("P1", "60", "O1")
    await trade.bill("B1", "R1", "60", "11.13")
    await trade.take_back("T1", "O1", "2")
    await trade.sell("O2", "3")
    await trade.take_back("T2", "O2", "1")
    await trade.pay("P2", "1000", "O2")
    await trade.sell("O3", "1")
    await trade.send_back("X1", "R1", "30")
    await bus.do(PaySupplier.model_validate({
        "supplier_payment_id": "Y1", "supplier_id": "S1", "paid_on": DAY, "currency": "CNY", "amount": "100"
    }), company=company)
    await bus.do(CountStock.model_validate({
        "count_id": "C1", "counted_on": DAY, "lines": [{"sku": "TEA", "counted": "88"}]
    }), company=company)


async def test_both_sides_agree_through_all_that_happens() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade.begin()
        await state(bus)
        await all_agree(bus)
        other = Trade(bus, "C2")
        await trade_all(other)
        await state(bus, "C2")
        sides = await all_agree(bus, "C2")
        assert "0" not in {stated for stated, _ in sides.values()}, str(sides)
        await bus.do(IssueCreditNote(credit_note_id="N1", order_id="O1", issued_on=DAY), company="C2")
        await other.invoice("I2", "O2")
        await bus.do(PayRefund.model_validate({
            "refund_id": "F1", "customer_id": "K1", "paid_on": DAY, "currency": "CNY", "amount": "50"
        }), company="C2")
        await other.order("O9", "2")
        await bus.do(CancelOrder(order_id="O9", cancelled_on=DAY, reason="-"), company="C2")
        await state(bus, "C2")
        await all_agree(bus, "C2")
        await bus.check()


async def test_what_is_changed_behind_a_services_back_is_named() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade_all(trade)
        await state(bus)
        await all_agree(bus)
        # A stock row and a customer's debt: every event agrees with its vouchers, so it is the balance.
        await tamper(bus, "inventory", "update stock set value = value + 5, quantity = quantity + 1 where sku = 'TEA'")
        await tamper(bus, "order", "update delivery set open = open - 1 where delivery_id = 'O3'")
        await trade.receive("R3", "10", "10")  # business goes on meanwhile
        await state(bus)
        found = {d["role"]: d for d in (await tied(bus))["differences"]}
        assert {role: (d["key"], d["difference"], d["state"]) for role, d in found.items()} == {
            "inventory": ("TEA/main", "5", "balance"), "inventory_quantity": ("TEA/main", "1", "balance"),
            "ar": ("K1", "-1", "balance"),
        }
        said = await partings(bus)
        assert "绕过 inventory 服务改了数据" in said["inventory"].message_zh
        assert "changed behind the back of order" in said["ar"].message_en
        await tamper(bus, "inventory", "update stock set value = value - 5, quantity = quantity - 1 where sku = 'TEA'")
        await tamper(bus, "order", "update delivery set open = open + 1 where delivery_id = 'O3'")
        await state(bus)
        await all_agree(bus)


async def test_the_event_whose_documents_were_changed_is_named() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade_all(trade)
        await state(bus)
        await trade.receive("R3", "10", "10")
        await state(bus)
        # A receipt of long ago, and the stock and the debt that follow from it; an administrator can silence triggers.
        await tamper(bus, "inventory", """
            alter table stock_move disable trigger append_only;
            alter table receipt disable trigger append_only;
            update stock_move set value = value + 3 where document_id = 'R1' and kind = 'receipt';
            update stock set value = value + 3 where sku = 'TEA';
            update receipt set cost = cost + 2 where receipt_id = 'R1';
            update receipt_match set cost = cost + 2, accrued = accrued + 2 where receipt_id = 'R1';
            alter table stock_move enable always trigger append_only;
            alter table receipt enable always trigger append_only;
        """)
        await state(bus)
        receipt = next(
            e.envelope for e in await events_of_log(bus.pools["inventory"])
            if isinstance(e, GoodsReceived) and e.receipt_id == "R1"
        )
        found = {d["role"]: d["first_event"] for d in (await tied(bus))["differences"]}
        first = {"event_id": receipt.id, "type": receipt.type, "position": receipt.position, "posted": "1001"}
        assert found == {
            "inventory": {**first, "stated": "1004"}, "accrued_payable": {**first, "stated": "1003"},
        }
        said = (await partings(bus))["inventory"]
        assert said.event_id == receipt.id
        assert f"第一笔不符的是 inventory.goods_received.v1 {receipt.id}" in said.message_zh


async def test_a_statement_waits_for_the_events_before_it_and_may_come_twice() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade.begin()
        await state(bus)
        books, pool = bus.services["accounting"], bus.pools["accounting"]
        stock, stock_pool = bus.services["inventory"], bus.pools["inventory"]
        before = len(await events_of_log(stock_pool))
        await ask(stock_pool, stock, ReceiveGoods.model_validate({
            "receipt_id": "R1", "supplier_id": "S1", "received_on": DAY,
            "lines": [{"sku": "TEA", "quantity": "100", "unit_cost": "10"}],
        }))
        await stock.tend(stock_pool, "C1", stock_ledger.subledger.state)
        async with stock_pool.acquire() as connection:
            await log.place(connection, 500)
        *early, statement = (await events_of_log(stock_pool))[before:]
        assert early
        assert isinstance(statement, SubledgerStated)
        await hear(pool, books, statement)
        await comparing.Comparer(books, pool).look()
        found = await tied(bus)
        waiting = {source["source"]: source["waiting_for_events"] for source in found["sources"]}
        assert (waiting["inventory"], found["differences"]) == (len(early), [])
        await hear(pool, books, *early)
        await hear(pool, books, *early, statement)
        await comparing.Comparer(books, pool).look()
        assert (await all_agree(bus))["inventory"] == ("1000", "1000")


async def tamper(bus: Bus, owner: str, sql: str) -> None:
    """Change something as the server's administrator."""
    async with as_admin(bus.pools[owner], schema_stays=True) as admin:
        await admin.execute(sql)


async def partings(bus: Bus) -> dict[str, PartingFound]:
    """What accounting said of each role, the last of each."""
    said = [event for event in await events_of_log(bus.pools["accounting"]) if isinstance(event, PartingFound)]
    return {event.role: event for event in said}
