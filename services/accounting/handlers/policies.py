"""Use cases of changes of a ledger's rules: one proposes, another one approves, then they are a row of the journal."""

from collections.abc import Sequence

from services.accounting import packs, store
from services.accounting.domain import charting, policies
from services.accounting.domain.journal import decide_everywhere
from services.accounting.domain.pack import Pack, PackError
from services.accounting.domain.policies import Change, Ledger, Objection, Proposal
from services.accounting.domain.posting import Policies
from services.accounting.handlers import service
from services.accounting.handlers.periods import no_books, no_ledger
from services.accounting.store import policies as policy_store
from shared.db import Db
from shared.events import Command, Event
from shared.events.policies import (
    ApprovePolicyChange,
    DiscardPolicyChange,
    ImportAccounts,
    PolicyChangeApproved,
    PolicyChangeDiscarded,
    PolicyChangeProposed,
    ProposeMapping,
    ProposePack,
)
from shared.refusal import Refusal, Text

TAKEN = Text("提议号 {proposal_id} 已被使用", "there is a proposal {proposal_id} already")
UNKNOWN = Text("没有提议 {proposal_id}", "there is no proposal {proposal_id}")
DECIDED = {
    "approved": Text("提议 {proposal_id} 已批准", "proposal {proposal_id} was approved"),
    "discarded": Text("提议 {proposal_id} 已作废", "proposal {proposal_id} was discarded"),
}
SELF_APPROVAL = Text("不能批准自己的提议", "nobody approves what they proposed")

Outcome = Event | Refusal
Propose = ProposeMapping | ProposePack
OUTSIDE = {"proposal_id"}  # of a command, beside the content of its proposal


@service.does(ProposeMapping)
async def propose_mappings(db: Db, commands: Sequence[ProposeMapping]) -> list[Outcome]:
    """Keep what somebody wants to be mapped otherwise, if it could be."""
    return [outcome for command in commands for outcome in await _propose(db, command, "mapping")]


@service.does(ImportAccounts)
async def import_accounts(db: Db, commands: Sequence[ImportAccounts]) -> list[Outcome]:
    """Propose the accounts of sheets, if nothing speaks against any row."""
    return [outcome for command in commands for outcome in await _import(db, command)]


async def _import(db: Db, command: ImportAccounts) -> Sequence[Outcome]:
    ledger = await _ledger_of(db, command)
    if isinstance(ledger, Refusal):
        return [ledger]
    sheet = charting.read(command, ledger)
    against = _against(sheet.proposed, ledger) if sheet.places else []
    if sheet.problems or against:
        return [*sheet.problems, *(charting.told(command, sheet, refusal) for refusal in against)]
    kept = await _keep(db, sheet.proposed, "mapping")
    return [charting.told(command, sheet, kept) if isinstance(kept, Refusal) else kept]


@service.does(ProposePack)
async def propose_packs(db: Db, commands: Sequence[ProposePack]) -> list[Outcome]:
    """Keep which version of the pack somebody wants, if it could be put in force."""
    return [outcome for command in commands for outcome in await _propose(db, command, "pack")]


async def _propose(db: Db, command: Propose, kind: str) -> Sequence[Outcome]:
    ledger = await _ledger_of(db, command)
    if isinstance(ledger, Refusal):
        return [ledger]
    return _against(command, ledger) or [await _keep(db, command, kind)]


async def _ledger_of(db: Db, command: Propose | ImportAccounts) -> Ledger | Refusal:
    """The ledger that somebody wants to be kept otherwise; nobody posts meanwhile."""
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return no_books(command, db)
    return await _ledger(db, ledgers, command.ledger) or no_ledger(command, command.ledger)


def _against(command: Propose, ledger: Ledger) -> list[Refusal]:
    _, against = judge(command, ledger)
    return [Refusal(command, o.field, o.code, o.text, o.params) for o in against]


