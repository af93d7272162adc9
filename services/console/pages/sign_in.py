"""Sign-in, sign-out, and one's own password."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console import store, views
from services.console.domain.lockout import LASTS, SHORTEST_PASSWORD, password_fault
from services.console.identity import Accounts, Refused, hashed, verify
from services.console.pages.frame import Form, Posted, User, address, go, page, person_of
from services.console.pages.preferences import local
from shared.refusal import Text

router = APIRouter()

WRONG = Text("账号或密码不对", "the account or the password is wrong")
WAIT = Text("失败次数过多，请 {seconds} 秒后再试", "too many attempts failed; try again in {seconds} s")
FAULTS = {
    "short": Text(f"至少 {SHORTEST_PASSWORD} 个字符", f"at least {SHORTEST_PASSWORD} characters"),
    "long": Text("最多 200 个字符", "at most 200 characters"),
    "name": Text("不能包含账号名", "it must not contain the account's name"),
    "again": Text("两次输入不一致", "the two are not the same"),
    "old": Text("当前密码不对", "the present password is wrong"),
}
CHANGED = Text("密码已更改，其他设备均已退出", "the password is changed, and every other device is signed out")


@router.get("/sign-in")
async def show_sign_in(request: Request, to: Annotated[str, Query(max_length=500)] = "/") -> Response:
    if await person_of(request):
        return go("/")
    return await page(request, "sign_in.html", to=local(to), error=None, name="")


@router.post("/sign-in")
async def sign_in(request: Request, form: Posted) -> Response:
    accounts: Accounts = request.app.state.accounts
    found = await accounts.sign_in(form["name"], form["password"], address(request))
    if isinstance(found, Refused):
        text = Text(WAIT.zh.format(seconds=found.wait), WAIT.en.format(seconds=found.wait)) if found.wait else WRONG
        status = 429 if found.wait else 401
        return await page(request, "sign_in.html", status, to=local(form["to"]), error=text, name=form["name"])
    await accounts.sign_out(request)  # whoever was here before
    return _signed_in(request, go(local(form["to"])), found)


@router.post("/sign-out")
async def sign_out(request: Request, form: Posted, person: User) -> Response:
    accounts: Accounts = request.app.state.accounts
    await accounts.sign_out(request)
    await store.write_audit(request.app.state.pool, person.company, person.name, address(request), "sign-out",
                            person.name, {}, datetime.now(UTC))
    response = go("/sign-in")
    response.delete_cookie(accounts.cookie, secure=request.app.state.https, httponly=True, samesite="lax")
    return response


@router.get("/password")
async def show_password(request: Request, person: User) -> Response:
    return await page(request, "password.html", errors={})


@router.post("/password")
async def change_password(request: Request, form: Posted, person: User) -> Response:
    """Signs out everywhere, and in again here."""
    accounts: Accounts = request.app.state.accounts
    pool, now = request.app.state.pool, datetime.now(UTC)
    if errors := await _password_errors(request, form, person.name):
        return await page(request, "password.html", 422, errors=errors)
    await store.set_password(pool, person.company, person.name, await hashed(form["new"]), now)
    await store.write_audit(pool, person.company, person.name, address(request), "password", person.name, {}, now)
    return _signed_in(request, go("/", CHANGED), await accounts.begin_session(person.name, address(request)))


async def _password_errors(request: Request, form: Form, name: str) -> dict[str, Text]:
    account = await views.account(request.app.state.pool, name)
    assert account, "whoever is signed in has an account"
    if not await verify(account["password"], form["old"]):
        return {"old": FAULTS["old"]}
    if fault := password_fault(name, form["new"]):
        return {"new": FAULTS[fault]}
    return {} if form["new"] == form["again"] else {"again": FAULTS["again"]}


def _signed_in(request: Request, response: Response, token: str) -> Response:
    accounts: Accounts = request.app.state.accounts
    response.set_cookie(accounts.cookie, token, max_age=int(LASTS.total_seconds()), httponly=True, samesite="lax",
                        secure=request.app.state.https)
    return response
