"""What the statements of a month must come to, and whether closed months are closed; all added up from the lines.

小企业会计准则: what a customer has paid too much stands among the liabilities, what a supplier was paid too much among
the assets, so both totals are larger by it than the accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tools.checker.databases import Databases, opened
from tools.checker.findings import Finding


@dataclass(frozen=True, slots=True)
class Month:
    """Assets, liabilities with equity at its end, and its net profit before anything was carried forward."""

    assets: Decimal
    claims: Decimal
    profit: Decimal


async def months(urls: Mapping[str, str], company: str) -> dict[str, Month]:
    """Of every month with vouchers."""
    async with opened(urls) as databases:
        rows = await databases.accounting.fetch(
            """
            with lines as materialized (
                select l.period, l.account, a.kind, j.kind = 'close' as closing,
                       case when l.account like '1122%' or l.account like '2203%' then coalesce(l.customer, '-')
                            when l.account like '2202%' then coalesce(l.supplier, '-') else '' end as party,
                       sum(case l.side when 'D' then l.amount else -l.amount end) as amount
                from voucher_line l
                join voucher v on (v.company, v.ledger, v.seq) = (l.company, l.ledger, l.seq)
                join journal j on (j.company, j.entry) = (v.company, v.entry)
                join account a on (a.company, a.ledger, a.code) = (l.company, l.ledger, l.account)
                where l.company = $1 and a.kind <> 'memo' group by 1, 2, 3, 4, 5
            ), balance as (
                select m.period, l.account, l.kind, l.party, sum(l.amount) as amount
                from (select distinct period from lines) as m join lines l on l.period <= m.period
                group by 1, 2, 3, 4
            )
            select b.period,
                   sum(amount) filter (where case when party <> '' then amount > 0 else kind in ('asset', 'cost') end)
                       as assets,
                   -sum(amount) filter (where case when party <> '' then amount < 0
                                                   else kind not in ('asset', 'cost') end) as claims,
                   (select coalesce(-sum(l.amount), 0) from lines l
                    where l.period = b.period and l.kind in ('revenue', 'expense') and not l.closing) as profit
            from balance b group by b.period order by b.period
            """,
            company,
        )
    return {row["period"]: Month(row["assets"] or Decimal(0), row["claims"] or Decimal(0), row["profit"])
            for row in rows}


async def closed(databases: Databases) -> Finding:
    """After its close a month has nothing on revenue and expense accounts, and takes nothing any more; two people
    closed it, right after the month before."""
    rows = await databases.accounting.fetch(
        """
        select c.company, c.period, j.facts ->> 'requested_by' as asked, j.actor as approved,
               lag(c.period) over (partition by c.company order by c.period) as before,
               (select coalesce(sum(case l.side when 'D' then l.amount else -l.amount end), 0) from voucher_line l
                join account a on (a.company, a.ledger, a.code) = (l.company, l.ledger, l.account)
                where l.company = c.company and l.period <= c.period and a.kind in ('revenue', 'expense')) as left_over,
               (select count(*) from voucher v
                where v.company = c.company and v.period <= c.period and v.entry > c.entry) as late
        from closed_period c join journal j on (j.company, j.entry) = (c.company, c.entry)
        order by 1, 2
        """
    )
    faults = []
    for row in rows:
        month = f"{row['period']} of {row['company']}"
        if row["left_over"]:
            faults.append(f"{month}: {row['left_over']:f} was not carried forward")
        if row["late"]:
            faults.append(f"{month}: {row['late']} vouchers came after its close")
        if row["asked"] == row["approved"]:
            faults.append(f"{month}: closed by one person, {row['approved']}")
        if row["before"] and _months_of(row["period"]) != _months_of(row["before"]) + 1:
            faults.append(f"{month}: the month before it is open")
    return Finding("closed_months", f"{len(rows)} months", tuple(faults))


def _months_of(period: str) -> int:
    return int(period[:4]) * 12 + int(period[5:])
