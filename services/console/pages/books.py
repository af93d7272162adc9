"""The books (账簿): trial balance, account ledger, the two statements down to their lines, tie-out, closing a month."""

import asyncio
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.drafts import DIMENSIONS
from services.console.domain.roles import ASKED_IT, needs, unless_own, why_not
from services.console.pages.frame import Asked, MissingError, Posted, Services, User, go, page, require
from shared.events.accounting import ApprovePeriodClose, RequestPeriodClose
from shared.events.periods import OrderSealPeriod
from shared.refusal import Text

router = APIRouter()

ACCOUNT = re.compile(r"\d{4,20}")
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
Month = Annotated[str, Query(pattern=rf"{MONTH}|^$")]
Period = Annotated[str, Path(pattern=MONTH)]
Kind = Literal["balance-sheet", "income"]
READERS = ("accountant", "chief_accountant", "auditor", "admin")
TABS = (
    ("/books", Text("科目余额表", "Trial balance")),
    ("/books/ledger", Text("明细账", "Account ledger")),
    ("/books/statements/balance-sheet", Text("资产负债表", "Balance sheet")),
    ("/books/statements/income", Text("利润表", "Income statement")),
    ("/books/tieout", Text("账账核对", "Tie-out")),
    ("/books/closing", Text("结账", "Closing")),
)
SEALED = Text("已封存 {period}", "{period} is sealed")
ASKED_FOR = Text("已申请 {period} 结账，等待他人批准",
                 "the close of {period} is asked for; somebody else has to approve it")
CLOSED = Text("{period} 已结账", "{period} is closed")
NOT_ASKED = Text("还没有人申请结账", "nobody has asked for the close yet")
ASKED_ALREADY = Text("你已申请，等待他人批准", "you have asked for it; somebody else has to approve it")
CHECKS_FAIL = Text("尚有检查未通过", "not all checks hold yet")


async def _months(services: Services, wanted: str) -> tuple[str, list[str]]:
    """The month that is looked at (the last one, if none is asked for), and all there are."""
    months: list[str] = (await services.get("accounting", "/books/periods") or {"periods": []})["periods"]
    return wanted or (months[0] if months else ""), months


async def _show(request: Request, template: str, here: str, **context: Any) -> Response:
    return await page(request, template, tabs=TABS, here=here, **context)


@router.get("/books")
async def trial_balance(
    request: Request, person: User, services: Asked, period: Month = ""
) -> Response:
    """Every account that moved, with opening, movement and closing; the totals must be equal on both sides."""
    require(person, *READERS)
    month, months = await _months(services, period)
    found = await services.get("accounting", "/trial-balance", period=month) if month else None
    return await _show(request, "books_trial_balance.html", "/books", found=found, month=month, months=months)


