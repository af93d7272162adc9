"""Checks of the ledger by itself: balanced vouchers, gapless numbers, balances that are the sums of their lines."""

from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import Finding


async def balance(databases: Databases) -> Finding:
    """Debits = credits in every voucher and in all; statement accounts and memo accounts each for themselves."""
    rows = await databases.accounting.fetch(
        """
        select l.company, l.seq, a.kind = 'memo' as memo,
               sum(case l.side when 'D' then l.amount else -l.amount end) as difference
        from voucher_line l left join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        group by l.company, l.ledger, l.seq, a.kind = 'memo'
        having sum(case l.side when 'D' then l.amount else -l.amount end) <> 0
        order by l.company, l.seq limit 20
        """
    )
    faults = [f"voucher {r['seq']} of {r['company']}: debits - credits = {r['difference']}" for r in rows]
    seen = await databases.accounting.fetchrow(
        """
        select coalesce(sum(amount) filter (where side = 'D'), 0) as debit,
               coalesce(sum(amount) filter (where side = 'C'), 0) as credit, count(*) as lines from voucher_line
        """
    )
    if seen["debit"] != seen["credit"]:
        faults.append(f"in all: debits {seen['debit']}, credits {seen['credit']}")
    return Finding("balance", f"{seen['lines']} lines, debits {seen['debit']:f}", tuple(faults))


async def whole_vouchers(databases: Databases) -> Finding:
    """Every voucher has all of its lines, in a period that is its date's, on accounts of the chart that take lines."""
    rows = await databases.accounting.fetch(
        """
        select v.company, v.seq, v.line_count, count(l.line) as lines, coalesce(max(l.line), 0) as last,
               bool_and(l.period = v.period) and v.period = to_char(v.voucher_date, 'YYYY-MM') as at_home,
               bool_and(coalesce(a.takes_lines, false)) as charted
        from voucher v
        left join voucher_line l on l.company = v.company and l.ledger = v.ledger and l.seq = v.seq
        left join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        group by v.company, v.ledger, v.seq
        having count(l.line) <> v.line_count or max(l.line) is distinct from v.line_count
            or not (bool_and(l.period = v.period) and v.period = to_char(v.voucher_date, 'YYYY-MM'))
            or not bool_and(coalesce(a.takes_lines, false))
        order by v.company, v.seq limit 20
        """
    )
    faults = [_part_of(row) for row in rows]
    rows = await databases.accounting.fetch(
        """
        select l.company, l.seq from voucher_line l
        left join voucher v on v.company = l.company and v.ledger = l.ledger and v.seq = l.seq
        where v.seq is null group by l.company, l.seq order by l.company, l.seq limit 20
        """
    )
    faults += [f"lines of voucher {r['seq']} of {r['company']} have no header" for r in rows]
    vouchers = await databases.accounting.fetchval("select count(*) from voucher")
    return Finding("whole_vouchers", f"{vouchers} vouchers", tuple(faults))


def _part_of(row: Any) -> str:
    where = f"voucher {row['seq']} of {row['company']}"
    if row["lines"] != row["line_count"] or row["last"] != row["line_count"]:
        return f"{where}: {row['lines']} lines up to number {row['last']}, its header says {row['line_count']}"
    if not row["at_home"]:
        return f"{where}: its period is not that of its date or of its lines"
    return f"{where}: an account that is not in the chart or takes no lines"


