"""What is known now of the moves' costs, and what it changed of the pools."""

from collections.abc import Mapping, Sequence

from services.inventory.domain.costing import Adjustment, Pool, Stock, unit_cost
from services.inventory.domain.revaluation import Known, Stream
from shared.db import Db, columns
from shared.money import ZERO


async def load_streams(db: Db, first: Mapping[Pool, int]) -> dict[Pool, Stream]:
    """The streams of (locked) pools, each from a move on, and the pools as they are known to have been before it.

    `last` is the move that tells what a unit cost last, needed where nothing was there before the first.
    """
    if not first:
        return {}
    rows = await db.fetch(
        """
        select p.sku, p.warehouse, m.n, m.kind, m.origin, coalesce(m.claimed, 0) as claimed,
               m.quantity, m.quantity_after,
               coalesce(k.value, -m.claimed, m.value) as value, coalesce(k.value_after, m.value_after) as value_after,
               product.standard_cost, last.cost_value, last.cost_quantity
        from unnest($2::text[], $3::text[], $4::bigint[]) as p (sku, warehouse, first)
        join stock_move m on m.company = $1 and m.sku = p.sku and m.warehouse = p.warehouse and m.n >= p.first - 1
        left join known_cost k on k.company = $1 and k.sku = m.sku and k.warehouse = m.warehouse and k.n = m.n
        left join product on product.company = $1 and product.sku = p.sku
        left join lateral (
            select case when l.quantity_after > 0 then coalesce(lk.value_after, l.value_after)
                        else coalesce(lk.value, l.value) end as cost_value,
                   case when l.quantity_after > 0 then l.quantity_after else l.quantity end as cost_quantity
            from stock_move l
            left join known_cost lk on lk.company = $1 and lk.sku = l.sku and lk.warehouse = l.warehouse and lk.n = l.n
            where m.n = p.first - 1 and m.quantity_after <= 0
              and l.company = $1 and l.sku = p.sku and l.warehouse = p.warehouse and l.n < p.first
              and (l.quantity_after > 0 or l.quantity > 0)
            order by l.n desc limit 1
        ) as last on true
        order by p.sku, p.warehouse, m.n
        """,
        db.company, *columns([(*pool, n) for pool, n in first.items()], 3),
    )
    moves: dict[Pool, list[Known]] = {}
    starts: dict[Pool, Stock] = {}
    for row in rows:
        pool = Pool(row["sku"], row["warehouse"])
        if row["n"] < first[pool]:
            last = unit_cost(row["cost_value"], row["cost_quantity"]) if row["cost_quantity"] else row["standard_cost"]
            starts[pool] = Stock(pool, row["quantity_after"], row["value_after"], ZERO, row["n"], last)
            continue
        starts.setdefault(pool, Stock(pool, last_cost=row["standard_cost"]))
        moves.setdefault(pool, []).append(Known(
            row["n"], row["kind"], row["quantity"], row["value"], row["value_after"], row["origin"], row["claimed"]
        ))
    return {pool: Stream(starts[pool], tuple(own)) for pool, own in moves.items()}


async def save_known_costs(db: Db, known: Mapping[Pool, Sequence[Known]]) -> None:
    rows = [(*pool, move.n, move.value, move.value_after) for pool, moves in known.items() for move in moves]
    if not rows:
        return
    await db.execute(
        """
        insert into known_cost (company, sku, warehouse, n, value, value_after)
        select $1, k.* from unnest($2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[]) as k
        on conflict (company, sku, warehouse, n) do update
        set value = excluded.value, value_after = excluded.value_after
        """,
        db.company, *columns(rows, 5),
    )


async def save_adjustments(db: Db, adjustments: Sequence[tuple[str, Adjustment]]) -> None:
    """Each with the document that brought the news."""
    if not adjustments:
        return
    rows = [(*a.pool, a.since, document, a.stock, a.consumed) for document, a in adjustments]
    await db.execute(
        """
        insert into stock_adjustment (company, sku, warehouse, since, adjustment_id, stock, consumed)
        select $1, a.* from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::numeric[], $7::numeric[]) as a
        """,
        db.company, *columns(rows, 6),
    )
