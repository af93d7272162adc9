"""Returns from customers, and what they come back from."""

from collections.abc import Sequence

from services.inventory.domain.costing import CUSTOMER_RETURN, SHIPMENT, Pool
from services.inventory.domain.returns import Issued, Shipment
from shared.db import Db, columns
from shared.events.inventory import GoodsReturned


async def taken_returns(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select return_id from goods_return where company = $1 and return_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["return_id"] for row in rows)


async def pools_of_shipments(db: Db, shipment_ids: Sequence[str]) -> set[Pool]:
    rows = await db.fetch(
        """
        select distinct sku, warehouse from stock_move
        where company = $1 and document_id = any ($2::text[]) and kind = $3
        """,
        db.company, shipment_ids, SHIPMENT,
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


async def load_shipments(db: Db, shipment_ids: Sequence[str]) -> dict[str, Shipment]:
    """Shipments whose pools are locked, with what is known of their costs and what has come back."""
    rows = await db.fetch(
        """
        select m.document_id, m.order_id, m.line, m.sku, m.warehouse, m.n,
               -m.quantity as quantity, -coalesce(k.value, m.value) as cost, back.quantity as returned,
               back.value as returned_cost
        from stock_move m
        left join known_cost k on k.company = $1 and k.sku = m.sku and k.warehouse = m.warehouse and k.n = m.n
        cross join lateral (
            select coalesce(sum(r.quantity), 0) as quantity, coalesce(sum(coalesce(rk.value, r.value)), 0) as value
            from stock_move r
            left join known_cost rk on rk.company = $1 and rk.sku = r.sku and rk.warehouse = r.warehouse and rk.n = r.n
            where r.company = $1 and r.sku = m.sku and r.warehouse = m.warehouse and r.origin = m.n and r.kind = $4
        ) as back
        where m.company = $1 and m.document_id = any ($2::text[]) and m.kind = $3
        """,
        db.company, shipment_ids, SHIPMENT, CUSTOMER_RETURN,
    )
    lines: dict[str, dict[int, Issued]] = {}
    for row in rows:
        pool = Pool(row["sku"], row["warehouse"])
        lines.setdefault(row["document_id"], {})[row["line"]] = Issued(
            pool, row["n"], row["quantity"], row["cost"], row["returned"], row["returned_cost"]
        )
    return {row["document_id"]: Shipment(row["order_id"], row["warehouse"], lines[row["document_id"]]) for row in rows}


async def save_returns(db: Db, returned: Sequence[GoodsReturned]) -> None:
    rows = [
        (r.return_id, r.shipment_id, r.order_id, r.returned_on, r.warehouse, r.currency, r.cost) for r in returned
    ]
    await db.execute(
        """
        insert into goods_return (company, return_id, shipment_id, order_id, returned_on, warehouse, currency, cost)
        select $1, r.* from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::text[],
                                   $8::numeric[]) as r
        """,
        db.company, *columns(rows, 7),
    )
