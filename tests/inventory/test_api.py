"""The HTTP door of inventory: what its pages show, page by page, and only to its own company."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.inventory.api import router
from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.http import Probes, create_app
from shared.identity import TokenVerifier
from shared.testing import deliver
from tests.inventory.builders import approved, books, opening, placed, receipt, ship

KEY = ec.generate_private_key(ec.SECP256R1())


def token(company: str) -> str:
    now = datetime.now(UTC)
    claims = {
        "sub": "anna", "company": company, "roles": ["warehouse", "accountant"], "iss": "test", "aud": "inventory",
        "iat": now, "exp": now + timedelta(minutes=5),
    }
    return jwt.encode(claims, KEY, "ES256")


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of company C1, whose books are open."""
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    async def nothing_wrong() -> dict[str, str]:
        return {}

    async def no_metrics() -> bytes:
        return b""

    app = create_app(
        service, router, pool, TokenVerifier(public, "test", "inventory"), Probes(nothing_wrong, no_metrics)
    )
    await deliver(pool, service, books())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://inventory",
        headers={"Authorization": f"Bearer {token('C1')}", "Accept-Language": "en"},
    ) as opened:
        yield opened


async def post(client: httpx2.AsyncClient, path: str, command: Command | dict[str, Any], key: str) -> httpx2.Response:
    body = command.model_dump(mode="json") if isinstance(command, Command) else command
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def walk(client: httpx2.AsyncClient, pool: Pool) -> None:
    """Two products, an opening, a receipt, and an order shipped in part."""
    new = {"products": [{"sku": "TEA", "name": "茶"}, {"sku": "CUP", "name": "杯", "unit": "只"}]}
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
    assert (await client.get("/products/CUP")).json() == {"sku": "CUP", "name": "杯", "unit": "只"}


async def test_another_company_sees_nothing(client: httpx2.AsyncClient, pool: Pool) -> None:
    await walk(client, pool)
    client.headers["Authorization"] = f"Bearer {token('C2')}"
    for path, field in (("/fulfilments/SO-1", "order_id"), ("/receipts/R1", "receipt_id"), ("/products/TEA", "sku")):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, field)
    assert (await client.get("/stock")).json()["items"] == []
    assert (await client.get("/stock/TEA/moves")).json()["items"] == []
    client.headers["Authorization"] = "Bearer none"
    assert (await client.get("/stock")).status_code == 401
