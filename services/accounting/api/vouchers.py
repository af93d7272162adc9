"""Open books; read accounts, trial balance, vouchers, and what events came to."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.accounting import store, views
from services.accounting.api.ledger import MONTH, Books, Period
from services.accounting.domain import correcting, manual, periods
from services.accounting.domain.manual import ChartAccount
from services.accounting.domain.pack import Word
from services.accounting.domain.posting import Policies
from services.accounting.store import drafts as draft_store
from services.accounting.store import periods as period_store
from services.accounting.views import corrections
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
from shared.events.base import NO_NUL
from shared.http import Reading, accept, not_found
from shared.refusal import Text

router = APIRouter()

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


async def _ledgers(db: Db) -> list[Policies]:
    """All ledgers of the company; 404 without books."""
    found = await store.load_ledgers(db)
    if not found:
        raise not_found("company", db.company)
    return found


@router.get("/books")
async def books(book: Books) -> dict[str, Any]:
    """A ledger of the company's books (账套), and the names of all."""
    found = await views.book(book.db, book.ledger)
    assert found, "whoever reads a ledger has books"
    return found


@router.get("/accounts")
async def accounts(
    book: Books, q: Annotated[str, Query(max_length=100, pattern=NO_NUL)] = "",
    code: Annotated[Sequence[str], Query(max_length=500)] = (),
    limit: Annotated[int | None, Query(ge=1, le=500)] = None,
) -> dict[str, Any]:
    """The chart of accounts (科目表): all of it, what is found by the begin of a code or a part of a name, or some.

    `why_not` says why no hand may write on one, `dimensions` what its lines usually carry."""
    terms = store.first_terms(await _ledgers(book.db), book.ledger)
    assert terms, "whoever reads a ledger has its terms"
    control, carried = manual.control_accounts(terms), manual.dimensions_of(terms)

    def shown(account: dict[str, Any]) -> dict[str, Any]:
        reason = manual.why_not_account(
            account["code"], ChartAccount(account["kind"], account["takes_lines"]), control)
        return {**account, "why_not": reason and _reason(reason[0], reason[1], account=account["code"]),
                "dimensions": carried.get(account["code"], ())}

    found = await views.chart(book.db, book.ledger, found=q.strip(), codes=code, limit=limit)
    return {"accounts": [shown(account) for account in found]}


def _reason(code: str, text: Text, **params: Any) -> dict[str, str]:
    """Why something may not be done, as errors say it, in both languages."""
    return {"code": code, "zh": text.zh.format(**params), "en": text.en.format(**params)}


@router.get("/trial-balance")
async def trial_balance(book: Books, period: Period) -> dict[str, Any]:
    """Opening, movement, year to date and closing of every account that moved (科目余额表)."""
    return await views.trial_balance(book.db, book.currency, period, book.ledger)


@router.get("/vouchers")
async def vouchers(
    book: Books, period: Period, word: Word = "记", after: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> dict[str, Any]:
    """Vouchers of a word and month in the order of their numbers, a page at a time."""
    return await views.vouchers(book.db, book.currency, period, word, after, book.ledger)


@router.get("/vouchers/{period}/{word}/{number}")
async def voucher(
    book: Books, period: Annotated[str, Path(pattern=MONTH)], word: Word, number: Annotated[int, Path(ge=1, lt=2**63)]
) -> dict[str, Any]:
    """One voucher (凭证) with its lines."""
    found = await views.voucher(book.db, book.currency, period, word, number, book.ledger)
    if found is None:
        raise not_found("voucher", f"{period} {word}-{number}")
    return found


@router.get("/vouchers/{period}/{word}/{number}/correction")
async def voucher_correction(
    book: Books, period: Annotated[str, Path(pattern=MONTH)], word: Word, number: Annotated[int, Path(ge=1, lt=2**63)]
) -> dict[str, Any]:
    """Whether a voucher may be corrected by hand (更正), and why not; what it corrects; what corrects it."""
    of = await draft_store.voucher(book.db, book.ledger, period, word, number)
    if of is None:
        raise not_found("voucher", f"{period} {word}-{number}")
    terms = store.first_terms(await _ledgers(book.db), book.ledger)
    assert terms, "whoever reads a ledger has its terms"
    reason = correcting.why_not(of, manual.control_accounts(terms))
    why_not = reason and {**_reason(reason[0], reason[1], account=reason[2], period=period, word=word, number=number),
                          "account": reason[2]}
    return {"why_not": why_not, **await corrections.links(book.db, book.ledger, of["seq"])}


@router.get("/events/{event_id}/vouchers")
async def event_vouchers(book: Books, event_id: UUID) -> dict[str, Any]:
    """What an event came to: its vouchers with rule and facts, or the reason why there is none."""
    found = await views.explanation(book.db, book.currency, event_id, book.ledger)
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
    open_from = (await _ledgers(db))[0].first.open_from
    requested_by = await period_store.requests(db, f"{open_from:%Y-%m}")
    return {"open_from": open_from, "requested_by": requested_by, "closed": await period_store.closed(db)}


@router.get("/periods/{period}/checks")
async def period_checks(db: Reading, period: Annotated[str, Path(pattern=MONTH)]) -> dict[str, Any]:
    """Everything that must hold before a month is closed (结账检查), whether it does, and what to do if not."""
    found = periods.checks(await period_store.load_state(db, await _ledgers(db), period))
    return {"period": period, "checks": [check.shown() for check in found]}


@router.get("/drafts")
async def list_drafts(
    db: Reading, after: Annotated[str, Query(max_length=64, pattern=NO_NUL)] = "",
    step: Literal["checked", "signed", "posted"] | None = None,
) -> dict[str, Any]:
    """Drafts of vouchers that were neither posted nor discarded, all or those that wait for a step, by id, a page at a
    time."""
    found = await draft_store.unposted(db, (await _ledgers(db))[0].first.open_from, None, after, step or "")
    return {"drafts": found, "next": found[-1]["draft_id"] if len(found) == draft_store.PAGE else None}


@router.get("/drafts/{draft_id}")
async def show_draft(db: Reading, draft_id: str) -> dict[str, Any]:
    """A draft with what became of it, and the vouchers that it was posted as."""
    draft = await draft_store.load(db, draft_id)
    if draft is None:
        raise not_found("draft_id", draft_id)
    vouchers = await corrections.posted(db, manual.ledger_of(draft.content), draft_id)
    return {"draft_id": draft.draft_id, "kind": draft.kind, "maker": draft.maker, "steps": draft.steps,
            "vouchers": vouchers, **draft.content}
