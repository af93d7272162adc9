"""The HTTP door: who may come in, what a refusal looks like in both languages, and that no door stands open."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.routing import BaseRoute

from shared.db import Db, Pool, open_pool
from shared.events.inventory import ReceiveGoods
from shared.events.order import CancelOrder, OrderCancelRequested, ReceivePayment
from shared.http import MAX_BODY_BYTES, OPEN_PATHS, Reading, accept, current_actor, not_found, plain_json
from shared.service import Service
from shared.testing import fresh_pool, said
from tests.shared import front
from tests.shared.samples import ROOT, cancel, desk, effects
from tests.shared.waits import until
from tools.link import link_to

SERVICES = ["accounting", "inventory", "order"]
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
ROLES = ("sales", "warehouse")
BODY = cancel().model_dump(mode="json")


def token(**claims: Any) -> str:
    """A good token but for these claims."""
    return front.token(*ROLES, **claims)


def sample_service() -> Service:
    """The desk, and two commands that are never asked for with success."""
    service = desk()

    @service.does(ReceiveGoods)
    async def receive_goods(_db: Db, _commands: Sequence[ReceiveGoods]) -> list[OrderCancelRequested]:
        raise AssertionError("nobody may get here")

    service.commands[ReceivePayment] = service.commands[ReceiveGoods]
    return service


def sample_router() -> APIRouter:
    router = APIRouter()
    accept(router, "/cancellations", CancelOrder)
    accept(router, "/receipts", ReceiveGoods)
    accept(router, "/payments", ReceivePayment)

    @router.get("/orders/{order_id}")
    async def read_order(db: Reading, order_id: str) -> dict[str, Any]:
        found = await db.fetchval(
            "select count(*) from effect where company = $1 and subject = $2", db.company, f"order/{order_id}"
        )
        if not found:
            raise not_found("order_id", order_id)
        return {"company": db.company, "effects": found}

    return router


@asynccontextmanager
async def client_of(pool: Pool, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the sample app with these headers on every request."""
    async with front.client_of(front.app_of(sample_service(), sample_router(), pool), **headers) as client:
        yield client


@pytest.fixture(scope="module")
async def quiet_pool() -> AsyncIterator[Pool]:
    """One database for all tests that write nothing."""
    async with fresh_pool(ROOT) as pool:
        yield pool


