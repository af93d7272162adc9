"""SQL that reads what became of drafts, and what corrects what: vouchers, and drafts under way."""

from typing import Any

from shared.db import Db


async def links(db: Db, ledger: str, seq: int) -> dict[str, Any]:
    """Of a posted voucher: `corrects` what it corrects itself, `corrected_by` the vouchers that corrected it, `drafts`
    the ids of corrections of it that are under way."""
    row = await db.fetchrow(
        """
        select (select j.facts -> 'of' from journal j
                where j.company = $1 and j.entry = v.entry and j.kind = 'correction') as corrects,
               (select coalesce(jsonb_agg(jsonb_build_object('period', b.period, 'word', b.word, 'number', b.number)
                                          order by b.seq), '[]')
                from corrected c join voucher b on b.company = $1 and b.ledger = $2 and b.entry = c.entry
                                               and b.event_id is null
                where c.company = $1 and c.ledger = $2 and c.seq = v.seq) as corrected_by,
               array(select w.draft_id from draft_waiting w
                     join draft d on d.company = w.company and d.draft_id = w.draft_id and d.kind = 'correction'
                     where w.company = $1 and d.content -> 'of' ->> 'ledger' = $2
                       and (d.content -> 'of' ->> 'seq')::bigint = v.seq order by w.draft_id) as drafts
        from voucher v where v.company = $1 and v.ledger = $2 and v.seq = $3
        """,
        db.company, ledger, seq,
    )
    assert row, "whoever asks has found the voucher"
    of = row["corrects"]
    return {**row, "corrects": {name: of[name] for name in ("period", "word", "number")} if of else None}


async def posted(db: Db, ledger: str, draft_id: str) -> list[dict[str, Any]]:
    """The vouchers that a draft was posted as; none if it was not."""
    rows = await db.fetch(
        """
        select v.period, v.word, v.number
        from journal j join voucher v on v.company = $1 and v.ledger = $2 and v.entry = j.entry and v.event_id is null
        where j.company = $1 and j.kind in ('manual', 'correction') and j.facts ->> 'draft_id' = $3 order by v.seq
        """,
        db.company, ledger, draft_id,
    )
    return [dict(row) for row in rows]
