"""Proofs over HTTP, and why a voucher is as it is."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from services.accounting import packs, views
from services.accounting.api.ledger import MONTH, Books
from services.accounting.domain.pack import PackError, Word
from services.accounting.proofs.command import PROOFS
from services.accounting.proofs.export import exported
from services.accounting.proofs.pack import period_pack
from services.accounting.proofs.place import NAMED, places
from services.accounting.proofs.whatif import what_if
from services.accounting.views import chain, rows, showing
from services.accounting.views.scratch import BusyError
from shared.events import Actor
from shared.http import CurrentActor, not_found, problem
from shared.refusal import Text

router = APIRouter()

PROVERS = frozenset({"chief_accountant", "admin"})  # a proof reads the whole ledger
FORBIDDEN = Text("{roles} 才能执行此操作", "this needs one of the roles {roles}")
BUSY = Text("另一个证明正在进行, 请稍后再试", "another proof is under way; try again later")
_one_at_a_time = asyncio.Semaphore(1)


def _check(actor: Actor) -> None:
    if not actor.roles & PROVERS:
        raise problem(403, "actor", "forbidden", FORBIDDEN, roles=", ".join(sorted(PROVERS)))


@router.get("/proofs/{name}")
async def prove(book: Books, name: Literal[*PROOFS], actor: CurrentActor, request: Request) -> dict[str, Any]:  # type: ignore[valid-type]
    """Make a proof (证明) of the ledger now: whether it holds, what was looked at, and the first differences."""
    _check(actor)
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    try:
        async with _one_at_a_time:
            result = await PROOFS[name](place)
    except BusyError as busy:
        raise problem(503, "proof", "busy", BUSY) from busy
    return {"proof": name, "ok": result.ok, "seen": result.seen, "figures": result.figures,
            "differences": result.differences[:NAMED], "differences_in_all": len(result.differences)}


@router.get("/periods/{period}/pack")
async def read_pack(
    book: Books, period: Annotated[str, Path(pattern=MONTH)], actor: CurrentActor, request: Request
) -> StreamingResponse:
    """The period pack (期间证明包): vouchers, balances and blocks as JSON lines, for tools/verify_pack.py."""
    _check(actor)
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    return StreamingResponse(period_pack(place, period), media_type="application/x-ndjson")


@router.get("/export/{form}")
async def read_export(
    book: Books, form: Literal["beancount", "ledger", "hledger"], actor: CurrentActor, request: Request
) -> StreamingResponse:
    """The whole ledger (导出账簿) as text that the program of that name reads."""
    _check(actor)
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    return StreamingResponse(exported(place, form), media_type="text/plain; charset=utf-8")


@router.get("/what-if")
async def read_what_if(
    book: Books, standard: Annotated[str, Query(max_length=32)], actor: CurrentActor, request: Request,
    version: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> dict[str, Any]:
    """What would differ in statements and vouchers if the same events were posted by another pack."""
    _check(actor)
    try:
        pack = packs.named(standard, version)
    except PackError:
        raise not_found("standard", f"{standard} {version}") from None
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    async with _one_at_a_time:
        difference, _ = await what_if(place, pack)
    return difference.shown()


@router.get("/balances/as-of")
async def balances_as_of(
    book: Books, on: date, known: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    known_at: AwareDatetime | None = None,
) -> dict[str, Any]:
    """Balances at the end of a business date, as they were known: now, when the ledger ended at the place `known` of
    the posting order (each block of the chain ends at one), or at the moment `known_at`."""
    if known is None and known_at is not None:
        known = await chain.last_place_known_at(book.db, book.ledger, known_at)
    if known is None:
        known = (await rows.heads(book.db, book.ledger)).seq
    found = await chain.balances_as_of(book.db, book.ledger, on, known)
    return {
        "on": on, "known": known, "currency": book.currency,
        "accounts": [{"code": row["account"], "zh": row["zh"], "en": row["en"],
                      "debit": showing.amount(row["debit"], book.currency),
                      "credit": showing.amount(row["credit"], book.currency),
                      **showing.balance(row["debit"] - row["credit"], book.currency)} for row in found],
    }


@router.get("/vouchers/{period}/{word}/{number}/explanation")
async def explain_voucher(
    book: Books, period: Annotated[str, Path(pattern=MONTH)], word: Word, number: Annotated[int, Path(ge=1, lt=2**63)]
) -> dict[str, Any]:
    """Why a voucher is as it is: the rule and its version with the amounts that it names, and the journal row with what
    was read of its event."""
    voucher = await views.voucher(book.db, book.currency, period, word, number, book.ledger)
    if voucher is None:
        raise not_found("voucher", f"{period} {word}-{number}")
    (row,) = await rows.journal(book.db, book.ledger, voucher["entry"] - 1, voucher["entry"], 1)
    pack = packs.named(row["standard"], row["pack_version"])
    rule = next((r for r in pack.rules if (r.id, r.part) == (voucher["rule_id"], voucher["part"])), None)
    return {
        "voucher": voucher, "journal": dict(row), "standard": pack.standard, "pack_version": pack.version,
        "rule": rule.model_dump() if rule else None,
    }