async def _keep(db: Db, command: Propose, kind: str) -> Outcome:
    name = command.actor.name
    content = command.model_dump(mode="json", exclude=OUTSIDE)
    proposal = Proposal(command.proposal_id, command.ledger, kind, name, content, None)
    if not await policy_store.insert(db, proposal):
        params = {"proposal_id": command.proposal_id}
        return Refusal(command, "proposal_id", "proposal_exists", TAKEN, params, 409)
    return PolicyChangeProposed(
        proposal_id=command.proposal_id, ledger=command.ledger, kind=kind, effective_on=command.effective_on,
        proposed_by=name,
    )


async def _ledger(db: Db, ledgers: Sequence[Policies], name: str) -> Ledger | None:
    newest = next((p.versions[-1][1] for p in ledgers if p.first.ledger == name), None)
    return await policy_store.ledger(db, newest) if newest else None


def judge(asked: Propose, ledger: Ledger) -> tuple[Change | None, list[Objection]]:
    """What a proposal would put in force, or everything that speaks against it."""
    if isinstance(asked, ProposeMapping):
        against = policies.against_mapping(asked, ledger)
        return (None if against else policies.mapped(asked, ledger)), against
    pack = _pack(asked)
    against = policies.against_pack(asked, pack, ledger)
    return (None if against or pack is None else policies.activated(pack, ledger)), against


def _pack(asked: ProposePack) -> Pack | None:
    try:
        return packs.named(asked.standard, asked.version)
    except PackError:
        return None


@service.does(ApprovePolicyChange)
async def approve_changes(db: Db, commands: Sequence[ApprovePolicyChange]) -> list[Outcome]:
    """Put changes in force: everything is looked at again, while nobody else posts."""
    return [outcome for command in commands for outcome in await _approve(db, command)]


async def _approve(db: Db, command: ApprovePolicyChange) -> Sequence[Outcome]:
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return [no_books(command, db)]
    proposal = await _undecided(db, command, command.proposal_id)
    if isinstance(proposal, Refusal):
        return [proposal]
    approver, params = command.actor.name, {"proposal_id": proposal.proposal_id}
    if approver == proposal.proposed_by:
        return [Refusal(command, "proposal_id", "self_approval", SELF_APPROVAL, params, 403)]
    ledger = await _ledger(db, ledgers, proposal.ledger)
    assert ledger, "ledgers are never closed"
    asked = (ProposeMapping if proposal.kind == "mapping" else ProposePack).model_validate(
        {**proposal.content, **params})
    change, against = judge(asked, ledger)
    if change is None:
        return [Refusal(command, "proposal_id", o.code, o.text, o.params, 409) for o in against]
    row = policies.row(proposal, change, ledger, approver)
    await store.post(db, [decide_everywhere(row, ledgers)])
    return [PolicyChangeApproved(
        **params, ledger=proposal.ledger, kind=proposal.kind, effective_on=asked.effective_on,
        version=row.facts["mapping_version"], proposed_by=proposal.proposed_by, approved_by=approver,
    )]


@service.does(DiscardPolicyChange)
async def discard_changes(db: Db, commands: Sequence[DiscardPolicyChange]) -> list[Outcome]:
    """Give up what was not approved."""
    return [await _discard(db, command) for command in commands]


async def _discard(db: Db, command: DiscardPolicyChange) -> Outcome:
    if not await store.lock_ledgers(db):
        return no_books(command, db)
    proposal = await _undecided(db, command, command.proposal_id)
    if isinstance(proposal, Refusal):
        return proposal
    await policy_store.discard(db, proposal.proposal_id, command.actor.name, command.why)
    return PolicyChangeDiscarded(proposal_id=proposal.proposal_id, by=command.actor.name, why=command.why)


async def _undecided(db: Db, command: Command, proposal_id: str) -> Proposal | Refusal:
    proposal, params = await policy_store.load(db, proposal_id), {"proposal_id": proposal_id}
    if proposal is None:
        return Refusal(command, "proposal_id", "not_found", UNKNOWN, params, 404)
    if proposal.step:
        return Refusal(command, "proposal_id", proposal.step, DECIDED[proposal.step], params, 409)
    return proposal
