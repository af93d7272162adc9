"""Open books; read accounts, trial balance, vouchers, and what events came to."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.accounting import store, views
from services.accounting.domain import periods
from services.accounting.domain.pack import Word
from services.accounting.store import drafts as draft_store
from services.accounting.store import periods as period_store
from shared.db import Db
from shared.events.accounting import (
    ApprovePeriodClose,
    CheckVoucher,
    DiscardVoucher,
    DraftCorrection,
    DraftVoucher,
    ImportOpeningBalances,
    ImportVouchers,
    OpenBooks,
    PostVoucher,
    RequestPeriodClose,
    SignVoucher,
)
from shared.http import Reading, accept, not_found

router = APIRouter()

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
Period = Annotated[str, Query(pattern=MONTH, description="a month, 2025-01")]
Code = Annotated[str, Path(pattern=r"^\d{4,20}$", description="an account's code (科目编码)")]

accept(router, "/books", OpenBooks)
accept(router, "/periods/close-requests", RequestPeriodClose)
accept(router, "/periods/closes", ApprovePeriodClose)
accept(router, "/drafts", DraftVoucher)
accept(router, "/drafts/corrections", DraftCorrection)
accept(router, "/drafts/checks", CheckVoucher)
accept(router, "/drafts/signatures", SignVoucher)
accept(router, "/drafts/postings", PostVoucher)
accept(router, "/drafts/discards", DiscardVoucher)
accept(router, "/imports/vouchers", ImportVouchers)
accept(router, "/imports/opening-balances", ImportOpeningBalances)


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


@router.get("/trial-balance")
async def trial_balance(db: Reading, period: Period) -> dict[str, Any]:
    """Opening, movement, year to date and closing of every account that moved (科目余额表)."""
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


@router.get("/periods")
async def list_periods(db: Reading) -> dict[str, Any]:
    """The first open day, who asked for the close of its month, and the closed months."""
    terms = await store.load_terms(db)
    if terms is None:
        raise not_found("company", db.company)
    requested_by = await period_store.requests(db, f"{terms.open_from:%Y-%m}")
    return {"open_from": terms.open_from, "requested_by": requested_by, "closed": await period_store.closed(db)}


@router.get("/periods/{period}/checks")
async def period_checks(db: Reading, period: Annotated[str, Path(pattern=MONTH)]) -> dict[str, Any]:
    """Everything that must hold before a month is closed (结账检查), whether it does, and what to do if not."""
    terms = await store.load_terms(db)
    if terms is None:
        raise not_found("company", db.company)
    found = periods.checks(await period_store.load_state(db, terms, period))
    return {"period": period, "checks": [check.shown() for check in found]}


@router.get("/drafts")
async def list_drafts(db: Reading, after: Annotated[str, Query(max_length=64)] = "") -> dict[str, Any]:
    """Drafts of vouchers that were neither posted nor discarded, by id, a page at a time."""
    terms = await store.load_terms(db)
    if terms is None:
        raise not_found("company", db.company)
    found = await draft_store.unposted(db, terms.open_from, None, after)
    return {"drafts": found, "next": found[-1]["draft_id"] if len(found) == draft_store.PAGE else None}


@router.get("/drafts/{draft_id}")
async def show_draft(db: Reading, draft_id: str) -> dict[str, Any]:
    """A draft with what became of it."""
    draft = await draft_store.load(db, draft_id)
    if draft is None:
        raise not_found("draft_id", draft_id)
    return {"draft_id": draft.draft_id, "kind": draft.kind, "maker": draft.maker, "steps": draft.steps, **draft.content}
