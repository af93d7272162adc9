"""Vouchers made by hand (手工凭证): one drafts, another one checks, the cashier signs where money moves, then it is
posted."""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.drafts import DIMENSIONS, balancing, entered, sums, where_typed
from services.console.domain.forms import placed, row_numbers
from services.console.domain.lists import Badge, Column, Filter, ListView
from services.console.domain.roles import MADE_IT, Person, unless_own, why_not
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, page, require
from services.console.pages.rendering import today
from shared.events.accounting import (
    CheckVoucher,
    DiscardVoucher,
    DraftCorrection,
    DraftVoucher,
    PostVoucher,
    SignVoucher,
)
from shared.refusal import Text

router = APIRouter()

READERS = ("accountant", "chief_accountant", "cashier", "auditor", "admin")
DraftId = Annotated[str, Path(max_length=64)]
STATES = {"made": Badge(Text("待审核", "To check"), "amber"), "checked": Badge(Text("已审核", "Checked"), "blue"),
          "posted": Badge(Text("已记账", "Posted"), "green"), "discarded": Badge(Text("已作废", "Discarded"))}
# The step that a draft waits for, in the words of whoever takes it.
WAITS = {"checked": Badge(Text("待审核", "To check"), "amber"),
         "signed": Badge(Text("待出纳签字", "To sign"), "violet"), "posted": Badge(Text("待记账", "To post"), "blue")}
KINDS = {"manual": Badge(Text("手工凭证", "By hand")), "correction": Badge(Text("更正", "Correction"), "amber")}
DRAFTS = ListView(
    "/vouchers/drafts", Text("手工凭证草稿", "Drafts of vouchers"),
    columns=(
        Column("draft_id", Text("草稿号", "Draft"), "code", link="/vouchers/drafts/{draft_id}", phone="head"),
        Column("dated", Text("日期", "Date"), "date"),
        Column("kind", Text("种类", "Kind"), "state", states=KINDS, phone="none"),
        Column("summary", Text("摘要", "Summary"), link="/vouchers/drafts/{draft_id}"),
        Column("total", Text("金额", "Amount"), "money"),
        Column("waits_for", Text("状态", "State"), "state", states=WAITS),
        Column("maker", Text("制单", "Made by"), "who"),
        Column("checker", Text("审核", "Checked by"), "who", phone="none"),
        Column("cashier", Text("出纳", "Cashier"), "who", phone="none"),
        Column("made_at", Text("制单时间", "Made"), "moment", phone="none"),
    ),
    filters=(Filter("step", Text("等待", "Waits for"),
                    choices=(("", Text("全部", "All")), *((step, badge.text) for step, badge in WAITS.items()))),),
    empty=Text("没有待处理的草稿", "no draft waits"),
)
COLUMNS = ("account", "summary", "debit", "credit", *DIMENSIONS, "quantity")
ROWS = 4
PLACE = re.compile(r"lines\.\d{1,4}\.(debit|credit)")
# What may be done with a draft, in this order: where it is asked for, as which command, and what is said then.
STEPS = {
    "check": ("/drafts/checks", CheckVoucher, Text("{id} 已审核", "{id} is checked")),
    "sign": ("/drafts/signatures", SignVoucher, Text("{id} 出纳已签字", "{id} is signed")),
    "post": ("/drafts/postings", PostVoucher, Text("{id} 已记账", "{id} is posted")),
    "discard": ("/drafts/discards", DiscardVoucher, Text("{id} 已作废", "{id} is discarded")),
}
DRAFTED = Text("草稿 {id} 已保存，等待他人审核", "draft {id} is kept; somebody else has to check it")
NOT_CHECKED = Text("尚未审核", "it is not checked yet")
DONE_ALREADY = Text("已由 {who} 完成", "{who} has done it")
MADE_OR_CHECKED = Text("出纳不得兼任制单或审核", "a cashier neither makes nor checks it")


def _state(steps: Mapping[str, str]) -> str:
    return next((state for state in ("discarded", "posted", "checked") if state in steps), "made")


@router.get("/vouchers/drafts")
async def list_drafts(request: Request, person: User, services: Asked) -> Response:
    """What was neither posted nor discarded yet."""
    require(person, *READERS)
    want = listing.asked(request, DRAFTS)
    found = await services.get("accounting", "/drafts", **want.params) or {"drafts": []}
    rows = [{**one, "checker": one["steps"].get("checked", ""), "cashier": one["steps"].get("signed", "")}
            for one in found["drafts"]]
    return await listing.show(request, listing.page_of(want, {**found, "drafts": rows}, "drafts"), "drafts.html",
                              may_not=why_not(person, DraftVoucher))


# -- entry ------------------------------------------------------------------------------------------------------------


@router.get("/vouchers/drafts/new")
async def enter_draft(request: Request, person: User, services: Asked) -> Response:
    require(person, *READERS)
    day = today()
    fields = {"draft_id": facts.new_number("V", day), "on": str(day), "attachments": "1"}
    return await entry(request, person, services, Form(fields, ""), [])


