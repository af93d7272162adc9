"""SQL that writes or locks.

Locks are taken in one order everywhere: stock by (sku, warehouse), then fulfilments by order id. Whoever changes what a
fulfilment holds has locked all its pools first.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from services.inventory.domain.costing import Move, Pool, Stock
from services.inventory.domain.reservation import SHORT, Fulfilment, Line
from shared.db import Db, columns
from shared.events.accounting import BooksOpened
from shared.events.inventory import GoodsReceived, GoodsShipped, ProductRegistered, StockOpened

# -- companies, products, document numbers ----------------------------------------------------------------------------


async def add_companies(db: Db, opened: Sequence[BooksOpened]) -> None:
    await db.execute(
        "insert into company (company, currency) select $1, unnest($2::text[])",
        db.company, [books.currency for books in opened],
    )


async def currency(db: Db) -> str | None:
    """The currency of the company's books; None if it has no books."""
    found: str | None = await db.fetchval("select currency from company where company = $1", db.company)
    return found


async def known_products(db: Db, skus: Iterable[str]) -> frozenset[str]:
    """Which of these products exist."""
    rows = await db.fetch(
        "select sku from product where company = $1 and sku = any ($2::text[])", db.company, list(set(skus))
    )
    return frozenset(row["sku"] for row in rows)


async def save_products(db: Db, products: Sequence[ProductRegistered]) -> None:
    await db.execute(
        """
        insert into product (company, sku, name, unit)
        select $1, p.* from unnest($2::text[], $3::text[], $4::text[]) as p
        """,
        db.company, *columns([(p.sku, p.name, p.unit) for p in products], 3),
    )


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


# -- stock ------------------------------------------------------------------------------------------------------------


async def pools_of_orders(db: Db, order_ids: Sequence[str]) -> set[Pool]:
    """Every pool that these orders hold or want; that never changes."""
    rows = await db.fetch(
        "select distinct sku, warehouse from fulfilment_line where company = $1 and order_id = any ($2::text[])",
        db.company, order_ids,
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


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
        select s.sku, s.warehouse, s.quantity, s.value, s.reserved, s.moves
        from stock s join unnest($2::text[], $3::text[]) as p (sku, warehouse) using (sku, warehouse)
        where s.company = $1
        order by s.sku, s.warehouse for update of s
        """,
        db.company, *columns(list(pools), 2),
    )
    return {
        pool: Stock(pool, row["quantity"], row["value"], row["reserved"], row["moves"])
        for row in rows for pool in [Pool(row["sku"], row["warehouse"])]
    }


async def save_stock(db: Db, stock: Sequence[Stock]) -> None:
    """Write pools that this transaction has locked."""
    if not stock:
        return
    await db.execute(
        """
        update stock s set quantity = n.quantity, value = n.value, reserved = n.reserved, moves = n.moves
        from unnest($2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::bigint[])
             as n (sku, warehouse, quantity, value, reserved, moves)
        where s.company = $1 and s.sku = n.sku and s.warehouse = n.warehouse
        """,
        db.company, *columns([(*s.pool, s.quantity, s.value, s.reserved, s.moves) for s in stock], 6),
    )


async def save_moves(db: Db, moves: Sequence[Move]) -> None:
    rows = [
        (*m.pool, m.n, m.document.kind, m.document.document_id, m.line, m.document.order_id, m.document.moved_on,
         m.quantity, m.value, m.quantity_after, m.value_after)
        for m in moves
    ]
    await db.execute(
        """
        insert into stock_move (company, sku, warehouse, n, kind, document_id, line, order_id, moved_on,
                                quantity, value, quantity_after, value_after)
        select $1, m.* from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::integer[],
                                   $8::text[], $9::date[], $10::numeric[], $11::numeric[], $12::numeric[],
                                   $13::numeric[]) as m
        """,
        db.company, *columns(rows, 12),
    )


# -- documents --------------------------------------------------------------------------------------------------------


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
        insert into receipt (company, receipt_id, supplier_id, received_on, warehouse, currency, cost)
        select $1, r.* from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::numeric[]) as r
        """,
        db.company,
        *columns(
            [(r.receipt_id, r.supplier_id, r.received_on, r.warehouse, r.currency, r.cost) for r in received], 6
        ),
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


# -- fulfilments ------------------------------------------------------------------------------------------------------


