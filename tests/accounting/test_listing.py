"""Vouchers as a list: every order and narrowing gives the same vouchers, whichever page they are read by; and what many
events came to."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from services.accounting.handlers import service
from shared.db import Pool
from shared.testing import ask
from tests.accounting import examples
from tests.accounting.doors import door, read, trade


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        yield found


async def listed(client: httpx2.AsyncClient, **query: Any) -> list[tuple[Any, ...]]:
    """Of all pages of three."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await read(client, "/books/vouchers", period="2025-03", limit=3, **query, **after)
        found += page["vouchers"]
        if page["next"] is None:
            return [(one["word"], one["number"], one["voucher_date"], one["seq"]) for one in found]
        after = {"after": page["next"]}


async def test_vouchers_are_sorted_narrowed_and_paged(client: httpx2.AsyncClient, pool: Pool) -> None:
    await trade(pool)
    rows = await pool.fetch(
        "select word, number, voucher_date::text, seq from voucher where period = '2025-03' and company = 'C1'")
    every = [tuple(row) for row in rows]
    assert len(every) > 6
    assert {row[0] for row in every} == {"记", "备"}
    assert await listed(client, sort="number") == sorted(every, key=lambda row: row[:2])
    assert await listed(client) == sorted(every, key=lambda row: row[:2], reverse=True)
    assert await listed(client, sort="date") == sorted(every, key=lambda row: row[2:])
    assert await listed(client, sort="-date") == sorted(every, key=lambda row: row[2:], reverse=True)
    for sort in ("number", "-number"):
        memo = sorted((row for row in every if row[0] == "备"), key=lambda row: row[1], reverse=sort.startswith("-"))
        assert await listed(client, sort=sort, word="备") == memo
    assert {row[:2] for row in await listed(client, number=2)} == {row[:2] for row in every if row[1] == 2}
    assert await listed(client, number=2, word="记") == [row for row in every if row[:2] == ("记", 2)]


async def test_a_list_shows_totals_and_the_months_that_there_are(client: httpx2.AsyncClient, pool: Pool) -> None:
    await trade(pool)
    page = await read(client, "/books/vouchers", period="2025-03", limit=500)
    total = await pool.fetchval(
        "select sum(amount) from voucher_line where side = 'D' and period = '2025-03' and company = 'C1'")
    assert sum(float(one["total"]) for one in page["vouchers"]) == pytest.approx(float(total))
    months = await pool.fetch("select distinct period from period_balance where company = 'C1' order by period desc")
    assert (await read(client, "/books/periods"))["periods"] == [row["period"] for row in months]


async def test_without_a_month_the_newest_is_shown_with_all_there_are(
    client: httpx2.AsyncClient, pool: Pool
) -> None:
    empty = await client.get("/books/vouchers")
    assert empty.status_code == 404
    await trade(pool)
    months = (await read(client, "/books/periods"))["periods"]
    assert len(months) > 1
    for path in ("/books/vouchers", "/accounts/1405/ledger", "/accounts/1405/quantity-ledger"):
        newest = await read(client, path)
        assert (newest["period"], newest["periods"]) == (months[0], months)
        assert newest == await read(client, path, period=months[0])
        assert (await read(client, path, period=months[1]))["periods"] == months


async def test_what_many_events_came_to(client: httpx2.AsyncClient, pool: Pool) -> None:
    await trade(pool)
    rows = await pool.fetch("select event_id, none_zh from journal where company = 'C1' and event_id is not null")
    unknown = str(uuid4())
    found = (await read(client, "/events/vouchers", id=[*(str(row["event_id"]) for row in rows), unknown]))["events"]
    assert set(found) == {str(row["event_id"]) for row in rows}
    for row in rows:
        outcome = found[str(row["event_id"])]
        assert bool(outcome["vouchers"]) == (row["none_zh"] is None)
        assert (outcome["none"] or {}).get("zh") == row["none_zh"]
    assert sum(len(one["vouchers"]) for one in found.values()) == await pool.fetchval(
        "select count(*) from voucher where company = 'C1'")


@pytest.mark.parametrize(("query", "field"), [
    ("period=2025-13", "period"), ("period=2025-03&word=x", "word"), ("period=2025-03&sort=amount", "sort"),
    ("period=2025-03&after=x", "after"), ("period=2025-03&sort=date&after=记:2", "after"),
    ("period=2025-03&after=2025-03-01:2", "after"), ("period=2025-03&sort=date&after=2025-99-01:2", "after"),
])
async def test_what_cannot_be_asked_is_named(client: httpx2.AsyncClient, pool: Pool, query: str, field: str) -> None:
    await ask(pool, service, examples.open_books())
    answer = await client.get(f"/books/vouchers?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"].rpartition(".")[2]) == (422, field)