@router.post("/vouchers/drafts/new")
async def keep_draft(request: Request, form: Posted, person: User, services: Asked) -> Response:
    """Keep it, or show it again with what is wrong at the fields."""
    require(person, *READERS)
    body = body_of(form)
    try:
        await services.ask("accounting", "/drafts", body, form.key)
    except RefusedError as refused:
        return await entry(request, person, services, form, put_back(refused, form))
    return go(f"/vouchers/drafts/{body['draft_id']}", DRAFTED, id=body["draft_id"])


@router.post("/vouchers/drafts/sums")
async def add_up(request: Request, form: Posted, person: User) -> Response:
    """Debits, credits and their difference while somebody types; what the amount at `fill` has to be, if that is
    asked."""
    fill = balancing(form.fields, form["fill"]) if PLACE.fullmatch(form["fill"]) else None
    return await page(request, "part_draft_totals.html", sums=sums(form.fields), fill=fill)


def body_of(form: Form) -> dict[str, Any]:
    """The command that a form of lines says."""
    body = form.body()
    return {**body, "lines": [entered(line) for line in body.get("lines", [])]}


def put_back(refused: RefusedError, form: Form) -> list[dict[str, Any]]:
    """What was refused, each at the field where it was typed."""
    return where_typed(placed(refused.errors, "lines", row_numbers(form.fields, "lines")), form.fields)


async def entry(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]],
    of: Mapping[str, Any] | None = None,
) -> Response:
    """The form of a voucher by hand; of the correction of a posted one, `of`, if there is one."""
    rows = facts.rows_of(form, "lines", COLUMNS, least=ROWS)

    def typed(column: str) -> list[str]:
        return [row[column] for row in rows if row[column]]

    accounts, customers, suppliers, products = await asyncio.gather(
        facts.accounts(services, typed("account")), facts.customers(services, typed("customer")),
        facts.suppliers(services, typed("supplier")), facts.products(services, typed("product")))
    return await page(
        request, "draft_new.html", 422 if errors else 200, form=form, rows=rows, errors=errors, of=of,
        by_field=facts.by_field(errors), accounts=accounts, dimensions=DIMENSIONS,
        known={"customer": customers, "supplier": suppliers, "product": products},
        may_not=why_not(person, DraftCorrection if of else DraftVoucher), sums=sums(form.fields))


# -- one draft --------------------------------------------------------------------------------------------------------


@router.get("/vouchers/drafts/{draft_id}")
async def show_draft(request: Request, person: User, services: Asked, draft_id: DraftId) -> Response:
    """A draft as it will be posted, and what may be done with it."""
    require(person, *READERS)
    return await _draft(request, person, services, draft_id, [])


@router.post("/vouchers/drafts/{draft_id}/{step}")
async def take_step(
    request: Request, form: Posted, person: User, services: Asked, draft_id: DraftId,
    step: Literal["check", "sign", "post", "discard"],
) -> Response:
    """Check, sign, post or give up a draft."""
    require(person, *READERS)
    path, _, said = STEPS[step]
    body = {"draft_id": draft_id, **({"why": form["why"]} if step == "discard" else {})}
    try:
        answer = await services.ask("accounting", path, body, form.key)
    except RefusedError as refused:
        return await _draft(request, person, services, draft_id, refused.errors)
    return go(_then(step, draft_id, answer), said, id=draft_id)


def _then(step: str, draft_id: str, answer: Mapping[str, Any]) -> str:
    """A draft that was posted is a voucher now."""
    if step == "post" and (numbers := answer["events"][0]["data"]["vouchers"]):
        first = numbers[0]
        return f"/vouchers/{first['period']}/{first['word']}/{first['number']}"
    return f"/vouchers/drafts/{draft_id}"


async def _draft(
    request: Request, person: Person, services: Services, draft_id: str, errors: list[dict[str, str]]
) -> Response:
    draft = await services.get("accounting", f"/drafts/{draft_id}")
    if draft is None:
        raise MissingError
    posted = draft.get("of", {"lines": []})["lines"]
    names = await facts.accounts(services, [line["account"] for line in (*draft["lines"], *posted)])
    return await page(
        request, "draft.html", 422 if errors else 200, draft=draft, names=names, state=STATES[_state(draft["steps"])],
        kind=KINDS[draft["kind"]], why=_why_not(person, draft), errors=errors)


def _why_not(person: Person, draft: Mapping[str, Any]) -> dict[str, Text | None]:
    """Why each step may not be taken now, by this person; None if it may."""
    steps: Mapping[str, str] = draft["steps"]

    def done(step: str) -> Text | None:
        who = steps.get(step)
        return Text(DONE_ALREADY.zh.format(who=who), DONE_ALREADY.en.format(who=who)) if who else None

    both = unless_own(person, draft["maker"], MADE_OR_CHECKED) or unless_own(
        person, steps.get("checked", ""), MADE_OR_CHECKED)
    return {
        "check": why_not(person, CheckVoucher) or done("checked") or unless_own(person, draft["maker"], MADE_IT),
        "sign": why_not(person, SignVoucher) or done("signed") or both,
        "post": why_not(person, PostVoucher) or (None if "checked" in steps else NOT_CHECKED),
        "discard": why_not(person, DiscardVoucher),
    }
