"""Lists that people look things up in: products by a part of their name, stock that is sorted, what lacks, documents by
day; each page begins where the one before ended."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.inventory.handlers import service
from shared.db import Pool
from shared.testing import deliver
from tests.inventory.builders import approved, books, opening, placed, ship
from tests.inventory.door import open_client, post
from tests.inventory.purchases import purchase, suppliers
from tests.shared.front import bearer


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """Three products, two of them in stock; an order holds some tea, and another one waits for pots."""
    await deliver(pool, service, books())
    async with open_client(pool) as opened:
        opened.headers.update(bearer("buyer", "warehouse", "accountant"))
        names = (("TEA", "龙井 ＴＥＡ"), ("CUP", "盖碗 cup"), ("POT", "紫砂壶"))
        steps: tuple[tuple[str, Any], ...] = (
            ("/products", {"products": [{"sku": sku, "name": name} for sku, name in names]}),
            ("/openings", opening("O1", ("TEA", "10", "20.00"), ("CUP", "4", "80.00"))),
            ("/suppliers", suppliers("S1")),
            ("/purchase-orders", purchase("P2", ("TEA", "1", "12"))),
            ("/purchase-orders", purchase("P1", ("TEA", "1", "12"))),
        )
        for i, (path, command) in enumerate(steps):
            assert (await post(opened, path, command, f"k{i}")).status_code == 201
        await deliver(pool, service, placed("SO-1", ("TEA", "8")), approved("SO-1"), placed("SO-2", ("POT", "2")))
        yield opened


async def test_products_are_found_by_any_part_of_name_or_number(client: httpx2.AsyncClient) -> None:
    async def found(**params: Any) -> list[str]:
        return [one["sku"] for one in (await client.get("/products", params=params)).json()]

    assert await found() == ["CUP", "POT", "TEA"]
    assert await found(q="井 tea") == await found(q="ｔｅ") == await found(q="井") == ["TEA"]
    assert (await found(q="u"), await found(q="茅台"), await found(q=" ")) == (["CUP"], [], ["CUP", "POT", "TEA"])
    assert await found(limit=2, after="CUP") == ["POT", "TEA"]
    assert await found(sku=["TEA", "NONE"]) == ["TEA"]
    [tea] = (await client.get("/products", params={"q": "tea", "warehouse": "main"})).json()
    assert tea == {"sku": "TEA", "name": "龙井 ＴＥＡ", "unit": "件", "quantity": "10", "available": "2"}
    [elsewhere] = (await client.get("/products", params={"q": "tea", "warehouse": "north"})).json()
    assert elsewhere["available"] == "0"


async def test_suppliers_are_found_by_any_part_of_name_or_number_and_their_orders_by_them(
    client: httpx2.AsyncClient
) -> None:
    more = {"suppliers": [{"supplier_id": "S2", "name": "杭州 ＴＥＡ 厂"}, {"supplier_id": "S3", "name": "瓷器行"}]}
    assert (await post(client, "/suppliers", more, "more")).status_code == 201
    assert (await post(client, "/purchase-orders", purchase("P3", ("CUP", "1", "12"), supplier="S3"), "p3")
            ).status_code == 201

    async def found(path: str, name: str, **params: Any) -> list[str]:
        return [one[name] for one in (await client.get(path, params=params)).json()]

    assert await found("/suppliers", "supplier_id") == ["S1", "S2", "S3"]
    for part in ("tea", "州", "2"):
        assert await found("/suppliers", "supplier_id", q=part) == ["S2"]
    assert await found("/suppliers", "supplier_id", q="s", limit=2) == ["S1", "S2"]
    assert await found("/suppliers", "supplier_id", q="s", after="S2") == ["S3"]
    assert await found("/suppliers", "supplier_id", supplier_id=["S3", "S1", "S9"]) == ["S1", "S3"]
    for sort, order in (("id", ["P1", "P2", "P3"]), ("-date", ["P3", "P2", "P1"])):
        assert await found("/purchase-orders", "purchase_id", sort=sort, supplier_id=["S1", "S3"]) == order
    assert await found("/purchase-orders", "purchase_id", sort="-date", supplier_id=["S3"], state="open") == ["P3"]


async def test_stock_is_sorted_and_searched(client: httpx2.AsyncClient) -> None:
    async def pages(path: str, **params: Any) -> list[str]:
        """All pages of one row each."""
        found: list[str] = []
        while True:
            page = (await client.get(path, params={**params, "limit": 1})).json()
            found += [f"{one['sku']} {one['available']}" for one in page["items"]]
            if page["next"] is None:
                return found
            params["after"] = page["next"]

    assert await pages("/levels") == ["CUP 4", "POT 0", "TEA 2"]
    assert await pages("/levels", sort="available") == ["POT 0", "TEA 2", "CUP 4"]
    assert await pages("/levels", sort="-value") == ["CUP 4", "TEA 2", "POT 0"]
    assert (await pages("/levels", q="碗"), await pages("/levels", warehouse="north")) == (["CUP 4"], [])
    assert await pages("/shortages") == ["POT 0"], "an order waits for it, though it never was in stock"
    assert await pages("/shortages", below="4") == ["POT 0", "TEA 2", "CUP 4"]
    assert (await client.get("/levels", params={"after": "x"})).status_code == 422


async def test_documents_are_listed_newest_first(client: httpx2.AsyncClient) -> None:
    await post(client, "/shipments", ship("SH-1", "SO-1", (1, "3")), "s1")
    newest = (await client.get("/stock/TEA/moves", params={"newest_in": "main", "limit": 1})).json()
    assert [(m["n"], m["quantity"]) for m in newest["items"]] == [(2, "-3")]
    older = (await client.get("/stock/TEA/moves", params={"newest_in": "main", "after": newest["next"]})).json()
    assert ([m["n"] for m in older["items"]], older["next"]) == ([1], None)

    for n, counted in (("C1", "5"), ("C2", "7")):
        lines = [{"sku": "TEA", "counted": counted}]
        await post(client, "/counts", {"count_id": n, "counted_on": "2026-01-05", "lines": lines}, n)

    async def counts(**params: Any) -> list[str]:
        return [one["count_id"] for one in (await client.get("/counts", params=params)).json()]

    assert await counts() == await counts(waiting=True) == ["C2", "C1"]
    assert await counts(after="C2") == ["C1"]
    client.headers.update(bearer("accountant", sub="other"))
    approval = await post(client, "/counts/approvals", {"count_id": "C2", "approved_on": "2026-01-06"}, "a")
    assert approval.status_code == 201, approval.json()
    assert await counts(waiting=True) == ["C1"]

    async def purchases(**params: Any) -> list[str]:
        return [one["purchase_id"] for one in (await client.get("/purchase-orders", params=params)).json()]

    for narrowed in ({}, {"state": "open"}, {"supplier_id": "S1"}):
        assert await purchases(sort="-date", **narrowed) == ["P2", "P1"]
        assert await purchases(sort="date", **narrowed) == ["P1", "P2"]
        assert await purchases(sort="-date", after="P2", **narrowed) == ["P1"]
