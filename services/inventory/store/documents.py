"""Documents of the warehouse: openings, receipts, shipments; their numbers are used once."""

from collections.abc import Sequence

from shared.db import Db, columns
from shared.events.inventory import GoodsReceived, GoodsShipped, StockOpened


async def taken_openings(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select opening_id from opening where company = $1 and opening_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["opening_id"] for row in rows)


async def taken_receipts(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select receipt_id from receipt where company = $1 and receipt_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["receipt_id"] for row in rows)


async def taken_shipments(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select shipment_id from shipment where company = $1 and shipment_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["shipment_id"] for row in rows)


async def save_openings(db: Db, opened: Sequence[StockOpened]) -> None:
    await db.execute(
        """
        insert into opening (company, opening_id, opened_on, warehouse, cost)
        select $1, o.* from unnest($2::text[], $3::date[], $4::text[], $5::numeric[]) as o
        """,
        db.company, *columns([(o.opening_id, o.opened_on, o.warehouse, o.cost) for o in opened], 4),
    )


async def save_receipts(db: Db, received: Sequence[GoodsReceived]) -> None:
    """The receipts and their lines, in one statement each."""
    await db.execute(
        """
        insert into receipt (company, receipt_id, supplier_id, purchase_id, received_on, warehouse, currency, cost)
        select $1, r.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::text[], $8::numeric[]) as r
        """,
        db.company,
        *columns([
            (r.receipt_id, r.supplier_id, r.purchase_id, r.received_on, r.warehouse, r.currency, r.cost)
            for r in received
        ], 7),
    )
    lines = [
        (r.receipt_id, line.line, line.sku, line.quantity, line.unit_cost, line.cost)
        for r in received for line in r.lines
    ]
    await db.execute(
        """
        insert into receipt_line (company, receipt_id, line, sku, quantity, unit_cost, cost)
        select $1, r.* from unnest($2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[])
                            as r
        """,
        db.company, *columns(lines, 6),
    )


async def save_shipments(db: Db, shipped: Sequence[GoodsShipped]) -> None:
    await db.execute(
        """
        insert into shipment (company, shipment_id, order_id, shipped_on, cost)
        select $1, s.* from unnest($2::text[], $3::text[], $4::date[], $5::numeric[]) as s
        """,
        db.company, *columns([(s.shipment_id, s.order_id, s.shipped_on, s.cost) for s in shipped], 4),
    )
