"""The HTTP door of inventory: what its pages show, page by page, and only to its own company."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.inventory.handlers import service
from shared.db import Pool
from shared.events.inventory import CountedLine, CountStock
from shared.testing import ask, deliver
from tests.inventory.builders import DAY, D, approved, books, opening, placed, receipt, ship, take_back
from tests.inventory.door import ROLES, open_client, post
from tests.inventory.purchases import suppliers
from tests.shared.front import bearer


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of company C1, whose books are open and which has a supplier."""
    await deliver(pool, service, books())
    assert (await ask(pool, service, suppliers("S1"))).ok
    async with open_client(pool) as opened:
        yield opened


async def walk(client: httpx2.AsyncClient, pool: Pool) -> None:
    """Two products, an opening, a receipt, and an order shipped in part."""
    cup = {"sku": "CUP", "name": "杯", "unit": "只", "standard_cost": "1.5"}
    new = {"products": [{"sku": "TEA", "name": "茶"}, cup]}
    await post(client, "/products", new, "1")
    await post(client, "/openings", opening("O1", ("TEA", "3", "100.00"), ("CUP", "2", "8.00")), "2")
    await post(client, "/receipts", receipt("R1", ("TEA", "1.5", "12.345678")), "3")
    await deliver(pool, service, placed("SO-1", ("TEA", "2"), ("CUP", "2")), approved("SO-1"))
    answer = await post(client, "/shipments", ship("SH-1", "SO-1", (1, "0.5"), (2, "2")), "4")
    assert answer.status_code == 201


async def test_stock_shows_what_is_there_and_what_it_is_worth(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    page = (await client.get("/stock")).json()
    assert page == {"next": None, "items": [
        {"sku": "CUP", "warehouse": "main", "quantity": "0", "reserved": "0", "available": "0", "value": "0.00",
         "unit_cost": None},
        {"sku": "TEA", "warehouse": "main", "quantity": "4.0", "reserved": "1.5", "available": "2.5",
         "value": "105.35", "unit_cost": "26.33750000"},
    ]}
    first = (await client.get("/stock", params={"limit": 1})).json()
    assert first["next"] == "CUP/main"
    second = (await client.get("/stock", params={"limit": 1, "after": first["next"]})).json()
    assert [item["sku"] for item in first["items"] + second["items"]] == ["CUP", "TEA"]
    assert second["next"] is None
    assert len((await client.get("/stock", params={"sku": "TEA", "warehouse": "main"})).json()["items"]) == 1
    assert (await client.get("/stock", params={"warehouse": "north"})).json()["items"] == []
    assert (await client.get("/stock", params={"after": "TEA"})).status_code == 422


async def test_moves_are_the_stock_ledger(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    moves: list[dict[str, Any]] = []
    after: str | None = "/0"
    while after is not None:
        page = (await client.get("/stock/TEA/moves", params={"limit": 2, "after": after})).json()
        moves, after = moves + page["items"], page["next"]
    assert [(m["n"], m["kind"], m["quantity"], m["value"], m["quantity_after"], m["value_after"]) for m in moves] == [
        (1, "opening", "3", "100.00", "3", "100.00"),
        (2, "receipt", "1.5", "18.52", "4.5", "118.52"),
        (3, "shipment", "-0.5", "-13.17", "4.0", "105.35"),
    ]
    assert moves[2]["order_id"] == "SO-1"


async def test_documents_and_products(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    fulfilment = (await client.get("/fulfilments/SO-1")).json()
    assert (fulfilment["state"], fulfilment["approved"]) == ("reserved", True)
    assert [(x["ordered"], x["reserved"], x["shipped"]) for x in fulfilment["lines"]] == [
        ("2", "1.5", "0.5"), ("2", "0", "2"),
    ]
    assert fulfilment["shipments"] == [{"shipment_id": "SH-1", "shipped_on": "2026-01-05", "cost": "21.17"}]
    assert (await client.get("/receipts/R1")).json() == {
        "receipt_id": "R1", "supplier_id": "S1", "received_on": "2026-01-05", "warehouse": "main", "currency": "CNY",
        "cost": "18.52",
        "lines": [{"line": 1, "sku": "TEA", "quantity": "1.5", "unit_cost": "12.345678", "cost": "18.52"}],
    }
    assert (await client.get("/products/CUP")).json() == {
        "sku": "CUP", "name": "杯", "unit": "只", "standard_cost": "1.5",
    }


async def test_a_return_and_a_count_are_shown(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    back = await post(client, "/customer-returns", take_back("B1", "SH-1", (2, "1")), "5")
    assert (back.status_code, back.json()["events"][0]["data"]["cost"]) == (201, "4.00")
    shown = (await client.get("/customer-returns/B1")).json()
    assert (shown["order_id"], shown["lines"]) == (
        "SO-1", [{"line": 2, "sku": "CUP", "quantity": "1", "cost": "4.00"}]
    )
    assert [r["return_id"] for r in (await client.get("/fulfilments/SO-1")).json()["returns"]] == ["B1"]

    found = CountStock(count_id="K1", counted_on=DAY, lines=(CountedLine(sku="CUP", counted=D(0)),))
    assert (await post(client, "/counts", found, "6")).status_code == 201
    own = await post(client, "/counts/approvals", {"count_id": "K1", "approved_on": "2026-01-06"}, "7")
    assert (own.status_code, own.json()["errors"][0]["code"]) == (403, "self_approval")
    count = (await client.get("/counts/K1")).json()
    assert (count["counted_by"], count["approved_by"], count["loss"]) == ("anna", None, "4.00")
    assert count["lines"] == [
        {"line": 1, "sku": "CUP", "booked": "1", "counted": "0", "gain": "0", "loss": "4.00"}
    ]


async def test_negative_stock_is_allowed_by_the_chief_accountant(client: httpx2.AsyncClient, pool: Pool) -> None:
    assert (await client.get("/policies/negative-stock")).json() == []
    decision = {"allowed_from": "2026-01-01", "allow": True}
    assert (await post(client, "/policies/negative-stock", decision, "1")).status_code == 403
    client.headers.update(bearer("chief_accountant", "warehouse"))
    assert (await post(client, "/policies/negative-stock", decision, "2")).status_code == 201
    assert (await client.get("/policies/negative-stock")).json() == [decision]

    await post(client, "/products", {"products": [{"sku": "POT", "name": "壶", "standard_cost": "8"}]}, "3")
    await deliver(pool, service, placed("SO-1", ("POT", "10")), approved("SO-1"))
    assert (await post(client, "/shipments", ship("SH-1", "SO-1"), "4")).status_code == 201
    assert (await post(client, "/receipts", receipt("R1", ("POT", "5", "10")), "5")).status_code == 201
    assert (await client.get("/stock/POT/adjustments")).json() == {"next": None, "items": [
        {"warehouse": "main", "since": 2, "adjustment_id": "receipt:R1", "stock": "-10.00", "consumed": "10.00"},
    ]}
    [level] = (await client.get("/stock", params={"sku": "POT"})).json()["items"]
    assert (level["quantity"], level["value"], level["unit_cost"]) == ("-5", "-40.00", None)


async def test_another_company_sees_nothing(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    client.headers.update(bearer(*ROLES, company="C2"))
    for path, field in (("/fulfilments/SO-1", "order_id"), ("/receipts/R1", "receipt_id"), ("/products/TEA", "sku")):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, field)
    assert (await client.get("/stock")).json()["items"] == []
    assert (await client.get("/stock/TEA/moves")).json()["items"] == []
    client.headers["Authorization"] = "Bearer none"
    assert (await client.get("/stock")).status_code == 401
