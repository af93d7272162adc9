"""Copies of all vouchers that are posted so far, with their journal and inbox rows, into every month of two years."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from services.accounting.proofs import chain
from tools.bench.stage import COMPANY

MONTHS = 24
AT_ONCE = 240  # copies in a statement
# What the triggers' checks and the copying itself look things up in; all other indexes are made at the end, which
# costs a third.
NEEDED = ["voucher_line_pkey", "voucher_pkey", "voucher_company_ledger_period_word_number_key", "journal_pkey",
          "inbox_pkey"]


async def add(database: Any, entries: int, first: int, last: int) -> None:
    """Copy the first entries of the journal, as the owner of the tables: these are the copies `first` to `last` - 1.

    Copy k stands in month k modulo 24 from 2024-01 on. Entries, posting order and numbers go on without gaps; event ids
    grow as real ones do. Positions are far above those of real events, which so go on as if there were no copies.
    What follows the posting counts as done (nothing that is measured reads it), as in a ledger that grew in years: else
    accounting would be busy with it for minutes.
    """
    async with _few_indexes(database):
        for start in range(first, last, AT_ONCE):
            await database.execute(_COPY, COMPANY, entries, start, min(start + AT_ONCE, last) - 1)
    await database.execute(_FOLLOWED)
    await database.execute(_SEALED, chain.BLOCK)


async def tidy(database: Any, administrator_url: str) -> None:
    """Do what autovacuum and the checkpointer would do to all of this in time, so that they do not while something is
    measured. A table of the ledger is not vacuumed for growing (migrations/0026_the_ledger_only_grows.sql)."""
    await database.execute("analyze")
    vacuumed = await database.fetch(
        """
        select oid::regclass::text as name from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
          and not 'autovacuum_vacuum_insert_threshold=-1' = any (coalesce(reloptions, '{}'))
        """
    )
    for table in vacuumed:
        await database.execute(f"vacuum {table['name']}")
    administrator = await asyncpg.connect(administrator_url, command_timeout=600)
    await administrator.execute("checkpoint")
    await administrator.close()


@asynccontextmanager
async def _few_indexes(database: Any) -> AsyncIterator[None]:
    """Without the indexes that only readers need; afterwards they are there again, each by its own definition."""
    found = await database.fetch(
        """
        select i.indexrelid::regclass::text as name, i.indrelid::regclass::text as of,
               case when c.oid is null then pg_get_indexdef(i.indexrelid)
                    else format('alter table %s add constraint %s %s', i.indrelid::regclass, c.conname,
                                pg_get_constraintdef(c.oid)) end as again,
               c.oid is not null as constrains
        from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
        where i.indrelid = any ('{inbox, journal, voucher, voucher_line}'::regclass[])
          and i.indexrelid::regclass::text <> all ($1::text[])
        """,
        NEEDED,
    )
    for index in found:
        drop = f"alter table {index['of']} drop constraint" if index["constrains"] else "drop index"
        await database.execute(f"{drop} {index['name']}")
    yield
    await database.execute("set maintenance_work_mem = '512MB'")
    for index in found:
        await database.execute(index["again"])


_FOLLOWED = """
with last as materialized (
    select company, ledger, max(seq) as seq from voucher group by company, ledger
), balanced as (
    insert into dimension_head select * from last on conflict (company, ledger) do update set seq = excluded.seq
)
insert into open_item_head select * from last on conflict (company, ledger) do update set seq = excluded.seq
"""
# Whole blocks of nothing but zeros, each after the one before.
_SEALED = """
with last as (
    select v.company, v.ledger, max(v.seq) as seq, coalesce(max(c.block), 0) as block,
           coalesce(max(c.last_seq), 0) as sealed
    from (select company, ledger, max(seq) as seq from voucher group by company, ledger) as v
    left join chain_block c using (company, ledger) group by v.company, v.ledger
), zeros as (
    select decode(repeat('00', 32), 'hex') as zero, decode(repeat('00', 32 * $1::integer), 'hex') as leaves
)
insert into chain_block (company, ledger, block, first_seq, last_seq, leaves, root, balances, previous, hash)
select l.company, l.ledger, l.block + n, l.sealed + (n - 1) * $1 + 1, l.sealed + n * $1, leaves, zero, zero,
       coalesce((select hash from chain_block c where c.company = l.company and c.ledger = l.ledger
                 and c.block = l.block + n - 1), zero), zero