async def numbers(databases: Databases) -> Finding:
    """Voucher numbers have no gaps per word and month; journal entries and the posting order have none at all."""
    faults: list[str] = []
    rows = await databases.accounting.fetch(
        """
        select company, period, word, count(*) as vouchers, min(number) as first, max(number) as last from voucher
        group by company, ledger, period, word having count(*) <> max(number) or min(number) <> 1
        order by company, period, word
        """
    )
    faults += [f"{r['period']} {r['word']} of {r['company']}: {r['vouchers']} vouchers, but numbers "
               f"{r['first']}..{r['last']}" for r in rows]
    rows = await databases.accounting.fetch(
        """
        select company, count(*) as vouchers, max(seq) as last from voucher
        group by company, ledger having count(*) <> max(seq) or min(seq) <> 1
        """
    )
    faults += [f"posting order of {r['company']}: {r['vouchers']} vouchers, the last is {r['last']}" for r in rows]
    rows = await databases.accounting.fetch(
        """
        select company, count(*) as entries, max(entry) as last from journal
        group by company having count(*) <> max(entry) or min(entry) <> 1
        """
    )
    faults += [f"journal of {r['company']}: {r['entries']} entries, the last is {r['last']}" for r in rows]
    months = await databases.accounting.fetchval("select count(distinct (company, ledger, period, word)) from voucher")
    return Finding("numbers", f"{months} words and months", tuple(faults))


async def period_balances(databases: Databases) -> Finding:
    """The balance kept per month and account is the sum of its lines."""
    rows = await databases.accounting.fetch(
        """
        with summed as (
            select company, ledger, period, account,
                   coalesce(sum(amount) filter (where side = 'D'), 0) as debit,
                   coalesce(sum(amount) filter (where side = 'C'), 0) as credit
            from voucher_line group by company, ledger, period, account
        )
        select company, period, account, coalesce(k.debit, 0) as debit, coalesce(k.credit, 0) as credit,
               coalesce(s.debit, 0) as lines_debit, coalesce(s.credit, 0) as lines_credit
        from period_balance k full join summed s using (company, ledger, period, account)
        where coalesce(k.debit, 0) <> coalesce(s.debit, 0) or coalesce(k.credit, 0) <> coalesce(s.credit, 0)
        order by company, period, account limit 20
        """
    )
    faults = [
        f"{r['account']} in {r['period']} of {r['company']}: debit {r['debit']} credit {r['credit']}, "
        f"its lines say {r['lines_debit']} and {r['lines_credit']}" for r in rows
    ]
    kept = await databases.accounting.fetchval("select count(*) from period_balance")
    return Finding("period_balances", f"{kept} balances", tuple(faults))


async def dimension_balances(databases: Databases) -> Finding:
    """The sums kept by dimension are those of the lines up to the place that they have reached."""
    rows = await databases.accounting.fetch(
        """
        with summed as (
            select l.company, l.ledger, l.account, l.period, coalesce(l.customer, '') as customer,
                   coalesce(l.supplier, '') as supplier, coalesce(l.product, '') as product,
                   coalesce(l.warehouse, '') as warehouse, coalesce(l.salesperson, '') as salesperson,
                   sum(case l.side when 'D' then l.amount else 0 end) as debit,
                   sum(case l.side when 'C' then l.amount else 0 end) as credit,
                   coalesce(sum(case l.side when 'D' then l.quantity else -l.quantity end), 0) as quantity
            from voucher_line l join dimension_head h on h.company = l.company and h.ledger = l.ledger
            where l.seq <= h.seq group by 1, 2, 3, 4, 5, 6, 7, 8, 9
        )
        select company, account, period
        from dimension_balance k
        full join summed s using (company, ledger, account, period, customer, supplier, product, warehouse,
                                  salesperson)
        where (k.debit, k.credit, k.quantity_in - k.quantity_out) is distinct from (s.debit, s.credit, s.quantity)
        order by company, account, period limit 20
        """
    )
    faults = [f"{r['account']} in {r['period']} of {r['company']}: its lines say something else" for r in rows]
    kept = await databases.accounting.fetchval("select count(*) from dimension_balance")
    return Finding("dimension_balances", f"{kept} balances", tuple(faults))


async def totals(databases: Databases) -> Any:
    """Vouchers, and debits and credits of the statement accounts."""
    return await databases.accounting.fetchrow(
        """
        select (select count(*) from voucher) as vouchers,
               coalesce(sum(l.amount) filter (where l.side = 'D'), 0) as debit,
               coalesce(sum(l.amount) filter (where l.side = 'C'), 0) as credit
        from voucher_line l join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        where a.kind <> 'memo'
        """
    )
