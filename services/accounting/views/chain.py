"""What the chain's blocks are made of, and the blocks."""

from typing import Any

from shared.db import Db


async def balances_at(db: Db, ledger: str, seq: int) -> str:
    """The sums per month and account after a place in the posting order: the kept ones less what came later, so that
    the end of a ledger costs nothing. A line of text each; what is zero on both sides is left out."""
    return str(await db.fetchval(
        """
        with later as (
            select period, account, sum(case side when 'D' then amount else 0 end) as debit,
                   sum(case side when 'C' then amount else 0 end) as credit
            from (select * from voucher_line where company = $1 and ledger = $2 and seq > $3
                  order by company, ledger, seq, line) as l  -- by this index, also without statistics
            group by period, account
        ), known as (
            select period, account, b.debit - coalesce(l.debit, 0) as debit, b.credit - coalesce(l.credit, 0) as credit
            from period_balance b left join later l using (period, account)
            where b.company = $1 and b.ledger = $2
        )
        select coalesce(string_agg(concat_ws(' ', period, account, debit, credit), e'\\n'
                                   order by period collate "C", account collate "C"), '')
        from known where debit <> 0 or credit <> 0
        """,
        db.company, ledger, seq,
    ))


async def last_place(db: Db, ledger: str) -> int:
    """The last place in the posting order; 0 if there is none."""
    return int(await db.fetchval(
        "select coalesce(max(seq), 0) from voucher where company = $1 and ledger = $2", db.company, ledger
    ))


async def last_block(db: Db, ledger: str) -> Any | None:
    """The newest block's number, last place and hash."""
    return await db.fetchrow(
        """
        select b.block, b.last_seq, b.hash from chain_block b where b.company = $1 and b.ledger = $2
        order by b.block desc limit 1
        """,
        db.company, ledger,
    )


async def blocks(db: Db, ledger: str, after: int, limit: int = 50) -> list[Any]:
    """The next blocks."""
    return await db.fetch(
        """
        select company, ledger, block, first_seq, last_seq, leaves, root, balances, previous, hash
        from chain_block where company = $1 and ledger = $2 and block > $3 order by block limit $4
        """,
        db.company, ledger, after, limit,
    )


async def moved(db: Db, ledger: str, first: int, last: int) -> list[Any]:
    """What vouchers from one place to another moved: period, account, debit, credit."""
    return await db.fetch(
        """
        select period, account, sum(case side when 'D' then amount else 0 end) as debit,
               sum(case side when 'C' then amount else 0 end) as credit
        from (select * from voucher_line where company = $1 and ledger = $2 and seq between $3 and $4
              order by company, ledger, seq, line) as l
        group by period, account
        """,
        db.company, ledger, first, last,
    )


async def places_of_period(db: Db, ledger: str, period: str) -> list[int]:
    """The places of a month's vouchers, in order."""
    rows = await db.fetch(
        "select seq from voucher where company = $1 and ledger = $2 and period = $3 order by seq",
        db.company, ledger, period,
    )
    return [row["seq"] for row in rows]


async def last_place_known_at(db: Db, ledger: str, moment: Any) -> int:
    """The last place that was posted at a moment or before; looks back from the end."""
    return int(await db.fetchval(
        """
        select coalesce((select seq from voucher where company = $1 and ledger = $2 and posted_at <= $3
                         order by seq desc limit 1), 0)
        """,
        db.company, ledger, moment,
    ))


async def balances_as_of(db: Db, ledger: str, on: Any, known: int) -> list[Any]:
    """Balances at the end of a business date, as known when the ledger ended at a place: account, debit, credit.

    Sums of the months before, the month's own lines up to the day, less what was posted after the place: it costs one
    month and what came later.
    """
    return await db.fetch(
        """
        with counted as (
            select account, debit, credit from period_balance
            where company = $1 and ledger = $2 and period < to_char($3::date, 'YYYY-MM')
            union all
            select l.account, case l.side when 'D' then l.amount else 0 end,
                   case l.side when 'C' then l.amount else 0 end
            from voucher v join voucher_line l on l.company = $1 and l.ledger = $2 and l.seq = v.seq
            where v.company = $1 and v.ledger = $2 and v.period = to_char($3::date, 'YYYY-MM')
              and v.voucher_date <= $3::date
            union all
            select l.account, case l.side when 'D' then -l.amount else 0 end,
                   case l.side when 'C' then -l.amount else 0 end
            from voucher_line l join voucher v on v.company = $1 and v.ledger = $2 and v.seq = l.seq
            where l.company = $1 and l.ledger = $2 and l.seq > $4 and v.voucher_date <= $3::date
        )
        select c.account, a.zh, a.en, sum(c.debit) as debit, sum(c.credit) as credit
        from counted c join account a on a.company = $1 and a.ledger = $2 and a.code = c.account
        group by c.account, a.zh, a.en having sum(c.debit) <> 0 or sum(c.credit) <> 0 order by c.account
        """,
        db.company, ledger, on, known,
    )