@pytest.fixture
async def quiet(quiet_pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client like `http`, of requests that write nothing; the database is there for the next test too."""
    headers = {"Authorization": f"Bearer {token()}", "Accept-Language": "en-GB,zh;q=0.5"}
    async with client_of(quiet_pool, **headers) as client:
        yield client
    assert await quiet_pool.fetchval("select count(*) from command") == 0


@pytest.fixture
async def http(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a good token, that prefers English."""
    async with client_of(pool, Authorization=f"Bearer {token()}", **{"Accept-Language": "en-GB,zh;q=0.5"}) as client:
        yield client


async def post(http: httpx2.AsyncClient, path: str = "/cancellations", key: str = "k-1", **options: Any) -> Any:
    headers = {"Idempotency-Key": key, **options.pop("headers", {})}
    return await http.post(path, headers=headers, **{"json": BODY, **options})


def error_of(answer: Any, status: int) -> dict[str, str]:
    """The only error of an answer with this status."""
    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    assert set(error) == {"field", "code", "message"}
    return dict(error)


# -- who ---------------------------------------------------------------------------------------------------------------


async def test_a_command_of_an_authenticated_person_is_done(http: httpx2.AsyncClient, pool: Pool) -> None:
    answer = await post(http)
    assert answer.status_code == 201
    (event,) = answer.json()["events"]
    assert (event["type"], event["subject"], event["version"]) == ("order.order_cancel_requested.v1", "order/SO-1", 1)
    assert event["data"]["order_id"] == "SO-1"
    assert (await said(pool))[0].envelope.actor == "anna"


async def test_a_token_that_got_in_does_not_get_in_for_ever(quiet_pool: Pool) -> None:
    """It is known until it expires; until the clocks' leeway of 30 s is over it is looked at each time."""
    expires = datetime.now(UTC) - timedelta(seconds=28)
    async with client_of(quiet_pool, Authorization=f"Bearer {token(exp=expires)}") as http:
        assert (await http.get("/orders/SO-1")).status_code == 404

        async def refused() -> bool:
            return (await http.get("/orders/SO-1")).status_code == 401

        await until("it expires", refused, bool, 10)


PAST = datetime.now(UTC) - timedelta(hours=2)
BAD_TOKENS = {
    "no token": "",
    "no bearer": "Basic YW5uYTphbm5h",
    "an empty bearer": "Bearer ",
    "no JWT": "Bearer abc.def.ghi",
    "of another key": f"Bearer {token(key=OTHER_KEY)}",
    "expired": f"Bearer {token(iat=PAST, exp=PAST + timedelta(hours=1))}",
    "without an end": f"Bearer {token(exp=None)}",
    "for another audience": f"Bearer {token(aud='another')}",
    "without an audience": f"Bearer {token(aud=None)}",
    "of another issuer": f"Bearer {token(iss='another')}",
    "without a person": f"Bearer {token(sub=None)}",
    "without a company": f"Bearer {token(company=None)}",
    "without roles": f"Bearer {token(roles=None)}",
    "with roles that are none": f"Bearer {token(roles='sales')}",
    "with alg=none": f"Bearer {token(key=None, algorithm='none')}",
    "with a secret for a key": f"Bearer {token(key='0123456789abcdef' * 4, algorithm='HS256')}",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_without_a_good_token_nobody_gets_in(quiet_pool: Pool, kind: str) -> None:
    async with client_of(quiet_pool, Authorization=BAD_TOKENS[kind]) as http:
        answers = [await post(http), await http.get("/orders/SO-1")]
    for answer in answers:
        assert error_of(answer, 401)["code"] == "http_401"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        _, _, sent = BAD_TOKENS[kind].partition(" ")
        assert not sent or sent not in answer.text, "the token is never shown"
    assert await effects(quiet_pool) == []


async def test_who_lacks_the_role_is_told_which_it_needs(quiet: httpx2.AsyncClient) -> None:
    body = {"payment_id": "P-1", "customer_id": "CU-1", "received_on": "2026-03-01", "currency": "CNY", "amount": "1"}
    error = error_of(await post(quiet, "/payments", json=body), 403)
    assert (error["field"], error["code"]) == ("actor", "forbidden")
    assert "accountant" in error["message"]
    assert "chief_accountant" in error["message"]


async def test_a_company_reads_only_its_own(http: httpx2.AsyncClient, pool: Pool) -> None:
    await post(http)
    assert (await http.get("/orders/SO-1")).json() == {"company": "C1", "effects": 1}
    async with client_of(pool, Authorization=f"Bearer {token(company='C2')}") as other:
        error_of(await other.get("/orders/SO-1"), 404)


# -- what --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "message"), [
    ("", "必填"), ("zh-CN,en;q=0.8", "必填"), ("en", "Field required"), ("en-US,zh;q=0.5", "Field required"),
])
async def test_an_invalid_field_is_named_in_the_callers_language(
    quiet: httpx2.AsyncClient, language: str, message: str
) -> None:
    body = {name: value for name, value in BODY.items() if name != "cancelled_on"}
    error = error_of(await post(quiet, json=body, headers={"Accept-Language": language}), 422)
    assert error == {"field": "cancelled_on", "code": "missing", "message": message}


RECEIPT = {"receipt_id": "R-1", "supplier_id": "SU-1", "received_on": "2026-03-01"}


