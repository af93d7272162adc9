"""The account books and statements over HTTP: each figure leads on to accounts, vouchers, lines and events."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response

from services.accounting import statements, views
from services.accounting.api.ledger import MONTH, Books, Code, NewestPeriod, Period
from services.accounting.domain.pack import Word
from services.accounting.domain.statements import Component, Layout, Layouts, StatementLine, components, figures
from services.accounting.views import listing, showing
from services.accounting.views import statements as amounts_of
from services.accounting.views.books import (
    DIMENSIONS,
    Book,
    Cursor,
    account_ledger,
    balances_by,
    general_ledger,
    journal,
)
from shared.http import not_found, plain_json, problem
from shared.refusal import Text

router = APIRouter()

Since = Annotated[str, Query(alias="from", pattern=MONTH, description="the first month, 2025-01")]
Until = Annotated[str, Query(pattern=MONTH, description="the last month, 2025-03")]
Dimension = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")]
# Where a page of vouchers ended: word and number, or date and place; the `next` of that page.
ListCursor = Annotated[str | None, Query(pattern=r"^([记收付转备]:\d{1,18}|\d{4}-\d{2}-\d{2}:\d{1,18})$")]
# Where a page of a ledger ended: voucher, line, signed balance and quantity; the `next` of that page.
NUMBER = r"-?\d{1,22}(\.\d{1,8})?"
LedgerCursor = Annotated[str | None, Query(pattern=rf"^\d{{1,18}}:\d{{1,9}}:{NUMBER}:{NUMBER}$")]
JournalCursor = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}:[记收付转备]:\d{1,18}$")]
Kind = Literal["balance-sheet", "income"]
LONGEST_RANGE = 36  # months in a page of the general ledger

BAD_CURSOR = Text("{field} 不是上一页的 next", "{field} is not the `next` of a page")
BAD_RANGE = Text("{field} 早于起始月份, 或超过 36 个月",
                 "{field} is before the first month, or 36 months or more after it")


async def _by(  # FastAPI sends what is not async to a thread, which costs more than all that it does here
    customer: Dimension = None, supplier: Dimension = None, product: Dimension = None, warehouse: Dimension = None,
    salesperson: Dimension = None,
) -> dict[str, str]:
    """The values of dimensions that narrow a ledger."""
    given = zip(DIMENSIONS, (customer, supplier, product, warehouse, salesperson), strict=True)
    return {name: value for name, value in given if value is not None}


By = Annotated[dict[str, str], Depends(_by)]


def _check_range(since: str, until: str) -> None:
    months = (int(until[:4]) - int(since[:4])) * 12 + int(until[5:]) - int(since[5:])
    if not 0 <= months < LONGEST_RANGE:
        raise problem(422, "until", "bad_range", BAD_RANGE)


# -- books ------------------------------------------------------------------------------------------------------------


@router.get("/books/general-ledger")
async def read_general_ledger(
    book: Books, since: Since, until: Until, level: Annotated[int, Query(ge=1, le=9)] = 1,
    after: Annotated[str, Query(pattern=r"^\d{0,20}$")] = "",
) -> dict[str, Any]:
    """The general ledger (总账): per account opening, months with 本月合计 and 本年累计, balance and direction."""
    _check_range(since, until)
    return await general_ledger(book, since, until, level, after)


@router.get("/accounts/{code}/ledger")
async def read_account_ledger(
    book: Books, code: Code, by: By, period: NewestPeriod = None, after: LedgerCursor = None
) -> Response:
    """An account's ledger (明细账) of a month with its running balance and direction, a page at a time."""
    return await _ledger(book, code, period, by, after, quantities=False)


@router.get("/accounts/{code}/quantity-ledger")
async def read_quantity_ledger(
    book: Books, code: Code, by: By, period: NewestPeriod = None, after: LedgerCursor = None
) -> Response:
    """The same with quantities and unit costs (数量金额账), of one product or of all."""
    return await _ledger(book, code, period, by, after, quantities=True)


async def _ledger(
    book: Book, code: str, period: str | None, by: dict[str, str], after: str | None, *, quantities: bool
) -> Response:
    month, periods = await _month(book, period)
    found = await account_ledger(book, code, month, by, _place(after), quantities=quantities)
    if found is None:
        raise not_found("account", code)
    return plain_json({**found, "periods": periods})


async def _month(book: Book, period: str | None) -> tuple[str, list[str]]:
    """The month that is asked for, or the newest one; and all that have vouchers, since who shows one offers them."""
    periods = await listing.periods_with_vouchers(book)
    return period or (periods[0] if periods else ""), periods


def _place(after: str | None) -> Cursor | None:
    if not after:
        return None
    seq, line, balance, quantity = after.split(":")
    return int(seq), int(line), Decimal(balance), Decimal(quantity)


@router.get("/books/journal")
async def read_journal(book: Books, since: Since, until: Until, after: JournalCursor = None) -> dict[str, Any]:
    """The journal (序时账): whole vouchers with their lines by month, word and number, a page at a time."""
    _check_range(since, until)
    period, word, number = after.split(":") if after else ("", "", "0")
    return await journal(book, since, until, (period, word, int(number)))


