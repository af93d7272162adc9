"""What orders hold of the stock, and those that wait for it."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from services.inventory.domain.costing import Pool
from services.inventory.domain.reservation import SHORT, Fulfilment, Line
from shared.db import Db, columns


async def pools_of_orders(db: Db, order_ids: Sequence[str]) -> set[Pool]:
    """Every pool that these orders hold or want; that never changes."""
    rows = await db.fetch(
        "select distinct sku, warehouse from fulfilment_line where company = $1 and order_id = any ($2::text[])",
        db.company, order_ids,
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


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


async def pools_waited_for(db: Db) -> set[Pool]:
    """Every pool that a short order wants."""
    rows = await db.fetch(
        "select distinct sku, warehouse from fulfilment_line where company = $1 and waiting is not null", db.company
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


async def lock_waiting(db: Db, reach: Mapping[Pool, Decimal], after: int, limit: int) -> list[Fulfilment]:
    """The oldest short orders after a place that want any of these (locked) pools, in the order of their places.

    A line that is larger than what is within reach of its pool cannot be served now, so it is left out here.
    """
    reach = {pool: quantity for pool, quantity in reach.items() if quantity > 0}
    if not reach:
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
        db.company, *columns([(*pool, quantity) for pool, quantity in reach.items()], 3), after, limit, SHORT,
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
