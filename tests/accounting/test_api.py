"""The HTTP door of accounting: open books, and read what was posted, by real tokens and a real Postgres."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from services.accounting import views
from services.accounting.handlers import service
from shared.db import Pool
from shared.events.accounting import BooksOpened
from shared.healing import Statement
from shared.testing import deliver, said
from tests.accounting import examples
from tests.accounting.doors import door, read
from tests.shared.front import bearer


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        yield found


async def open_books(client: httpx2.AsyncClient) -> httpx2.Response:
    body = examples.open_books().model_dump(mode="json")
    return await client.post("/books", json=body, headers={"Idempotency-Key": "k1"})


async def codes(client: httpx2.AsyncClient, **asked: Any) -> list[str]:
    return [account["code"] for account in (await read(client, "/accounts", **asked))["accounts"]]


async def test_books_are_opened_and_shown(client: httpx2.AsyncClient) -> None:
    answer = await open_books(client)
    assert answer.status_code == 201
    assert answer.json()["events"][0]["type"] == "accounting.books_opened.v1"
    book = await read(client, "/books")
    assert (book["company"], book["currency"], book["vat_rate"]) == ("C1", "CNY", "0.130000")
    accounts = {a["code"]: a for a in (await read(client, "/accounts"))["accounts"]}
    assert accounts["1122"]["roles"] == ["ar"]
    assert accounts["2202"]["takes_lines"] is False
    assert await codes(client, q="库存商") == ["1405"]
    assert await codes(client, q="merchandise INV") == ["1405"]
    assert await codes(client, q="220", limit=2) == sorted(code for code in accounts if code.startswith("220"))[:2]
    assert await codes(client, code=["1405", "1122", "none"]) == ["1122", "1405"]
    assert await codes(client, q="%") == []


async def test_the_trial_balance_carries_forward(client: httpx2.AsyncClient, pool: Pool) -> None:
    await open_books(client)
    await deliver(pool, service, examples.opened(), examples.shipped(), examples.placed())
    table = await read(client, "/trial-balance", period="2025-03")
    stock = next(a for a in table["accounts"] if a["code"] == "1405")
    assert {name: stock[name] for name in ("opening_debit", "debit", "credit", "closing_debit", "closing_credit")} == {
        "opening_debit": "6150.00", "debit": "0.00", "credit": "600.00", "closing_debit": "5550.00",
        "closing_credit": "0.00",
    }
    assert table["totals"]["opening_credit"] == "6150.00"
    assert table["memo_totals"]["debit"] == table["memo_totals"]["credit"] == "1000.00"


async def test_vouchers_by_page_and_by_number(
    client: httpx2.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 2)
    await open_books(client)
    await deliver(pool, service, *(examples.delivered(f"SO-{n}", f"SH-{n}") for n in range(3)))
    page = await read(client, "/vouchers", period="2025-03")
    assert [(v["number"], v["total"]) for v in page["vouchers"]] == [(1, "1130.00"), (2, "1130.00")]
    page = await read(client, "/vouchers", period="2025-03", after=page["next"])
    assert ([v["number"] for v in page["vouchers"]], page["next"]) == ([3], None)
    voucher = await read(client, "/vouchers/2025-03/备/2")
    assert [(line["account_zh"], line["side"], line["amount"]) for line in voucher["lines"]] == [
        ("订单备查", "D", "-1000.00"), ("订单备查对方", "C", "-1000.00"),
    ]


async def test_an_event_is_explained(client: httpx2.AsyncClient, pool: Pool) -> None:
    await open_books(client)
    await deliver(pool, service, examples.shipped(), examples.approved(), *await said(pool))
    ids = {row["event_type"]: row["event_id"] for row in await pool.fetch("select event_id, event_type from journal")}
    shipped = await read(client, f"/events/{ids['inventory.goods_shipped.v1']}/vouchers")
    (voucher,) = shipped["vouchers"]
    assert (voucher["rule_id"], voucher["rule_version"], len(voucher["lines"])) == ("goods-shipped", 1, 3)
    assert voucher["lines"][1]["quantity"] == "6.000000"
    assert (shipped["facts"]["amounts"], shipped["none"]) == ({"cost": "600.00"}, None)
    approved = await read(client, f"/events/{ids['order.order_approved.v1']}/vouchers")
    assert (approved["vouchers"], approved["none"]["zh"]) == ([], "订单已审核, 尚未交换任何东西")
    await service.compare(pool, [Statement("accounting", "C1", 1, {BooksOpened.type: 1}, datetime.now(UTC))])
    assert (await read(client, "/journal/gaps"))["sources"][0] == {
        "source": "accounting", "position": 1, "missing": 0, "holes": [], "unlisted": 0,
    }


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/accounts/9999/ledger?period=2025-03", 404, "account"),
        ("/vouchers/2025-03/记/1", 404, "voucher"),
        ("/events/01a20995-707b-7101-996b-67c3b2c84971/vouchers", 404, "event_id"),
        ("/trial-balance?period=2025-13", 422, "period"),
        ("/vouchers?period=2025-03&word=字", 422, "word"),
        ("/accounts/1405/ledger?period=2025-03&after=x", 422, "after"),
        ("/vouchers/2025-03/记/0", 422, "number"),
        ("/events/x/vouchers", 422, "event_id"),
    ],
)
async def test_what_is_not_there_is_named(client: httpx2.AsyncClient, path: str, status: int, field: str) -> None:
    await open_books(client)
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["errors"][0]["field"].rpartition(".")[2]) == (status, field)


@pytest.mark.parametrize("path", ["/books", "/trial-balance?period=2025-03", "/vouchers?period=2025-03"])
async def test_without_books_or_token_there_is_nothing_to_read(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
    assert (await client.get(path, headers={"Authorization": ""})).status_code == 401


async def test_another_company_sees_nothing(client: httpx2.AsyncClient) -> None:
    await open_books(client)
    assert (await client.get("/books", headers=bearer("chief_accountant", company="C2"))).status_code == 404
