"""What holds of the stock ledger after every story."""

from services.inventory import store
from services.inventory.domain.costing import Pool as StockPool
from services.inventory.domain.revaluation import revalue
from shared.db import Db, Pool


async def check_ledger(pool: Pool) -> None:
    """Each pool is the sum of its gapless stream and its adjustments, its reservations are what the orders hold, and
    what is known of its moves is what a replay from the first one gives."""
    wrong = await pool.fetch(
        """
        select s.company, s.sku, s.warehouse from stock s
        left join lateral (
            select coalesce(sum(m.quantity), 0) as quantity, coalesce(sum(m.value), 0) as value, count(*) as moves,
                   coalesce(max(m.n), 0) as last, coalesce(bool_and(m.right_so_far), true) as right_so_far
            from (select m.*, quantity_after = sum(quantity) over w and value_after = sum(value) over w
                              + (select coalesce(sum(a.stock), 0) from stock_adjustment a where
                                 (a.company, a.sku, a.warehouse) = (s.company, s.sku, s.warehouse) and a.since <= m.n)
                              as right_so_far
                  from stock_move m where (m.company, m.sku, m.warehouse) = (s.company, s.sku, s.warehouse)
                  window w as (order by n)) as m
        ) as m on true
        left join lateral (
            select coalesce(sum(l.reserved), 0) as reserved from fulfilment_line l
            where (l.company, l.sku, l.warehouse) = (s.company, s.sku, s.warehouse)
        ) as l on true
        left join lateral (
            select coalesce(sum(a.stock), 0) as value from stock_adjustment a
            where (a.company, a.sku, a.warehouse) = (s.company, s.sku, s.warehouse)
        ) as a on true
        where (s.quantity, s.value, s.moves, s.moves, s.reserved) <>
              (m.quantity, m.value + a.value, m.moves, m.last, l.reserved) or not m.right_so_far
        """
    )
    assert wrong == []
    for row in await pool.fetch("select company, currency from company"):
        await _check_known_costs(Db(pool, row["company"]), row["currency"])
    assert await pool.fetchval("select count(*) from rejected") == 0
    assert await pool.fetchval("select count(*) from pending") == 0


async def _check_known_costs(db: Db, currency: str) -> None:
    rows = await db.fetch("select sku, warehouse, value from stock where company = $1 and moves > 0", db.company)
    values = {StockPool(row["sku"], row["warehouse"]): row["value"] for row in rows}
    streams = await store.load_streams(db, dict.fromkeys(values, 1))
    for pool, value in values.items():
        again = revalue(streams[pool], {}, currency)
        assert not again.moves, pool
        assert again.stock.value == value, pool
