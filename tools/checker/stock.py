"""Checks of inventory's stock: its tables against each other and against the documents that it said."""

from tools.checker.databases import Databases
from tools.checker.findings import Finding


async def stock(databases: Databases) -> Finding:
    """Stock is the sum of its moves and adjustments; each pool's moves have no gaps and carry its running totals."""
    rows = await databases.inventory.fetch(
        """
        with summed as (
            select company, sku, warehouse, count(*) as moves, max(n) as last, sum(quantity) as quantity,
                   sum(value) as value
            from stock_move group by company, sku, warehouse
        ), adjusted as (
            select company, sku, warehouse, sum(stock) as value from stock_adjustment group by company, sku, warehouse
        )
        select company, sku, warehouse, s.quantity, s.value, m.quantity as moved,
               m.value + coalesce(a.value, 0) as moved_value
        from stock s full join summed m using (company, sku, warehouse)
             full join adjusted a using (company, sku, warehouse)
        where coalesce(s.quantity, 0) <> coalesce(m.quantity, 0)
           or coalesce(s.value, 0) <> coalesce(m.value, 0) + coalesce(a.value, 0)
           or coalesce(s.moves, 0) <> coalesce(m.moves, 0) or m.moves <> m.last
        order by company, sku, warehouse limit 20
        """
    )
    faults = [f"{r['sku']} in {r['warehouse']} of {r['company']}: {r['quantity']} pieces worth {r['value']}, its moves "
              f"and adjustments say {r['moved']} worth {r['moved_value']}" for r in rows]
    rows = await databases.inventory.fetch(
        """
        select company, sku, warehouse, n from (
            select *, sum(quantity) over w as so_far, sum(value + coalesce(adjusted, 0)) over w as value_so_far
            from stock_move left join (
                select company, sku, warehouse, since as n, sum(stock) as adjusted
                from stock_adjustment group by 1, 2, 3, 4
            ) as a using (company, sku, warehouse, n)
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
    """Every line of a document that was said and moves stock is one move of the same pieces and value."""
    rows = await databases.inventory.fetch(
        """
        with document as materialized (
            select company, type, convert_from(body, 'UTF8')::jsonb as b from event where type in
            ('inventory.stock_opened.v1', 'inventory.goods_received.v1', 'inventory.goods_shipped.v1',
             'inventory.goods_returned.v1', 'inventory.purchase_returned.v1', 'inventory.stock_counted.v1')
        ), said as (
            select company, b ->> 'warehouse' as warehouse, l ->> 'sku' as sku, (l ->> 'line')::int as line,
                   coalesce(b ->> 'return_id', b ->> 'purchase_return_id', b ->> 'count_id', b ->> 'shipment_id',
                            b ->> 'receipt_id', b ->> 'opening_id') as document_id,
                   case when type = 'inventory.stock_counted.v1' then (l ->> 'difference')::numeric
                        when type in ('inventory.goods_shipped.v1', 'inventory.purchase_returned.v1')
                            then -(l ->> 'quantity')::numeric
                        else (l ->> 'quantity')::numeric end as quantity,
                   case type when 'inventory.stock_counted.v1' then (l ->> 'gain')::numeric - (l ->> 'loss')::numeric
                        when 'inventory.purchase_returned.v1' then -(l ->> 'stock')::numeric
                        when 'inventory.goods_shipped.v1' then -(l ->> 'cost')::numeric
                        else (l ->> 'cost')::numeric end as value
            from document, jsonb_array_elements(b -> 'lines') as l
            where type <> 'inventory.stock_counted.v1' or (l ->> 'difference')::numeric <> 0
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


async def adjustments(databases: Databases) -> Finding:
    """Every line of a cost adjustment that was said changed its pool by as much, and nothing else did."""
    rows = await databases.inventory.fetch(
        """
        with document as materialized (
            select company, convert_from(body, 'UTF8')::jsonb as b from event where type = 'inventory.cost_adjusted.v1'
        ), said as (
            select company, b ->> 'adjustment_id' as adjustment_id, l ->> 'sku' as sku, l ->> 'warehouse' as warehouse,
                   (l ->> 'stock')::numeric as stock, (l ->> 'consumed')::numeric as consumed
            from document, jsonb_array_elements(b -> 'lines') as l
        ), kept as (
            select company, adjustment_id, sku, warehouse, stock, consumed from stock_adjustment
        ), apart as (
            (select *, 'was said but not kept' as what from (select * from said except all select * from kept) as a)
            union all
            (select *, 'was kept but not said' from (select * from kept except all select * from said) as b)
        )
        select * from apart order by company, adjustment_id, sku limit 20
        """
    )
    faults = [f"{r['adjustment_id']} of {r['company']}: {r['sku']} by {r['stock']} and {r['consumed']} {r['what']}"
              for r in rows]
    seen = await databases.inventory.fetchval("select count(*) from stock_adjustment")
    return Finding("adjustments", f"{seen} adjustments", tuple(faults))
