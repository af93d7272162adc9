"""The HTTP door of crm."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.crm.api import router
from services.crm.handlers import service
from shared.db import Pool
from shared.testing import deliver
from tests.crm.stories import books, delivered, open_company
from tests.shared.front import app_of, bearer, client_of

CUSTOMER = {"customer_id": "K1", "name": "华为技术有限公司", "credit_limit": "1000.00", "salesperson": "li"}
TALK = {"communication_id": "T1", "customer_id": "K1", "channel": "wechat", "talked_at": "2026-03-02T12:00:00+08:00",
        "text": "报价", "follow_up_on": "2026-03-03"}
COMPLAINT = {"complaint_id": "B1", "customer_id": "K1", "filed_at": "2026-03-02T12:00:00+08:00",
             "due_at": "2026-03-04T12:00:00+08:00", "text": "受潮"}


SALES = bearer("sales")


@pytest.fixture
async def http(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app_of(service, router, pool)) as client:
        yield client


async def post(http: httpx2.AsyncClient, path: str, body: Any, *roles: str) -> list[Any]:
    asker = {**bearer(*(roles or ["sales"])), "Idempotency-Key": path}
    answer = await http.post(path, json=body, headers=asker)
    assert answer.status_code == 201, answer.text
    return [event["data"] for event in answer.json()["events"]]


async def get(http: httpx2.AsyncClient, path: str, **params: str) -> Any:
    answer = await http.get(path, params=params, headers=SALES)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_door_opens(pool: Pool, http: httpx2.AsyncClient) -> None:
    await deliver(pool, service, books())
    assert await post(http, "/customers", {"customers": [CUSTOMER]}) == [
        {"customer_id": "K1", "credit_limit": "1000.00", "currency": "CNY"}
    ]
    assert await post(http, "/customers/changes", {"customer_id": "K1", "salesperson": "wu"}) == []
    [changed] = await post(http, "/customers/credit-limits", {"customer_id": "K1", "credit_limit": "5"}, "accountant")
    assert changed["credit_limit"] == "5"
    assert await post(http, "/contacts", {"contact_id": "P1", "customer_id": "K1", "name": "张三"}) == []
    [logged] = await post(http, "/communications", TALK)
    assert logged == {"communication_id": "T1", "customer_id": "K1", "channel": "wechat",
                      "talked_at": "2026-03-02T12:00:00+08:00"}
    await post(http, "/complaints", COMPLAINT)
    await deliver(pool, service, delivered("D1", ("S1", 1)))

    [listed] = await get(http, "/customers", q="华为", limit="1")
    assert listed == {**CUSTOMER, "salesperson": "wu", "credit_limit": "5", "balance": "113"}
    assert await get(http, "/customers", customer_id="K1") == [listed]
    assert await get(http, "/customers", sort="-name") == await get(http, "/customers", sort="name")
    page = await get(http, "/customers/K1")
    assert (page["balance"], page["orders"][0]["order_id"], page["orders"][0]["state"]) == ("113", "SO-1", None)
    assert [page["contacts"][0]["name"], page["deliveries"][0]["amount"]] == ["张三", "113"]
    assert [t["text"] for t in await get(http, "/communications", customer_id="K1")] == ["报价"]
    assert [c["state"] for c in await get(http, "/complaints", state="open")] == ["open"]
    due = await get(http, "/reminders", until="2026-03-04T12:00:00+08:00")
    assert [(r["kind"], r["overdue"], r["due_on"]) for r in due] == [
        ("follow_up", True, "2026-03-03"), ("complaint", True, "2026-03-04")
    ]
    resolution = {"complaint_id": "B1", "resolved_at": "2026-03-03T12:00:00+08:00", "text": "换货"}
    assert len(await post(http, "/complaints/resolutions", resolution)) == 1
    assert [c["resolution"] for c in await get(http, "/complaints", state="resolved", customer_id="K1")] == ["换货"]
    assert await get(http, "/complaints", state="open") == []
    assert len(await get(http, "/complaints")) == 1


async def test_errors_name_the_field_in_the_callers_language(pool: Pool, http: httpx2.AsyncClient) -> None:
    await open_company(pool)
    asker = {**SALES, "Idempotency-Key": "k1"}
    body = {**COMPLAINT, "customer_id": "K9"}
    answer = await http.post("/complaints", json=body, headers={**asker, "Accept-Language": "en"})
    assert (answer.status_code, answer.json()) == (422, {"errors": [
        {"field": "customer_id", "code": "unknown_customer", "message": "there is no customer K9"}
    ]})
    answer = await http.post("/complaints", json=body, headers={**asker, "Idempotency-Key": "k2"})
    assert answer.json()["errors"][0]["message"] == "客户 K9 不存在"
    limit = {"customer_id": "K1", "credit_limit": "5"}
    answer = await http.post("/customers/credit-limits", json=limit, headers=asker)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "forbidden")
    assert (await http.get("/customers/K9", headers=SALES)).status_code == 404


@pytest.mark.parametrize(("changed", "field"), [
    ({"talked_at": "2026-03-02T12:00:00"}, "talked_at"), ({"talked_at": "0001-01-01T00:00:00+14:00"}, "talked_at"),
    ({"talked_at": "9999-12-31T23:59:59-12:00"}, "talked_at"), ({"talked_at": "yesterday"}, "talked_at"),
    ({"text": "a\0b"}, "text"), ({"text": "\ud800"}, "text"), ({"text": ""}, "text"), ({"text": "字" * 4001}, "text"),
    ({"channel": "fax"}, "channel"), ({"phone": "123"}, "phone"), ({"follow_up_on": "2026-02-30"}, "follow_up_on"),
])
async def test_a_talk_that_cannot_be(
    pool: Pool, http: httpx2.AsyncClient, changed: dict[str, str], field: str
) -> None:
    await open_company(pool)
    body = json.dumps({**TALK, **changed})  # escaped, so that it can say what is not text
    asker = {**SALES, "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await http.post("/communications", content=body, headers=asker)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(("path", "status"), [
    ("/customers?q=%00", 200), ("/customers?q=%25", 200), ("/customers?after=%00", 422), ("/customers/%00", 422),
    ("/customers?limit=0", 422), ("/communications", 422), ("/complaints?state=lost", 422),
    ("/reminders", 422), ("/reminders?until=2026-03-02T00:00:00", 422), ("/reminders?until=2026-03-02T00:00:00Z", 200),
    ("/reminders?until=9999-12-31T23:59:59-12:00", 422), ("/reminders?until=0001-01-01T00:00:00Z", 422),
    ("/reminders?until=2999-12-31T00:00:00-12:00", 200),
])
async def test_odd_questions(pool: Pool, http: httpx2.AsyncClient, path: str, status: int) -> None:
    await open_company(pool)
    assert (await http.get(path, headers=SALES)).status_code == status


@pytest.mark.parametrize("path", [
    "/customers", "/customers/K1", "/communications?customer_id=K1", "/complaints",
    "/reminders?until=2026-03-02T00:00:00Z",
])
async def test_nothing_is_read_without_a_token_or_by_another_company(
    pool: Pool, http: httpx2.AsyncClient, path: str
) -> None:
    await open_company(pool)
    assert (await http.get(path)).status_code == 401
    other = await http.get(path, headers=bearer("sales", company="C2"))
    assert other.status_code == 404 or other.json() == []