@router.get("/books/ledger")
async def account_ledger(
    request: Request, person: User, services: Asked, account: Annotated[str, Query(max_length=100)] = "",
    period: Month = "", after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """An account's lines of a month with the running balance; each leads to its voucher."""
    require(person, *READERS)
    if not ACCOUNT.fullmatch(account):  # somebody typed a part of a name and took none of what was found
        account = ""
    by = {name: value for name in DIMENSIONS if (value := request.query_params.get(name, "")[:200])}

    if account:
        found = await services.get("accounting", f"/accounts/{account}/ledger", period=period, after=after, **by)
        if found is None:
            raise MissingError
        month, months = found["period"], found["periods"]
    else:
        found, (month, months) = None, await _months(services, period)
    return await _show(request, "books_ledger.html", "/books/ledger", found=found, account=account, month=month,
                       months=months, by=by, dimensions=DIMENSIONS, after=after)


@router.get("/books/statements/{kind}")
async def statement(request: Request, person: User, services: Asked, kind: Kind, period: Month = "") -> Response:
    """The balance sheet or the income statement of a month; each line leads to what it is made of."""
    require(person, *READERS)
    month, months = await _months(services, period)
    found = await services.get("accounting", f"/statements/{kind}", period=month) if month else None
    return await _show(request, "books_statement.html", f"/books/statements/{kind}", found=found, kind=kind,
                       month=month, months=months, split=_last_asset(found) if found else 0)


def _last_asset(found: dict[str, Any]) -> int:
    """The number of the line at which a balance sheet is cut into its two halves: the first of the two totals that must
    be the same."""
    return next((line["no"] for line in found["lines"] if line["zh"] in ("资产总计", "资产合计")), len(found["lines"]))


@router.get("/books/statements/{kind}/{no}")
async def statement_line(
    request: Request, person: User, services: Asked, kind: Kind, no: Annotated[int, Path(ge=1, le=999)],
    period: Annotated[str, Query(pattern=MONTH)],
) -> Response:
    """What a line is made of: accounts, of which each leads to its ledger; or, for a total, other lines."""
    require(person, *READERS)
    whole, line, chart = await asyncio.gather(
        services.get("accounting", f"/statements/{kind}", period=period),
        services.get("accounting", f"/statements/{kind}/lines/{no}", period=period),
        services.get("accounting", "/accounts"),
    )
    if line is None or whole is None:
        raise MissingError
    names = {account["code"]: account for account in chart["accounts"]}
    lines = {one["no"]: one for one in whole["lines"]}
    return await _show(request, "books_statement_line.html", f"/books/statements/{kind}", whole=whole, line=line,
                       kind=kind, month=period, names=names, lines=lines)


@router.get("/books/tieout")
async def tieout(request: Request, person: User, services: Asked) -> Response:
    """Whether the ledger agrees with stock, receivables and payables, and the first event that parts them if not."""
    require(person, *READERS)
    return await _show(request, "books_tieout.html", "/books/tieout",
                       found=await services.get("accounting", "/tieout"))


# -- closing a month --------------------------------------------------------------------------------------------------


@router.get("/books/closing")
async def closing(request: Request, person: User, services: Asked) -> Response:
    """The checklist of the first open month; one asks for its close, and somebody else approves."""
    require(person, *READERS)
    return await _closing(request, person, services)


async def _closing(
    request: Request, person: User, services: Services, refused: RefusedError | None = None
) -> Response:
    periods = await services.get("accounting", "/periods")
    if periods is None:
        return await _show(request, "books_closing.html", "/books/closing", month="", checks=[], periods=None, why={},
                           errors=[])
    month = periods["open_from"][:7]
    found = await services.get("accounting", f"/periods/{month}/checks")
    checks = found["checks"]
    failed = any(check["status"] == "failed" for check in checks)
    why = {
        "seal": why_not(person, OrderSealPeriod),
        "request": why_not(person, RequestPeriodClose) or (CHECKS_FAIL if failed else None)
        or unless_own(person, person.name if person.name in periods["requested_by"] else "", ASKED_ALREADY),
        "approve": _why_not_approve(periods["requested_by"], person.name) if person.roles & ApprovePeriodClose.allowed
        else needs(ApprovePeriodClose.allowed),
    }
    return await _show(request, "books_closing.html", "/books/closing", month=month, checks=checks, periods=periods,
                       why=why, errors=refused.errors if refused else [])


def _why_not_approve(requested_by: list[str], name: str) -> Text | None:
    if not requested_by:
        return NOT_ASKED
    return ASKED_IT if all(asker == name for asker in requested_by) else None


@router.post("/books/closing/{period}/{step}")
async def close(
    request: Request, form: Posted, person: User, services: Asked, period: Period,
    step: Literal["seal", "request", "approve"],
) -> Response:
    """Seal the month at both producers, ask for its close, or approve what somebody else asked."""
    require(person, *READERS)
    body = {"period": period}
    try:
        if step == "seal":
            for service in ("order", "inventory"):
                await services.ask(service, "/periods/seals", body, f"{form.key}-{service}")
            return go("/books/closing", SEALED, period=period)
        if step == "request":
            await services.ask("accounting", "/periods/close-requests", body, form.key)
            return go("/books/closing", ASKED_FOR, period=period)
        await services.ask("accounting", "/periods/closes", body, form.key)
        return go("/books/closing", CLOSED, period=period)
    except RefusedError as refused:
        return await _closing(request, person, services, refused)
