"""What order's events say: receivables, advances, VAT, revenue, money, backlog."""

from tools.checker.databases import Databases
from tools.checker.findings import mapping
from tools.checker.ties.sums import Sums


async def receivable(databases: Databases, company: str) -> Sums:
    """Per customer: what was owed before the books and the lines of the deliveries, less those of the returns and what
    receipts paid, plus what was paid back of it."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer,
                   ((l ->> 'net')::numeric + (l ->> 'tax')::numeric)
                   * case type when 'order.sale_returned.v1' then -1 else 1 end as amount
            from said, jsonb_array_elements(b -> 'lines') as l
            where type in ('order.sale_delivered.v1', 'order.sale_returned.v1')
            union all
            select b ->> 'customer_id', (b ->> 'amount')::numeric from said where type = 'order.receivable_opened.v1'
            union all
            select b ->> 'customer_id', -(a ->> 'amount')::numeric
            from said, jsonb_array_elements(b -> 'allocations') as a
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1')
            union all
            select b ->> 'customer_id', (b ->> 'from_returns')::numeric from said where type = 'order.refund_paid.v1'
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def advances(databases: Databases, company: str) -> Sums:
    """Per customer: received, neither allocated to a delivery nor paid back."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer, (b ->> 'amount')::numeric as amount
            from said where type in ('order.payment_received.v1', 'order.advance_opened.v1')
            union all
            select b ->> 'customer_id', -(a ->> 'amount')::numeric
            from said, jsonb_array_elements(b -> 'allocations') as a
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1')
            union all
            select b ->> 'customer_id', (b ->> 'from_returns')::numeric - (b ->> 'amount')::numeric
            from said where type = 'order.refund_paid.v1'
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def money(databases: Databases, company: str) -> Sums:
    """Received from customers, less what went back to them and what went to suppliers."""
    rows = await databases.order.fetch(
        """
        select 'all', coalesce(sum((convert_from(body, 'UTF8')::jsonb ->> 'amount')::numeric
                                   * case type when 'order.refund_paid.v1' then -1 else 1 end), 0)
        from event where company = $1 and type in ('order.payment_received.v1', 'order.refund_paid.v1')
        """,
        company,
    )
    paid = await databases.inventory.fetchval(
        """
        select coalesce(sum((a ->> 'amount')::numeric), 0)
        from event e, jsonb_array_elements(convert_from(e.body, 'UTF8')::jsonb -> 'allocations') as a
        where e.company = $1 and e.type = 'inventory.supplier_paid.v1'
        """,
        company,
    )
    return {key: value - paid for key, value in mapping(rows).items()}


async def backlog(databases: Databases, company: str) -> Sums:
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


async def pending_vat(databases: Databases, company: str) -> Sums:
    """Tax per customer of what was delivered and not invoiced; what came back and was not credited lowers it."""
    return mapping(await databases.order.fetch(
        """
        with said as (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1)
        select customer, sum(amount) from (
            select b ->> 'customer_id' as customer,
                   (l ->> 'tax')::numeric * case type when 'order.sale_returned.v1' then -1 else 1 end as amount
            from said, jsonb_array_elements(b -> 'lines') as l
            where type in ('order.sale_delivered.v1', 'order.sale_returned.v1')
            union all
            select b ->> 'customer_id',
                   (b ->> 'tax')::numeric * case type when 'order.invoice_issued.v1' then -1 else 1 end
            from said where type in ('order.invoice_issued.v1', 'order.credit_note_issued.v1')
        ) as moved
        group by customer having sum(amount) <> 0
        """,
        company,
    ))


async def invoiced_tax(databases: Databases, company: str) -> Sums:
    """Per customer, less that of red invoices."""
    return mapping(await databases.order.fetch(
        """
        select customer, sum(tax) from (
            select b ->> 'customer_id' as customer,
                   (b ->> 'tax')::numeric * case type when 'order.invoice_issued.v1' then 1 else -1 end as tax
            from (select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
                  and type in ('order.invoice_issued.v1', 'order.credit_note_issued.v1')) as e
        ) as moved
        group by 1 having sum(tax) <> 0
        """,
        company,
    ))


async def delivered_net(databases: Databases, company: str) -> Sums:
    """Per customer, less what came back."""
    return mapping(await databases.order.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event
            where company = $1 and type in ('order.sale_delivered.v1', 'order.sale_returned.v1')
        ), moved as (
            select b ->> 'customer_id' as customer,
                   (l ->> 'net')::numeric * case type when 'order.sale_returned.v1' then -1 else 1 end as net
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select customer, sum(net) from moved group by 1 having sum(net) <> 0
        """,
        company,
    ))