@router.get("/books/vouchers")
async def list_vouchers(
    book: Books, period: NewestPeriod = None, word: Word | None = None,
    number: Annotated[int | None, Query(ge=1, lt=2**63)] = None, sort: listing.Order = "-number",
    after: ListCursor = None, limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """A month's vouchers (凭证清单) with their totals, of one word or of all, by number or date, a page at a time;
    and the months that have any."""
    if after and (after[1] == ":") != sort.endswith("number"):
        raise problem(422, "after", "bad_cursor", BAD_CURSOR)
    month, periods = await _month(book, period)
    try:
        found = await listing.vouchers(book, month, word or "", number, sort, after, limit)
    except ValueError as error:  # a date that is none
        raise problem(422, "after", "bad_cursor", BAD_CURSOR) from error
    return plain_json({"period": month, "periods": periods, **found})


@router.get("/books/periods")
async def list_book_periods(book: Books) -> dict[str, Any]:
    """The months in which anything was posted, newest first."""
    return {"periods": await listing.periods_with_vouchers(book)}


@router.get("/events/vouchers")
async def list_event_vouchers(
    book: Books, id: Annotated[list[UUID], Query(min_length=1, max_length=200)]
) -> dict[str, Any]:
    """What many events came to: the numbers of their vouchers, or the reason for none. One that was not handled yet is
    left out."""
    return {"events": await listing.of_events(book, id)}


@router.get("/trial-balance/by")
async def read_balances_by(
    book: Books, period: Period, by: Annotated[list[Literal["customer", "supplier", "product", "warehouse",
                                                            "salesperson"]], Query(min_length=1)],
    account: Annotated[str, Query(pattern=r"^\d{0,20}$")] = "",
    after: Annotated[str | None, Query(max_length=2000, description="the `next` of a page, as JSON")] = None,
) -> dict[str, Any]:
    """Opening, movement, year to date and closing per account and dimension (核算项目余额表), a page at a time."""
    place = ["", *("" for _ in DIMENSIONS)]
    if after is not None:
        try:
            place = orjson.loads(after)
        except orjson.JSONDecodeError:
            place = []
        if not isinstance(place, list) or len(place) != 6 or not all(
                isinstance(part, str) and "\0" not in part for part in place):
            raise problem(422, "after", "bad_cursor", BAD_CURSOR)
    return await balances_by(book, period, account, by, place)


# -- statements -------------------------------------------------------------------------------------------------------


@router.get("/statements/{kind}")
async def read_statement(book: Books, kind: Kind, period: Period) -> dict[str, Any]:
    """The balance sheet (资产负债表) or income statement (利润表) of a month, as the standard lays it out."""
    layouts = await _layouts(book)
    layout, amounts = await _statement(book, layouts, kind, period)
    by_column = {column.key: figures(layout, amounts[column.key]) for column in layout.columns}
    return {
        "standard": layouts.standard, "form": layout.form, "title_zh": layout.title.zh, "title_en": layout.title.en,
        "period": period, "currency": book.currency,
        "columns": [column.model_dump() for column in layout.columns],
        "lines": [_line(line, {key: found[line.no] for key, found in by_column.items()}, book.currency)
                  for line in layout.lines],
        "balanced": all(found[layout.equal[0]] == found[layout.equal[1]] for found in by_column.values())
        if layout.equal else None,
    }


@router.get("/statements/{kind}/lines/{no}")
async def read_statement_line(book: Books, kind: Kind, no: int, period: Period) -> dict[str, Any]:
    """What a line's figures are made of: accounts, and values of a dimension, of which `/accounts/{code}/ledger` shows
    every line with its voucher and event; or, for a total, other lines."""
    layout, amounts = await _statement(book, await _layouts(book), kind, period)
    line = layout.line.get(no)
    if line is None:
        raise not_found("line", str(no))
    by_column = {column.key: figures(layout, amounts[column.key])[no] for column in layout.columns}
    return {
        **_line(line, by_column, book.currency), "total": list(line.total),
        "components": {column.key: [_component(component, book.currency)
                                    for component in components(line, amounts[column.key])]
                       for column in layout.columns},
    }


async def _layouts(book: Book) -> Layouts:
    found = await views.book(book.db, book.ledger)
    assert found, "whoever reads a statement has books"
    layouts = statements.layouts().get(found["standard"])
    if layouts is None:
        raise not_found("statements", found["standard"])
    return layouts


async def _statement(
    book: Book, layouts: Layouts, kind: Kind, period: str
) -> tuple[Layout, amounts_of.Columns]:
    if kind == "income":
        return layouts.income, await amounts_of.movements(book, period, layouts.profit)
    sheet = layouts.balance_sheet
    return sheet, await amounts_of.balances(book, period, sorted(sheet.splits))


def _line(line: StatementLine, found: dict[Any, Decimal | None], currency: str) -> dict[str, Any]:
    return {
        "no": line.no, "zh": line.zh, "en": line.en, "within": line.within, "is_total": bool(line.total),
        "amounts": {key: None if value is None else showing.amount(value, currency) for key, value in found.items()},
    }


def _component(component: Component, currency: str) -> dict[str, Any]:
    return {"account": component.account, "by": component.value, "dimension": component.dimension,
            "amount": showing.amount(component.amount, currency)}
