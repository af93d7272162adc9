"""The HTTP door of the order service."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from services.order.api import router
from services.order.handlers import service
from shared.db import Pool
from shared.testing import deliver
from tests.order.stories import GROSS, approved, done, invoice, open_company, pay, reserved, returned, shipped
from tests.shared.front import app_of, bearer, client_of

ORDER = {
    "order_id": "SO-1", "customer_id": "K1", "ordered_on": "2026-03-02", "currency": "CNY",
    "lines": [{"sku": "S1", "quantity": "3", "unit_price": "33.33"}],
}


@pytest.fixture
async def http(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app_of(service, router, pool)) as client:
        yield client


async def test_an_order_is_placed_and_read_with_money_as_strings(pool: Pool, http: httpx2.AsyncClient) -> None:
    await open_company(pool)
    sales = bearer("sales")
    placed = await http.post("/orders", json=ORDER, headers={**sales, "Idempotency-Key": "k1"})
    assert placed.status_code == 201, placed.text
    assert placed.json()["events"][0]["data"]["gross"] == "112.99"
    await deliver(pool, service, reserved(), shipped("D1"))

    shown = (await http.get("/orders/SO-1", headers=sales)).json()
    assert (shown["state"], shown["gross"], shown["deliveries"][0]["open"]) == ("delivered", str(GROSS), str(GROSS))
    listed = (await http.get("/orders", params={"state": "delivered", "customer_id": "K1"}, headers=sales)).json()
    assert [(o["order_id"], o["maker"]) for o in listed] == [("SO-1", "anna")]
    customer = (await http.get("/customers/K1", headers=sales)).json()
    assert (customer["credit_limit"], customer["exposure"]) == ("1000.00", str(GROSS))
    assert (await http.get("/summary", headers=sales)).json()["orders"] == {"delivered": 1}
    assert (await http.get("/receivables", headers=sales)).json()[0]["open"] == str(GROSS)


async def test_returned_goods_are_credited_and_paid_back(pool: Pool, http: httpx2.AsyncClient) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1"))
    await done(pool, invoice("F1"), pay("P1", "112.99"))
    await deliver(pool, service, returned("T1", "1"))
    clerk = bearer("accountant", sub="bo")
    note = {"credit_note_id": "N1", "order_id": "SO-1", "issued_on": "2026-03-09"}
    noted = await http.post("/credit-notes", json=note, headers={**clerk, "Idempotency-Key": "k1"})
    assert (noted.status_code, noted.json()["events"][0]["data"]["returns"]) == (201, ["T1"])
    money = {"refund_id": "B1", "customer_id": "K1", "order_id": "SO-1", "paid_on": "2026-03-09", "currency": "CNY",
             "amount": "37.67"}
    english = {**clerk, "Accept-Language": "en", "Idempotency-Key": "k2"}
    refused = await http.post("/refunds", json=money, headers=english)
    assert (refused.status_code, refused.json()) == (422, {"errors": [
        {"field": "amount", "code": "more_than_owed", "message": "37.67 is more than the 37.66 that can be paid back"}
    ]})
    paid = await http.post("/refunds", json={**money, "amount": "37.66"}, headers={**clerk, "Idempotency-Key": "k3"})
    assert [event["type"] for event in paid.json()["events"]] == ["order.refund_paid.v1", "order.order_settled.v1"]
    for path, body in (("/credit-notes", note), ("/refunds", money)):
        forbidden = await http.post(path, json=body, headers={**bearer("sales"), "Idempotency-Key": path})
        assert forbidden.status_code == 403


async def test_errors_name_the_field_in_the_callers_language(pool: Pool, http: httpx2.AsyncClient) -> None:
    await open_company(pool)
    sales = {**bearer("sales"), "Idempotency-Key": "k1"}
    bad = {**ORDER, "customer_id": "K9"}
    refused = await http.post("/orders", json=bad, headers={**sales, "Accept-Language": "en"})
    assert (refused.status_code, refused.json()) == (422, {"errors": [
        {"field": "customer_id", "code": "unknown_customer", "message": "there is no customer K9"}
    ]})
    refused = await http.post("/approvals", json={"order_id": "SO-1"}, headers={**sales, "Idempotency-Key": "k2"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "forbidden")
    for path in ("/orders/SO-9", "/customers/K9"):
        assert (await http.get(path, headers=sales)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/orders", "/orders/SO-1", "/customers/K1", "/summary", "/receivables"]
)
async def test_nothing_is_read_without_a_token(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 401
