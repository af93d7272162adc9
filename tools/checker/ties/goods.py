"""What inventory's events say: stock, cost of sales, what suppliers are owed, input VAT, stocktakes."""

from tools.checker.databases import Databases
from tools.checker.findings import mapping
from tools.checker.ties.sums import Sums


async def stock_value(databases: Databases, company: str) -> Sums:
    """Per product and warehouse what came in less what went out, with what late costs and stocktakes changed."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
        ), moved as (
            select l ->> 'sku' as sku, coalesce(l ->> 'warehouse', b ->> 'warehouse') as warehouse, case type
                when 'inventory.stock_opened.v1' then (l ->> 'cost')::numeric
                when 'inventory.goods_received.v1' then (l ->> 'cost')::numeric
                when 'inventory.goods_returned.v1' then (l ->> 'cost')::numeric
                when 'inventory.goods_shipped.v1' then -(l ->> 'cost')::numeric
                when 'inventory.purchase_returned.v1' then -(l ->> 'stock')::numeric
                when 'inventory.cost_adjusted.v1' then (l ->> 'stock')::numeric
                when 'inventory.stock_counted.v1' then (l ->> 'gain')::numeric - (l ->> 'loss')::numeric end as value
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select sku, warehouse, sum(value) from moved where value <> 0 group by 1, 2 having sum(value) <> 0
        """,
        company,
    ))


async def stock_pieces(databases: Databases, company: str) -> Sums:
    """Pieces in vouchers; a movement without value makes no voucher line, so it does not count here."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
        ), moved as (
            select l ->> 'sku' as sku, b ->> 'warehouse' as warehouse, case
                when type = 'inventory.stock_counted.v1' then (l ->> 'difference')::numeric
                when type in ('inventory.goods_shipped.v1', 'inventory.purchase_returned.v1')
                    then -(l ->> 'quantity')::numeric
                else (l ->> 'quantity')::numeric end as quantity
            from said, jsonb_array_elements(b -> 'lines') as l
            where type in ('inventory.stock_opened.v1', 'inventory.goods_received.v1', 'inventory.goods_returned.v1',
                           'inventory.goods_shipped.v1', 'inventory.purchase_returned.v1', 'inventory.stock_counted.v1')
              and (coalesce((l ->> 'cost')::numeric, 0) <> 0 or coalesce((l ->> 'stock')::numeric, 0) <> 0
                   or coalesce((l ->> 'gain')::numeric, 0) <> 0 or coalesce((l ->> 'loss')::numeric, 0) <> 0)
        )
        select sku, warehouse, sum(quantity) from moved group by 1, 2 having sum(quantity) <> 0
        """,
        company,
    ))


async def cost_of_sales(databases: Databases, company: str) -> Sums:
    """Shipped less taken back, with the consumed part of late costs and what pools gave on top of supplier returns."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
        ), moved as (
            select case type
                when 'inventory.goods_shipped.v1' then (l ->> 'cost')::numeric
                when 'inventory.goods_returned.v1' then -(l ->> 'cost')::numeric
                when 'inventory.cost_adjusted.v1' then (l ->> 'consumed')::numeric
                when 'inventory.purchase_returned.v1' then (l ->> 'residual')::numeric end as cost
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select 'all', coalesce(sum(cost), 0) from moved
        """,
        company,
    ))


async def unbilled(databases: Databases, company: str) -> Sums:
    """Received from each supplier, neither billed yet nor gone back before a bill."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1 and type in
            ('inventory.goods_received.v1', 'inventory.supplier_invoiced.v1', 'inventory.purchase_returned.v1')
        ), moved as (
            select b ->> 'supplier_id' as supplier, case type when 'inventory.goods_received.v1'
                   then (l ->> 'cost')::numeric else -(l ->> 'accrued')::numeric end as accrued
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select supplier, sum(accrued) from moved group by 1 having sum(accrued) <> 0
        """,
        company,
    ))


async def payable(databases: Databases, company: str) -> Sums:
    """Per supplier: owed before the books and billed, less what it took off for goods that went back, less paid."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
        ), moved as (
            select b ->> 'supplier_id' as supplier, ((l ->> 'net')::numeric + (l ->> 'tax')::numeric)
                   * case type when 'inventory.supplier_invoiced.v1' then 1 else -1 end as amount
            from said, jsonb_array_elements(b -> 'lines') as l
            where type in ('inventory.supplier_invoiced.v1', 'inventory.purchase_returned.v1')
            union all
            select b ->> 'supplier_id', (b ->> 'amount')::numeric from said where type = 'inventory.payable_opened.v1'
            union all
            select b ->> 'supplier_id', -(a ->> 'amount')::numeric
            from said, jsonb_array_elements(b -> 'allocations') as a where type = 'inventory.supplier_paid.v1'
        )
        select supplier, sum(amount) from moved group by 1 having sum(amount) <> 0
        """,
        company,
    ))


async def input_tax(databases: Databases, company: str) -> Sums:
    """Per supplier: the tax of its bills, less that of what went back."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
            and type in ('inventory.supplier_invoiced.v1', 'inventory.purchase_returned.v1')
        ), moved as (
            select b ->> 'supplier_id' as supplier, (l ->> 'tax')::numeric
                   * case type when 'inventory.supplier_invoiced.v1' then 1 else -1 end as tax
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select supplier, sum(tax) from moved group by 1 having sum(tax) <> 0
        """,
        company,
    ))


async def variance(databases: Databases, company: str) -> Sums:
    """What bills differ by and no cost was adjusted for: always 0."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
        ), moved as (
            select case type when 'inventory.supplier_invoiced.v1' then (l ->> 'variance')::numeric
                when 'inventory.cost_adjusted.v1' then -(l ->> 'stock')::numeric - (l ->> 'consumed')::numeric
                end as variance
            from said, jsonb_array_elements(b -> 'lines') as l
        )
        select 'all', coalesce(sum(variance), 0) from moved
        """,
        company,
    ))


async def counts_waiting(databases: Databases, company: str) -> Sums:
    """Losses less gains of stocktakes that nobody approved yet."""
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
            and type in ('inventory.stock_counted.v1', 'inventory.count_approved.v1')
        )
        select 'all', coalesce(sum((l ->> 'loss')::numeric - (l ->> 'gain')::numeric), 0)
        from said c, jsonb_array_elements(c.b -> 'lines') as l
        where c.type = 'inventory.stock_counted.v1' and not exists (
            select 1 from said a
            where a.type = 'inventory.count_approved.v1' and a.b ->> 'count_id' = c.b ->> 'count_id')
        """,
        company,
    ))


async def count_gains(databases: Databases, company: str) -> Sums:
    """Of stocktakes that were approved."""
    return await _approved(databases, company, "gain")


async def count_losses(databases: Databases, company: str) -> Sums:
    """Of stocktakes that were approved."""
    return await _approved(databases, company, "loss")


async def _approved(databases: Databases, company: str, what: str) -> Sums:
    return mapping(await databases.inventory.fetch(
        """
        with said as materialized (
            select type, convert_from(body, 'UTF8')::jsonb as b from event where company = $1
            and type in ('inventory.stock_counted.v1', 'inventory.count_approved.v1')
        )
        select 'all', coalesce(sum((l ->> $2)::numeric), 0)
        from said c, jsonb_array_elements(c.b -> 'lines') as l
        where c.type = 'inventory.stock_counted.v1' and exists (
            select 1 from said a
            where a.type = 'inventory.count_approved.v1' and a.b ->> 'count_id' = c.b ->> 'count_id')
        """,
        company, what,
    ))
