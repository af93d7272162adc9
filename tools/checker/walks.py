"""Checks across order and inventory: their tables against the facts they said, and the two against each other."""

from typing import Any

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
    found = await _pairs(databases, ("inventory.goods_shipped.v1", "shipment_id"),
                         ("order.sale_delivered.v1", "delivery_id"), "delivery")
    return Finding("shipped_is_delivered", f"{found[0]} shipments", tuple(found[1]))


async def taken_back_is_returned(databases: Databases) -> Finding:
    """Every return that inventory took in is one return of order, line by line and piece by piece."""
    found = await _pairs(databases, ("inventory.goods_returned.v1", "return_id"),
                         ("order.sale_returned.v1", "return_id"), "return")
    return Finding("taken_back_is_returned", f"{found[0]} returns", tuple(found[1]))


async def _pairs(
    databases: Databases, goods: tuple[str, str], value: tuple[str, str], what: str
) -> tuple[int, list[str]]:
    """How many documents inventory said, and where those of order differ; each by its event type and its id."""
    faults: list[str] = []
    seen = 0
    for company in databases.companies:
        moved = await _pieces(databases.inventory, company, *goods)
        valued = await _pieces(databases.order, company, *value)
        seen += len(moved)
        faults += differences(valued, moved, f"{what} of {company}", "nothing")
    return seen, faults


async def _pieces(connection: Any, company: str, event_type: str, name: str) -> dict[Any, Any]:
    """The lines of every document in words; one that was said twice stands there twice."""
    return mapping(await connection.fetch(
        """
        with said as materialized (
            select convert_from(body, 'UTF8')::jsonb as b from event where company = $1 and type = $2
        )
        select b ->> $3, n, string_agg(format('%s line %s: %s', b ->> 'order_id', l ->> 'line',
               trim_scale((l ->> 'quantity')::numeric)), ', ' order by (l ->> 'line')::int)
        from (select b, row_number() over (partition by b ->> $3) as n from said) as each_time,
             jsonb_array_elements(b -> 'lines') as l
        group by 1, 2
        """,
        company, event_type, name,
    ))


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
