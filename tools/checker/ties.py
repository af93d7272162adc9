"""Ties each control account of 小企业会计准则 to its subledger, which is summed anew from its owner's events."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import ZERO, Finding, Tie, differences, mapping

Sums = dict[Any, Decimal]


async def ties(databases: Databases) -> list[Tie]:
    """One tie per company and control account: in all, and per customer, supplier, or product and warehouse."""
    found = []
    for company in databases.companies:
        for account, subledger, sign, ledger_side, owner_side in SUBLEDGERS:
            ledger = {key: sign * value for key, value in (await ledger_side(databases, company, account)).items()}
            facts = await owner_side(databases, company)
            apart = differences(ledger, facts, subledger)
            found.append(Tie(company, account, subledger, _sum(ledger), _sum(facts), tuple(apart)))
    return found


def finding(tie: Tie) -> Finding:
    """A tie as one line of the report."""
    seen = f"{tie.company} {tie.account} {tie.subledger}: ledger {tie.ledger:f}, facts {tie.facts:f}"
    return Finding(f"tie_{tie.account}", seen, tie.differences)


def _sum(values: Mapping[Any, Decimal]) -> Decimal:
    return sum(values.values(), ZERO)


# -- what the vouchers say (debit positive) ---------------------------------------------------------------------------


async def _by_customer(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(customer, '-'), sum(case side when 'D' then amount else -amount end) from voucher_line
        where company = $1 and account = $2 group by customer
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def _by_supplier(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(supplier, '-'), sum(case side when 'D' then amount else -amount end) from voucher_line
        where company = $1 and account = $2 group by supplier
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def _by_pool(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(product, '-'), coalesce(warehouse, '-'),
               sum(case side when 'D' then amount else -amount end) from voucher_line
        where company = $1 and account = $2 group by product, warehouse
        having sum(case side when 'D' then amount else -amount end) <> 0
        """,
        company, account,
    ))


