"""Returns from customers on a real Postgres: at which cost goods come back, how many may, and who gets them then."""

import asyncio
from decimal import Decimal

from services.inventory.handlers import service
from shared.db import Pool
from shared.events.inventory import GoodsReturned
from shared.testing import ask, deliver, said
from tests.inventory.builders import D, approved, books, opening, placed, receipt, ship, take_back
from tests.inventory.purchases import begin, bill, done, refused, sell, stock
from tests.shared.facts import assert_never_changed


async def returned(pool: Pool, return_id: str, shipment_id: str, *lines: tuple[int, str]) -> list[Decimal]:
    """The costs of the lines that came back."""
    event = (await done(pool, take_back(return_id, shipment_id, *lines)))[0]
    assert event["cost"] == str(sum(D(line["cost"]) for line in event["lines"]))
    return [D(line["cost"]) for line in event["lines"]]


async def test_g4_goods_come_back_at_the_cost_they_left_with(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "60")))
    await sell(pool, "A", "10")
    await done(pool, receipt("R2", ("TEA", "100", "70")))
    assert await returned(pool, "B1", "SH-A", (1, "2")) == [D(120)]
    assert await stock(pool) == (D(102), D(7120))
    last = (await said(pool))[-1]
    assert isinstance(last, GoodsReturned)
    assert (last.subject, last.order_id, last.shipment_id) == ("fulfilment/A", "A", "SH-A")


async def test_pieces_come_back_until_all_are_there_and_add_up_to_the_issue(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "3", "100"), ("CUP", "1", "7")))
    await deliver(pool, service, placed("A", ("TEA", "3"), ("CUP", "1")), approved("A"))
    await done(pool, ship("SH-A", "A"))
    costs = [await returned(pool, "B0", "SH-A", (2, "1"), (1, "1"))]
    assert await refused(pool, take_back("B1", "SH-A", (1, "2.000001"))) == (422, "lines.0.quantity", "over_returned")
    assert await refused(pool, take_back("B1", "SH-A", (2, "1"))) == (422, "lines.0.quantity", "over_returned")
    costs += [await returned(pool, f"B{n}", "SH-A", (1, "1")) for n in (1, 2)]
    assert costs == [[D(7), D("33.33")], [D("33.34")], [D("33.33")]]
    assert (await stock(pool), await stock(pool, "CUP")) == ((D(3), D(100)), (D(1), D(7)))


async def test_what_a_return_may_not_be(pool: Pool) -> None:
    assert await refused(pool, take_back("B1", "SH-A", (1, "1"))) == (422, "company", "unknown_company")
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "5", "50")))
    await deliver(pool, service, placed("A", ("TEA", "2"), ("TEA", "2")), approved("A"))
    await done(pool, ship("SH-A", "A", (1, "2")))
    assert await refused(pool, take_back("B1", "SH-B", (1, "1"))) == (404, "shipment_id", "unknown_shipment")
    assert await refused(pool, take_back("B1", "SH-A", (2, "1"))) == (422, "lines.0.line", "not_shipped")
    twice = take_back("B1", "SH-A", (1, "1"), (1, "1"))
    assert await refused(pool, twice) == (422, "lines.1.line", "repeated_line")
    await done(pool, take_back("B1", "SH-A", (1, "1")))
    assert await refused(pool, take_back("B1", "SH-A", (1, "1"))) == (409, "return_id", "duplicate_return")
    assert await stock(pool) == (D(4), D(40))
    await assert_never_changed(pool, "goods_return")


async def test_goods_that_come_back_serve_orders_that_wait(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "5", "50")))
    await sell(pool, "A", "5")
    await deliver(pool, service, placed("B", ("TEA", "2")))
    events = await done(pool, take_back("B1", "SH-A", (1, "1")), take_back("B2", "SH-A", (1, "1")))
    assert [(e["type"], e["order_id"]) for e in events] == [("goods_returned", "A"), ("stock_reserved", "B")]


async def test_a_late_bill_reaches_what_has_come_back(pool: Pool) -> None:
    """Ten at 100, four sold, one back; then all cost 120: seven are there, and what comes back next costs 120."""
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "100")))
    await sell(pool, "A", "4")
    assert await returned(pool, "B1", "SH-A", (1, "1")) == [D(100)]
    adjusted = (await done(pool, bill("V1", ("R1", 1, "10", "120"))))[-1]
    assert (adjusted["stock"], adjusted["consumed"]) == ("140.00", "60.00")
    assert await stock(pool) == (D(7), D(840))
    assert await returned(pool, "B2", "SH-A", (1, "3")) == [D(360)]
    assert await stock(pool) == (D(10), D(1200))
    moves = await pool.fetch("select value from stock_move where kind = 'customer_return' order by n")
    assert [move["value"] for move in moves] == [D(100), D(360)], "what was booked stays"


async def test_one_shipment_returned_from_many_connections_comes_back_once(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "5", "50")))
    await sell(pool, "A", "3")
    answers = await asyncio.gather(*(ask(pool, service, take_back(f"B{n}", "SH-A", (1, "2"))) for n in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
    assert await stock(pool) == (D(4), D(40))


async def test_another_company_has_another_shipment_of_that_number(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "5", "50")))
    await sell(pool, "A", "3")
    await deliver(pool, service, books("JPY"), company="C2")
    answer = await ask(pool, service, take_back("B1", "SH-A", (1, "2")), company="C2")
    assert (answer.status, answer.errors[0]["code"]) == (404, "unknown_shipment")
