"""What the vouchers say of an account, debit positive: in all, and by the dimension it is kept by."""

from tools.checker.databases import Databases
from tools.checker.findings import mapping
from tools.checker.ties.sums import Sums


async def by_customer(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(customer, '-'), sum(case side when 'D' then amount else -amount end) from voucher_line
        join voucher using (company, ledger, seq)
        where company = $1 and account = $2 and event_id is not null group by customer
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def by_supplier(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(supplier, '-'), sum(case side when 'D' then amount else -amount end) from voucher_line
        join voucher using (company, ledger, seq)
        where company = $1 and account = $2 and event_id is not null group by supplier
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def by_pool(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(product, '-'), coalesce(warehouse, '-'),
               sum(case side when 'D' then amount else -amount end) from voucher_line
        join voucher using (company, ledger, seq)
        where company = $1 and account = $2 and event_id is not null group by product, warehouse
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def pieces_by_pool(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(product, '-'), coalesce(warehouse, '-'),
               sum(case side when 'D' then quantity else -quantity end) from voucher_line
        join voucher using (company, ledger, seq)
        where company = $1 and account = $2 and event_id is not null group by product, warehouse
        having sum(case side when 'D' then quantity else -quantity end) <> 0
        """,
        company, account,
    ))


async def in_all(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select 'all', coalesce(sum(case side when 'D' then amount else -amount end), 0) from voucher_line
        join voucher using (company, ledger, seq)
        where company = $1 and account = $2 and event_id is not null
        """,
        company, account,
    ))