async def _pieces_by_pool(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select coalesce(product, '-'), coalesce(warehouse, '-'),
               sum(case side when 'D' then quantity else -quantity end) from voucher_line
        where company = $1 and account = $2 group by product, warehouse
        having sum(case side when 'D' then quantity else -quantity end) <> 0
        """,
        company, account,
    ))


async def _in_all(databases: Databases, company: str, account: str) -> Sums:
    return mapping(await databases.accounting.fetch(
        """
        select 'all', coalesce(sum(case side when 'D' then amount else -amount end), 0) from voucher_line
        where company = $1 and account = $2
        """,
        company, account,
    ))


# -- what the events of the owner say ---------------------------------------------------------------------------------


async def _stock_value(databases: Databases, company: str) -> Sums:
    """What came in less what went out, per product and warehouse."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1 and type in
            ('inventory.stock_opened.v1', 'inventory.goods_received.v1', 'inventory.goods_shipped.v1')
        )
        select l ->> 'sku', b ->> 'warehouse',
               sum((l ->> 'cost')::numeric * case type when 'inventory.goods_shipped.v1' then -1 else 1 end)
        from said, jsonb_array_elements(b -> 'lines') as l
        group by 1, 2
        having sum((l ->> 'cost')::numeric * case type when 'inventory.goods_shipped.v1' then -1 else 1 end) <> 0
        """,
        company,
    ))


async def _stock_pieces(databases: Databases, company: str) -> Sums:
    """Pieces in vouchers; a movement without value makes no voucher line, so it does not count here."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1 and type in
            ('inventory.stock_opened.v1', 'inventory.goods_received.v1', 'inventory.goods_shipped.v1')
        )
        select l ->> 'sku', b ->> 'warehouse',
               sum((l ->> 'quantity')::numeric * case type when 'inventory.goods_shipped.v1' then -1 else 1 end)
        from said, jsonb_array_elements(b -> 'lines') as l
        where (l ->> 'cost')::numeric <> 0
        group by 1, 2
        having sum((l ->> 'quantity')::numeric * case type when 'inventory.goods_shipped.v1' then -1 else 1 end) <> 0
        """,
        company,
    ))


async def _cost_of_sales(databases: Databases, company: str) -> Sums:
    return mapping(await databases.inventory.fetch(
        """
        select 'all', coalesce(sum((l ->> 'cost')::numeric), 0)
        from event e, jsonb_array_elements(convert_from(e.body, 'UTF8')::jsonb -> 'lines') as l
        where e.company = $1 and e.type = 'inventory.goods_shipped.v1'
        """,
        company,
    ))


async def _opened_value(databases: Databases, company: str) -> Sums:
    return mapping(await databases.inventory.fetch(
        """
        select 'all', coalesce(sum((l ->> 'cost')::numeric), 0)
        from event e, jsonb_array_elements(convert_from(e.body, 'UTF8')::jsonb -> 'lines') as l
        where e.company = $1 and e.type = 'inventory.stock_opened.v1'
        """,
        company,
    ))


async def _unbilled_receipts(databases: Databases, company: str) -> Sums:
    """Received from each supplier and not billed yet."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (select convert_from(body, 'UTF8')::jsonb as b from event
                                   where company = $1 and type = 'inventory.goods_received.v1')
        select b ->> 'supplier_id', sum((l ->> 'cost')::numeric)
        from said, jsonb_array_elements(b -> 'lines') as l
        group by 1 having sum((l ->> 'cost')::numeric) <> 0
        """,
        company,
    ))


async def _receivable(databases: Databases, company: str) -> Sums:
    """Delivered and unpaid, per customer: the lines of the deliveries less what receipts paid of them."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer, (l ->> 'net')::numeric + (l ->> 'tax')::numeric as amount
            from said, jsonb_array_elements(b -> 'lines') as l where type = 'order.sale_delivered.v1'
            union all
            select b ->> 'customer_id', -(a ->> 'amount')::numeric
            from said, jsonb_array_elements(b -> 'allocations') as a
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1')
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def _advances(databases: Databases, company: str) -> Sums:
    """Received and not allocated to a delivery, per customer."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer, (b ->> 'amount')::numeric as amount
            from said where type = 'order.payment_received.v1'
            union all
            select b ->> 'customer_id', -(a ->> 'amount')::numeric
            from said, jsonb_array_elements(b -> 'allocations') as a
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1')
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def _received(databases: Databases, company: str) -> Sums:
    return mapping(await databases.order.fetch(
        """
        select 'all', coalesce(sum((convert_from(body, 'UTF8')::jsonb ->> 'amount')::numeric), 0)
        from event where company = $1 and type = 'order.payment_received.v1'
        """,
        company,
    ))


async def _backlog(databases: Databases, company: str) -> Sums:
    """Net value per customer of what was ordered and is neither delivered nor cancelled nor rejected."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer,
                   (l ->> 'net')::numeric * case type when 'order.order_placed.v1' then 1 else -1 end as amount
            from said, jsonb_array_elements(b -> 'lines') as l
            where type in ('order.order_placed.v1', 'order.sale_delivered.v1', 'order.order_cancelled.v1')
            union all
            select b ->> 'customer_id', -(b ->> 'net')::numeric from said where type = 'order.order_rejected.v1'
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def _pending_vat(databases: Databases, company: str) -> Sums:
    """Tax per customer of what was delivered and not invoiced."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer, (l ->> 'tax')::numeric as amount
            from said, jsonb_array_elements(b -> 'lines') as l where type = 'order.sale_delivered.v1'
            union all
            select b ->> 'customer_id', -(b ->> 'tax')::numeric from said where type = 'order.invoice_issued.v1'
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def _invoiced_tax(databases: Databases, company: str) -> Sums:
    return mapping(await databases.order.fetch(
        """
        select b ->> 'customer_id', sum((b ->> 'tax')::numeric)
        from (select convert_from(body, 'UTF8')::jsonb as b from event
              where company = $1 and type = 'order.invoice_issued.v1') as e
        group by 1 having sum((b ->> 'tax')::numeric) <> 0
        """,
        company,
    ))


async def _delivered_net(databases: Databases, company: str) -> Sums:
    return mapping(await databases.order.fetch(
        """
        with said as materialized (select convert_from(body, 'UTF8')::jsonb as b from event
                                   where company = $1 and type = 'order.sale_delivered.v1')
        select b ->> 'customer_id', sum((l ->> 'net')::numeric)
        from said, jsonb_array_elements(b -> 'lines') as l
        group by 1 having sum((l ->> 'net')::numeric) <> 0
        """,
        company,
    ))


LedgerSide = Callable[[Databases, str, str], Awaitable[Sums]]
OwnerSide = Callable[[Databases, str], Awaitable[Sums]]
# (account, what it is kept by, +1 if its balance stands in debit, the two sides)
SUBLEDGERS: tuple[tuple[str, str, int, LedgerSide, OwnerSide], ...] = (
    ("1405", "stock value of product", 1, _by_pool, _stock_value),
    ("1405", "pieces of product", 1, _pieces_by_pool, _stock_pieces),
    ("1122", "delivered and unpaid by customer", 1, _by_customer, _receivable),
    ("2203", "advances of customer", -1, _by_customer, _advances),
    ("9001", "order backlog of customer", 1, _by_customer, _backlog),
    ("9002", "order backlog of customer", -1, _by_customer, _backlog),
    ("220202", "received and not billed, supplier", -1, _by_supplier, _unbilled_receipts),
    ("222106", "delivered tax not invoiced, customer", -1, _by_customer, _pending_vat),
    ("22210101", "invoiced tax of customer", -1, _by_customer, _invoiced_tax),
    ("5001", "delivered net of customer", -1, _by_customer, _delivered_net),
    ("5401", "cost of what was shipped", 1, _in_all, _cost_of_sales),
    ("1002", "received from customers", 1, _in_all, _received),
    ("3199", "opening stock", -1, _in_all, _opened_value),
)
