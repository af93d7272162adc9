"""SQL that moves open items behind the posting; one statement per step, which does nothing if somebody was faster."""

from collections.abc import Sequence
from typing import Any

from services.accounting.domain.open_items import KINDS, Move
from shared.db import Db, columns

VOUCHERS_OF_AN_ENTRY = 100  # more than any journal row has in a ledger


async def next_step(db: Db, ledger: str, step: int) -> tuple[int, int]:
    """The place reached, and the end of the next step: never between two vouchers of one journal row."""
    await db.execute("insert into open_item_head values ($1, $2, 0) on conflict do nothing", db.company, ledger)
    row = await db.fetchrow(
        """
        with head as materialized (
            select seq from open_item_head where company = $1 and ledger = $2
        ), last as materialized (
            select v.seq, v.entry from voucher v, head
            where v.company = $1 and v.ledger = $2 and v.seq <= head.seq + $3 and v.seq > head.seq
            order by v.seq desc limit 1
        )
        select head.seq as done, coalesce((
            select max(v.seq) from voucher v, last
            where v.company = $1 and v.ledger = $2 and v.seq between last.seq and last.seq + $4
              and v.entry = last.entry
        ), head.seq) as upto from head
        """,
        db.company, ledger, step, VOUCHERS_OF_AN_ENTRY,
    )
    assert row
    return row["done"], row["upto"]


async def load_moved(db: Db, ledger: str, after: int, upto: int) -> list[Any]:
    """What the vouchers of each journal row moved, by kind and party, with the facts of the row. Vouchers and rows are
    looked up one by one, in the order of their keys: without statistics the planner would read all for each line."""
    return await db.fetch(
        """
        with mapped as materialized (
            select distinct m.account, k.kind, k.side, k.sign
            from unnest($5::text[], $6::text[], $7::text[], $8::integer[]) as k (kind, role, side, sign)
            join role_map m on m.company = $1 and m.ledger = $2 and m.role = k.role
        ), moved as (
            select v.entry, max(seq) as seq, max(v.voucher_date) as voucher_date,
                   max(coalesce(v.business_date, v.voucher_date)) as business_date, m.kind,
                   coalesce(case m.side when 'customer' then l.customer else l.supplier end, '') as party,
                   sum(m.sign * case l.side when 'D' then l.amount else -l.amount end) as amount
            from (select * from voucher_line where company = $1 and ledger = $2 and seq > $3 and seq <= $4
                  order by company, ledger, seq, line) as l  -- by this index, also without statistics
            join mapped m using (account)
            join lateral (select entry, seq, voucher_date, business_date from voucher
                          where company = $1 and ledger = $2 and seq >= l.seq
                          order by company, ledger, seq limit 1) as v using (seq)
            group by v.entry, m.kind, party
            having sum(m.sign * case l.side when 'D' then l.amount else -l.amount end) <> 0
        )
        select moved.*, j.event_type, j.facts from moved
        cross join lateral (select event_type, facts from journal
                            where company = $1 and entry = moved.entry limit 1) as j
        order by moved.seq, moved.kind, moved.party
        """,
        db.company, ledger, after, upto,
        *columns([(name, role, kind.side, kind.sign) for name, kind in KINDS.items() for role in kind.roles], 4),
    )


async def move(db: Db, ledger: str, done: int, upto: int, moves: Sequence[Move]) -> None:
    """Move the items and the head together, if the head still stands where the moves were read from."""
    rows = [
        (m.kind, m.party, m.document_type, m.document, m.seq, m.on, m.dated, m.amount, m.original, m.by_type,
         m.by_document, m.due)
        for m in moves
    ]
    await db.execute(
        """
        with ours as (
            update open_item_head set seq = $4 where company = $1 and ledger = $2 and seq = $3 returning true
        ), moved as materialized (
            select m.* from ours, unnest(
                $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::date[], $11::date[],
                $12::numeric[], $13::numeric[], $14::text[], $15::text[], $16::date[]
            ) as m (kind, party, document_type, document, seq, moved_on, dated, amount, original, by_type, by_document,
                    due)
        ), noted as (
            insert into open_item_move (company, ledger, kind, party, document_type, document, seq, moved_on, amount,
                                        by_type, by_document)
            select $1, $2, kind, party, document_type, document, seq, moved_on, amount, by_type, by_document from moved
        )
        insert into open_item as i (company, ledger, kind, party, document_type, document, dated, original, open,
                                    last_on, due)
        select $1, $2, kind, party, document_type, document, coalesce(min(dated) filter (where original <> 0),
               min(dated)), sum(original), sum(amount), max(moved_on), max(due)
        from moved group by kind, party, document_type, document
        on conflict (company, ledger, kind, party, document_type, document) do update
        set dated = case when excluded.original <> 0 then excluded.dated else i.dated end,
            original = i.original + excluded.original, open = i.open + excluded.open,
            last_on = greatest(i.last_on, excluded.last_on), due = coalesce(excluded.due, i.due)
        """,
        db.company, ledger, done, upto, *columns(rows, 12),
    )
