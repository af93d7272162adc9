"""Checks across order and inventory: their tables against the facts they said, and the two against each other."""

from tools.checker.databases import Databases
from tools.checker.findings import Finding, differences, mapping


async def order_values(databases: Databases) -> Finding:
    """Net and tax of every ordered line are quantity, price and rate, rounded half up; the header is their sum."""
    rows = await databases.order.fetch(
        """
        with placed as materialized (
            select company, convert_from(body, 'UTF8')::jsonb as b from event where type = 'order.order_placed.v1'
        ), line as (
            select company, b ->> 'order_id' as order_id,
                   case b ->> 'currency' when 'JPY' then 0 else 2 end as decimals,
                   (b ->> 'net')::numeric as head_net, (b ->> 'tax')::numeric as head_tax,
                   (b ->> 'gross')::numeric as head_gross, (l ->> 'quantity')::numeric as quantity,
                   (l ->> 'unit_price')::numeric as price, (l ->> 'tax_rate')::numeric as rate,
                   (l ->> 'net')::numeric as net, (l ->> 'tax')::numeric as tax
            from placed, jsonb_array_elements(b -> 'lines') as l
        )
        select company, order_id from line group by company, order_id, head_net, head_tax, head_gross
        having sum(net) <> head_net or sum(tax) <> head_tax or head_net + head_tax <> head_gross
            or not bool_and(net = round(quantity * price, decimals) and tax = round(net * rate, decimals))
        order by company, order_id limit 20
        """
    )
    faults = [f"order {r['order_id']} of {r['company']} is not worth its lines" for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.order_placed.v1'")
    return Finding("order_values", f"{seen} orders", tuple(faults))


async def delivery_shares(databases: Databases) -> Finding:
    """Each delivered piece is worth round(total x delivered so far / ordered) less what came before."""
    rows = await databases.order.fetch(
        """
        with said as materialized (
            select company, seq, type, convert_from(body, 'UTF8')::jsonb as b from event
            where type in ('order.order_placed.v1', 'order.sale_delivered.v1')
        ), ordered as (
            select company, b ->> 'order_id' as order_id, (l ->> 'line')::int as line,
                   case b ->> 'currency' when 'JPY' then 0 else 2 end as decimals,
                   (l ->> 'quantity')::numeric as whole, (l ->> 'net')::numeric as net, (l ->> 'tax')::numeric as tax
            from said, jsonb_array_elements(b -> 'lines') as l where type = 'order.order_placed.v1'
        ), piece as (
            select company, seq, b ->> 'order_id' as order_id, b ->> 'delivery_id' as delivery_id,
                   (l ->> 'line')::int as line, (l ->> 'quantity')::numeric as quantity,
                   (l ->> 'net')::numeric as net, (l ->> 'tax')::numeric as tax,
                   (b ->> 'net')::numeric as head_net, (b ->> 'tax')::numeric as head_tax,
                   (b ->> 'gross')::numeric as head_gross
            from said, jsonb_array_elements(b -> 'lines') as l where type = 'order.sale_delivered.v1'
        ), run as (
            select *, sum(quantity) over w as so_far, sum(net) over w as net_so_far, sum(tax) over w as tax_so_far
            from piece window w as (partition by company, order_id, line order by seq)
        )
        select r.company, r.delivery_id from run r left join ordered o using (company, order_id, line)
        group by r.company, r.delivery_id, r.seq, r.head_net, r.head_tax, r.head_gross
        having not bool_and(coalesce(r.so_far <= o.whole
                   and r.net_so_far = round(o.net * r.so_far / o.whole, o.decimals)
                   and r.tax_so_far = round(o.tax * r.so_far / o.whole, o.decimals), false))
            or sum(r.net) <> r.head_net or sum(r.tax) <> r.head_tax or r.head_net + r.head_tax <> r.head_gross
        order by r.company, r.delivery_id limit 20
        """
    )
    faults = [f"delivery {r['delivery_id']} of {r['company']} is not its share of the order" for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.sale_delivered.v1'")
    return Finding("delivery_shares", f"{seen} deliveries", tuple(faults))


async def shipped_is_delivered(databases: Databases) -> Finding:
    """Every shipment of inventory is one delivery of order, line by line and piece by piece."""
    faults: list[str] = []
    seen = 0
    for company in databases.companies:
        shipped = mapping(await databases.inventory.fetch(
            """
            with said as materialized (
                select convert_from(body, 'UTF8')::jsonb as b from event
                where company = $1 and type = 'inventory.goods_shipped.v1'
            )
            select b ->> 'shipment_id', n, string_agg(format('%s line %s: %s', b ->> 'order_id', l ->> 'line',
                   trim_scale((l ->> 'quantity')::numeric)), ', ' order by (l ->> 'line')::int)
            from (select b, row_number() over (partition by b ->> 'shipment_id') as n from said) as each_time,
                 jsonb_array_elements(b -> 'lines') as l
            group by 1, 2
            """,
            company,
        ))
        delivered = mapping(await databases.order.fetch(
            """
            with said as materialized (
                select convert_from(body, 'UTF8')::jsonb as b from event
                where company = $1 and type = 'order.sale_delivered.v1'
            )
            select b ->> 'delivery_id', n, string_agg(format('%s line %s: %s', b ->> 'order_id', l ->> 'line',
                   trim_scale((l ->> 'quantity')::numeric)), ', ' order by (l ->> 'line')::int)
            from (select b, row_number() over (partition by b ->> 'delivery_id') as n from said) as each_time,
                 jsonb_array_elements(b -> 'lines') as l
            group by 1, 2
            """,
            company,
        ))
        seen += len(shipped)
        faults += differences(delivered, shipped, f"delivery of {company}", "nothing")
    return Finding("shipped_is_delivered", f"{seen} shipments", tuple(faults))


async def stock(databases: Databases) -> Finding:
    """Stock is the sum of its moves, each pool's moves have no gaps and carry its running totals."""
    rows = await databases.inventory.fetch(
        """
        with summed as (
            select company, sku, warehouse, count(*) as moves, max(n) as last, sum(quantity) as quantity,
                   sum(value) as value
            from stock_move group by company, sku, warehouse
        )
        select company, sku, warehouse, s.quantity, s.value, m.quantity as moved, m.value as moved_value
        from stock s full join summed m using (company, sku, warehouse)
        where coalesce(s.quantity, 0) <> coalesce(m.quantity, 0) or coalesce(s.value, 0) <> coalesce(m.value, 0)
           or coalesce(s.moves, 0) <> coalesce(m.moves, 0) or m.moves <> m.last
        order by company, sku, warehouse limit 20
        """
    )
    faults = [f"{r['sku']} in {r['warehouse']} of {r['company']}: {r['quantity']} pieces worth {r['value']}, its moves "
              f"say {r['moved']} worth {r['moved_value']}" for r in rows]
    rows = await databases.inventory.fetch(
        """
        select company, sku, warehouse, n from (
            select *, sum(quantity) over w as so_far, sum(value) over w as value_so_far from stock_move
            window w as (partition by company, sku, warehouse order by n)
        ) as run
        where so_far <> quantity_after or value_so_far <> value_after or (so_far = 0 and value_so_far <> 0)
        order by company, sku, warehouse, n limit 20
        """
    )
    faults += [f"move {r['n']} of {r['sku']} in {r['warehouse']} of {r['company']}: wrong running total" for r in rows]
    seen = await databases.inventory.fetchval("select count(*) from stock_move")
    return Finding("stock", f"{seen} moves", tuple(faults))


async def moves(databases: Databases) -> Finding:
    """Every line of an opening, receipt or shipment that was said is one move of the same pieces and value."""
    rows = await databases.inventory.fetch(
        """
        with document as materialized (
            select company, convert_from(body, 'UTF8')::jsonb as b from event where type in
            ('inventory.stock_opened.v1', 'inventory.goods_received.v1', 'inventory.goods_shipped.v1')
        ), said as (
            select company, b ->> 'warehouse' as warehouse, l ->> 'sku' as sku, (l ->> 'line')::int as line,
                   coalesce(b ->> 'shipment_id', b ->> 'receipt_id', b ->> 'opening_id') as document_id,
                   case when b ? 'shipment_id' then -1 else 1 end * (l ->> 'quantity')::numeric as quantity,
                   case when b ? 'shipment_id' then -1 else 1 end * (l ->> 'cost')::numeric as value
            from document, jsonb_array_elements(b -> 'lines') as l
        ), moved as (
            select company, warehouse, sku, line, document_id, quantity, value from stock_move
        ), apart as (
            (select *, 'was said but not moved' as what from (select * from said except all select * from moved) as a)
            union all
            (select *, 'was moved but not said' from (select * from moved except all select * from said) as b)
        )
        select * from apart order by company, document_id, line limit 20
        """
    )
    faults = [f"{r['document_id']} line {r['line']} of {r['company']}: {r['quantity']} of {r['sku']} worth "
              f"{r['value']} {r['what']}" for r in rows]
    seen = await databases.inventory.fetchval("select count(*) from stock_move")
    return Finding("moves", f"{seen} moves against the log", tuple(faults))


async def reservations(databases: Databases) -> Finding:
    """What stock holds back is what the orders hold; nothing is reserved or shipped beyond what was ordered."""
    rows = await databases.inventory.fetch(
        """
        with held as (
            select company, sku, warehouse, sum(reserved) as reserved from fulfilment_line group by 1, 2, 3
        )
        select company, sku, warehouse, coalesce(s.reserved, 0) as stock, coalesce(h.reserved, 0) as orders
        from stock s full join held h using (company, sku, warehouse)
        where coalesce(s.reserved, 0) <> coalesce(h.reserved, 0) order by 1, 2, 3 limit 20
        """
    )
    faults = [f"{r['sku']} in {r['warehouse']} of {r['company']}: stock holds {r['stock']}, orders {r['orders']}"
              for r in rows]
    seen = await databases.inventory.fetchval("select count(*) from fulfilment where state = 'reserved'")
    return Finding("reservations", f"{seen} orders with reserved goods", tuple(faults))


async def invoices(databases: Databases) -> Finding:
    """Every invoice is the sum of its deliveries, and no delivery is invoiced twice."""
    rows = await databases.order.fetch(
        """
        with said as (select company, type, convert_from(body, 'UTF8')::jsonb as b from event
                      where type in ('order.invoice_issued.v1', 'order.sale_delivered.v1')),
        delivery as (
            select company, b ->> 'delivery_id' as delivery_id, (b ->> 'net')::numeric as net,
                   (b ->> 'tax')::numeric as tax from said where type = 'order.sale_delivered.v1'
        ), part as (
            select company, b ->> 'invoice_id' as invoice_id, (b ->> 'net')::numeric as head_net,
                   (b ->> 'tax')::numeric as head_tax, (b ->> 'gross')::numeric as head_gross, delivery_id,
                   count(*) over (partition by company, delivery_id) as times
            from said, jsonb_array_elements_text(b -> 'deliveries') as delivery_id
            where type = 'order.invoice_issued.v1'
        )
        select p.company, p.invoice_id from part p left join delivery d using (company, delivery_id)
        group by p.company, p.invoice_id, p.head_net, p.head_tax, p.head_gross
        having sum(d.net) is distinct from p.head_net or sum(d.tax) is distinct from p.head_tax
            or p.head_net + p.head_tax <> p.head_gross or max(times) > 1
        order by 1, 2 limit 20
        """
    )
    faults = [f"invoice {r['invoice_id']} of {r['company']} is not the sum of its deliveries" for r in rows]
    seen = await databases.order.fetchval("select count(*) from event where type = 'order.invoice_issued.v1'")
    return Finding("invoices", f"{seen} invoices", tuple(faults))
