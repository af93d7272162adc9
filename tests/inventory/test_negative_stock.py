"""Negative stock on a real Postgres: only where it was allowed, at provisional cost, settled by what comes in next."""

from datetime import date

from services.inventory.handlers import service
from shared.db import Pool
from shared.events.inventory import (
    AllowNegativeStock,
    CountedLine,
    CountStock,
    NewProduct,
    RegisterProducts,
    StockReserved,
    StockShort,
)
from shared.testing import ask, deliver
from tests.inventory.builders import DAY, D, approved, books, opening, placed, receipt, ship, take_back
from tests.inventory.purchases import begin, bill, cost_of_sales, done, refused, sell, stock, tie


def allow(allowed: bool = True, since: date = DAY) -> AllowNegativeStock:
    return AllowNegativeStock(allowed_from=since, allow=allowed)


async def begin_with_pot(pool: Pool, standard_cost: str | None = "8") -> None:
    await begin(pool)
    cost = D(standard_cost) if standard_cost else None
    await done(pool, RegisterProducts(products=(NewProduct(sku="POT", name="壶", standard_cost=cost),)))


async def test_g6_the_next_receipts_settle_it(pool: Pool) -> None:
    await begin_with_pot(pool)
    await done(pool, allow())
    assert await sell(pool, "A", "10", "POT") == 80
    assert await stock(pool, "POT") == (D(-10), D(-80))

    received, adjusted = await done(pool, receipt("R1", ("POT", "5", "10")))
    assert (received["type"], received["cost"]) == ("goods_received", "50.00")
    assert (adjusted["type"], adjusted["adjustment_id"]) == ("cost_adjusted", "receipt:R1")
    assert (adjusted["stock"], adjusted["consumed"], adjusted["variance"]) == ("-10.00", "10.00", "0.00")
    assert (await stock(pool, "POT"), await cost_of_sales(pool)) == ((D(-5), D(-40)), D(90))

    await done(pool, receipt("R2", ("POT", "10", "12")))
    assert (await stock(pool, "POT"), await cost_of_sales(pool)) == ((D(5), D(60)), D(110))

    # Half of the last receipt had been sold when it was billed.
    adjusted = (await done(pool, bill("B2", ("R2", 1, "10", "13"))))[-1]
    assert (adjusted["stock"], adjusted["consumed"]) == ("5.00", "5.00")
    await done(pool, bill("B1", ("R1", 1, "5", "11")))
    assert (await stock(pool, "POT"), await cost_of_sales(pool)) == ((D(5), D(65)), D(120))
    await tie(pool)


async def test_lines_of_one_receipt_settle_one_after_the_other(pool: Pool) -> None:
    await begin_with_pot(pool)
    await done(pool, allow())
    await sell(pool, "A", "10", "POT")
    adjusted = (await done(pool, receipt("R1", ("POT", "5", "10"), ("POT", "10", "12"))))[1]
    assert [(x["line"], x["stock"], x["consumed"]) for x in adjusted["lines"]] == [
        (1, "-10.00", "10.00"), (2, "-20.00", "20.00"),
    ]
    assert await stock(pool, "POT") == (D(5), D(60))


async def test_without_leave_nothing_goes_below_zero(pool: Pool) -> None:
    assert await refused(pool, allow()) == (422, "company", "unknown_company")
    await begin_with_pot(pool)
    short = await deliver(pool, service, placed("A", ("POT", "10")))
    assert [type(event) for event in short] == [StockShort]
    await done(pool, allow(since=date(2026, 2, 1)))
    assert await refused(pool, ship("SH-1", "A")) == (409, "order_id", "not_approved")
    await deliver(pool, service, approved("A"))
    assert await refused(pool, ship("SH-1", "A", (1, "1"))) == (409, "lines.0.quantity", "not_in_stock")
    await done(pool, receipt("R1", ("POT", "4", "10")), ship("SH-1", "A", (1, "3")))
    assert await refused(pool, ship("SH-2", "A")) == (409, "order_id", "not_in_stock")
    assert await stock(pool, "POT") == (D(1), D(10))


async def test_leave_lets_waiting_orders_through_and_can_be_taken_back(pool: Pool) -> None:
    await begin_with_pot(pool)
    await deliver(pool, service, placed("A", ("POT", "10")), placed("B", ("POT", "1"), ("TEA", "1")))
    events = await done(pool, allow())
    assert [(event["type"], event.get("order_id")) for event in events] == [
        ("negative_stock_allowed", None), ("stock_reserved", "A"),
    ], "nothing is known of what tea costs"
    events = await done(pool, opening("O1", ("TEA", "1", "3")))
    assert [event.get("order_id") for event in events] == [None, "B"]
    assert [type(event) for event in await deliver(pool, service, placed("C", ("TEA", "5")))] == [StockReserved]
    await done(pool, allow(False))
    assert [type(event) for event in await deliver(pool, service, placed("D", ("TEA", "1")))] == [StockShort]
    await deliver(pool, service, approved("C"))
    assert await refused(pool, ship("SH-C", "C")) == (409, "order_id", "not_in_stock")


async def test_the_average_goes_on_below_zero_and_counts_and_returns_settle_too(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "3", "30")), allow())
    assert await sell(pool, "A", "5") == 50
    assert await stock(pool) == (D(-2), D(-20))
    await done(pool, take_back("B1", "SH-A", (1, "1")))
    assert await stock(pool) == (D(-1), D(-10))
    found = CountStock(count_id="K1", counted_on=DAY, lines=(CountedLine(sku="TEA", counted=D(2)),))
    [counted] = await done(pool, found)
    assert (counted["lines"][0]["booked"], counted["gain"]) == ("-1", "30.00")
    assert await stock(pool) == (D(2), D(20))


async def test_what_would_be_too_large_to_count_is_refused(pool: Pool) -> None:
    await begin_with_pot(pool, "99999999999")
    await done(pool, allow())
    await deliver(pool, service, placed("A", ("POT", "2")), approved("A"))
    assert await refused(pool, ship("SH-1", "A")) == (409, "order_id", "stock_too_large")


async def test_a_decision_of_one_company_is_not_anothers(pool: Pool) -> None:
    await begin_with_pot(pool)
    await deliver(pool, service, books(), company="C2")
    assert (await ask(pool, service, allow(), company="C2")).ok
    assert [type(event) for event in await deliver(pool, service, placed("A", ("POT", "1")))] == [StockShort]