from last l cross join zeros cross join generate_series(1, (l.seq - l.sealed) / $1) as n order by n
"""
_COPY = """
with copy as (
    select k, ('2024-01-15'::date + make_interval(months => k % 24))::date as day, k / 24 as earlier
    from generate_series($3::integer, $4::integer) as k
), base_journal as (
    select * from journal where company = $1 and entry > 2 and entry <= $2
), base_voucher as (
    select * from voucher where company = $1 and seq <= 2 * $2 and entry <= $2  -- the first places, by their key
), base as (
    select (select count(*) from base_journal) as entries, (select count(*) from base_voucher) as vouchers
), words as (
    select word, count(*) as vouchers from base_voucher group by word
), heard as (
    insert into inbox (company, event_id, source, subject, version, position)
    select $1, (lpad(to_hex(k * entries + j.entry), 12, '0') || '70008000000000000000')::uuid, i.source,
           i.subject || '-' || k, i.version, 1000000000 + k * entries + j.entry
    from copy cross join base cross join base_journal j join inbox i on i.company = $1 and i.event_id = j.event_id
    order by k, j.entry
), journaled as (
    insert into journal (company, entry, kind, event_id, event_type, source, position, actor, facts, reader_version,
                         standard, pack_version, mapping_version, none_zh, none_en, open_from)
    select $1, j.entry + (k + 1) * entries, kind,
           (lpad(to_hex(k * entries + j.entry), 12, '0') || '70008000000000000000')::uuid, event_type, source,
           1000000000 + k * entries + j.entry, actor, facts, reader_version, standard, pack_version, mapping_version,
           none_zh, none_en, open_from
    from copy cross join base cross join base_journal j order by k, j.entry
), headed as (
    insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date, summary,
                         attachments, maker, checker, poster, event_id, event_type, source, position, rule_id,
                         rule_version, part, line_count)
    select $1, ledger, v.seq + (k + 1) * base.vouchers, v.entry + (k + 1) * entries, to_char(day, 'YYYY-MM'), word,
           v.number + earlier * words.vouchers, day, day, summary, attachments, maker, checker, poster,
           (lpad(to_hex(k * entries + v.entry), 12, '0') || '70008000000000000000')::uuid, event_type, source,
           1000000000 + k * entries + v.entry, rule_id, rule_version, part, line_count
    from copy cross join base cross join base_voucher v join words using (word) order by k, v.seq
), lined as (
    insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, customer, supplier,
                              product, warehouse, salesperson, quantity, summary)
    select $1, l.ledger, l.seq + (k + 1) * base.vouchers, line, to_char(day, 'YYYY-MM'), account, side, amount,
           currency, customer, supplier, product, warehouse, salesperson, quantity, l.summary
    from copy cross join base cross join base_voucher v
    join voucher_line l on l.company = $1 and l.ledger = v.ledger and l.seq = v.seq
    order by k, l.seq, line
    returning ledger, period, account, side, amount
)
insert into period_balance as b (company, ledger, period, account, debit, credit)
select $1, ledger, period, account, coalesce(sum(amount) filter (where side = 'D'), 0),
       coalesce(sum(amount) filter (where side = 'C'), 0)
from lined group by ledger, period, account
on conflict (company, ledger, period, account)
do update set debit = b.debit + excluded.debit, credit = b.credit + excluded.credit
"""
