"""The warehouse on a real Postgres: what it says, what it refuses, and what its tables hold afterwards."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from services.inventory.handlers import service, waiting
from shared.db import Pool
from shared.events import Event
from shared.events.inventory import (
    GoodsReceived,
    GoodsShipped,
    NewProduct,
    NewSupplier,
    RegisterProducts,
    RegisterSuppliers,
    ReservationReleased,
    StockOpened,
    StockReserved,
    StockShort,
)
from shared.money import ZERO
from shared.refusal import Answer
from shared.testing import ask, deliver, said
from tests.inventory.builders import D, approved, books, cancelled, opening, placed, receipt, rejected, ship
from tests.shared.facts import assert_never_changed


async def begin(pool: Pool, company: str = "C1", currency: str = "CNY", skus: Sequence[str] = ("TEA", "CUP")) -> None:
    """Books are open, the products and a supplier are there."""
    await deliver(pool, service, books(currency), company=company)
    new = RegisterProducts(products=tuple(NewProduct(sku=sku, name=sku) for sku in skus))
    assert (await ask(pool, service, new, company=company)).ok
    supplier = RegisterSuppliers(suppliers=(NewSupplier(supplier_id="S1", name="S1"),))
    assert (await ask(pool, service, supplier, company=company)).ok


def types(events: Sequence[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def refused(answer: Answer) -> tuple[int, str, str]:
    """The status, field and code of the only error."""
    assert answer.events == []
    [error] = answer.errors
    return answer.status, error["field"], error["code"]


async def stock(pool: Pool, sku: str = "TEA", company: str = "C1") -> tuple[Decimal, Decimal, Decimal, int]:
    """Quantity, value, reserved and number of movements of a pool."""
    row = await pool.fetchrow(
        "select quantity, value, reserved, moves from stock where company = $1 and sku = $2 and warehouse = 'main'",
        company, sku,
    )
    assert row is not None
    return tuple(row)


async def fulfilment(pool: Pool, order_id: str, company: str = "C1") -> tuple[str, list[tuple[Decimal, Decimal]]]:
    """The state of a fulfilment and (reserved, shipped) of its lines."""
    state = await pool.fetchval("select state from fulfilment where company = $1 and order_id = $2", company, order_id)
    lines = await pool.fetch(
        "select reserved, shipped from fulfilment_line where company = $1 and order_id = $2 order by line",
        company, order_id,
    )
    return state, [tuple(line) for line in lines]


# -- products and goods coming in -------------------------------------------------------------------------------------


async def test_a_company_without_books_can_do_nothing(pool: Pool) -> None:
    new = RegisterProducts(products=(NewProduct(sku="TEA", name="tea"),))
    assert refused(await ask(pool, service, new)) == (422, "company", "unknown_company")
    assert refused(await ask(pool, service, receipt("R1", ("TEA", "1", "1")))) == (422, "company", "unknown_company")
    assert refused(await ask(pool, service, ship("S1", "SO-1"))) == (422, "company", "unknown_company")
    assert await said(pool) == []


async def test_products_are_registered_once(pool: Pool) -> None:
    await begin(pool)
    again = RegisterProducts(products=(NewProduct(sku="POT", name="pot"), NewProduct(sku="CUP", name="cup")))
    assert refused(await ask(pool, service, again)) == (409, "products.1.sku", "duplicate_product")
    assert await pool.fetchval("select count(*) from product") == 2


async def test_opening_and_receipt_bring_value(pool: Pool) -> None:
    await begin(pool)
    opened = await ask(pool, service, opening("O1", ("TEA", "10", "100.00"), ("CUP", "1", "0")))
    assert opened.status == 201
    received = await ask(pool, service, receipt("R1", ("TEA", "3", "11.11111111"), ("TEA", "1", "5")))
    assert [e["data"]["cost"] for e in received.events] == ["38.33"]
    assert types((await said(pool))[-2:]) == [StockOpened, GoodsReceived]
    assert await stock(pool) == (D(14), D("138.33"), ZERO, 3)
    assert await stock(pool, "CUP") == (D(1), ZERO, ZERO, 1)


async def test_refused_documents_name_the_field_and_leave_nothing(pool: Pool) -> None:
    await begin(pool)
    no_such = await ask(pool, service, receipt("R1", ("TEA", "1", "1"), ("NO", "1", "1")))
    assert refused(no_such) == (422, "lines.1.sku", "unknown_sku")
    too_fine = await ask(pool, service, opening("O1", ("TEA", "1", "1"), ("CUP", "1", "0.001")))
    assert refused(too_fine) == (422, "lines.1.value", "too_many_decimals")
    too_large = await ask(pool, service, receipt("R1", ("TEA", "999999999999", "999999999999")))
    assert refused(too_large) == (422, "lines.0.quantity", "stock_too_large")
    assert await pool.fetchval("select count(*) from stock where sku = 'NO' or moves > 0") == 0


async def test_document_numbers_are_used_once(pool: Pool) -> None:
    await begin(pool)
    for command, field in (
        (opening("D1", ("TEA", "1", "1")), "opening"), (receipt("D1", ("TEA", "1", "1")), "receipt"),
    ):
        assert (await ask(pool, service, command)).ok
        assert refused(await ask(pool, service, command)) == (409, f"{field}_id", f"duplicate_{field}")
    await deliver(pool, service, placed("SO-1", ("TEA", "2")), approved("SO-1"))
    assert (await ask(pool, service, ship("D1", "SO-1", (1, "1")))).ok
    assert refused(await ask(pool, service, ship("D1", "SO-1"))) == (409, "shipment_id", "duplicate_shipment")
    assert (await stock(pool))[0] == D(1)


async def test_one_receipt_number_from_two_connections(pool: Pool) -> None:
    await begin(pool)
    answers = await asyncio.gather(
        *(ask(pool, service, receipt("R1", (sku, "1", "1"))) for sku in ("TEA", "CUP", "TEA", "CUP"))
    )
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


async def test_facts_are_append_only(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, receipt("R1", ("TEA", "1", "1")))
    await assert_never_changed(pool, "stock_move", "opening", "receipt", "receipt_line", "shipment")


# -- reservation ------------------------------------------------------------------------------------------------------


async def test_orders_of_a_batch_are_reserved_or_short(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "10", "100"), ("CUP", "5", "50")))
    events = await deliver(
        pool, service, placed("A", ("TEA", "6"), ("CUP", "5")), placed("B", ("TEA", "4"), ("CUP", "1")),
        placed("C", ("TEA", "4")), placed("D", ("POT", "1")),
    )
    assert [(type(e), e.subject) for e in events] == [
        (StockReserved, "fulfilment/A"), (StockShort, "fulfilment/B"), (StockReserved, "fulfilment/C"),
        (StockShort, "fulfilment/D"),
    ]
    assert await stock(pool) == (D(10), D(100), D(10), 1)
    assert await fulfilment(pool, "B") == ("short", [(ZERO, ZERO), (ZERO, ZERO)])


async def test_short_orders_are_reserved_when_goods_come_in_oldest_first(pool: Pool) -> None:
    await begin(pool)
    await deliver(
        pool, service, placed("A", ("TEA", "6"), ("CUP", "1")), placed("B", ("TEA", "5")), placed("C", ("TEA", "3"))
    )
    first = await ask(pool, service, receipt("R1", ("TEA", "9", "10")))
    # A lacks a cup; B and C take eight, in this order.
    assert [(e["type"], e["subject"]) for e in first.events] == [
        ("inventory.goods_received.v1", "receipt/R1"), ("inventory.stock_reserved.v1", "fulfilment/B"),
        ("inventory.stock_reserved.v1", "fulfilment/C"),
    ]
    # The cup alone does not help: one tea is left. Then both are there.
    assert len((await ask(pool, service, opening("O1", ("CUP", "1", "3")))).events) == 1
    last = await ask(pool, service, receipt("R2", ("TEA", "5", "10")))
    assert [e["subject"] for e in last.events] == ["receipt/R2", "fulfilment/A"]
    assert await stock(pool) == (D(14), D(140), D(14), 2)
    assert await pool.fetchval("select count(*) from fulfilment_line where waiting is not null") == 0
    assert len((await ask(pool, service, receipt("R3", ("TEA", "5", "10")))).events) == 1


async def test_a_long_queue_is_served_page_by_page(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITING_AT_ONCE", 2)
    await begin(pool)
    await deliver(pool, service, *(placed(f"SO-{i}", ("TEA", "1"), (f"X{i}", "1")) for i in range(7)))
    await deliver(pool, service, *(placed(f"SO-{i}", ("TEA", "1")) for i in range(7, 13)))
    answer = await ask(pool, service, receipt("R1", ("TEA", "5", "1")))
    assert [e["subject"] for e in answer.events[1:]] == [f"fulfilment/SO-{i}" for i in range(7, 12)]
    assert (await stock(pool))[2] == D(5)


async def test_another_warehouse_and_another_company_do_not_help(pool: Pool) -> None:
    await begin(pool)
    await begin(pool, company="C2")
    await deliver(pool, service, placed("A", ("TEA", "1")))
    assert len((await ask(pool, service, receipt("R1", ("TEA", "5", "1"), warehouse="north"))).events) == 1
    assert len((await ask(pool, service, receipt("R1", ("TEA", "5", "1")), company="C2")).events) == 1
    assert (await fulfilment(pool, "A"))[0] == "short"


async def test_an_order_and_a_receipt_at_the_same_moment_do_not_miss_each_other(pool: Pool) -> None:
    skus = [f"T{i}" for i in range(20)]
    await begin(pool, skus=skus)
    for i, sku in enumerate(skus):
        await asyncio.gather(
            deliver(pool, service, placed(f"SO-{i}", (sku, "1"))),
            ask(pool, service, receipt(f"R{i}", (sku, "1", "1"))),
        )
    states = await pool.fetch("select distinct state from fulfilment")
    assert [row["state"] for row in states] == ["reserved"]


# -- shipping ---------------------------------------------------------------------------------------------------------


async def test_ship_in_parts(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "3", "100.00"), ("CUP", "1", "7")))
    await deliver(pool, service, placed("SO-1", ("TEA", "3"), ("CUP", "1")), approved("SO-1"))
    costs = []
    for i, lines in enumerate([[(1, "1")], [(1, "1"), (2, "1")], []]):
        answer = await ask(pool, service, ship(f"SH-{i}", "SO-1", *lines))
        assert answer.ok
        costs.append([line["cost"] for line in answer.events[0]["data"]["lines"]])
    assert costs == [["33.33"], ["33.33", "7.00"], ["33.34"]]
    assert await stock(pool) == (ZERO, ZERO, ZERO, 4)
    assert await fulfilment(pool, "SO-1") == ("shipped", [(ZERO, D(3)), (ZERO, D(1))])
    versions = [e.envelope.version for e in await said(pool) if e.subject == "fulfilment/SO-1"]
    assert versions == [1, 2, 3, 4]
    late = await ask(pool, service, ship("SH-9", "SO-1"))
    assert refused(late) == (409, "order_id", "already_shipped")


async def test_what_cannot_be_shipped(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "3", "100.00")))
    await deliver(pool, service, placed("SO-1", ("TEA", "2")), placed("SO-2", ("TEA", "2")))
    assert refused(await ask(pool, service, ship("SH-1", "SO-1"))) == (409, "order_id", "not_approved")
    assert refused(await ask(pool, service, ship("SH-1", "SO-2"))) == (409, "order_id", "not_reserved")
    assert refused(await ask(pool, service, ship("SH-1", "SO-3"))) == (404, "order_id", "unknown_order")
    await deliver(pool, service, approved("SO-1"))
    over = await ask(pool, service, ship("SH-1", "SO-1", (1, "2.000001")))
    assert refused(over) == (422, "lines.0.quantity", "over_shipped")
    assert over.errors[0]["message_en"] == "line 1 has 2 left to ship, not 2.000001"
    assert refused(await ask(pool, service, ship("SH-1", "SO-1", (7, "1")))) == (422, "lines.0.line", "unknown_line")
    assert await stock(pool) == (D(3), D(100), D(2), 1)


async def test_concurrent_shipments_of_one_product(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "30", "100.00"), ("CUP", "30", "77.77")))
    orders = [f"SO-{i}" for i in range(10)]
    await deliver(pool, service, *(placed(o, ("TEA", "3"), ("CUP", "3")) for o in orders))
    await deliver(pool, service, *(approved(o) for o in orders))
    answers = await asyncio.gather(
        *(ask(pool, service, ship(f"SH-{o}", o)) for o in orders),
        *(ask(pool, service, ship(f"SH-{o}-again", o)) for o in orders),
        *(ask(pool, service, receipt(f"R-{o}", ("CUP", "1", "1"), ("TEA", "1", "1"))) for o in orders),
    )
    assert sorted(answer.status for answer in answers) == [201] * 20 + [409] * 10
    shipped = [e for e in await said(pool) if isinstance(e, GoodsShipped)]
    left = (await stock(pool))[1] + (await stock(pool, "CUP"))[1]
    assert D("177.77") + 20 == left + sum(e.cost for e in shipped)
    assert (await stock(pool))[::2] == (D(10), ZERO)


async def test_one_order_shipped_from_two_connections_leaves_once(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "5", "50")))
    await deliver(pool, service, placed("SO-1", ("TEA", "3")), approved("SO-1"))
    answers = await asyncio.gather(*(ask(pool, service, ship(f"SH-{i}", "SO-1", (1, "2"))) for i in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
    assert await stock(pool) == (D(3), D(30), D(1), 2)


# -- release ----------------------------------------------------------------------------------------------------------


def released(events: Sequence[Event]) -> list[tuple[str, list[tuple[Decimal, Decimal]]]]:
    return [
        (e.order_id, [(line.released, line.shipped) for line in e.lines])
        for e in events if isinstance(e, ReservationReleased)
    ]


async def test_cancel_before_shipment_frees_stock_for_those_that_wait(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "5", "50")))
    await deliver(pool, service, placed("A", ("TEA", "5")), placed("B", ("TEA", "2")), approved("A"))
    events = await deliver(pool, service, cancelled("A"))
    assert released(events) == [("A", [(D(5), ZERO)])]
    assert [(type(e), e.subject) for e in events[1:]] == [(StockReserved, "fulfilment/B")]
    assert refused(await ask(pool, service, ship("SH-1", "A"))) == (409, "order_id", "already_released")
    assert await stock(pool) == (D(5), D(50), D(2), 1)


async def test_cancel_after_part_shipment_and_after_all(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "5", "50")))
    await deliver(pool, service, placed("A", ("TEA", "3")), placed("B", ("TEA", "2")), approved("A"), approved("B"))
    await ask(pool, service, ship("SH-1", "A", (1, "1")))
    await ask(pool, service, ship("SH-2", "B"))
    events = await deliver(pool, service, cancelled("A"), cancelled("B"))
    assert released(events) == [("A", [(D(2), D(1))]), ("B", [(ZERO, D(2))])]
    assert await fulfilment(pool, "A") == ("released", [(ZERO, D(1))])
    assert await fulfilment(pool, "B") == ("shipped", [(ZERO, D(2))])


async def test_cancel_of_a_short_order_ends_its_waiting(pool: Pool) -> None:
    await begin(pool)
    events = await deliver(pool, service, placed("A", ("TEA", "3")), cancelled("A"))
    assert types(events) == [StockShort, ReservationReleased]
    assert released(events) == [("A", [(ZERO, ZERO)])]
    assert len((await ask(pool, service, receipt("R1", ("TEA", "5", "1")))).events) == 1


async def test_several_releases_that_serve_others_in_one_batch(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "4", "40")))
    await deliver(pool, service, placed("A", ("TEA", "2")), placed("B", ("TEA", "2")), placed("C", ("TEA", "4")))
    events = await deliver(pool, service, cancelled("A"), cancelled("B"))
    assert types(events) == [ReservationReleased, ReservationReleased, StockReserved]
    assert events[-1].subject == "fulfilment/C"


async def test_rejection_releases(pool: Pool) -> None:
    await begin(pool)
    await ask(pool, service, opening("O1", ("TEA", "5", "50")))
    events = await deliver(pool, service, placed("A", ("TEA", "3")), rejected("A"))
    assert types(events) == [StockReserved, ReservationReleased]
    assert await stock(pool) == (D(5), D(50), ZERO, 1)


# -- companies --------------------------------------------------------------------------------------------------------


async def test_two_companies_with_equal_ids(pool: Pool) -> None:
    for company, currency, value in (("C1", "CNY", "100.00"), ("C2", "JPY", "100")):
        await begin(pool, company, currency)
        assert (await ask(pool, service, opening("O1", ("TEA", "3", value)), company=company)).ok
        events = await deliver(pool, service, placed("SO-1", ("TEA", "3")), company=company)
        assert types(events) == [StockReserved]
    await deliver(pool, service, approved("SO-1"), company="C2")
    not_here = await ask(pool, service, ship("SH-1", "SO-1", (1, "1")))
    assert refused(not_here) == (409, "order_id", "not_approved")
    yen = await ask(pool, service, ship("SH-1", "SO-1", (1, "1")), company="C2")
    assert (yen.events[0]["data"]["cost"], yen.events[0]["data"]["currency"]) == ("33", "JPY")
    assert await stock(pool) == (D(3), D(100), D(3), 1)
    assert await stock(pool, company="C2") == (D(2), D(67), D(2), 2)


async def test_an_order_heard_before_the_books_waits_for_goods(pool: Pool) -> None:
    assert types(await deliver(pool, service, placed("A", ("TEA", "1")))) == [StockShort]
    await begin(pool)
    answer = await ask(pool, service, receipt("R1", ("TEA", "1", "1")))
    assert [e["subject"] for e in answer.events] == ["receipt/R1", "fulfilment/A"]