@pytest.mark.parametrize(("line", "field", "text"), [
    ({"sku": "A", "quantity": 1.5, "unit_cost": "1"}, "lines.0.quantity", "12.50"),
    ({"sku": "A", "quantity": "1", "unit_cost": 0.1}, "lines.0.unit_cost", "12.50"),
    ({"sku": "A", "quantity": "1", "unit_cost": "NaN"}, "lines.0.unit_cost", "有限"),
    ({"sku": "A", "quantity": "0", "unit_cost": "1"}, "lines.0.quantity", "大于 0"),
    ({"sku": "A", "quantity": "1", "unit_cost": "-1"}, "lines.0.unit_cost", "大于或等于 0"),
    ({"sku": "A", "quantity": "1", "unit_cost": "1", "colour": "red"}, "lines.0.colour", "未知字段"),
])
async def test_a_field_of_a_line_is_named_by_its_path(
    quiet: httpx2.AsyncClient, line: dict[str, Any], field: str, text: str
) -> None:
    answer = await post(quiet, "/receipts", json={**RECEIPT, "lines": [line]}, headers={"Accept-Language": "zh"})
    error = error_of(answer, 422)
    assert error["field"] == field
    assert text in error["message"]


async def test_what_is_no_json_is_a_422(quiet: httpx2.AsyncClient) -> None:
    answer = await post(quiet, json=None, content=b'{"order_id":', headers={"Content-Type": "application/json"})
    assert error_of(answer, 422)["code"] == "json_invalid"


@pytest.mark.parametrize("reason", [r"a\u0000b", r"\ud800"], ids=["NUL", "half a character"])
async def test_a_text_that_no_database_can_hold_is_refused(quiet: httpx2.AsyncClient, reason: str) -> None:
    body = b'{"order_id": "SO-1", "cancelled_on": "2026-03-01", "reason": "%s"}' % reason.encode()
    answer = await post(quiet, json=None, content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer, 422)["field"] == "reason"


async def test_a_body_that_is_too_large_is_a_413(quiet: httpx2.AsyncClient) -> None:
    huge = {**BODY, "reason": "x" * MAX_BODY_BYTES}
    error = error_of(await post(quiet, json=huge), 413)
    assert (error["field"], error["code"]) == ("body", "too_large")
    assert str(MAX_BODY_BYTES) in error["message"]


