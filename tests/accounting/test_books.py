"""The account books over HTTP: their figures are those of the lines, whichever page they are read by."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import orjson
import pytest

from services.accounting import follower, store, views
from services.accounting.handlers import service
from shared.db import Pool
from shared.testing import ask, deliver
from tests.accounting import examples
from tests.accounting.doors import door, read, trade


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        yield found


async def pages(client: httpx2.AsyncClient, path: str, rows: str, **query: Any) -> list[Any]:
    """All rows of all pages."""
    found, after = [], None
    while True:
        page = await read(client, path, **query, **({} if after is None else {"after": after}))
        found += page[rows]
        after = page["next"]
        if after is None:
            return found
        if not isinstance(after, str):
            after = orjson.dumps(after).decode()


async def test_an_account_ledger_runs_on_over_its_pages(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.opened(), *(examples.shipped(f"SO-{n}", f"SH-{n}") for n in range(3)))
    monkeypatch.setattr(views, "PAGE", 2)
    lines = await pages(client, "/accounts/1405/ledger", "lines", period="2025-03")
    assert [(line["number"], line["amount"], line["balance_side"], line["balance"]) for line in lines] == [
        (1, "360.00", "D", "5790.00"), (1, "240.00", "D", "5550.00"), (2, "360.00", "D", "5190.00"),
        (2, "240.00", "D", "4950.00"), (3, "360.00", "D", "4590.00"), (3, "240.00", "D", "4350.00"),
    ]
    page = await read(client, "/accounts/1405/ledger", period="2025-03")
    assert page["opening"] == {"balance_side": "D", "balance": "6150.00"}
    assert page["month"] == {"debit": "0.00", "credit": "1800.00"}
    assert page["year"] == {"debit": "6150.00", "credit": "1800.00"}
    assert page["closing"] == {"balance_side": "D", "balance": "4350.00"}


@pytest.mark.parametrize("steps", [0, 1], ids=["lines", "sums"])
async def test_a_quantity_ledger_of_one_product(client: httpx2.AsyncClient, pool: Pool, steps: int) -> None:
    """The opening is the same whether the sums behind the posting are up to date or nothing of them is there."""
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.opened(), examples.shipped(), examples.shipped("SO-2", "SH-2"))
    for _ in range(steps):
        await follower.follow(pool)
    page = await read(client, "/accounts/1405/quantity-ledger", period="2025-03", product="P-1")
    assert page["opening"] == {"balance_side": "D", "balance": "6000.00", "quantity": "100", "unit_cost": "60.0000"}
    shown = ("quantity", "unit_cost", "amount", "balance_quantity", "balance_unit_cost", "balance")
    assert [tuple(line[name] for name in shown) for line in page["lines"]] == [
        ("6.000000", "60.0000", "360.00", "94", "60.0000", "5640.00"),
        ("6.000000", "60.0000", "360.00", "88", "60.0000", "5280.00"),
    ]
    assert page["month"] == {"debit": "0.00", "credit": "720.00", "quantity_in": "0", "quantity_out": "12"}
    assert page["closing"] == {"balance_side": "D", "balance": "5280.00", "quantity": "88", "unit_cost": "60.0000"}


async def test_an_account_with_accounts_below_shows_their_lines_in_order(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(pool)
    monkeypatch.setattr(views, "PAGE", 2)
    lines = await pages(client, "/accounts/2202/ledger", "lines", period="2025-03")
    rows = await pool.fetch(
        "select seq, line, account from voucher_line where account like '2202%' order by seq, line"
    )
    assert [(line["seq"], line["line"], line["account"]) for line in lines] == [tuple(row) for row in rows]
    assert {line["account"] for line in lines} == {"220201", "220202"}
    page = await read(client, "/accounts/2202/ledger", period="2025-03")
    assert (lines[-1]["balance_side"], lines[-1]["balance"]) == ("D", "650.30")
    assert page["closing"] == {"balance_side": "D", "balance": "650.30"}


async def test_a_general_ledger_adds_up_months_and_years(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(pool, service, examples.open_books())
    days = (date(2025, 1, 9), date(2025, 3, 9), date(2026, 1, 9))
    await deliver(
        pool, service, examples.opened(), *(examples.delivered(f"SO-{n}", f"SH-{n}", on) for n, on in enumerate(days))
    )
    monkeypatch.setattr(views, "PAGE", 7)
    query = {"from": "2025-02", "until": "2026-01"}
    accounts = {a["code"]: a for a in await pages(client, "/books/general-ledger", "accounts", **query)}
    assert set(accounts) == {"1122", "1405", "2221", "3199", "5001", "9001", "9002"}
    receivable = accounts["1122"]
    assert receivable["opening"] == {"balance_side": "D", "balance": "1130.00"}
    months = {m.pop("period"): tuple(m.values()) for m in receivable["months"]}
    assert len(months) == 12
    assert months["2025-02"] == ("0.00", "0.00", "1130.00", "0.00", "D", "1130.00")
    assert months["2025-03"] == ("1130.00", "0.00", "2260.00", "0.00", "D", "2260.00")
    assert months["2025-12"] == ("0.00", "0.00", "2260.00", "0.00", "D", "2260.00")
    assert months["2026-01"] == ("1130.00", "0.00", "1130.00", "0.00", "D", "3390.00")
    deeper = await pages(client, "/books/general-ledger", "accounts", level=4, **query)
    assert "222106" in {a["code"] for a in deeper}


async def test_the_journal_shows_every_voucher_once(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trade(pool)
    monkeypatch.setattr(views, "PAGE", 3)
    vouchers = await pages(client, "/books/journal", "vouchers", **{"from": "2025-01", "until": "2025-12"})
    kept = await pool.fetch("select period, word, number, line_count from voucher order by period, word, number")
    assert [(v["period"], v["word"], v["number"], len(v["lines"])) for v in vouchers] == [tuple(row) for row in kept]


@pytest.mark.parametrize("steps", [0, 1, 2], ids=["lines", "sums", "both"])
async def test_balances_by_dimension(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """They add up to the account, in pages, wherever the sums behind the posting have come to."""
    await trade(pool)
    monkeypatch.setattr(store, "STEP", {0: 1, 1: 1000, 2: 4}[steps])
    for _ in range(steps):
        await follower.follow(pool)
    monkeypatch.setattr(views, "PAGE", 2)
    rows = await pages(client, "/trial-balance/by", "rows", period="2025-03", by=["product", "warehouse"],
                       account="1405")
    kept = await pool.fetch(
        """
        select product, warehouse, sum(case side when 'D' then amount else -amount end)::text,
               sum(case side when 'D' then quantity else -quantity end)
        from voucher_line where account = '1405' group by 1, 2 order by 1, 2
        """
    )
    assert [
        (r["product"], r["warehouse"], Decimal(r["closing_debit"]) - Decimal(r["closing_credit"]),
         Decimal(r["closing_quantity"])) for r in rows
    ] == [(product, warehouse, Decimal(amount), quantity) for product, warehouse, amount, quantity in kept]
    table = await read(client, "/trial-balance", period="2025-03")
    (stock,) = (a for a in table["accounts"] if a["code"] == "1405")
    for name in ("opening_debit", "debit", "credit", "year_debit", "year_credit", "closing_debit"):
        assert sum(Decimal(row[name]) for row in rows) == Decimal(stock[name]), name


async def test_what_follows_waits_while_full_batches_are_posted_but_not_for_ever(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, *(examples.shipped(f"SO-{n}", f"SH-{n}") for n in range(4)))
    monkeypatch.setattr(follower, "CLOSE_SECONDS", 600.0)
    look, head = follower.Follower(pool).look, "select seq from dimension_head"

    monkeypatch.setattr(follower, "FULL_BATCH", 3)
    assert await look() is False
    assert await pool.fetchval(head) is None, "four vouchers at once: posting goes first"
    monkeypatch.setattr(follower, "PATIENCE", 4)
    assert await look() is True
    assert await pool.fetchval(head) == 4, "as far behind as it may be"

    await deliver(pool, service, *(examples.shipped(f"SO-{n}", f"SH-{n}") for n in range(4, 7)))
    assert await look() is True
    assert await pool.fetchval(head) == 7, "only three at once: nothing more waits"

    await deliver(pool, service, *(examples.shipped(f"SO-{n}", f"SH-{n}") for n in range(7, 10)))
    monkeypatch.setattr(follower, "FULL_BATCH", 2)
    assert await look() is False
    monkeypatch.setattr(follower, "CLOSE_SECONDS", 0.0)
    assert await look() is True
    assert await pool.fetchval(head) == 10, "posting has come to rest"


async def test_the_sums_by_dimension_stop_where_the_vouchers_do(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "STEP", 3)
    assert await follower.follow(pool) is False
    await trade(pool)
    steps = 0
    while await follower.follow(pool):
        steps += 1
    vouchers = await pool.fetchval("select max(seq) from voucher")
    assert (steps, await pool.fetchval("select seq from dimension_head")) == (-(-vouchers // 3), vouchers)
    for side, column in (("D", "debit"), ("C", "credit")):
        lines = await pool.fetch(
            "select account, period, sum(amount) from voucher_line where side = $1 group by 1, 2 order by 1, 2", side
        )
        sums = {(row["account"], row["period"]): row[column] for row in await pool.fetch(
            "select account, period, sum(debit) as debit, sum(credit) as credit from dimension_balance group by 1, 2"
        )}
        assert {(row[0], row[1]): row[2] for row in lines}.items() <= sums.items()


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/accounts/9999/ledger?period=2025-03", 404, "account"),
        ("/accounts/1405/ledger?period=2025-03&after=x", 422, "after"),
        ("/books/general-ledger?from=2025-03&until=2025-02", 422, "until"),
        ("/books/journal?from=2025-03&until=2029-02", 422, "until"),
        ("/books/journal?from=2025-03&until=2025-03&after=2025", 422, "after"),
        ("/trial-balance/by?period=2025-03", 422, "by"),
        ("/trial-balance/by?period=2025-03&by=customer&after=%5B1%5D", 422, "after"),
        ("/trial-balance/by?period=2025-03&by=customer&after=%5B", 422, "after"),
        ("/statements/cash-flow?period=2025-03", 422, "kind"),
        ("/statements/income/lines/99?period=2025-03", 404, "line"),
        ("/statements/income?period=2025-03&ledger=other", 404, "ledger"),
    ],
)
async def test_what_is_not_there_is_named(
    client: httpx2.AsyncClient, pool: Pool, path: str, status: int, field: str
) -> None:
    await ask(pool, service, examples.open_books())
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["errors"][0]["field"].rpartition(".")[2]) == (status, field)
