"""Checks of what came back from customers: its value, the invoices, red invoices and refunds, and who is settled."""

from tools.checker.databases import Databases
from tools.checker.findings import Finding


async def return_shares(databases: Databases) -> Finding:
    """Each piece that came back is worth round(delivered x returned so far / pieces delivered) less the earlier."""
    rows = await databases.order.fetch(
        """
        with said as materialized (
            select company, seq, type, convert_from(body, 'UTF8')::jsonb as b from event
            where type in ('order.sale_delivered.v1', 'order.sale_returned.v1')
        ), line as (
            select company, seq, type, b ->> 'delivery_id' as delivery_id, b ->> 'return_id' as return_id,
                   case b ->> 'currency' when 'JPY' then 0 else 2 end as decimals, (l ->> 'line')::int as line,
                   (l ->> 'quantity')::numeric as quantity, (l ->> 'net')::numeric as net,
                   (l ->> 'tax')::numeric as tax,
                   (b ->> 'net')::numeric as head_net, (b ->> 'tax')::numeric as head_tax,
                   (b ->> 'gross')::numeric as head_gross
            from said, jsonb_array_elements(b -> 'lines') as l
        ), run as (
            select *, sum(quantity) over w as so_far, sum(net) over w as net_so_far, sum(tax) over w as tax_so_far
            from line where type = 'order.sale_returned.v1'
            window w as (partition by company, delivery_id, line order by seq)
        )
        select r.company, r.return_id from run r
        left join line d on d.company = r.company and d.delivery_id = r.delivery_id and d.line = r.line
             and d.type = 'order.sale_delivered.v1'
        group by r.company, r.return_id, r.seq, r.head_net, r.head_tax, r.head_gross
        having not bool_and(coalesce(r.so_far <= d.quantity
                   and r.net_so_far = round(d.net * r.so_far / d.quantity, d.decimals)
                   and r.tax_so_far = round(d.tax * r.so_far / d.quantity, d.decimals), false))
            or sum(r.net) <> r.head_net or sum(r.tax) <> r.head_tax or r.head_net + r.head_tax <> r.head_gross
        order by r.company, r.return_id limit 20
        """
    )
    faults = [f"return {r['return_id']} of {r['company']} is not its share of the delivery" for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.sale_returned.v1'")
    return Finding("return_shares", f"{seen} returns", tuple(faults))


async def invoices(databases: Databases) -> Finding:
    """Every invoice is the sum of its deliveries, less what had come back of them; no delivery is invoiced twice."""
    rows = await databases.order.fetch(
        """
        with said as materialized (
            select company, seq, type, convert_from(body, 'UTF8')::jsonb as b from event
            where type in ('order.invoice_issued.v1', 'order.sale_delivered.v1', 'order.sale_returned.v1')
        ), delivery as (
            select company, seq, b ->> 'delivery_id' as delivery_id,
                   (b ->> 'net')::numeric * case type when 'order.sale_returned.v1' then -1 else 1 end as net,
                   (b ->> 'tax')::numeric * case type when 'order.sale_returned.v1' then -1 else 1 end as tax
            from said where type <> 'order.invoice_issued.v1'
        ), named as (
            select company, seq, b ->> 'invoice_id' as invoice_id, (b ->> 'net')::numeric as head_net,
                   (b ->> 'tax')::numeric as head_tax, (b ->> 'gross')::numeric as head_gross, delivery_id,
                   count(*) over (partition by company, delivery_id) as times
            from said, jsonb_array_elements_text(b -> 'deliveries') as delivery_id
            where type = 'order.invoice_issued.v1'
        ), part as (
            select n.company, n.invoice_id, n.head_net, n.head_tax, n.head_gross, n.times, sum(d.net) as net,
                   sum(d.tax) as tax
            from named n
            left join delivery d on d.company = n.company and d.delivery_id = n.delivery_id and d.seq < n.seq
            group by n.company, n.invoice_id, n.head_net, n.head_tax, n.head_gross, n.times, n.delivery_id
        )
        select company, invoice_id from part
        group by company, invoice_id, head_net, head_tax, head_gross
        having sum(net) is distinct from head_net or sum(tax) is distinct from head_tax
            or head_net + head_tax <> head_gross or max(times) > 1
        order by 1, 2 limit 20
        """
    )
    faults = [f"invoice {r['invoice_id']} of {r['company']} is not the sum of its deliveries" for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.invoice_issued.v1'")
    return Finding("invoices", f"{seen} invoices", tuple(faults))


async def credit_notes(databases: Databases) -> Finding:
    """Every red invoice is the sum of returns of deliveries that had been invoiced, and no return is in two."""
    rows = await databases.order.fetch(
        """
        with said as materialized (
            select company, seq, type, convert_from(body, 'UTF8')::jsonb as b from event where type in
            ('order.invoice_issued.v1', 'order.sale_returned.v1', 'order.credit_note_issued.v1')
        ), invoiced as (
            select company, seq, delivery_id from said, jsonb_array_elements_text(b -> 'deliveries') as delivery_id
            where type = 'order.invoice_issued.v1'
        ), part as (
            select company, seq, b ->> 'credit_note_id' as credit_note_id, (b ->> 'net')::numeric as head_net,
                   (b ->> 'tax')::numeric as head_tax, (b ->> 'gross')::numeric as head_gross, return_id,
                   count(*) over (partition by company, return_id) as times
            from said, jsonb_array_elements_text(b -> 'returns') as return_id
            where type = 'order.credit_note_issued.v1'
        ), returned as (
            select company, seq, b ->> 'return_id' as return_id, b ->> 'delivery_id' as delivery_id,
                   (b ->> 'net')::numeric as net, (b ->> 'tax')::numeric as tax
            from said where type = 'order.sale_returned.v1'
        )
        select p.company, p.credit_note_id from part p
        left join returned r on r.company = p.company and r.return_id = p.return_id and r.seq < p.seq
        left join invoiced i on i.company = r.company and i.delivery_id = r.delivery_id and i.seq < r.seq
        group by p.company, p.credit_note_id, p.head_net, p.head_tax, p.head_gross
        having sum(r.net) is distinct from p.head_net or sum(r.tax) is distinct from p.head_tax
            or p.head_net + p.head_tax <> p.head_gross or max(p.times) > 1 or count(i.seq) < count(*)
        order by 1, 2 limit 20
        """
    )
    faults = [f"credit note {r['credit_note_id']} of {r['company']} is not the sum of returns of invoiced deliveries"
              for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.credit_note_issued.v1'")
    return Finding("credit_notes", f"{seen} credit notes", tuple(faults))


async def refunds(databases: Databases) -> Finding:
    """Every refund pays back credits of deliveries and advances, as it says, and as the table says."""
    rows = await databases.order.fetch(
        """
        with said as (
            select company, b ->> 'refund_id' as refund_id, b ->> 'customer_id' as customer_id,
                   (b ->> 'amount')::numeric as amount, (b ->> 'from_returns')::numeric as from_returns,
                   (b ->> 'from_advances')::numeric as from_advances
            from (select company, convert_from(body, 'UTF8')::jsonb as b from event
                  where type = 'order.refund_paid.v1') as e
        ), part as (
            select p.company, p.refund_id,
                   coalesce(sum(p.amount) filter (where p.delivery_id is not null), 0) as returns,
                   coalesce(sum(p.amount) filter (where p.payment_id is not null), 0) as advances,
                   min(coalesce(d.customer_id, y.customer_id)) as first,
                   max(coalesce(d.customer_id, y.customer_id)) as last
            from refund_part p left join delivery d on d.company = p.company and d.delivery_id = p.delivery_id
                 left join payment y on y.company = p.company and y.payment_id = p.payment_id
            group by p.company, p.refund_id
        )
        select company, refund_id, s.amount, p.returns, p.advances
        from said s full join refund r using (company, refund_id) full join part p using (company, refund_id)
        where s.amount is null or r.amount is null or p.returns is null or s.amount <> r.amount
           or s.amount <> s.from_returns + s.from_advances or s.from_returns <> p.returns
           or s.from_advances <> p.advances or s.customer_id <> p.first or s.customer_id <> p.last
        order by 1, 2 limit 20
        """
    )
    faults = [f"refund {r['refund_id']} of {r['company']}: {r['amount']} said, parts {r['returns']} of returns and "
              f"{r['advances']} of advances" for r in rows]
    seen = await databases.order.fetchval("select count(*) from refund")
    return Finding("refunds", f"{seen} refunds", tuple(faults))


async def settled(databases: Databases) -> Finding:
    """An order is settled if and only if it is delivered or cancelled, invoiced, credited and paid in full."""
    rows = await databases.order.fetch(
        """
        with worth as (
            select company, order_id, sum(open) as open, bool_and(open = 0) as even,
                   bool_and(invoice_id is not null or returned_in_full) as invoiced
            from delivery group by company, order_id
        ), waiting as (
            select distinct s.company, s.order_id from sale_return s
            left join credited_return c on c.company = s.company and c.return_id = s.return_id
            where s.invoice_id is not null and c.return_id is null
        )
        select o.company, o.order_id, o.state, o.settled, w.open from sales_order o
        left join worth w on w.company = o.company and w.order_id = o.order_id
        left join waiting u on u.company = o.company and u.order_id = o.order_id
        where o.settled is distinct from (o.state in ('delivered', 'settled', 'cancelled') and w.order_id is not null
                                          and w.even and w.invoiced and u.order_id is null)
        order by 1, 2 limit 20
        """
    )
    faults = [f"order {r['order_id']} of {r['company']} is {r['state']}{' and settled' if r['settled'] else ''}, open "
              f"{r['open']}" for r in rows]
    seen = await databases.order.fetchval("select count(*) from sales_order where settled")
    return Finding("settled", f"{seen} settled orders", tuple(faults))
