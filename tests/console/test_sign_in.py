"""Who gets in, who does not, and what a browser that is signed in may be made to do."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.console.domain.lockout import IDLE
from services.console.pages import GROUPS
from services.console.pages.frame import posted
from shared.testing import as_admin
from tests.console.stage import COMPANY, PASSWORD, Stage


@asynccontextmanager
async def browser(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stage.url) as client:
        yield client


async def send(client: httpx2.AsyncClient, path: str, form_on: str = "", **fields: str) -> httpx2.Response:
    """Send a form as the page shows it."""
    shown = (await client.get(form_on or path)).text
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', shown)
    assert found, shown
    return await client.post(path, data={"csrf": found[1], **fields})


async def sign_in(client: httpx2.AsyncClient, name: str, password: str = PASSWORD) -> httpx2.Response:
    return await send(client, "/sign-in", name=name, password=password, to="/password")


async def audit_of(stage: Stage, name: str) -> list[str]:
    rows = await stage.pool.fetch("select action from audit where account = $1 order by seq", name)
    return [row["action"] for row in rows]


async def test_who_is_not_signed_in_sees_nothing(stage: Stage) -> None:
    async with browser(stage) as client:
        for path in ("/", "/vouchers", "/books", "/operation", "/accounts", "/feed", "/password"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"].startswith("/sign-in")) == (303, True), path
        assert (await client.get("/vouchers", headers={"HX-Request": "true"})).headers["hx-redirect"] == "/sign-in"


async def test_signing_in_makes_a_session_that_only_the_browser_can_use(stage: Stage) -> None:
    async with browser(stage) as client:
        client.cookies.set("fenlu", "chosen-by-an-attacker")
        answer = await sign_in(client, "Auditor")
        assert (answer.status_code, answer.headers["location"]) == (303, "/password")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("fenlu="))
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
        token = cookie.partition("=")[2].partition(";")[0]
        assert "chosen" not in token
        kept = await stage.pool.fetch("select token_hash from session where account = 'auditor'")
        assert token.encode() not in b"".join(row["token_hash"] for row in kept)
        assert (await client.get("/password")).status_code == 200
        assert (await send(client, "/sign-out", "/password")).headers["location"] == "/sign-in"
        client.cookies.set("fenlu", token)
        assert (await client.get("/password")).status_code == 303, "what was signed out stays so"
    assert await audit_of(stage, "auditor") == ["sign-in", "sign-out"]


async def test_guessing_gets_slower_and_says_so(stage: Stage) -> None:
    async with browser(stage) as client:
        assert [(await sign_in(client, "buyer", f"wrong password {n}")).status_code for n in range(5)] == [401] * 5
        assert await stage.pool.fetchval(
            "select until - last_at from attempt where kind = 'account' and key = 'buyer'") == timedelta(seconds=1)
        await stage.pool.execute("update attempt set until = now() + interval '1 hour' where kind = 'account'")
        assert (await sign_in(client, "buyer", "wrong password 5")).status_code == 429
        assert (await sign_in(client, "buyer")).status_code == 429, "even with the right one, until the wait is over"
        await stage.pool.execute("update attempt set until = now() - interval '1 second'")
        assert (await sign_in(client, "buyer")).status_code == 303
        assert not await stage.pool.fetchval("select count(*) from attempt where kind = 'account' and key = 'buyer'")
    assert await audit_of(stage, "buyer") == ["sign-in.refused"] * 5 + ["sign-in.wait"] * 2 + ["sign-in"]
    await stage.pool.execute("delete from attempt")


async def test_many_at_once_get_in_and_many_guesses_at_once_get_no_further(stage: Stage) -> None:
    async def attempt(name: str, password: str) -> int:
        async with browser(stage) as client:
            return (await sign_in(client, name, password)).status_code

    names = ["sales", "warehouse", "second.operator", "sales", "warehouse", "second.operator"]
    assert await asyncio.gather(*(attempt(name, PASSWORD) for name in names)) == [303] * 6
    guesses = await asyncio.gather(*(attempt("second.admin", f"wrong password {n}") for n in range(10)))
    assert guesses.count(401) == await stage.pool.fetchval(
        "select failures from attempt where kind = 'account' and key = 'second.admin'"), "each was counted before"
    await stage.pool.execute("delete from attempt")


async def test_nobody_learns_which_accounts_there_are(stage: Stage) -> None:
    async with browser(stage) as client:
        there, nowhere = [await sign_in(client, name, "wrong password") for name in ("second.buyer", "nobody.here")]
        shown = [re.sub(r'value="[^"]*"', "", answer.text) for answer in (there, nowhere)]
        assert shown[0] == shown[1]
    await stage.pool.execute("delete from attempt")


async def test_a_session_ends_by_itself(stage: Stage) -> None:
    async with browser(stage) as client:
        await sign_in(client, "second.buyer")
        await stage.pool.execute(
            "update session set seen_at = seen_at - $1::interval where account = 'second.buyer'", IDLE)
        assert (await client.get("/password")).status_code == 303, "idle"
        await sign_in(client, "second.buyer")
        await stage.pool.execute(
            "update session set expires_at = seen_at + $1::interval where account = 'second.buyer'", timedelta())
        assert (await client.get("/password")).status_code == 303, "too old"


async def test_a_new_password_signs_out_everywhere_else(stage: Stage) -> None:
    async with browser(stage) as here, browser(stage) as there:
        await sign_in(here, "second.auditor")
        await sign_in(there, "second.auditor")
        new = "another long sentence 2"
        for fields, fault in (
            ({"old": "wrong", "new": new, "again": new}, "f-old-note"),
            ({"old": PASSWORD, "new": "short", "again": "short"}, "f-new-note"),
            ({"old": PASSWORD, "new": new, "again": "other"}, "f-again-note"),
        ):
            answer = await send(here, "/password", **fields)
            assert (answer.status_code, f'class="wrong" id="{fault}"' in answer.text) == (422, True)
        assert (await send(here, "/password", old=PASSWORD, new=new, again=new)).status_code == 303
        assert (await here.get("/password")).status_code == 200
        assert (await there.get("/password")).status_code == 303
        assert (await sign_in(there, "second.auditor")).status_code == 401
        assert (await sign_in(there, "second.auditor", new)).status_code == 303
    await stage.pool.execute("delete from attempt")


async def test_other_sites_can_make_a_browser_do_nothing(stage: Stage) -> None:
    async with browser(stage) as client:
        await sign_in(client, "second.sales")
        other = httpx2.AsyncClient(base_url=stage.url)
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', (await other.get("/sign-in")).text)
        await other.aclose()
        assert token
        for fields in ({}, {"csrf": ""}, {"csrf": "zz"}, {"csrf": token[1]}):
            assert (await client.post("/sign-out", data=fields)).status_code == 403
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            assert (await client.post("/sign-out", headers=headers, data={})).text == "another site sent this"
        assert (await client.get("/password")).status_code == 200, "still signed in"


def dependencies(one: Dependant) -> list[Any]:
    return [one.call, *(call for inner in one.dependencies for call in dependencies(inner))]


def test_every_form_is_checked() -> None:
    routes = [route for group in GROUPS for route in group.routes if isinstance(route, APIRoute)]
    unsafe = [route for route in routes if not (route.methods or set()) <= {"GET", "HEAD"}]
    assert len(unsafe) > 5
    for route in unsafe:
        assert posted in dependencies(route.dependant), route.path


async def test_every_answer_forbids_what_is_foreign(stage: Stage) -> None:
    async with browser(stage) as client:
        for path in ("/sign-in", "/nowhere", "/static/console.css", "/language/en"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/sign-in")).headers["cache-control"] == "no-store"


async def test_what_somebody_did_stays_written(stage: Stage) -> None:
    async with browser(stage) as client:
        await sign_in(client, "second.warehouse")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await stage.pool.execute("update audit set account = 'somebody'")
    async with as_admin(stage.pool, schema_stays=True) as admin:
        with pytest.raises(asyncpg.CheckViolationError, match="never changed or deleted"):
            await admin.execute("delete from audit")


async def test_an_administrator_makes_changes_and_locks_accounts(stage: Stage) -> None:
    async with browser(stage) as admin, browser(stage) as other:
        await sign_in(admin, "admin")
        made = await send(admin, "/accounts/new", name="Lin.New", display_name="林", password="a fine password",
                          roles="sales")
        assert made.status_code == 303, made.text
        assert (await sign_in(other, "lin.new", "a fine password")).status_code == 303
        assert (await other.get("/accounts")).status_code == 403
        assert (await send(admin, "/accounts/new", name="lin.new", password="a fine password", roles="sales")
                ).status_code == 422
        for path in ("/accounts/admin/lock", "/accounts/admin/roles"):
            assert (await send(admin, path, "/accounts/admin", roles="sales")).status_code == 403, "of one's own"
        assert (await send(admin, "/accounts/lin.new/roles", "/accounts/lin.new", roles="operator")).status_code == 303
        assert (await other.get("/operation")).status_code == 200, "with the next request"
        assert (await send(admin, "/accounts/lin.new/lock", "/accounts/lin.new")).status_code == 303
        assert (await other.get("/password")).status_code == 303
        assert (await sign_in(other, "lin.new", "a fine password")).status_code == 401
        log = (await admin.get("/accounts/audit?account=admin")).text
        for action in ("建立账号", "更改角色", "停用账号"):
            assert action in log
    assert await stage.pool.fetchval("select company from account where name = 'lin.new'") == COMPANY
    await stage.pool.execute("delete from attempt")
