"""The HTTP door of accounting: open books, read them."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.accounting import views
from services.accounting.domain.pack import Word
from shared.db import Db
from shared.events.accounting import OpenBooks
from shared.http import Reading, accept, not_found

router = APIRouter()

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
Period = Annotated[str, Query(pattern=MONTH, description="a month, 2025-01")]
Code = Annotated[str, Path(pattern=r"^\d{4,20}$", description="an account's code (科目编码)")]
# Where a page of a ledger ended: voucher, line, signed balance; the `next` of that page.
LedgerCursor = Annotated[str | None, Query(pattern=r"^\d{1,18}:\d{1,9}:-?\d{1,22}(\.\d{1,4})?$")]

accept(router, "/books", OpenBooks)


async def _currency(db: Db) -> str:
    """The currency of the company's books; 404 without books."""
    book = await views.book(db)
    if book is None:
        raise not_found("company", db.company)
    return str(book["currency"])


@router.get("/books")
async def books(db: Reading) -> dict[str, Any]:
    """The company's books (账套)."""
    book = await views.book(db)
    if book is None:
        raise not_found("company", db.company)
    return book


@router.get("/accounts")
async def accounts(db: Reading) -> dict[str, Any]:
    """The chart of accounts (科目表)."""
    return {"accounts": await views.chart(db)}


@router.get("/accounts/{code}/ledger")
async def account_ledger(db: Reading, code: Code, period: Period, after: LedgerCursor = None) -> dict[str, Any]:
    """An account's ledger (明细账) of a month with its running balance, a page at a time."""
    place = None
    if after:
        seq, line, balance = after.split(":")
        place = int(seq), int(line), Decimal(balance)
    found = await views.account_ledger(db, await _currency(db), code, period, place)
    if found is None:
        raise not_found("account", code)
    return found


@router.get("/trial-balance")
async def trial_balance(db: Reading, period: Period) -> dict[str, Any]:
    """Opening, movement and closing of every account that moved (科目余额表)."""
    return await views.trial_balance(db, await _currency(db), period)


@router.get("/vouchers")
async def vouchers(
    db: Reading, period: Period, word: Word = "记", after: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> dict[str, Any]:
    """Vouchers of a word and month in the order of their numbers, a page at a time."""
    return await views.vouchers(db, await _currency(db), period, word, after)


@router.get("/vouchers/{period}/{word}/{number}")
async def voucher(
    db: Reading, period: Annotated[str, Path(pattern=MONTH)], word: Word, number: Annotated[int, Path(ge=1, lt=2**63)]
) -> dict[str, Any]:
    """One voucher (凭证) with its lines."""
    found = await views.voucher(db, await _currency(db), period, word, number)
    if found is None:
        raise not_found("voucher", f"{period} {word}-{number}")
    return found


@router.get("/events/{event_id}/vouchers")
async def event_vouchers(db: Reading, event_id: UUID) -> dict[str, Any]:
    """What an event came to: its vouchers with rule and facts, or the reason why there is none."""
    found = await views.explanation(db, await _currency(db), event_id)
    if found is None:
        raise not_found("event_id", str(event_id))
    return found


@router.get("/journal/gaps")
async def journal_gaps(db: Reading) -> dict[str, Any]:
    """What each producer said and has not come (缺失的位置); it is asked for. What was rejected is at `/rejected`."""
    return {"sources": await views.gaps(db)}
