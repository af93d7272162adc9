"""Vouchers (凭证): the list, one as on paper, the rule that made it, and the event behind it."""

import asyncio
import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.console import views
from services.console.domain.lists import Column, Filter, ListView, Wanted
from services.console.domain.roles import why_not
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, MissingError, Services, User, page
from shared.events.accounting import DraftCorrection
from shared.refusal import Text

router = APIRouter()

ALL = ("", Text("全部", "All"))
WORDS = {"记": Text("记", "General"), "收": Text("收", "Receipt"), "付": Text("付", "Payment"),
         "转": Text("转", "Transfer"), "备": Text("备", "Memo")}
NO_BOOKS: dict[str, Any] = {"period": "", "periods": [], "vouchers": []}
Number = Annotated[int, Path(ge=1, lt=2**63)]
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
NUMBER = re.compile(r"([记收付转备])?\s*[-－ ]?\s*(\d{1,18})\s*号?")

VOUCHERS = ListView(
    "/vouchers", Text("凭证", "Vouchers"),
    columns=(
        Column("voucher_date", Text("日期", "Date"), "date", sort="date"),
        Column("no", Text("凭证号", "Number"), "code", sort="number", link="/vouchers/{period}/{word}/{number}",
               phone="head"),
        Column("summary", Text("摘要", "Summary"), link="/vouchers/{period}/{word}/{number}"),
        Column("total", Text("金额", "Amount"), "money"),
        Column("line_count", Text("分录", "Lines"), "quantity", phone="none"),
        Column("event_type", Text("来源", "Source"), "event", link="/events/{event_id}", phone="none"),
        Column("maker", Text("制单", "Made by"), "who", phone="none"),
        Column("checker", Text("审核", "Checked by"), "who", phone="none"),
        Column("posted_at", Text("记账时间", "Posted"), "moment", phone="none"),
    ),
    filters=(
        Filter("period", Text("期间", "Month"), "month"),
        Filter("word", Text("凭证字", "Word"), choices=(ALL, *WORDS.items())),
        Filter("find", Text("查找", "Find"), "search", hint=Text("凭证号，如 记-12", "number, as 记-12")),
    ),
    sort="-number",
    empty=Text("这个月没有凭证", "no vouchers in this month"),
)
NO_EVENT = Text("没有这个事件；近 {days} 天的才保留，更早的也不在账上",
                "there is no such event: not among those of the last {days} days, which are kept, nor in the books")


@router.get("/vouchers")
async def list_vouchers(request: Request, person: User, services: Asked) -> Response:
    """Newest first, of the last month that has any."""
    found = await _listed(services, listing.asked(request, VOUCHERS))
    want = listing.asked(request, VOUCHERS, period=found["period"])
    rows = [{**row, "no": f"{row['word']}-{row['number']}"} for row in found["vouchers"]]
    return await listing.show(request, listing.page_of(want, {**found, "vouchers": rows}, "vouchers"), "vouchers.html",
                              months=found["periods"])


async def _listed(services: Services, want: Wanted) -> dict[str, Any]:
    """A page of the month's vouchers, and which months there are; what is looked for is a number, with or without its
    word."""
    params: dict[str, Any] = {**want.params, "limit": listing.PAGE_SIZE}
    find = params.pop("find", "")
    number = NUMBER.fullmatch(find)
    if number:
        params |= {"number": number[2], **({"word": number[1]} if number[1] else {})}
    found: dict[str, Any] = await services.get("accounting", "/books/vouchers", **params) or NO_BOOKS
    return {**found, "vouchers": [], "next": None} if find and not number else found


@router.get("/vouchers/{period}/{word}/{number}")
async def show_voucher(
    request: Request, person: User, services: Asked, period: Annotated[str, Path(pattern=MONTH)],
    word: Literal["记", "收", "付", "转", "备"], number: Number,
    paper: Annotated[Literal["a5", "240"], Query()] = "a5",
) -> Response:
    """A voucher as on paper, with why it is as it is."""
    at = f"/vouchers/{period}/{word}/{number}"
    found, books, correction = await asyncio.gather(
        services.get("accounting", f"{at}/explanation"), services.get("accounting", "/books"),
        services.get("accounting", f"{at}/correction"))
    if found is None:
        raise MissingError
    voucher = found["voucher"]
    event_id, event, others = voucher["event_id"], None, []
    if event_id:  # none of one that was made by hand or by a close
        event, outcome = await asyncio.gather(
            views.event(request.app.state.pool, person.company, UUID(event_id)),
            services.get("accounting", "/events/vouchers", id=event_id),
        )
        others = outcome["events"].get(event_id, {"vouchers": []})["vouchers"]
    lines = voucher["lines"]
    total = sum(Decimal(line["amount"]) for line in lines if line["side"] == "D")
    return await page(request, "voucher.html", voucher=voucher, books=books, rule=found["rule"], explained=found,
                      event=event, others=others, total=total, paper=paper, correction=correction,
                      may_not=why_not(person, DraftCorrection), document=facts.document_of(event))


@router.get("/events/{event_id}")
async def show_event(request: Request, person: User, services: Asked, event_id: UUID) -> Response:
    """An event as it was heard, what it came to in the books, and the story that it belongs to.

    Of one that the feed has no more, what accounting read of it."""
    days = request.app.state.feed_days
    event, outcome = await asyncio.gather(
        views.event(request.app.state.pool, person.company, event_id),
        services.get("accounting", f"/events/{event_id}/vouchers"))
    if event is None and outcome is None:
        raise MissingError(Text(NO_EVENT.zh.format(days=days), NO_EVENT.en.format(days=days)))
    story = await facts.told(request, person, event["walk"]) if event else []
    return await page(request, "event.html", event=event, story=story, outcome=outcome, days=days)
