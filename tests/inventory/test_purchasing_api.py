"""The HTTP door of purchasing: commands by their paths, and what its pages show, only to its own company."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.testing import deliver
from tests.inventory.builders import books, receipt
from tests.inventory.door import open_client, post
from tests.inventory.purchases import bill, pay, purchase, received, send_back, suppliers
from tests.shared.front import bearer


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of C1, where all this has happened: two orders, receipts with and without one, a bill, a payment, a
    return."""
    await deliver(pool, service, books())
    async with open_client(pool) as opened:
        opened.headers.update(bearer("buyer", "warehouse", "accountant"))
        await walk(opened)
        yield opened


async def walk(client: httpx2.AsyncClient) -> None:
    new = {"products": [{"sku": "TEA", "name": "茶"}, {"sku": "CUP", "name": "杯"}]}
    steps: tuple[tuple[str, Command | dict[str, Any]], ...] = (
        ("/products", new), ("/suppliers", suppliers("S1", "S2", "S3")),
        ("/purchase-orders", purchase("P1", ("TEA", "10", "12.5"), ("CUP", "4", "2"))),
        ("/purchase-orders", purchase("P2", ("TEA", "1", "12"), supplier="S2")),
        ("/receipts", received("R1", "P1", ("TEA", "8"), ("CUP", "4"))),
        ("/receipts", receipt("R2", ("CUP", "3", "2"))),
        ("/supplier-invoices", bill("B1", ("R1", 1, "8", "13"))), ("/supplier-payments", pay("Z1", "100")),
        ("/purchase-returns", send_back("V1", "R1", (1, "1"), (2, "1"))),
    )
    for i, (path, command) in enumerate(steps):
        answer = await post(client, path, command, f"k{i}")
        assert answer.status_code == 201, answer.json()


async def test_suppliers(client: httpx2.AsyncClient) -> None:
    first = (await client.get("/suppliers", params={"limit": 2})).json()
    assert first == [
        {"supplier_id": "S1", "name": "供应商 S1", "balance": "2.83"},
        {"supplier_id": "S2", "name": "供应商 S2", "balance": "0"},
    ]
    rest = (await client.get("/suppliers", params={"limit": 2, "after": "S2"})).json()
    assert [own["supplier_id"] for own in rest] == ["S3"]
    assert (await client.get("/suppliers/S1")).json() == {
        "supplier_id": "S1", "name": "供应商 S1", "balance": "2.83",
        "open_invoices": [
            {"supplier_invoice_id": "B1", "invoiced_on": "2026-01-05", "gross": "117.52", "open": "2.83"},
        ],
    }


async def test_purchase_orders(client: httpx2.AsyncClient) -> None:
    async def ids(**params: str) -> list[str]:
        return [own["purchase_id"] for own in (await client.get("/purchase-orders", params=params)).json()]

    assert await ids() == ["P1", "P2"]
    assert await ids(state="part_received") == ["P1"]
    assert await ids(supplier_id="S2") == ["P2"]
    assert await ids(limit="1", after="P1") == ["P2"]
    assert (await client.get("/purchase-orders", params={"state": "closed"})).status_code == 422
    assert (await client.get("/purchase-orders/P1")).json() == {
        "purchase_id": "P1", "supplier_id": "S1", "ordered_on": "2026-01-05", "warehouse": "main", "currency": "CNY",
        "net": "133.00", "state": "part_received",
        "lines": [
            {"line": 1, "sku": "TEA", "quantity": "10", "unit_cost": "12.5", "net": "125.00", "received": "8"},
            {"line": 2, "sku": "CUP", "quantity": "4", "unit_cost": "2", "net": "8.00", "received": "4"},
        ],
        "receipts": [{"receipt_id": "R1", "received_on": "2026-01-05", "cost": "108.00"}],
    }


async def test_a_bill_shows_what_paid_it_and_what_went_back(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/supplier-invoices/B1")).json() == {
        "supplier_invoice_id": "B1", "supplier_id": "S1", "opening_id": None, "invoiced_on": "2026-01-05",
        "currency": "CNY",
        "accrued": "100.00", "variance": "4.00", "net": "104.00", "tax": "13.52", "gross": "117.52", "open": "2.83",
        "lines": [{
            "line": 1, "receipt_id": "R1", "receipt_line": 1, "sku": "TEA", "quantity": "8", "accrued": "100.00",
            "variance": "4.00", "net": "104.00", "tax": "13.52",
        }],
        "payments": [{"supplier_payment_id": "Z1", "paid_on": "2026-01-05", "amount": "100"}],
        "returns": [{"purchase_return_id": "V1", "returned_on": "2026-01-05", "net": "13.00", "tax": "1.69"}],
    }


async def test_the_match_queue_is_what_waits_for_a_bill(client: httpx2.AsyncClient) -> None:
    first = (await client.get("/match-queue", params={"limit": 1})).json()
    assert first == {"next": "R1/2", "items": [{
        "receipt_id": "R1", "line": 2, "supplier_id": "S1", "purchase_id": "P1", "received_on": "2026-01-05",
        "sku": "CUP", "warehouse": "main", "quantity": "4", "unbilled": "3", "accrued": "6.00",
    }]}
    rest = (await client.get("/match-queue", params={"limit": 1, "after": first["next"]})).json()
    assert [(own["receipt_id"], own["purchase_id"]) for own in rest["items"]] == [("R2", None)]
    assert rest["next"] is None
    assert (await client.get("/match-queue", params={"supplier_id": "S2"})).json()["items"] == []
    assert (await client.get("/match-queue", params={"after": "R1"})).status_code == 422


async def test_another_company_sees_nothing(client: httpx2.AsyncClient) -> None:
    client.headers.update(bearer("buyer", company="C2"))
    for path, field in (
        ("/suppliers/S1", "supplier_id"), ("/purchase-orders/P1", "purchase_id"),
        ("/supplier-invoices/B1", "supplier_invoice_id"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, field)
    assert (await client.get("/suppliers")).json() == (await client.get("/purchase-orders")).json() == []
    assert (await client.get("/match-queue")).json() == {"items": [], "next": None}
    client.headers["Authorization"] = "Bearer none"
    assert (await client.get("/match-queue")).status_code == 401


async def test_who_may_not(client: httpx2.AsyncClient) -> None:
    client.headers.update(bearer("warehouse"))
    billed = bill("B2", ("R2", 1, "1", "1"))
    for path, command in (("/supplier-payments", pay("Z2", "1")), ("/supplier-invoices", billed)):
        assert (await post(client, path, command, path)).status_code == 403
