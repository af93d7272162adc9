"""What statements are made of: balances and movements per account, each in one statement and so at one moment."""

from collections.abc import Sequence
from typing import Any

from services.accounting.domain.statements import Amount
from services.accounting.views.books import Book

Columns = dict[str, list[Amount]]


async def balances(book: Book, period: str, splits: Sequence[tuple[str, str]]) -> Columns:
    """Balances at the end of a month and at the beginning of its year, for the columns closing and year_opening.

    `splits` are (beginning of an account's code, dimension): there a balance per value, elsewhere one per account.
    """
    rows = await book.db.fetch(
        """
        with head as (
            select coalesce(max(seq), 0) as seq from dimension_head where company = $1 and ledger = $2
        ), split as (
            select * from unnest($4::text[], $5::text[]) as s (account, by)
        ), moved as (
            select b.account, b.period, b.debit - b.credit as amount,
                   case s.by when 'customer' then b.customer when 'supplier' then b.supplier end as value
            from dimension_balance b join split s on left(b.account, length(s.account)) = s.account
            where b.company = $1 and b.ledger = $2 and b.period <= $3
            union all
            select l.account, l.period, case l.side when 'D' then l.amount else -l.amount end,
                   coalesce(case s.by when 'customer' then l.customer when 'supplier' then l.supplier end, '')
            from voucher_line l join split s on left(l.account, length(s.account)) = s.account
            where l.company = $1 and l.ledger = $2 and l.seq > (select seq from head) and l.period <= $3
            union all
            select b.account, b.period, b.debit - b.credit, '' from period_balance b
            where b.company = $1 and b.ledger = $2 and b.period <= $3
              and not exists (select from split s where left(b.account, length(s.account)) = s.account)
        )
        select m.account, m.value, sum(m.amount) as closing,
               coalesce(sum(m.amount) filter (where m.period < left($3, 4)), 0) as year_opening
        from moved m join account a on a.company = $1 and a.ledger = $2 and a.code = m.account and a.kind <> 'memo'
        group by m.account, m.value order by m.account, m.value
        """,
        book.db.company, book.ledger, period, *([row[n] for row in splits] for n in (0, 1)),
    )
    return _columns(rows, ("closing", "year_opening"))


async def movements(book: Book, period: str, profit: str) -> Columns:
    """What revenue and expense moved: in the month, in the year so far, in the same months of the year before.

    What carries them forward to the profit of the year (结转损益) is left out: any voucher with a line on `profit`.
    """
    year = int(period[:4])
    rows = await book.db.fetch(
        """
        with closing as (
            select distinct l.seq from voucher_line l
            join account p on p.company = $1 and p.ledger = $2 and p.code = l.account
            where l.company = $1 and l.ledger = $2 and left(p.code, length($6)) = $6
              and (l.period between left($3, 4) and $3 or l.period between $4 and $5)
        ), moved as (
            select account, period, debit - credit as amount from period_balance
            where company = $1 and ledger = $2 and (period between left($3, 4) and $3 or period between $4 and $5)
            union all
            select l.account, l.period, case l.side when 'D' then -l.amount else l.amount end
            from closing c join voucher_line l on l.company = $1 and l.ledger = $2 and l.seq = c.seq
        )
        select m.account, '' as value,
               coalesce(sum(m.amount) filter (where m.period = $3), 0) as month,
               coalesce(sum(m.amount) filter (where m.period >= left($3, 4)), 0) as year_to_date,
               coalesce(sum(m.amount) filter (where m.period <= $5), 0) as last_year_to_date
        from moved m
        join account a on a.company = $1 and a.ledger = $2 and a.code = m.account and a.kind in ('revenue', 'expense')
        group by m.account order by m.account
        """,
        book.db.company, book.ledger, period, f"{year - 1:04d}-01", f"{year - 1:04d}-{period[5:]}", profit,
    )
    return _columns(rows, ("month", "year_to_date", "last_year_to_date"))


def _columns(rows: Sequence[Any], names: Sequence[str]) -> Columns:
    return {name: [Amount(row["account"], row["value"], row[name]) for row in rows] for name in names}
