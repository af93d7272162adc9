"""Checks of the order service's own tables against the facts it said: what people see there is what happened."""

from tools.checker.databases import Databases
from tools.checker.findings import Finding, differences, mapping


async def payments(databases: Databases) -> Finding:
    """No receipt is allocated and paid back beyond its amount."""
    rows = await databases.order.fetch(
        """
        with said as (
            select company, type, convert_from(body, 'UTF8')::jsonb as b from event
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1', 'order.advance_opened.v1')
        ), part as (
            select company, b ->> 'payment_id' as payment_id, coalesce(sum((a ->> 'amount')::numeric), 0) as parts,
                   coalesce((b ->> 'allocated')::numeric, 0) as allocated
            from said left join lateral jsonb_array_elements(b -> 'allocations') as a on true
            group by company, type, b
        ), paid as (
            select company, payment_id, sum(allocated) as allocated, bool_and(parts = allocated) as adds_up
            from part group by company, payment_id
        ), received as (
            select company, b ->> 'payment_id' as payment_id, (b ->> 'amount')::numeric as amount,
                   case type when 'order.advance_opened.v1' then (b ->> 'amount')::numeric
                   else (b ->> 'allocated')::numeric + (b ->> 'unallocated')::numeric end as split
            from said where type <> 'order.payment_allocated.v1'
        ), back as (
            select company, payment_id, sum(amount) as amount
            from refund_part where payment_id is not null group by 1, 2
        )
        select company, payment_id, r.amount, p.allocated, t.unallocated
        from paid p full join received r using (company, payment_id) full join payment t using (company, payment_id)
             left join back b using (company, payment_id)
        where r.amount is null or t.amount is null or not p.adds_up or r.amount <> r.split
           or p.allocated > r.amount or r.amount <> t.amount
           or t.unallocated <> r.amount - p.allocated - coalesce(b.amount, 0)
        order by company, payment_id limit 20
        """
    )
    faults = [f"receipt {r['payment_id']} of {r['company']}: {r['amount']} received, {r['allocated']} allocated, "
              f"{r['unallocated']} kept as an advance" for r in rows]
    seen = await databases.order.fetchval("select count(*) from payment")
    return Finding("payments", f"{seen} receipts", tuple(faults))


async def deliveries(databases: Databases) -> Finding:
    """Every delivery in the table is worth what was said, and open for what was kept and no receipt has paid."""
    rows = await databases.order.fetch(
        """
        with said as (select company, type, convert_from(body, 'UTF8')::jsonb as b from event),
        worth as (
            select company, b ->> 'delivery_id' as delivery_id,
                   coalesce(b ->> 'gross', b ->> 'amount')::numeric as gross
            from said where type in ('order.sale_delivered.v1', 'order.receivable_opened.v1')
        ), paid as (
            select company, a ->> 'delivery_id' as delivery_id, sum((a ->> 'amount')::numeric) as paid
            from said, jsonb_array_elements(b -> 'allocations') as a
            where type in ('order.payment_received.v1', 'order.payment_allocated.v1') group by 1, 2
        ), kept as (
            select company, delivery_id, sum(amount) as paid from allocation group by company, delivery_id
        ), came_back as (
            select company, b ->> 'delivery_id' as delivery_id, sum((b ->> 'gross')::numeric) as gross
            from said where type = 'order.sale_returned.v1' group by 1, 2
        ), paid_back as (
            select company, delivery_id, sum(amount) as paid
            from refund_part where delivery_id is not null group by 1, 2
        )
        select company, delivery_id, w.gross, coalesce(p.paid, 0) as paid, coalesce(r.gross, 0) as returned, d.open
        from worth w full join delivery d using (company, delivery_id) full join paid p using (company, delivery_id)
             full join kept k using (company, delivery_id) full join came_back r using (company, delivery_id)
             full join paid_back f using (company, delivery_id)
        where w.gross is null or d.gross is null or w.gross <> d.gross
           or d.open <> d.gross - coalesce(r.gross, 0) - coalesce(p.paid, 0) + coalesce(f.paid, 0)
           or d.returned_net + d.returned_tax <> coalesce(r.gross, 0) or coalesce(p.paid, 0) > d.gross
           or coalesce(p.paid, 0) <> coalesce(k.paid, 0)
        order by company, delivery_id limit 20
        """
    )
    faults = [f"delivery {r['delivery_id']} of {r['company']}: worth {r['gross']}, returned {r['returned']}, paid "
              f"{r['paid']}, open {r['open']}"
              for r in rows]
    seen = await databases.order.fetchval("select count(*) from delivery")
    return Finding("deliveries", f"{seen} deliveries", tuple(faults))


