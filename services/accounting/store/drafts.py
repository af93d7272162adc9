"""SQL of vouchers made by hand: drafts and their steps, and the posted vouchers that are to be corrected."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.accounting.domain.manual import ChartAccount, Draft, Step
from services.accounting.domain.reading import DIMENSIONS
from shared.db import Db, columns

PAGE = 100


async def chart(db: Db, ledger: str, codes: Sequence[str]) -> dict[str, ChartAccount]:
    """What matters of some accounts; those that are not in the chart are left out."""
    rows = await db.fetch(
        """
        select code, kind, takes_lines from account where company = $1 and ledger = $2 and code = any ($3::text[])
        """,
        db.company, ledger, list(codes),
    )
    return {row["code"]: ChartAccount(row["kind"], row["takes_lines"]) for row in rows}


async def insert(db: Db, draft: Draft, dated: date) -> bool:
    """False if there is a draft of this id already."""
    inserted = await db.fetchval(
        """
        with made as (
            insert into draft (company, draft_id, kind, dated, maker, content) values ($1, $2, $3, $4, $5, $6)
            on conflict do nothing returning company, draft_id
        )
        insert into draft_waiting (company, draft_id, step) select company, draft_id, 'checked' from made returning true
        """,
        db.company, draft.draft_id, draft.kind, dated, draft.maker, dict(draft.content),
    )
    return bool(inserted)


async def taken(db: Db, draft_ids: Sequence[str]) -> bool:
    """True if there is a draft with one of these ids."""
    return bool(await db.fetchval(
        "select exists (select from draft where company = $1 and draft_id = any ($2::text[]))",
        db.company, list(draft_ids),
    ))


async def insert_all(db: Db, drafts: Sequence[tuple[Draft, date]]) -> None:
    """Drafts with their days, whose ids are free while the book is locked."""
    await db.execute(
        """
        with made as (
            insert into draft (company, draft_id, kind, dated, maker, content)
            select $1, d.* from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::jsonb[]) as d
            returning company, draft_id
        )
        insert into draft_waiting (company, draft_id, step) select company, draft_id, 'checked' from made
        """,
        db.company, *columns([(d.draft_id, d.kind, on, d.maker, dict(d.content)) for d, on in drafts], 5),
    )


async def load(db: Db, draft_id: str) -> Draft | None:
    """A draft with what became of it."""
    row = await db.fetchrow(
        """
        select d.draft_id, d.kind, d.maker, d.content,
               (select coalesce(jsonb_object_agg(step, who), '{}') from draft_step s
                where s.company = d.company and s.draft_id = d.draft_id) as steps
        from draft d where d.company = $1 and d.draft_id = $2
        """,
        db.company, draft_id,
    )
    return Draft(**row) if row else None


async def insert_step(
    db: Db, draft_id: str, step: Step, by: str, then: Step | None, why: str | None = None
) -> None:
    """A step that was taken; `then` is what the draft waits for from now on, None for nothing more."""
    await db.execute(
        """
        with moved as (
            update draft_waiting set step = $5::text where company = $1 and draft_id = $2 and $5::text is not null
        ), done as (
            delete from draft_waiting where company = $1 and draft_id = $2 and $5::text is null
        )
        insert into draft_step (company, draft_id, step, who, why) values ($1, $2, $3, $4, $6)
        """,
        db.company, draft_id, step, by, then, why,
    )


async def unposted(
    db: Db, since: date, before: date | None, after: str = "", step: str = ""
) -> list[dict[str, Any]]:
    """Drafts of some days that were neither posted nor discarded, all or those that wait for a step, a page at a
    time."""
    rows = await db.fetch(
        """
        select d.draft_id, d.kind, d.dated, d.maker, d.made_at, w.step as waits_for,
               coalesce(d.content ->> 'summary', d.content ->> 'reason') as summary,
               (select coalesce(sum((line ->> 'amount')::numeric), 0)::text
                from jsonb_array_elements(d.content -> 'lines') as line where line ->> 'side' = 'D') as total,
               (select coalesce(jsonb_object_agg(s.step, s.who), '{}') from draft_step s
                where s.company = d.company and s.draft_id = d.draft_id) as steps
        from draft_waiting w join draft d on d.company = w.company and d.draft_id = w.draft_id
        where w.company = $1 and d.dated >= $2 and d.dated < coalesce($3, 'infinity'::date) and w.draft_id > $4
          and ($6 = '' or w.step = $6)
        order by w.draft_id limit $5
        """,
        db.company, since, before, after, PAGE, step,
    )
    return [dict(row) for row in rows]


async def voucher(db: Db, ledger: str, period: str, word: str, number: int) -> Mapping[str, Any] | None:
    """A posted voucher as the facts of its correction hold it, the kind of its origin, and whether it was corrected."""
    head = await db.fetchrow(
        """
        select v.ledger, v.seq, v.period, v.word, v.number, v.voucher_date::text as on, j.kind as origin,
               exists (select from corrected c where c.company = v.company and c.ledger = v.ledger and c.seq = v.seq)
                   as corrected
        from voucher v join journal j on j.company = v.company and j.entry = v.entry
        where v.company = $1 and v.ledger = $2 and v.period = $3 and v.word = $4 and v.number = $5
        """,
        db.company, ledger, period, word, number,
    )
    if head is None:
        return None
    rows = await db.fetch(
        """
        select l.account, a.kind, l.side, trim_scale(l.amount)::text as amount, l.customer, l.supplier, l.product,
               l.warehouse, l.salesperson, trim_scale(l.quantity)::text as quantity
        from voucher_line l join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        where l.company = $1 and l.ledger = $2 and l.seq = $3 order by l.line
        """,
        db.company, ledger, head["seq"],
    )
    lines = [
        {
            "account": row["account"], "kind": row["kind"], "side": row["side"], "amount": row["amount"],
            "dimensions": {name: row[name] for name in DIMENSIONS if row[name] is not None},
            "quantity": row["quantity"], "summary": None,
        }
        for row in rows
    ]
    return {**head, "lines": lines}
