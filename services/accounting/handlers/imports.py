"""Use cases of sheets: all rows are checked, then all of it is drafted, or nothing."""

from collections.abc import Sequence

from services.accounting import store
from services.accounting.domain import importing
from services.accounting.domain.importing import Chart, Import, Sheet
from services.accounting.domain.posting import Terms
from services.accounting.handlers import service
from services.accounting.handlers.periods import no_books
from services.accounting.store import drafts
from shared.db import Db
from shared.events import Event
from shared.events.accounting import ImportOpeningBalances, ImportVouchers, VoucherDrafted
from shared.refusal import Refusal, Text

IMPORTED = Text("{import_id} 已导入过", "{import_id} was imported already")
Outcomes = list[Event | Refusal]


@service.does(ImportVouchers)
async def import_vouchers(db: Db, commands: Sequence[ImportVouchers]) -> Outcomes:
    """Draft the vouchers of sheets."""
    return [outcome for command in commands for outcome in await _import(db, command)]


@service.does(ImportOpeningBalances)
async def import_opening_balances(db: Db, commands: Sequence[ImportOpeningBalances]) -> Outcomes:
    """Draft the opening balances of sheets."""
    return [outcome for command in commands for outcome in await _import(db, command)]


async def _import(db: Db, command: Import) -> Outcomes:
    terms = store.first_terms(await store.lock_ledgers(db))
    if terms is None:
        return [no_books(command, db)]
    sheet = _read(command, await drafts.chart(db, terms.ledger, importing.accounts_of(command, terms)), terms)
    if sheet.problems:
        return [*sheet.problems]
    if await drafts.taken(db, [draft.draft_id for draft, _ in sheet.drafts]):
        params = {"import_id": command.import_id}
        return [Refusal(command, "import_id", "imported", IMPORTED, params, 409)]
    await drafts.insert_all(db, sheet.drafts)
    return [VoucherDrafted(draft_id=draft.draft_id, kind=draft.kind, on=on, maker=draft.maker)
            for draft, on in sheet.drafts]


def _read(command: Import, chart: Chart, terms: Terms) -> Sheet:
    if isinstance(command, ImportVouchers):
        return importing.vouchers(command, chart, terms)
    return importing.openings(command, chart, terms)
