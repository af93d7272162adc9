"""The rows of journal and ledger for proofs: in stretches by place, so that memory is bounded, and each row's text.

A voucher's text is one JSON object with its lines, all of their columns but those that are null; so a column that is
added later changes no text. Its hash is what digests and the chain are made of. The same statements read the ledger and
what a proof has made again: on a connection of the scratch (`views.scratch`) the same names stand for its own tables.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.db import Db


class Heads(NamedTuple):
    """The last entry and the last place of a ledger, and the sums per month and account at that moment."""

    entry: int
    seq: int
    balances: str


async def heads(db: Db, ledger: str) -> Heads:
    """All of one moment: each posting moves them together."""
    row = await db.fetchrow(
        """
        select (select coalesce(max(entry), 0) from journal where company = $1) as entry,
               (select coalesce(max(seq), 0) from voucher where company = $1 and ledger = $2) as seq,
               (select coalesce(string_agg(concat_ws(' ', period, account, debit, credit), e'\\n'
                                           order by period collate "C", account collate "C"), '')
                from period_balance where company = $1 and ledger = $2) as balances
        """,
        db.company, ledger,
    )
    assert row is not None
    return Heads(row["entry"], row["seq"], row["balances"])


async def ledgers(connection: Any) -> list[Any]:
    """All books, with what `proofs.place.Place` says of each."""
    return list(await connection.fetch(
        "select company, ledger, currency, standard, pack_version, opened_on, words from book order by company, ledger"
    ))


async def journal(db: Db, ledger: str, after: int, upto: int, limit: int) -> list[Any]:
    """The next entries of the journal, each with all that it takes to decide it again for a ledger."""
    return await db.fetch(
        """
        select j.entry, j.kind, j.event_id, j.event_type, j.source, j.position, j.actor, j.facts, j.reader_version,
               coalesce(b.standard, j.standard) as standard, coalesce(b.pack_version, j.pack_version) as pack_version,
               coalesce(b.mapping_version, j.mapping_version) as mapping_version, j.open_from,
               case when b.entry is null then j.none_zh else b.none_zh end as none_zh,
               case when b.entry is null then j.none_en else b.none_en end as none_en, j.accepted_at
        from journal j
        left join journal_beside b on b.company = j.company and b.ledger = $2 and b.entry = j.entry
        where j.company = $1 and j.entry > $3 and j.entry <= $4 order by j.entry limit $5
        """,
        db.company, ledger, after, upto, limit,
    )


async def role_maps(db: Db, ledger: str) -> list[Any]:
    """Every version of the rules: version, `roles` as role -> [account, whether it is a memo account], splits. An
    account that takes no lines today did so when its version was in force."""
    return await db.fetch(
        """
        select v.version, v.splits, (
                   select jsonb_object_agg(m.role, jsonb_build_array(m.account, a.kind = 'memo'))
                   from role_map m
                   join account a on a.company = m.company and a.ledger = m.ledger and a.code = m.account
                   where m.company = $1 and m.ledger = $2 and m.version = v.version
               ) as roles
        from activation v where v.company = $1 and v.ledger = $2
        """,
        db.company, ledger,
    )


async def texts(db: Db, ledger: str, places: Sequence[int]) -> list[Any]:
    """Some vouchers by their places: seq, and the text (see above)."""
    return await db.fetch(
        """
        select v.seq, (
                   jsonb_strip_nulls(to_jsonb(v)) || jsonb_build_object(
                       'posted_at', to_char(v.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       'lines', own.lines)
               )::text as text
        from voucher v cross join lateral (
            select jsonb_agg(jsonb_strip_nulls(to_jsonb(l)) - '{company,ledger,seq}'::text[] order by l.line) as lines
            from (select * from voucher_line where company = $1 and ledger = $2 and seq >= v.seq
                  order by company, ledger, seq, line limit v.line_count + 1) as l  -- one more than there should be
            where l.seq = v.seq
        ) as own
        where v.company = $1 and v.ledger = $2 and v.seq = any ($3::bigint[]) order by v.seq
        """,
        db.company, ledger, places,
    )


async def hashes(db: Db, ledger: str, first: int, last: int) -> list[Any]:
    """The same from one place to another with the SHA-256 of the text, and that of its content: without place, entry,
    number, position and time.

    Lines come into a voucher's text at a mark: to put texts together is a quarter cheaper than to put JSON together and
    make text of it. No text within JSON looks like the mark, since its quotes are escaped. Both tables are read by
    their keys and grouped, not joined: without statistics the planner would compare each row with each.
    """
    return await db.fetch(
        """
        with head as (
            select v.seq, v.period, v.word, v.number, jsonb_strip_nulls(to_jsonb(v)) || jsonb_build_object(
                       'posted_at', to_char(v.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                       'lines', '@') as head
            from (select * from voucher where company = $1 and ledger = $2 and seq between $3 and $4
                  order by company, ledger, seq) as v
            offset 0  -- made once
        ), part as (
            select seq, period, word, number, head::text as text,
                   (head - '{seq,entry,number,position,posted_at}'::text[])::text as content, 0 as line, null as own
            from head
            union all
            select seq, null, null, null, null, null, line,
                   (jsonb_strip_nulls(to_jsonb(l)) - '{company,ledger,seq}'::text[])::text
            from (select * from voucher_line where company = $1 and ledger = $2 and seq between $3 and $4
                  order by company, ledger, seq, line) as l
        ), whole as (
            select seq, max(period) as period, max(word) as word, max(number) as number, max(text) as text,
                   max(content) as content,
                   '"lines": ' || coalesce('[' || string_agg(own, ', ' order by line) || ']', 'null') as lines
            from part group by seq having max(text) is not null
        )
        select seq, period, word, number,
               sha256(convert_to(replace(text, '"lines": "@"', lines), 'UTF8')) as hash,
               sha256(convert_to(replace(content, '"lines": "@"', lines), 'UTF8')) as content
        from whole order by seq
        """,
        db.company, ledger, first, last,
    )


async def vouchers(db: Db, ledger: str, first: int, last: int) -> list[Any]:
    """The vouchers from one place to another, with the columns of `store.VOUCHER_COLUMNS`."""
    return await db.fetch(
        """
        select seq, entry, period, word, number, voucher_date, business_date, summary, attachments, maker, checker,
               poster, cashier, event_id, event_type, source, position, rule_id, rule_version, part, line_count
        from voucher where company = $1 and ledger = $2 and seq between $3 and $4 order by seq
        """,
        db.company, ledger, first, last,
    )


async def lines(db: Db, ledger: str, first: int, last: int) -> list[Any]:
    """Their lines, with the columns of `store.LINE_COLUMNS`."""
    return await db.fetch(
        """
        select seq, line, period, account, side, amount, customer, supplier, product, warehouse, salesperson, quantity,
               summary
        from voucher_line where company = $1 and ledger = $2 and seq between $3 and $4 order by seq, line
        """,
        db.company, ledger, first, last,
    )