async def add_fulfilments(db: Db, fulfilments: Sequence[Fulfilment]) -> None:
    """New fulfilments with their lines; they get their places in the given order, and the short ones wait there."""
    heads = [(f.order_id, f.warehouse, f.state) for f in fulfilments]
    lines = [(f.order_id, x.line, x.sku, x.ordered, x.reserved, x.shipped) for f in fulfilments for x in f.lines]
    await db.execute(
        """
        with head as (
            insert into fulfilment (company, order_id, warehouse, state)
            select $1, h.order_id, h.warehouse, h.state
            from unnest($2::text[], $3::text[], $4::text[]) with ordinality as h (order_id, warehouse, state, n)
            order by h.n
            returning order_id, warehouse, state, place
        )
        insert into fulfilment_line (company, order_id, line, warehouse, sku, ordered, reserved, shipped, waiting)
        select $1, l.order_id, l.line, head.warehouse, l.sku, l.ordered, l.reserved, l.shipped,
               case when head.state = $11 then head.place end
        from unnest($5::text[], $6::integer[], $7::text[], $8::numeric[], $9::numeric[], $10::numeric[])
             as l (order_id, line, sku, ordered, reserved, shipped)
        join head using (order_id)
        """,
        db.company, *columns(heads, 3), *columns(lines, 6), SHORT,
    )


async def approve(db: Db, order_ids: Sequence[str]) -> None:
    await db.execute(
        """
        with own as (
            select order_id from fulfilment where company = $1 and order_id = any ($2::text[])
            order by order_id for update
        )
        update fulfilment f set approved = true from own where f.company = $1 and f.order_id = own.order_id
        """,
        db.company, order_ids,
    )


async def lock_fulfilments(db: Db, order_ids: Sequence[str]) -> dict[str, Fulfilment]:
    """Lock and load fulfilments. Lock their stock first."""
    heads = await db.fetch(
        """
        select order_id, warehouse, state, approved, place from fulfilment
        where company = $1 and order_id = any ($2::text[])
        order by order_id for update
        """,
        db.company, order_ids,
    )
    return {f.order_id: f for f in await _with_lines(db, heads)}


async def pools_waited_with(db: Db, pools: Iterable[Pool], limit: int) -> set[Pool]:
    """The pools of the oldest orders that wait for any of these pools: a guess, made before anything is locked."""
    rows = await db.fetch(
        """
        with oldest as (
            select distinct l.waiting, l.order_id
            from fulfilment_line l join unnest($2::text[], $3::text[]) as p (sku, warehouse) using (sku, warehouse)
            where l.company = $1 and l.waiting is not null
            order by l.waiting limit $4
        )
        select distinct l.sku, l.warehouse from fulfilment_line l join oldest using (order_id) where l.company = $1
        """,
        db.company, *columns(list(pools), 2), limit,
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


async def lock_waiting(db: Db, stock: Sequence[Stock], after: int, limit: int) -> list[Fulfilment]:
    """The oldest short orders after a place that want any of these (locked) pools, in the order of their places.

    A line that is larger than what its pool has cannot be served now, so it is left out here.
    """
    if not stock:
        return []
    heads = await db.fetch(
        """
        with oldest as (
            select distinct l.waiting, l.order_id
            from fulfilment_line l
            join unnest($2::text[], $3::text[], $4::numeric[]) as p (sku, warehouse, available) using (sku, warehouse)
            where l.company = $1 and l.waiting > $5 and l.ordered <= p.available
            order by l.waiting limit $6
        )
        select f.order_id, f.warehouse, f.state, f.approved, f.place
        from fulfilment f join oldest using (order_id)
        where f.company = $1 and f.state = $7
        order by f.order_id for update of f
        """,
        db.company, *columns([(*s.pool, s.available) for s in stock], 3), after, limit, SHORT,
    )
    return sorted(await _with_lines(db, heads), key=lambda f: f.place)


async def _with_lines(db: Db, heads: Sequence[Any]) -> list[Fulfilment]:
    rows = await db.fetch(
        """
        select order_id, line, sku, ordered, reserved, shipped from fulfilment_line
        where company = $1 and order_id = any ($2::text[]) order by order_id, line
        """,
        db.company, [head["order_id"] for head in heads],
    )
    lines: dict[str, list[Line]] = {head["order_id"]: [] for head in heads}
    for row in rows:
        lines[row["order_id"]].append(
            Line(row["line"], row["sku"], row["ordered"], row["reserved"], row["shipped"])
        )
    return [
        Fulfilment(h["order_id"], h["warehouse"], h["state"], tuple(lines[h["order_id"]]), h["approved"], h["place"])
        for h in heads
    ]


async def save_fulfilments(db: Db, fulfilments: Sequence[Fulfilment]) -> None:
    """Write locked fulfilments after a reservation, release or shipment: none of them is short any more."""
    if not fulfilments:
        return
    await db.execute(
        """
        update fulfilment f set state = n.state from unnest($2::text[], $3::text[]) as n (order_id, state)
        where f.company = $1 and f.order_id = n.order_id
        """,
        db.company, *columns([(f.order_id, f.state) for f in fulfilments], 2),
    )
    await db.execute(
        """
        update fulfilment_line l set reserved = n.reserved, shipped = n.shipped, waiting = null
        from unnest($2::text[], $3::integer[], $4::numeric[], $5::numeric[]) as n (order_id, line, reserved, shipped)
        where l.company = $1 and l.order_id = n.order_id and l.line = n.line
        """,
        db.company, *columns([(f.order_id, x.line, x.reserved, x.shipped) for f in fulfilments for x in f.lines], 4),
    )
