"""Use cases of vouchers made by hand: one drafts, another one checks, the cashier signs, then it is posted."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.accounting import store
from services.accounting.domain import correcting, manual
from services.accounting.domain.journal import decide, decide_everywhere
from services.accounting.domain.manual import Draft, Step
from services.accounting.domain.posting import Policies, Terms
from services.accounting.handlers import service
from services.accounting.handlers.periods import no_books, no_ledger
from services.accounting.store import drafts
from shared.db import Db
from shared.events import Command, Event
from shared.events.accounting import (
    CheckVoucher,
    DiscardVoucher,
    DraftCorrection,
    DraftVoucher,
    PostVoucher,
    SignVoucher,
    VoucherChecked,
    VoucherDiscarded,
    VoucherDrafted,
    VoucherNumber,
    VoucherPosted,
    VoucherSigned,
)
from shared.refusal import Refusal, Text

TAKEN = Text("草稿号 {draft_id} 已被使用", "there is a draft {draft_id} already")
UNKNOWN = Text("没有草稿 {draft_id}", "there is no draft {draft_id}")
NO_VOUCHER = Text("没有凭证 {period} {word}-{number}", "there is no voucher {period} {word}-{number}")
NOTHING = Text("更正前后没有差别", "the correction changes nothing")

Outcome = Event | Refusal


# -- drafting ---------------------------------------------------------------------------------------------------------


@service.does(DraftVoucher)
async def draft_vouchers(db: Db, commands: Sequence[DraftVoucher]) -> list[Outcome]:
    """Keep what somebody wants to post, if it could be."""
    return [await _draft(db, command) for command in commands]


async def _draft(db: Db, command: DraftVoucher) -> Outcome:
    terms = await _terms(db, command, command.ledger)
    if isinstance(terms, Refusal):
        return terms
    chart = await drafts.chart(db, terms.ledger, [line.account for line in command.lines])
    if refusal := manual.why_not_drafted(command, command.on, command.lines, chart, terms):
        return refusal
    content = {
        **_of_ledger(terms), "on": command.on.isoformat(), "summary": command.summary,
        "attachments": command.attachments, "lines": manual.plain(command.lines, chart),
    }
    return await _keep(db, command, "manual", content)


@service.does(DraftCorrection)
async def draft_corrections(db: Db, commands: Sequence[DraftCorrection]) -> list[Outcome]:
    """Keep what a posted voucher should have said; how that is written is chosen when it is posted."""
    return [await _draft_correction(db, command) for command in commands]


async def _draft_correction(db: Db, command: DraftCorrection) -> Outcome:
    terms = await _terms(db, command, command.ledger)
    if isinstance(terms, Refusal):
        return terms
    of = await drafts.voucher(db, terms.ledger, command.period, command.word, command.number)
    if of is None:
        return _of_voucher(command, "not_found", NO_VOUCHER, 404)
    if refusal := _why_not_corrected(command, of, terms):
        return refusal
    chart = await drafts.chart(db, terms.ledger, [line.account for line in command.lines])
    if refusal := manual.why_not_drafted(command, command.on, command.lines, chart, terms):
        return refusal
    content = {
        **_of_ledger(terms), "on": command.on.isoformat(), "reason": command.reason,
        "lines": manual.plain(command.lines, chart),
        "of": {name: value for name, value in of.items() if name not in ("origin", "corrected")},
    }
    draft = Draft(command.draft_id, "correction", command.actor.name, content, {"checked": ""})
    if not decide(manual.row(draft, ""), terms).vouchers:
        return Refusal(command, "lines", "nothing_to_correct", NOTHING)
    return await _keep(db, command, "correction", content)


def _why_not_corrected(command: DraftCorrection, of: Mapping[str, Any], terms: Terms) -> Refusal | None:
    reason = correcting.why_not(of, manual.control_accounts(terms))
    if reason is None:
        return None
    code, text, account = reason
    return _of_voucher(command, code, text, 409 if code == "corrected" else 422, account=account)


def _of_voucher(command: DraftCorrection, code: str, text: Text, status: int, **more: str) -> Refusal:
    params = {"period": command.period, "word": command.word, "number": str(command.number), **more}
    return Refusal(command, "number", code, text, params, status)


async def _keep(db: Db, command: DraftVoucher | DraftCorrection, kind: str, content: Mapping[str, Any]) -> Outcome:
    maker = command.actor.name
    if not await drafts.insert(db, Draft(command.draft_id, kind, maker, content, {}), command.on):
        return Refusal(command, "draft_id", "taken", TAKEN, {"draft_id": command.draft_id}, 409)
    return VoucherDrafted(draft_id=command.draft_id, kind=kind, on=command.on, maker=maker)


# -- steps ------------------------------------------------------------------------------------------------------------

@service.does(CheckVoucher)
async def check_vouchers(db: Db, commands: Sequence[CheckVoucher]) -> list[Outcome]:
    """Somebody else has looked at a draft."""
    return [
        await _step(db, command, "checked")
        or VoucherChecked(draft_id=command.draft_id, checker=command.actor.name) for command in commands
    ]


@service.does(SignVoucher)
async def sign_vouchers(db: Db, commands: Sequence[SignVoucher]) -> list[Outcome]:
    """The cashier has seen the money."""
    return [
        await _step(db, command, "signed")
        or VoucherSigned(draft_id=command.draft_id, cashier=command.actor.name) for command in commands
    ]


@service.does(DiscardVoucher)
async def discard_vouchers(db: Db, commands: Sequence[DiscardVoucher]) -> list[Outcome]:
    """A draft is given up."""
    return [
        await _step(db, command, "discarded", command.why)
        or VoucherDiscarded(draft_id=command.draft_id, by=command.actor.name, why=command.why) for command in commands
    ]


async def _step(
    db: Db, command: CheckVoucher | SignVoucher | DiscardVoucher, step: Step, why: str | None = None
) -> Refusal | None:
    """Write the step down; a refusal if it may not be taken."""
    found = await _draft_and_ledgers(db, command, command.draft_id)
    if isinstance(found, Refusal):
        return found
    draft, terms, _ = found
    refusal = manual.why_not(step, draft, command.actor.name, command, terms)
    if refusal is None:
        then = manual.next_step(draft, step, terms)
        await drafts.insert_step(db, draft.draft_id, step, command.actor.name, then, why)
    return refusal


@service.does(PostVoucher)
async def post_drafts(db: Db, commands: Sequence[PostVoucher]) -> list[Outcome]:
    """Post checked drafts: journal row, vouchers and the step are one transaction."""
    return [await _post(db, command) for command in commands]


async def _post(db: Db, command: PostVoucher) -> Outcome:
    found = await _draft_and_ledgers(db, command, command.draft_id)
    if isinstance(found, Refusal):
        return found
    draft, terms, ledgers = found
    if refusal := manual.why_not("posted", draft, command.actor.name, command, terms):
        return refusal
    of = draft.content.get("of")
    if of and (now := await drafts.voucher(
            db, of["ledger"], of["period"], of["word"], of["number"])) and now["corrected"]:
        params = {name: str(of[name]) for name in ("period", "word", "number")}
        return Refusal(command, "draft_id", "corrected", correcting.CORRECTED, params, 409)
    numbered = await store.post(db, [decide_everywhere(manual.row(draft, command.actor.name), ledgers)])
    await drafts.insert_step(db, draft.draft_id, "posted", command.actor.name, None)
    numbers = tuple(
        VoucherNumber(ledger=n.posting.terms.ledger, period=n.voucher.period, word=n.voucher.word, number=n.number)
        for n in numbered
    )
    return VoucherPosted(draft_id=draft.draft_id, poster=command.actor.name, vouchers=numbers)


async def _draft_and_ledgers(
    db: Db, command: Command, draft_id: str
) -> tuple[Draft, Terms, Sequence[Policies]] | Refusal:
    """A draft, the terms of its ledger, and all ledgers."""
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return no_books(command, db)
    draft = await drafts.load(db, draft_id)
    if draft is None:
        return Refusal(command, "draft_id", "not_found", UNKNOWN, {"draft_id": draft_id}, 404)
    terms = store.first_terms(ledgers, manual.ledger_of(draft.content))
    assert terms, "ledgers are never closed"
    return draft, terms, ledgers


async def _terms(db: Db, command: Command, ledger: str) -> Terms | Refusal:
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return no_books(command, db)
    return store.first_terms(ledgers, ledger) or no_ledger(command, ledger)


def _of_ledger(terms: Terms) -> dict[str, str]:
    """What a draft says of its ledger, unless it is the main one."""
    return {} if terms.ledger == store.LEDGER else {"ledger": terms.ledger}
