"""What suppliers were owed before the books: it comes in whole or not at all, and payments settle it as any bill."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.inventory.handlers import service
from services.inventory.views import purchasing
from shared.db import Db, Pool
from shared.events.openings import OpeningPayable, OpenPayables
from shared.testing import ask, said
from tests.inventory.builders import DAY, D
from tests.inventory.ledger import check_ledger
from tests.inventory.purchases import begin, bill, done, pay, purchase, received, refused, tie

BEFORE = date(2025, 11, 20)


@pytest.fixture(autouse=True)
async def ties(pool: Pool) -> AsyncIterator[None]:
    yield
    await check_ledger(pool)
    await tie(pool)


def owed(document: str, amount: str, **changed: Any) -> OpeningPayable:
    return OpeningPayable(**{
        "row": 2, "document": document, "dated": BEFORE, "supplier_id": "S1", "amount": D(amount), **changed,
    })


def sheet(*rows: OpeningPayable, opening_id: str = "OP-1") -> OpenPayables:
    return OpenPayables(opening_id=opening_id, rows=rows)


async def open_bills(pool: Pool) -> dict[str, Decimal]:
    rows = await pool.fetch("select supplier_invoice_id as id, open from supplier_invoice where open <> 0")
    return {row["id"]: row["open"] for row in rows}


async def test_what_was_owed_is_paid_as_any_bill_the_oldest_first(pool: Pool) -> None:
    await begin(pool)
    events = await done(pool, sheet(owed("CG-2", "50", dated=BEFORE + timedelta(1)), owed("CG-1", "100", due_on=BEFORE),
                                    owed("CG-1", "0", supplier_id="S9")))
    assert [(e["type"], e["supplier_invoice_id"], e["amount"]) for e in events] == [
        ("payable_opened", "CG-2", "50"), ("payable_opened", "CG-1", "100")]
    assert events[1]["due_on"] == "2025-11-20"
    await done(pool, purchase("P1", ("TEA", "10", "1")), received("R1", "P1", ("TEA", "10")),
               bill("B1", ("R1", 1, "10", "1")))
    [paid] = await done(pool, pay("Z1", "155"))
    assert [(a["supplier_invoice_id"], a["amount"]) for a in paid["allocations"]] == [
        ("CG-1", "100"), ("CG-2", "50"), ("B1", "5")]
    assert await open_bills(pool) == {"B1": D("6.30")}
    async with pool.acquire() as connection:
        shown = await purchasing.supplier_invoice(Db(connection, "C1"), "CG-1")
    assert shown is not None
    assert (shown.opening_id, shown.gross, shown.open, shown.lines) == ("OP-1", D(100), D(0), [])


async def test_what_was_paid_too_much_is_used_up(pool: Pool) -> None:
    await begin(pool)
    await done(pool, sheet(owed("YF-1", "-30"), owed("CG-1", "100")))
    assert await refused(pool, pay("Z1", "70.01")) == (422, "amount", "more_than_owed")
    [paid] = await done(pool, pay("Z1", "70"))
    assert {a["supplier_invoice_id"]: a["amount"] for a in paid["allocations"]} == {"YF-1": "-30", "CG-1": "100"}
    assert await open_bills(pool) == {}


async def test_everything_wrong_is_told_by_row_and_column_and_nothing_is_kept(pool: Pool) -> None:
    await begin(pool)
    await done(pool, sheet(owed("CG-1", "1"), opening_id="OP-0"))
    before = len(await said(pool))
    answer = await ask(pool, service, sheet(
        owed("A", "1"), owed("A", "2", row=3, supplier_id="S9"), owed("CG-1", "1.001", row=4, currency="USD"),
        owed("B", "1", row=6, due_on=BEFORE - timedelta(1)), owed("C", "1", row=7, dated=DAY),
    ))
    assert {error["field"]: error["message_en"] for error in answer.errors} == {
        "rows.1.supplier_id": "row 3, Supplier: there is no supplier S9",
        "rows.1.document": "row 3, Document: supplier invoice A exists already",
        "rows.2.document": "row 4, Document: supplier invoice CG-1 exists already",
        "rows.2.currency": "row 4, Currency: the books are kept in CNY, not in USD",
        "rows.2.amount": "row 4, Amount: 1.001 has more decimals than CNY has",
        "rows.3.due_on": "row 6, Due date: 2025-11-19 is before the day of the document",
        "rows.4.dated": f"row 7, Document date: {DAY} is not before the books were opened, on {DAY}",
    }
    assert answer.errors[0]["message_zh"] == "第 3 行 供应商编码：供应商 S9 不存在"
    assert (len(await said(pool)), await open_bills(pool)) == (before, {"CG-1": D(1)})


async def test_a_sheet_comes_in_once_and_its_numbers_are_used(pool: Pool) -> None:
    await begin(pool)
    await done(pool, sheet(owed("CG-1", "1")), purchase("P1", ("TEA", "1", "1")), received("R1", "P1", ("TEA", "1")))
    assert await refused(pool, sheet(owed("CG-2", "1"))) == (409, "opening_id", "opening_brought_in")
    assert await refused(pool, bill("CG-1", ("R1", 1, "1", "1"))) == (
        409, "supplier_invoice_id", "duplicate_supplier_invoice")
    assert await refused(pool, sheet(owed("CG-1", "1")), company="C2") == (422, "company", "unknown_company")
