"""SQL of changes of a ledger's rules: proposals, what became of them, and what a change begins with."""

from typing import Any

from services.accounting.domain.policies import ChartRow, Ledger, Proposal
from services.accounting.domain.posting import Terms
from shared.db import Db

PAGE = 100


async def ledger(db: Db, newest: Terms) -> Ledger:
    """The newest version with the chart; only while the book is locked."""
    row = await db.fetchrow(
        "select effective_on, splits from activation where company = $1 and ledger = $2 and version = $3",
        db.company, newest.ledger, newest.mapping_version,
    )
    assert row
    accounts = await db.fetch(
        """
        with drafted as (
            select distinct l.account from draft d
            cross join lateral jsonb_to_recordset(d.content -> 'lines') as l (account text)
            where d.company = $1 and coalesce(d.content ->> 'ledger', 'main') = $2 and not exists (
                select from draft_step s where s.company = d.company and s.draft_id = d.draft_id
                and s.step in ('posted', 'discarded'))
        )
        select a.code, a.zh, a.en, a.kind, a.side, a.takes_lines,
               exists (select from voucher_line l
                       where l.company = $1 and l.ledger = $2 and l.account = a.code)
               or a.code in (select account from drafted) as used
        from account a where a.company = $1 and a.ledger = $2 order by a.code
        """,
        db.company, newest.ledger,
    )
    chart = {row["code"]: ChartRow(row["zh"], row["en"], row["kind"], row["side"], row["takes_lines"], row["used"])
             for row in accounts}
    return Ledger(newest, row["effective_on"], row["splits"], chart)


async def insert(db: Db, proposal: Proposal) -> bool:
    """False if there is a proposal of this id already."""
    inserted = await db.fetchval(
        """
        insert into proposal (company, proposal_id, ledger, kind, content, proposed_by) values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing returning true
        """,
        db.company, proposal.proposal_id, proposal.ledger, proposal.kind, dict(proposal.content), proposal.proposed_by,
    )
    return bool(inserted)


async def load(db: Db, proposal_id: str) -> Proposal | None:
    """A proposal with what became of it."""
    row = await db.fetchrow(
        """
        select p.proposal_id, p.ledger, p.kind, p.proposed_by, p.content, s.step
        from proposal p left join proposal_step s using (company, proposal_id)
        where p.company = $1 and p.proposal_id = $2
        """,
        db.company, proposal_id,
    )
    return Proposal(**row) if row else None


async def discard(db: Db, proposal_id: str, by: str, why: str) -> None:
    await db.execute(
        "insert into proposal_step (company, proposal_id, step, who, why) values ($1, $2, 'discarded', $3, $4)",
        db.company, proposal_id, by, why,
    )


# -- how things stand -------------------------------------------------------------------------------------------------


async def versions(db: Db, ledger: str) -> list[dict[str, Any]]:
    """Every version of a ledger's rules, newest first, with the journal row that put it in force, and by whom."""
    rows = await db.fetch(
        """
        select v.version, v.effective_on, v.standard, v.pack_version, v.entry, j.kind,
               j.facts ->> 'proposal_id' as proposal_id, j.facts ->> 'reason' as reason,
               j.facts ->> 'proposed_by' as proposed_by, j.actor as approved_by, j.accepted_at, v.splits
        from activation v join journal j on j.company = v.company and j.entry = v.entry
        where v.company = $1 and v.ledger = $2 order by v.version desc
        """,
        db.company, ledger,
    )
    return [dict(row) for row in rows]


async def roles(db: Db, ledger: str, version: int) -> dict[str, str] | None:
    """The role map of a version; None if there is no such version."""
    found = await db.fetchval(
        "select jsonb_object_agg(role, account) from role_map where company = $1 and ledger = $2 and version = $3",
        db.company, ledger, version,
    )
    return dict(found) if found else None


async def waiting(db: Db, after: str) -> list[dict[str, Any]]:
    """Proposals that were neither approved nor discarded, a page at a time."""
    rows = await db.fetch(
        """
        select p.proposal_id, p.ledger, p.kind, p.proposed_by, p.proposed_at, p.content
        from proposal p
        where p.company = $1 and p.proposal_id > $2 and not exists (
            select from proposal_step s where s.company = p.company and s.proposal_id = p.proposal_id)
        order by p.proposal_id limit $3
        """,
        db.company, after, PAGE,
    )
    return [dict(row) for row in rows]
