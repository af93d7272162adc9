"""Use cases of periods: one asks for a close, another one approves it (不相容职务分离)."""

from collections.abc import Sequence

from services.accounting import store
from services.accounting.domain import closing, periods
from services.accounting.domain.journal import decide_everywhere
from services.accounting.handlers import service
from services.accounting.store import periods as period_store
from shared.db import Db
from shared.events import Command, Event
from shared.events.accounting import ApprovePeriodClose, PeriodClosed, PeriodCloseRequested, RequestPeriodClose
from shared.refusal import Refusal, Text

NO_BOOKS = Text("公司 {company} 尚未建账", "company {company} has no books")
NO_LEDGER = Text("没有账簿 {ledger}", "there is no ledger {ledger}")
ASKED_ALREADY = Text("{name} 已申请过 {period} 结账", "{name} asked for the close of {period} already")
NOT_ASKED = Text("还没有人申请 {period} 结账", "nobody has asked for the close of {period} yet")
SELF_APPROVAL = Text("不能批准自己的结账申请", "nobody approves the close that they asked for")


def no_books(command: Command, db: Db) -> Refusal:
    """There is nothing to work on."""
    return Refusal(command, "company", "no_books", NO_BOOKS, {"company": db.company}, 404)


def no_ledger(command: Command, ledger: str) -> Refusal:
    """The company's books have no ledger of that name."""
    return Refusal(command, "ledger", "not_found", NO_LEDGER, {"ledger": ledger}, 404)


@service.does(RequestPeriodClose)
async def request_close(db: Db, commands: Sequence[RequestPeriodClose]) -> list[Event | Refusal]:
    """Ask for the close of the first open period, once nothing stands against it."""
    return [outcome for command in commands for outcome in await _request(db, command)]


async def _request(db: Db, command: RequestPeriodClose) -> Sequence[Event | Refusal]:
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return [no_books(command, db)]
    if failed := periods.failed(await period_store.load_state(db, ledgers, command.period)):
        return _refusals(command, failed)
    name = command.actor.name
    if name in await period_store.requests(db, command.period):
        params = {"name": name, "period": command.period}
        return [Refusal(command, "period", "asked_already", ASKED_ALREADY, params, 409)]
    await period_store.insert_request(db, command.period, name)
    return [PeriodCloseRequested(period=command.period, requested_by=name)]


@service.does(ApprovePeriodClose)
async def approve_close(db: Db, commands: Sequence[ApprovePeriodClose]) -> list[Event | Refusal]:
    """Close the period: its vouchers, its journal row and the close itself are one transaction."""
    return [outcome for command in commands for outcome in await _approve(db, command)]


async def _approve(db: Db, command: ApprovePeriodClose) -> Sequence[Event | Refusal]:
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return [no_books(command, db)]
    state = await period_store.load_state(db, ledgers, command.period)
    if failed := periods.failed(state):
        return _refusals(command, failed)
    asked = await period_store.requests(db, command.period)
    others = [name for name in asked if name != command.actor.name]
    if not others:
        code, text = ("self_approval", SELF_APPROVAL) if asked else ("not_asked", NOT_ASKED)
        return [Refusal(command, "period", code, text, {"period": command.period}, 403 if asked else 409)]
    beside = {other.terms.ledger: other.balances for other in state.beside}
    row = closing.row(command.period, state.balances, others[0], command.actor.name, beside)
    await store.post(db, [decide_everywhere(row, ledgers)])
    return [PeriodClosed(
        period=command.period, requested_by=others[0], approved_by=command.actor.name,
        open_from=closing.first_day(closing.next_period(command.period)),
    )]


def _refusals(command: Command, failed: Sequence[periods.Check]) -> list[Event | Refusal]:
    """Everything that stands in the way, each with what to do."""
    return [Refusal(command, "period", check.code, check.refusal(), check.params) for check in failed]