async def test_a_body_of_unknown_length_is_not_read(quiet: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    headers = {"Content-Type": "application/json"}
    assert error_of(await post(quiet, json=None, content=endless(), headers=headers), 411)["field"] == "body"


@pytest.mark.parametrize("key", [None, "", "k" * 201])
async def test_a_command_needs_an_idempotency_key(quiet: httpx2.AsyncClient, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    error = error_of(await quiet.post("/cancellations", json=BODY, headers=headers), 422)
    assert error["field"] == "header.Idempotency-Key"


async def test_a_repeated_request_gets_the_first_answer(http: httpx2.AsyncClient, pool: Pool) -> None:
    first, again = await post(http), await post(http)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await effects(pool)) == 1


async def test_one_key_for_two_requests_is_a_409(http: httpx2.AsyncClient) -> None:
    await post(http)
    error = error_of(await post(http, json={**BODY, "reason": "another"}), 409)
    assert (error["field"], error["code"]) == ("idempotency_key", "key_reused")


@pytest.mark.parametrize(("language", "message"), [
    ("zh", "订单 SO-1 现在不能取消"), ("en", "order SO-1 cannot be cancelled now"),
])
async def test_a_refusal_is_shown_in_the_callers_language(
    http: httpx2.AsyncClient, language: str, message: str
) -> None:
    answer = await post(http, json={**BODY, "reason": "refuse"}, headers={"Accept-Language": language})
    assert error_of(answer, 409) == {"field": "order_id", "code": "not_now", "message": message}


@pytest.mark.parametrize(("language", "message"), [("zh", "找不到 order_id SO-9"), ("en", "there is no order_id SO-9")])
async def test_what_is_not_there_is_named(quiet: httpx2.AsyncClient, language: str, message: str) -> None:
    answer = await quiet.get("/orders/SO-9", headers={"Accept-Language": language})
    assert error_of(answer, 404) == {"field": "order_id", "code": "not_found", "message": message}


async def test_an_unknown_path_or_method_looks_like_every_other_error(quiet: httpx2.AsyncClient) -> None:
    assert error_of(await quiet.get("/nowhere"), 404)["code"] == "http_404"
    assert error_of(await quiet.delete("/orders/SO-1"), 405)["code"] == "http_405"


async def test_a_bug_is_a_500_that_tells_nothing(http: httpx2.AsyncClient, pool: Pool) -> None:
    error = error_of(await post(http, json={**BODY, "order_id": "SO-SECRET", "reason": "bug"}), 500)
    assert (error["code"], error["message"]) == ("internal", "BugError")
    assert await effects(pool) == []


async def test_while_the_database_is_away_it_says_so_and_the_same_key_may_be_tried(database: str) -> None:
    async with link_to(database) as link:
        far = await open_pool(link.url, size=2)
        async with client_of(far, Authorization=f"Bearer {token()}") as http:
            link.cut()
            answer = await post(http)
            assert error_of(answer, 503)["code"] == "unavailable"
            assert answer.headers["Retry-After"] == "1"
            link.mend()
            assert (await post(http)).status_code == 201
        far.terminate()
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select count(*) from effect") == 1
    await connection.close()


# -- no door stands open -----------------------------------------------------------------------------------------------


async def test_probes_and_documents_need_no_token(quiet_pool: Pool) -> None:
    async with client_of(quiet_pool) as http:
        answers = {path: await http.get(path) for path in sorted(OPEN_PATHS)}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(sorted(OPEN_PATHS), 200)
    assert answers["/readyz"].json() == {"ready": True, "problems": {}, "warnings": {}}
    assert answers["/asyncapi.json"].json()["asyncapi"] == "3.0.0"
    assert "/cancellations" in answers["/openapi.json"].json()["paths"]


def dependencies(dependant: Dependant) -> Iterator[Any]:
    """All that a route depends on, also indirectly."""
    for inner in dependant.dependencies:
        yield inner.call
        yield from dependencies(inner)


def routes_of(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route; FastAPI keeps those of an included router together."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from routes_of(included.routes)


def open_routes(app: FastAPI) -> list[str]:
    """The paths that anybody may use."""
    return [
        getattr(route, "path", str(route)) for route in routes_of(app.routes)
        if not (isinstance(route, APIRoute) and current_actor in set(dependencies(route.dependant)))
    ]


@pytest.mark.parametrize("name", SERVICES)
async def test_every_route_of_a_service_asks_who_is_there(quiet_pool: Pool, name: str) -> None:
    service = import_module(f"services.{name}.handlers").service
    router = import_module(f"services.{name}.api").router
    app = front.app_of(service, router, quiet_pool)
    assert set(open_routes(app)) == OPEN_PATHS
    routes = [route for route in routes_of(app.routes) if isinstance(route, APIRoute)]
    posts = [route.path for route in routes if "POST" in (route.methods or ())]
    assert len(posts) == len(service.commands), "every command has a path, and nothing else takes a POST"


async def test_a_route_without_a_guard_would_be_found(quiet_pool: Pool) -> None:
    router = sample_router()

    @router.get("/secret")
    async def secret() -> str:
        return "everybody reads this"

    assert set(open_routes(front.app_of(desk(), router, quiet_pool))) == OPEN_PATHS | {"/secret"}


def test_plain_values_are_answered_as_fastapi_would() -> None:
    moment = datetime(2026, 1, 15, 9, 30, 0, 123456, UTC)
    rows = [{"id": uuid4(), "at": moment, "on": moment.date(), "first": date.min, "amount": Decimal("0.10"),
             "much": 2**62, "none": None, "words": "收 “引号” \u2028"}]
    told = {"rows": rows, "next": None}
    assert bytes(plain_json(told).body) == TypeAdapter(dict[str, Any]).dump_json(told)