async def orders(databases: Databases) -> Finding:
    """Delivered so far on every order line is the sum of its deliveries, and the order's state agrees with it."""
    rows = await databases.order.fetch(
        """
        with said as materialized (
            select company, convert_from(body, 'UTF8')::jsonb as b from event where type = 'order.sale_delivered.v1'
        ), piece as (
            select company, b ->> 'order_id' as order_id, (l ->> 'line')::int as line,
                   sum((l ->> 'quantity')::numeric) as quantity, sum((l ->> 'net')::numeric) as net,
                   sum((l ->> 'tax')::numeric) as tax
            from said, jsonb_array_elements(b -> 'lines') as l group by 1, 2, 3
        )
        select o.company, o.order_id, o.state from sales_order o
        join order_line l on l.company = o.company and l.order_id = o.order_id
        left join piece p on p.company = l.company and p.order_id = l.order_id and p.line = l.line
        group by o.company, o.order_id, o.state
        having not bool_and(l.delivered = coalesce(p.quantity, 0) and l.delivered_net = coalesce(p.net, 0)
                            and l.delivered_tax = coalesce(p.tax, 0) and l.delivered <= l.quantity)
            or bool_and(l.delivered = l.quantity) <> (o.state in ('delivered', 'settled'))
            or o.state in ('placed', 'short', 'held', 'rejected') and bool_or(l.delivered > 0)
        order by o.company, o.order_id limit 20
        """
    )
    faults = [f"order {r['order_id']} of {r['company']} is {r['state']}, its deliveries say otherwise" for r in rows]
    rows = await databases.order.fetch(
        """
        select company, order_id, s.state, e.said from sales_order s full join (
            select company, b ->> 'order_id' as order_id, max(case type
                when 'order.order_placed.v1' then 'placed' when 'order.order_rejected.v1' then 'rejected'
                when 'order.order_cancelled.v1' then 'cancelled' end) filter (where type <> 'order.order_placed.v1')
                as said
            from (select company, type, convert_from(body, 'UTF8')::jsonb as b from event where type in
                  ('order.order_placed.v1', 'order.order_rejected.v1', 'order.order_cancelled.v1')) as e
            group by 1, 2
        ) as e using (company, order_id)
        where s.order_id is null or e.order_id is null
           or coalesce(e.said, '') <> case when s.state in ('rejected', 'cancelled') then s.state else '' end
        order by company, order_id limit 20
        """
    )
    faults += [f"order {r['order_id']} of {r['company']} is {r['state']}, its events say {r['said'] or 'not stopped'}"
               for r in rows]
    seen = await databases.order.fetchval("select count(*) from sales_order")
    return Finding("orders", f"{seen} orders", tuple(faults))


async def customers(databases: Databases) -> Finding:
    """The customers and credit limits that order decides by are those that crm said last."""
    faults: list[str] = []
    seen = 0
    for company in databases.companies:
        said = mapping(await databases.crm.fetch(
            """
            select distinct on (customer_id) customer_id, credit_limit from (
                select b ->> 'customer_id' as customer_id, (b ->> 'credit_limit')::numeric as credit_limit, seq
                from (select seq, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
                      and type in ('crm.customer_registered.v1', 'crm.credit_limit_changed.v1')) as e
            ) as limits order by customer_id, seq desc
            """,
            company,
        ))
        kept = mapping(await databases.order.fetch(
            "select customer_id, credit_limit from customer where company = $1", company
        ))
        seen += len(said)
        faults += differences(kept, said, f"credit limit in {company} of", "unknown")
    return Finding("customers", f"{seen} customers", tuple(faults))


async def backlog(databases: Databases) -> Finding:
    """The memo account 9001 is the undelivered net value of the orders that are open in the order service."""
    faults = []
    for company in databases.companies:
        kept = await databases.accounting.fetchval(
            """
            select coalesce(sum(case side when 'D' then amount else -amount end), 0) from voucher_line
            where company = $1 and account = '9001'
            """,
            company,
        )
        left = await databases.order.fetchval(
            """
            select coalesce(sum(l.net - l.delivered_net), 0) from sales_order o
            join order_line l on l.company = o.company and l.order_id = o.order_id
            where o.company = $1 and o.state in ('placed', 'short', 'held', 'approved', 'cancelling')
            """,
            company,
        )
        if kept != left:
            faults.append(f"{company}: 9001 says {kept:f}, the open orders {left:f}")
    return Finding("backlog", "9001 against the open orders", tuple(faults))
