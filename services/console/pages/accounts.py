"""Accounts (账号) and the audit log, for administrators of a company."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.console import store, views
from services.console.domain.lists import Badge, Column, Filter, ListView, Page
from services.console.domain.lockout import password_fault
from services.console.domain.roles import ROLES
from services.console.identity import hashed
from services.console.pages import listing
from services.console.pages.frame import ForbiddenError, Form, MissingError, Posted, User, address, go, page, require
from services.console.pages.rendering import zone
from services.console.pages.sign_in import FAULTS
from shared.refusal import Text

router = APIRouter()

NAME = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME)]
BAD_NAME = Text("小写字母、数字和 . _ - @，最多 64 个字符", "small letters, digits and . _ - @, at most 64 characters")
TAKEN = Text("已有这个账号", "there is such an account already")
NO_ROLE = Text("至少选择一个角色", "choose at least one role")
OWN = Text("不能更改自己的角色或状态，须由另一位管理员操作",
           "nobody changes his or her own roles or state; another administrator does")
DONE = {
    "add": Text("账号 {name} 已建立", "the account {name} is made"),
    "roles": Text("{name} 的角色已更改", "the roles of {name} are changed"),
    "lock": Text("{name} 已停用，并在各处退出", "{name} is locked, and signed out everywhere"),
    "unlock": Text("{name} 已启用", "{name} is let in again"),
    "password": Text("{name} 的密码已重设，并在各处退出", "{name} has a new password, and is signed out everywhere"),
}
ACTIONS = {  # what is done elsewhere is named by its service and address
    "sign-in": Badge(Text("登录", "signed in"), "green"),
    "sign-in.refused": Badge(Text("登录被拒", "sign-in refused"), "red"),
    "sign-in.wait": Badge(Text("须稍候再登录", "has to wait to sign in"), "amber"),
    "sign-out": Badge(Text("退出", "signed out")),
    "password": Badge(Text("更改密码", "changed the password"), "blue"),
    "account.add": Badge(Text("建立账号", "made the account"), "blue"),
    "account.roles": Badge(Text("更改角色", "changed the roles"), "blue"),
    "account.lock": Badge(Text("停用账号", "locked the account"), "amber"),
    "account.unlock": Badge(Text("启用账号", "let the account in again"), "blue"),
    "account.password": Badge(Text("重设密码", "set a new password"), "blue"),
}
AUDIT = ListView(
    "/accounts/audit", Text("审计日志", "Audit log"),
    columns=(
        Column("at", Text("时间", "Time"), "moment"),
        Column("account", Text("账号", "Account"), phone="head"),
        Column("action", Text("操作", "Action"), "state", states=ACTIONS),
        Column("object", Text("对象", "Object")),
        Column("outcome", Text("结果", "Outcome")),
        Column("address", Text("地址", "Address"), "code"),
    ),
    filters=(
        Filter("account", Text("账号", "Account"), "search"),
        Filter("on", Text("日期", "Day"), "date"),
    ),
)


@router.get("/accounts")
async def list_accounts(
    request: Request, person: User, after: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    require(person, "admin")
    rows = await views.accounts(request.app.state.pool, person.company, after)
    return await page(request, "accounts.html", rows=rows, roles=ROLES,
                      next=rows[-1]["name"] if len(rows) == views.PAGE else None)


@router.get("/accounts/new")
async def new_account(request: Request, person: User) -> Response:
    require(person, "admin")
    return await page(request, "account.html", account=None, fields={}, chosen=[], errors={}, roles=ROLES, own=False)


@router.post("/accounts/new")
async def add_account(request: Request, form: Posted, person: User) -> Response:
    require(person, "admin")
    name, now, pool = form["name"].strip().lower(), datetime.now(UTC), request.app.state.pool
    errors = _faults(form, name)
    if not errors and not await store.insert_account(
        pool, name, person.company, form["display_name"].strip()[:100] or name, await hashed(form["password"]),
        _roles(form), person.name, now,
    ):
        errors = {"name": TAKEN}
    if errors:
        return await page(request, "account.html", 422, account=None, fields=form.fields, chosen=_roles(form),
                          errors=errors, roles=ROLES, own=False)
    await _audit(request, person, "add", name, roles=_roles(form))
    return go("/accounts", DONE["add"], name=name)


@router.get("/accounts/audit")
async def audit(request: Request, person: User) -> Response:
    """Who did what; for auditors, too."""
    require(person, "admin", "auditor")
    want = listing.asked(request, AUDIT)
    since, until = _day(want.filters["on"])
    before = int(want.after) if re.fullmatch(r"\d{1,18}", want.after) else 2**63 - 1
    pool = request.app.state.pool
    if account := want.filters["account"]:
        rows = await views.audit_of(pool, person.company, account, since, until, before)
    else:
        rows = await views.audit(pool, person.company, since, until, before)
    shown = [{**row, "outcome": _outcome(row["detail"])} for row in rows]
    return await listing.show(request, Page(want, shown, str(rows[-1]["seq"]) if len(rows) == views.PAGE else None))


@router.get("/accounts/{name}")
async def show_account(request: Request, person: User, name: Name) -> Response:
    require(person, "admin")
    account = await _account(request, person, name)
    return await page(request, "account.html", account=account, fields=account, chosen=account["roles"], errors={},
                      roles=ROLES, own=name == person.name)


@router.post("/accounts/{name}/{what}")
async def change_account(
    request: Request, form: Posted, person: User, name: Name, what: Literal["roles", "lock", "unlock", "password"]
) -> Response:
    """Nobody changes his or her own rights: with two administrators, neither can get around the other unseen."""
    require(person, "admin")
    account, pool = await _account(request, person, name), request.app.state.pool
    if name == person.name:
        raise ForbiddenError(OWN)
    errors: dict[str, Text] = {}
    if what == "roles":
        errors = {} if _roles(form) else {"roles": NO_ROLE}
    elif what == "password" and (fault := password_fault(name, form["password"])):
        errors = {"password": FAULTS[fault]}
    if errors:
        return await page(request, "account.html", 422, account=account, fields=account,
                          chosen=_roles(form) or account["roles"], errors=errors, roles=ROLES, own=False)
    if what == "roles":
        await store.set_roles(pool, person.company, name, _roles(form))
    elif what == "password":
        await store.set_password(pool, person.company, name, await hashed(form["password"]), datetime.now(UTC))
    else:
        await store.set_state(pool, person.company, name, "locked" if what == "lock" else "active")
    await _audit(request, person, what, name, **({"roles": _roles(form)} if what == "roles" else {}))
    return go("/accounts", DONE[what], name=name)


async def _account(request: Request, person: User, name: str) -> dict[str, object]:
    account = await views.account(request.app.state.pool, name)
    if account is None or account["company"] != person.company:
        raise MissingError
    return account


def _roles(form: Form) -> list[str]:
    return [role for role in form.all("roles") if role in ROLES]


def _faults(form: Form, name: str) -> dict[str, Text]:
    errors: dict[str, Text] = {}
    if not re.match(NAME, name):
        errors["name"] = BAD_NAME
    if fault := password_fault(name, form["password"]):
        errors["password"] = FAULTS[fault]
    if not _roles(form):
        errors["roles"] = NO_ROLE
    return errors


def _day(text: str) -> tuple[datetime, datetime]:
    """From the beginning of a day until its end; always, if it is none."""
    try:
        begins = datetime.combine(date.fromisoformat(text), time(), zone())
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
    return begins, begins + timedelta(days=1)


def _outcome(detail: dict[str, object]) -> str:
    """What stands in the detail of an entry, in a line; the idempotency key only helps to find its like elsewhere."""
    return ", ".join(f"{name}: {value}" for name, value in detail.items() if name != "key")


async def _audit(request: Request, person: User, what: str, name: str, **detail: object) -> None:
    await store.write_audit(request.app.state.pool, person.company, person.name, address(request), f"account.{what}",
                            name, detail, datetime.now(UTC))
