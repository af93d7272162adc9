"""The pools and the stock ledger."""

from collections.abc import Iterable, Sequence

from services.inventory.domain.costing import Move, Pool, Stock
from shared.db import Db, columns


async def add_missing_pools(db: Db, pools: Iterable[Pool]) -> None:
    """Give pools that nobody mentioned before an empty row. Call it before anything is locked.

    Even an empty pool must be lockable: an order that finds nothing in it, and a receipt that fills it at the same
    moment, would miss each other otherwise.
    """
    await db.execute(
        """
        insert into stock (company, sku, warehouse)
        select $1, p.sku, p.warehouse from unnest($2::text[], $3::text[]) as p (sku, warehouse)
        where not exists (
            select from stock s where s.company = $1 and s.sku = p.sku and s.warehouse = p.warehouse
        )
        order by p.sku, p.warehouse
        on conflict do nothing
        """,
        db.company, *columns(list(pools), 2),
    )


async def lock_stock(db: Db, pools: Iterable[Pool]) -> dict[Pool, Stock]:
    """Lock pools and load them."""
    rows = await db.fetch(
        """
        select s.sku, s.warehouse, s.quantity, s.value, s.reserved, s.moves,
               coalesce(s.last_cost, product.standard_cost) as last_cost
        from stock s join unnest($2::text[], $3::text[]) as p (sku, warehouse) using (sku, warehouse)
        left join product on product.company = $1 and product.sku = s.sku
        where s.company = $1
        order by s.sku, s.warehouse for update of s
        """,
        db.company, *columns(list(pools), 2),
    )
    return {
        pool: Stock(pool, row["quantity"], row["value"], row["reserved"], row["moves"], row["last_cost"])
        for row in rows for pool in [Pool(row["sku"], row["warehouse"])]
    }


async def save_stock(db: Db, stock: Sequence[Stock]) -> None:
    """Write pools that this transaction has locked."""
    if not stock:
        return
    await db.execute(
        """
        update stock s
        set quantity = n.quantity, value = n.value, reserved = n.reserved, moves = n.moves, last_cost = n.last_cost
        from unnest($2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::bigint[], $8::numeric[])
             as n (sku, warehouse, quantity, value, reserved, moves, last_cost)
        where s.company = $1 and s.sku = n.sku and s.warehouse = n.warehouse
        """,
        db.company, *columns([(*s.pool, s.quantity, s.value, s.reserved, s.moves, s.last_cost) for s in stock], 7),
    )


async def save_moves(db: Db, moves: Sequence[Move]) -> None:
    rows = [
        (*m.pool, m.n, m.document.kind, m.document.document_id, m.line, m.document.order_id, m.document.moved_on,
         m.quantity, m.value, m.quantity_after, m.value_after, m.origin, m.claimed)
        for m in moves
    ]
    await db.execute(
        """
        insert into stock_move (company, sku, warehouse, n, kind, document_id, line, order_id, moved_on,
                                quantity, value, quantity_after, value_after, origin, claimed)
        select $1, m.* from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::integer[],
                                   $8::text[], $9::date[], $10::numeric[], $11::numeric[], $12::numeric[],
                                   $13::numeric[], $14::bigint[], $15::numeric[]) as m
        """,
        db.company, *columns(rows, 14),
    )
