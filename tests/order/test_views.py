"""What can be read about orders, customers and receivables."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

from services.order import views
from services.order.domain.values import State
from services.order.handlers import service
from shared.db import Db, Pool
from shared.testing import deliver
from tests.order.stories import (
    DAY,
    LATER,
    approved,
    credit_note,
    done,
    invoice,
    open_company,
    pay,
    place,
    read,
    refund,
    reserved,
    returned,
    shipped,
)

D = Decimal
Reader = Callable[[Db], Awaitable[Any]]


async def view(pool: Pool, read_it: Reader, company: str = "C1") -> Any:
    async with pool.acquire() as connection:
        return await read_it(Db(connection, company))


def listing(state: State | None, who: str | None, after: str | None, limit: int, **wanted: Any) -> views.Wanted:
    return views.Wanted(state, (who,) if who else (), after=after, limit=limit, **wanted)


async def test_orders_are_listed_newest_first_page_by_page(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place("A", ordered_on=LATER), place("B"), place("C", customer_id="K2"), place("D"))
    await deliver(pool, service, reserved("B"), reserved("C"))

    async def listed(state: State | None = None, who: str | None = None, after: str | None = None) -> list[str]:
        orders = await view(pool, lambda db: views.list_orders(db, listing(state, who, after, 2)))
        return [order.order_id for order in orders]

    assert (await listed(), await listed(after="D"), await listed(after="B")) == (["A", "D"], ["C", "B"], [])
    assert await listed(State.APPROVED) == ["C", "B"]
    assert await listed(State.APPROVED, after="C") == ["B"]
    assert (await listed(who="K1"), await listed(who="K1", after="D")) == (["A", "D"], ["B"])
    assert await listed(State.PLACED, "K1") == ["A", "D"]
    assert await view(pool, lambda db: views.list_orders(db, views.Wanted()), "C2") == []


async def test_orders_are_sorted_and_narrowed_on_the_server(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place("SO-1", price="1"), place("SO-2", price="9", ordered_on=LATER), place("SO-3", price="9"),
               place("X-4", price="1", customer_id="K2"))

    async def pages(**wanted: Any) -> list[str]:
        """All pages of one order each, one after the other."""
        found: list[str] = []
        while True:
            want = views.Wanted(after=found[-1] if found else None, limit=1, **wanted)
            page = await view(pool, partial(views.list_orders, want=want))
            if not page:
                return found
            found += [order.order_id for order in page]

    for state in (None, State.PLACED):
        assert await pages(sort="gross", state=state) == ["SO-1", "X-4", "SO-2", "SO-3"]
        assert await pages(sort="-gross", state=state) == ["SO-3", "SO-2", "X-4", "SO-1"]
        assert await pages(sort="date", state=state) == ["SO-1", "SO-3", "X-4", "SO-2"]
        assert await pages(sort="-date", state=state, until=DAY) == ["X-4", "SO-3", "SO-1"]
        assert await pages(since=LATER, state=state) == ["SO-2"]
    for sort, found in (("gross", ["SO-1", "SO-2", "SO-3"]), ("-gross", ["SO-3", "SO-2", "SO-1"]),
                        ("date", ["SO-1", "SO-3", "SO-2"]), ("-date", ["SO-2", "SO-3", "SO-1"])):
        assert await pages(sort=sort, customers=("K1",)) == found
    assert await pages(customers=("K1", "K2"), sort="date") == ["SO-1", "SO-3", "X-4", "SO-2"]
    assert await pages(customers=("K1", "K2", "K1")) == ["SO-2", "X-4", "SO-3", "SO-1"]
    two = await view(pool, partial(views.list_orders, want=views.Wanted(customers=("K1", "K1"), limit=2)))
    assert [order.order_id for order in two] == ["SO-2", "SO-3"]
    assert await pages(number="SO") == ["SO-3", "SO-2", "SO-1"]
    assert await pages(number="SO", customers=("K2",)) == await pages(number="so") == []


async def test_summary_and_receivables(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await done(pool, place("SO-3", customer_id="K2"))
    await deliver(pool, service, reserved("SO-3"), shipped("D1"), shipped("D2", "1", "SO-2"),
                  shipped("D3", "1", "SO-3", LATER))
    await done(pool, invoice("F1"), pay("P1", "112.99", "SO-1"))
    summary = await view(pool, views.summarize)
    assert summary.model_dump(mode="json") == {
        "orders": {"approved": 2, "settled": 1}, "deliveries": 3, "invoiced": 1, "paid": 1, "invoices": 1,
        "payments": 1, "returns": 0, "credit_notes": 0, "refunds": 0,
    }
    owed = await view(pool, lambda db: views.list_receivables(db, None, 9))
    assert [r.model_dump(mode="json") for r in owed] == [
        {"customer_id": "K1", "open": "37.66", "credits": "0", "balance": "37.66", "deliveries": 1,
         "oldest": "2026-03-02"},
        {"customer_id": "K2", "open": "37.66", "credits": "0", "balance": "37.66", "deliveries": 1,
         "oldest": "2026-03-09"},
    ]
    assert [r.customer_id for r in await view(pool, lambda db: views.list_receivables(db, "K1", 9))] == ["K2"]
    assert (await read(pool)).model_dump(mode="json")["gross"] == "112.99"


async def test_an_order_page_and_receivables_show_what_came_back(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await done(pool, place("SO-3", customer_id="K2"))
    await deliver(pool, service, shipped("D1", "1"), shipped("D2", "2"), shipped("D3", order_id="SO-2"),
                  reserved("SO-3"), shipped("D4", order_id="SO-3"), returned("T1", "1", "D2"))
    await done(pool, invoice("F1"), invoice("F3", "SO-3"), pay("P1", "75.32", "SO-1"), pay("P2", "20", "SO-1"),
               pay("P3", "112.99", "SO-3", customer_id="K2"))
    await deliver(pool, service, returned("T2", "1", "D1"), returned("T3", "3", "D4", "SO-3"))
    await done(pool, credit_note("N1"), refund("B1", "40.66", "SO-1"))
    page = (await read(pool)).model_dump(mode="json")
    assert [(line["delivered"], line["returned"]) for line in page["lines"]] == [("3", "2")]
    assert [(d["delivery_id"], d["returned"], d["open"]) for d in page["deliveries"]] == [
        ("D1", "37.66", "0.00"), ("D2", "37.67", "0.00"),
    ]
    assert page["returns"] == [
        {"return_id": "T1", "delivery_id": "D2", "returned_on": "2026-03-09", "net": "33.33", "tax": "4.34",
         "gross": "37.67", "invoice_id": None, "credit_note_id": None},
        {"return_id": "T2", "delivery_id": "D1", "returned_on": "2026-03-09", "net": "33.33", "tax": "4.33",
         "gross": "37.66", "invoice_id": "F1", "credit_note_id": "N1"},
    ]
    assert page["credit_notes"] == [
        {"credit_note_id": "N1", "issued_on": "2026-03-09", "net": "33.33", "tax": "4.33", "gross": "37.66"}
    ]
    assert page["refunds"] == [
        {"refund_id": "B1", "paid_on": "2026-03-09", "amount": "40.66", "from_returns": "37.66",
         "from_advances": "3.00"}
    ]
    assert [(p["payment_id"], p["allocated"], p["advance"]) for p in page["payments"]] == [
        ("P1", "75.32", "0.00"), ("P2", "0", "17.00"),
    ]
    owed = await view(pool, lambda db: views.list_receivables(db, None, 9))
    assert [r.model_dump(mode="json") for r in owed] == [
        {"customer_id": "K1", "open": "112.99", "credits": "0", "balance": "112.99", "deliveries": 1,
         "oldest": "2026-03-02"},
        {"customer_id": "K2", "open": "0", "credits": "112.99", "balance": "-112.99", "deliveries": 0, "oldest": None},
    ]
    summary = await view(pool, views.summarize)
    assert (summary.returns, summary.credit_notes, summary.refunds) == (3, 1, 1)


async def test_what_is_not_there_is_none(pool: Pool) -> None:
    assert await view(pool, lambda db: views.find_order(db, "SO-9")) is None
    assert await view(pool, lambda db: views.find_customer(db, "K9")) is None
