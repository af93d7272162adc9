"""Stocktakes on a real Postgres: counted by one person, approved by another; differences at the pool's cost."""

import asyncio

from services.inventory.handlers import service
from shared.db import Pool
from shared.events.inventory import ApproveCount, CountedLine, CountStock, NewProduct, RegisterProducts
from shared.testing import ask, deliver
from tests.inventory.builders import DAY, D, opening, placed
from tests.inventory.purchases import begin, done, refused, sell, stock
from tests.shared.facts import assert_never_changed


def count(count_id: str, *lines: tuple[str, str]) -> CountStock:
    """A count of (sku, quantity found) lines."""
    own = tuple(CountedLine(sku=sku, counted=D(counted)) for sku, counted in lines)
    return CountStock(count_id=count_id, counted_on=DAY, lines=own)


def approve(count_id: str) -> ApproveCount:
    return ApproveCount(count_id=count_id, approved_on=DAY)


async def test_one_counts_and_another_approves(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "3", "100"), ("CUP", "4", "10")))
    [counted] = await done(pool, count("K1", ("TEA", "2"), ("CUP", "5")))
    assert (counted["gain"], counted["loss"]) == ("2.50", "33.33")
    assert [(x["line"], x["sku"], x["booked"], x["counted"], x["difference"], x["gain"], x["loss"])
            for x in counted["lines"]] == [
        (1, "TEA", "3", "2", "-1", "0", "33.33"), (2, "CUP", "4", "5", "1", "2.50", "0"),
    ]
    assert (await stock(pool), await stock(pool, "CUP")) == ((D(2), D("66.67")), (D(5), D("12.50")))

    assert await refused(pool, approve("K1")) == (403, "count_id", "self_approval")
    assert await refused(pool, approve("K2")) == (404, "count_id", "unknown_count")
    answer = await ask(pool, service, approve("K1"), actor="boss")
    [approved] = [event["data"] for event in answer.events]
    assert (approved["count_id"], approved["gain"], approved["loss"]) == ("K1", "2.50", "33.33")
    again = await ask(pool, service, approve("K1"), actor="boss", key="again")
    assert (again.status, again.errors[0]["code"]) == (409, "already_approved")


async def test_two_people_approve_at_the_same_moment(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "3", "100")), count("K1", ("TEA", "2")))
    answers = await asyncio.gather(*(ask(pool, service, approve("K1"), actor=actor) for actor in ("b", "c", "d")))
    assert sorted(answer.status for answer in answers) == [201, 409, 409]


async def test_a_count_that_finds_what_is_booked_changes_nothing(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "3", "100")))
    [counted] = await done(pool, count("K1", ("TEA", "3"), ("CUP", "0")))
    assert (counted["gain"], counted["loss"]) == ("0", "0")
    assert await pool.fetchval("select count(*) from stock_move") == 1
    assert (await ask(pool, service, approve("K1"), actor="boss")).ok


async def test_what_a_count_may_not_be(pool: Pool) -> None:
    assert await refused(pool, count("K1", ("TEA", "1"))) == (422, "company", "unknown_company")
    assert await refused(pool, approve("K1")) == (422, "company", "unknown_company")
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "5", "50")))
    await deliver(pool, service, placed("A", ("TEA", "3")))
    assert await refused(pool, count("K1", ("TEA", "4"), ("POT", "1"))) == (422, "lines.1.sku", "unknown_sku")
    assert await refused(pool, count("K1", ("TEA", "4"), ("TEA", "4"))) == (422, "lines.1.sku", "repeated_sku")
    assert await refused(pool, count("K1", ("TEA", "2"))) == (409, "lines.0.counted", "below_reserved")
    found = count("K1", ("TEA", "4"), ("CUP", "1"))
    assert await refused(pool, found) == (409, "lines.1.counted", "found_without_cost")
    assert await refused(pool, count("K1", ("TEA", "100000000000"))) == (422, "lines.0.counted", "stock_too_large")
    await done(pool, count("K1", ("TEA", "3")))
    assert await refused(pool, count("K1", ("TEA", "4"))) == (409, "count_id", "duplicate_count")
    assert await stock(pool) == (D(3), D(30))
    await assert_never_changed(pool, "stock_count", "stock_count_line", "stock_count_approval")


async def test_what_is_found_in_an_empty_pool_is_worth_what_it_cost_last(pool: Pool) -> None:
    await begin(pool)
    pot = RegisterProducts(products=(NewProduct(sku="POT", name="壶", standard_cost=D("2.5")),))
    await done(pool, opening("O1", ("TEA", "4", "10")), pot)
    await sell(pool, "A", "4")
    [counted] = await done(pool, count("K1", ("TEA", "2"), ("POT", "3")))
    assert [line["gain"] for line in counted["lines"]] == ["5.00", "7.50"]


async def test_what_is_found_serves_orders_that_wait(pool: Pool) -> None:
    await begin(pool)
    await done(pool, opening("O1", ("TEA", "4", "10")))
    await deliver(pool, service, placed("A", ("TEA", "5")))
    events = await done(pool, count("K1", ("TEA", "5")))
    assert [event["type"] for event in events] == ["stock_counted", "stock_reserved"]
