"""Open items: per document what is open, by what it was relieved, and how old it is; they add up to the accounts."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import orjson
import pytest

from services.accounting import follower, store, views
from services.accounting.domain.open_items import KINDS, moved_of
from services.accounting.domain.open_items import moves as moves_of
from services.accounting.handlers import service
from services.accounting.store import open_items as item_store
from shared.db import Db, Pool
from shared.events.inventory import PaidInvoice, SupplierPaid
from shared.events.order import Allocation, PaymentAllocated, PaymentReceived
from shared.testing import ask, deliver
from tests.accounting import examples
from tests.accounting.doors import door, read, trade
from tests.accounting.test_proofs import change

ITEMS = "select * from open_item order by kind, party, document_type, document"
MOVES = "select * from open_item_move order by kind, party, document_type, document, seq"


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        yield found


async def follow(pool: Pool) -> None:
    while await follower.follow(pool):
        pass


async def open_by_document(client: httpx2.AsyncClient, side: str, **query: Any) -> dict[tuple[str, str], str]:
    page = await read(client, "/open-items", side=side, **query)
    return {(item["kind"], item["document"]): item["open"] for item in page["items"]}


async def sums_of_accounts(pool: Pool, until: date = date.max) -> dict[tuple[str, str], Decimal]:
    """What the lines of the control accounts come to, by kind and party."""
    found: dict[tuple[str, str], Decimal] = {}
    for name, kind in KINDS.items():
        rows = await pool.fetch(
            f"""
            select l.{kind.side} as party, sum(case l.side when 'D' then amount else -amount end) as amount
            from voucher_line l join voucher v using (company, ledger, seq)
            where account in (select account from role_map where role = any ($1)) and v.voucher_date <= $2 group by 1
            """,
            list(kind.roles), until,
        )
        found |= {(name, row["party"]): kind.sign * row["amount"] for row in rows if row["amount"]}
    return found


@pytest.mark.parametrize("standard", ["assbe", "cas", "ifrs"])
async def test_items_add_up_to_the_control_accounts(pool: Pool, standard: str) -> None:
    """In any pack, and whatever the events say of the documents: these examples do not fit each other."""
    await trade(pool, standard)
    await follow(pool)
    rows = await pool.fetch("select kind, party, sum(open) as open from open_item group by 1, 2 having sum(open) <> 0")
    assert {(row["kind"], row["party"]): row["open"] for row in rows} == await sums_of_accounts(pool)
    assert rows


async def test_an_item_shows_what_relieved_it(client: httpx2.AsyncClient, pool: Pool) -> None:
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.delivered(), examples.sale_returned(), examples.paid())
    await follow(pool)
    page = await read(client, "/open-items", side="customer", as_of="2025-05-01", terms_days=30)
    by_kind = {item["kind"]: item for item in page["items"]}
    delivery = by_kind["receivable"]
    assert (page["behind"], page["next"]) == (0, None)
    assert (delivery["document_type"], delivery["document"], delivery["original"]) == ("delivery", "SH-1", "1130.00")
    assert (delivery["dated"], delivery["due"], delivery["days_overdue"]) == ("2025-03-05", "2025-04-04", 27)
    assert [(m["by_type"], m["amount"]) for m in delivery["moves"]] == [
        ("delivery", "1130.00"), ("sale_return", "-226.00"), ("payment", "-1130.00")]
    assert delivery["open"] == "-226.00"
    assert (by_kind["advance"]["document"], by_kind["advance"]["open"]) == ("PA-1", "50.00")
    number = delivery["moves"][0]["voucher"]
    voucher = await read(client, f"/vouchers/{number['period']}/{number['word']}/{number['number']}")
    assert voucher["event_type"] == "order.sale_delivered.v1"


async def test_a_payment_may_be_posted_before_its_delivery(pool: Pool) -> None:
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.paid())
    await follow(pool)
    await deliver(pool, service, examples.delivered())
    await follow(pool)
    row = await pool.fetchrow("select original, open, dated from open_item where kind = 'receivable'")
    assert row is not None
    assert tuple(row) == (Decimal(1130), 0, examples.DAY)


async def test_as_of_a_day_counts_what_is_booked_until_then(client: httpx2.AsyncClient, pool: Pool) -> None:
    await trade(pool)
    await follow(pool)
    for day in (date(2025, 1, 1), date(2025, 3, 4), date(2025, 3, 5), date(2025, 3, 31), date(2025, 12, 31)):
        found: dict[tuple[str, str], Decimal] = {}
        for side in ("customer", "supplier"):
            for item in (await read(client, "/open-items", side=side, as_of=day.isoformat()))["items"]:
                key = item["kind"], item["party"]
                found[key] = found.get(key, Decimal(0)) + Decimal(item["open"])
        assert {key: value for key, value in found.items() if value} == await sums_of_accounts(pool, day), day


async def test_ageing_by_due_date(client: httpx2.AsyncClient, pool: Pool) -> None:
    await ask(pool, service, examples.open_books())
    days = [date(2025, 3, 31), date(2025, 3, 30), date(2025, 2, 28), date(2025, 1, 29), date(2024, 12, 30)]
    await deliver(pool, service, *(
        examples.delivered(f"SO-{n}", f"SH-{n}", on) for n, on in enumerate(days)), examples.paid())
    await follow(pool)
    page = await read(client, "/ageing", side="customer", as_of="2025-03-31")
    assert page["parties"] == [{
        "party": "C-7", "receivable": "4520.00", "advance": "50.00", "buckets": {
            "not_due": "1130.00", "1_30": "0.00", "31_60": "1130.00", "61_90": "1130.00", "over_90": "1130.00"},
    }]
    later = await read(client, "/ageing", side="customer", as_of="2025-03-31", terms_days=60)
    assert later["parties"][0]["buckets"] == {
        "not_due": "2260.00", "1_30": "1130.00", "31_60": "1130.00", "61_90": "0.00", "over_90": "0.00"}
    assert (await read(client, "/ageing", side="supplier", as_of="2025-03-31"))["parties"] == []
    assert next(bucket["zh"] for bucket in page["buckets"]) == "未到期"


@pytest.mark.parametrize("standard", ["assbe", "cas", "ifrs"])
async def test_what_was_owed_before_the_books_is_an_item_of_its_document(pool: Pool, standard: str) -> None:
    """A later receipt and a later payment relieve it, and nothing else is left on the control accounts."""
    await ask(pool, service, examples.open_books(standard=standard))
    await deliver(pool, service, examples.receivable_opened(), examples.advance_opened(), examples.payable_opened())
    await follow(pool)
    rows = await pool.fetch("select kind, party, document_type, document, dated, open from open_item order by 1")
    assert [tuple(row) for row in rows] == [
        ("advance", "C-7", "payment", "SK-0412", date(2024, 12, 16), 800),
        ("payable", "S-3", "supplier_invoice", "CG-0355", date(2024, 12, 3), 3390),
        ("receivable", "C-7", "delivery", "opening/XS-0871", date(2024, 11, 20), 5650),
    ]
    money = {"customer_id": "C-7", "currency": "CNY"}
    pays = Allocation(order_id="", delivery_id="opening/XS-0871", amount=Decimal(5000))
    takes = Allocation(order_id="", delivery_id="opening/XS-0871", amount=Decimal(650))
    await deliver(
        pool, service,
        PaymentReceived(payment_id="PA-9", received_on=examples.DAY, amount=Decimal(5000), allocations=(pays,),
                        allocated=Decimal(5000), unallocated=Decimal(0), **money),
        PaymentAllocated(payment_id="SK-0412", allocated_on=examples.DAY, allocations=(takes,), allocated=Decimal(650),
                         **money),
        SupplierPaid(supplier_payment_id="SP-9", supplier_id="S-3", paid_on=examples.DAY, currency="CNY",
                     allocations=(PaidInvoice(supplier_invoice_id="CG-0355", amount=Decimal(3390)),),
                     amount=Decimal(3390)),
    )
    await follow(pool)
    assert [(row["kind"], row["open"]) for row in await pool.fetch(ITEMS) if row["open"]] == [("advance", 150)]
    assert await sums_of_accounts(pool) == {("advance", "C-7"): Decimal(150)}


async def test_a_document_may_say_when_it_is_due(client: httpx2.AsyncClient, pool: Pool) -> None:
    """It is booked on the first day of the books, ages from its own day, and is due on the day that it says."""
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.receivable_opened(),
                  examples.receivable_opened("XS-2", "100.00", due_on=date(2025, 3, 30)))
    await follow(pool)
    page = await read(client, "/open-items", side="customer", as_of="2025-03-31", terms_days=30)
    assert [(i["document"], i["dated"], i["due"], i["days_overdue"], i["moves"][0]["on"]) for i in page["items"]] == [
        ("opening/XS-0871", "2024-11-20", "2024-12-20", 101, "2025-01-01"),
        ("opening/XS-2", "2024-11-20", "2025-03-30", 1, "2025-01-01"),
    ]
    aged = await read(client, "/ageing", side="customer", as_of="2025-03-31", terms_days=30)
    assert {key: value for key, value in aged["parties"][0]["buckets"].items() if value != "0.00"} == {
        "1_30": "100.00", "over_90": "5650.00"}
    await change(pool, "delete from open_item; delete from open_item_move; delete from open_item_head")
    await follow(pool)
    assert await read(client, "/ageing", side="customer", as_of="2025-03-31", terms_days=30) == aged


async def test_every_item_is_on_one_page(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(pool)
    await deliver(pool, service, examples.delivered("SO-8", "DE-8"), examples.delivered("SO-9", "DE-9"))
    await follow(pool)
    whole = await read(client, "/open-items", side="customer", as_of="2025-03-05")
    monkeypatch.setattr(views, "PAGE", 1)
    found: list[Any] = []
    query: dict[str, str] = {}
    while True:
        page = await read(client, "/open-items", side="customer", as_of="2025-03-05", **query)
        found += page["items"]
        if page["next"] is None:
            break
        query = {"after": orjson.dumps(page["next"]).decode()}
    assert found == whole["items"]
    assert len(found) == 3
    bad = await client.get("/open-items", params={"side": "customer", "after": '["C"]'})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "after")


async def test_steps_of_any_size_and_twice_come_to_the_same(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that two take at the same time is taken once; what was forgotten is made again."""
    await trade(pool)
    await follow(pool)
    items, moves = await pool.fetch(ITEMS), await pool.fetch(MOVES)
    assert items
    await change(pool, "delete from open_item; delete from open_item_move; delete from open_item_head")
    async with pool.acquire() as connection:
        db = Db(connection, "C1")
        assert await pool.fetch(ITEMS) == []
        monkeypatch.setattr(store, "STEP", 1)
        await item_store.next_step(db, "main", 1)
        stale = await item_store.next_step(db, "main", 3)
        read = [moved_of(row) for row in await item_store.load_moved(db, "main", *stale)]
        assert read
        await follow(pool)
        await item_store.move(db, "main", *stale, list(moves_of(read)))  # who read the same and comes too late
    assert (await pool.fetch(ITEMS), await pool.fetch(MOVES)) == (items, moves)


async def test_a_row_read_before_documents_were_named_still_adds_up(pool: Pool) -> None:
    """Its payment stands as an item of its own beside the delivery."""
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.delivered(), examples.paid())
    await change(pool, "update journal set facts = facts - 'settles', reader_version = 1")
    await follow(pool)
    rows = await pool.fetch("select document_type, document, open from open_item where kind = 'receivable' order by 1")
    assert [tuple(row) for row in rows] == [("delivery", "SH-1", 1130), ("payment", "PA-1", -1130)]
