"""What customers owed, and had paid in advance, before the books: it comes in whole or not at all, and is settled."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.order.domain.openings import delivery_id
from services.order.handlers import service
from shared.db import Pool
from shared.events.openings import AdvanceOpened, OpeningReceivable, OpenReceivables, ReceivableOpened
from shared.events.order import OrderSettled, PaymentAllocated, PaymentReceived, RefundPaid, SaleDelivered
from shared.testing import ask, deliver, said
from tests.order.stories import (
    DAY,
    GROSS,
    approved,
    customer,
    done,
    invoice,
    open_company,
    pay,
    place,
    refund,
    shipped,
)
from tests.shared.facts import kinds, refusal

D = Decimal
BEFORE = date(2025, 11, 20)


def owed(document: str, amount: str, **changed: Any) -> OpeningReceivable:
    return OpeningReceivable(**{
        "row": 2, "document": document, "dated": BEFORE, "customer_id": "K1", "amount": D(amount), **changed,
    })


def sheet(*rows: OpeningReceivable, opening_id: str = "OP-1") -> OpenReceivables:
    return OpenReceivables(opening_id=opening_id, rows=rows)


async def open_documents(pool: Pool) -> dict[str, Decimal]:
    rows = await pool.fetch(
        """
        select delivery_id as id, open from delivery where open <> 0
        union all select payment_id, -unallocated from payment where unallocated <> 0
        """
    )
    return {row["id"]: row["open"] for row in rows}


async def subledger(pool: Pool) -> dict[str, Decimal]:
    """What tie-out compares, in all."""
    rows = await pool.fetch("select role, amount from subledger('C1') where key = ''")
    return {row["role"]: row["amount"] for row in rows}


async def test_what_was_owed_is_paid_as_any_delivery_the_oldest_first(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, sheet(owed("XS-2", "200.00", dated=BEFORE + timedelta(1)), owed("XS-1", "100.00"),
                           owed("XS-1", "0", customer_id="K9"), owed("XS-9", "7", customer_id="K2")))
    opened = await said(pool)
    assert kinds(opened) == [ReceivableOpened] * 3, "a row of zero says nothing"
    first = opened[1]
    assert isinstance(first, ReceivableOpened)
    assert (first.delivery_id, first.document, first.dated, first.amount) == ("opening/XS-1", "XS-1", BEFORE, D(100))
    owes = await customer(pool)
    assert (owes.receivable, owes.exposure) == (D(300), D(300)), "it counts against the credit limit"

    await done(pool, pay("P1", "150"))
    received = (await said(pool))[-1]
    assert isinstance(received, PaymentReceived)
    assert [(a.order_id, a.delivery_id, a.amount) for a in received.allocations] == [
        ("", "opening/XS-1", D(100)), ("", "opening/XS-2", D(50))]
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1"))
    await done(pool, invoice("F1"), pay("P2", str(150 + GROSS)))
    assert kinds(await said(pool))[-2:] == [PaymentReceived, OrderSettled]
    assert await open_documents(pool) == {"opening/XS-9": D(7)}
    assert await subledger(pool) == {"ar": D(7), "advances": D(0), "pending_output_vat": D(0)}


async def test_an_advance_pays_later_deliveries_or_is_paid_back(pool: Pool) -> None:
    """It does not pay what the same sheets say was open beside it."""
    await open_company(pool)
    await done(pool, sheet(owed("SK-1", "-50"), owed("XS-1", "30")), sheet(owed("XS-2", "9"), opening_id="OP-2"))
    assert kinds(await said(pool)) == [AdvanceOpened, ReceivableOpened, ReceivableOpened]
    assert await open_documents(pool) == {"opening/XS-1": D(30), "opening/XS-2": D(9), "SK-1": D(-50)}
    await done(pool, refund("R1", "10"))
    await approved(pool, "SO-1", quantity="1", price="10")
    await deliver(pool, service, shipped("D1", "1"))
    found = await said(pool)
    assert kinds(found)[-2:] == [SaleDelivered, PaymentAllocated]
    assert isinstance(found[3], RefundPaid)
    assert found[3].from_advances == 10
    assert await open_documents(pool) == {"opening/XS-1": D(30), "opening/XS-2": D(9), "SK-1": D("-28.70")}


async def test_what_was_received_before_the_sheet_came_pays_it(pool: Pool) -> None:
    """But not what was received for an order."""
    await open_company(pool)
    await done(pool, place(), pay("P0", "5", "SO-1"), pay("P1", "40"), sheet(owed("XS-1", "100")))
    allocated = (await said(pool))[-1]
    assert isinstance(allocated, PaymentAllocated)
    assert (allocated.payment_id, allocated.allocated, allocated.allocated_on) == ("P1", D(40), DAY)
    assert allocated.walk == "payment/P1"
    assert await open_documents(pool) == {"opening/XS-1": D(60), "P0": D(-5)}


async def test_a_shipment_may_have_the_number_of_a_document(pool: Pool) -> None:
    """Warehouses number their shipments without asking order, so nothing of theirs may clash."""
    await open_company(pool)
    await done(pool, sheet(owed("D1", "1")))
    await approved(pool, "SO-1")
    [delivery] = await deliver(pool, service, shipped("D1"))
    assert isinstance(delivery, SaleDelivered)
    assert await open_documents(pool) == {"opening/D1": D(1), "D1": GROSS}
    with pytest.raises(ValueError, match="pattern"):
        place(order_id=delivery_id("D1"))


async def test_everything_wrong_is_told_by_row_and_column_and_nothing_is_kept(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, pay("P1", "1"), sheet(owed("XS-1", "1"), opening_id="OP-0"))
    before = len(await said(pool))
    rows = (
        owed("A", "1"), owed("A", "2", row=3, customer_id="K9"), owed("XS-1", "1.001", row=4),
        owed("P1", "-3", row=5, currency="USD"), owed("B", "1", row=6, due_on=BEFORE - timedelta(1)),
        owed("C", "1", row=7, dated=DAY), owed("D", "1", row=8, dated=DAY - timedelta(1)),
    )
    answer = await ask(pool, service, sheet(*rows))
    assert {error["field"]: (error["code"], error["message_en"]) for error in answer.errors} == {
        "rows.1.customer_id": ("unknown_customer", "row 3, Customer: there is no customer K9"),
        "rows.1.document": ("duplicate_document", "row 3, Document: document A exists already"),
        "rows.2.document": ("duplicate_document", "row 4, Document: document XS-1 exists already"),
        "rows.2.amount": ("too_many_decimals", "row 4, Amount: 1.001 has more decimals than CNY has"),
        "rows.3.document": ("duplicate_document", "row 5, Document: document P1 exists already"),
        "rows.3.currency": ("other_currency", "row 5, Currency: the books are kept in CNY, not in USD"),
        "rows.4.due_on": ("due_before_document", "row 6, Due date: 2025-11-19 is before the day of the document"),
        "rows.5.dated": (
            "not_before_books", f"row 7, Document date: {DAY} is not before the books were opened, on {DAY}"),
    }
    assert answer.errors[0]["message_zh"] == "第 3 行 客户编码：客户 K9 不存在"
    assert (len(await said(pool)), await pool.fetchval("select count(*) from delivery")) == (before, 1)


async def test_a_sheet_comes_in_once(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, sheet(owed("XS-1", "1")), sheet(owed("SK-1", "-1"), opening_id="OP-2"))
    assert refusal(await ask(pool, service, sheet(owed("XS-2", "1")))) == (409, "opening_id", "duplicate_opening")
    again = await ask(pool, service, sheet(owed("SK-2", "-1"), opening_id="OP-2"))
    assert refusal(again) == (409, "opening_id", "duplicate_opening")
    assert refusal(await ask(pool, service, sheet(owed("XS-1", "1")), company="C2")) == (
        422, "company", "unknown_company")
