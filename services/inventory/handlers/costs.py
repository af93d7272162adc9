"""What use cases share that learn costs late or settle negative stock: both are said as `CostAdjusted`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from services.inventory import store
from services.inventory.domain import costing, revaluation
from services.inventory.domain.costing import Adjustment, Move, Pool, Stocks
from shared.db import Db
from shared.events.inventory import AdjustedLine, CostAdjusted


async def adjust_costs(
    db: Db, stock: Stocks, news: Mapping[Pool, Mapping[int, Decimal]], currency: str
) -> tuple[Stocks, tuple[AdjustedLine, ...]]:
    """Value locked pools, whose moves are saved, again with what receipts are known to have cost now: per receipt move
    (by its `n`) the booked cost and the variances of all its bills. The work grows with the moves since then.

    Saves what is known of the moves. The caller saves the pools, says `CostAdjusted` with these lines, and keeps it by
    `save_adjustments`. A return to the supplier is news of its receipt, too, although that one's own cost stays: what
    is left of it tells what the whole of it cost.
    """
    streams = await store.load_streams(db, {pool: min(receipts) for pool, receipts in news.items() if receipts})
    now, adjustments, known = dict(stock), list[Adjustment](), dict[Pool, Sequence[revaluation.Known]]()
    for pool, stream in streams.items():
        revalued = revaluation.revalue(stream, news[pool], currency)
        now[pool], adjustment = revaluation.adjust(stock[pool], revalued)
        known[pool] = revalued.moves
        adjustments.append(adjustment)
    await store.save_known_costs(db, known)
    return now, revaluation.lines_of(adjustments)


async def save_adjustments(db: Db, events: Sequence[CostAdjusted], stock: Stocks) -> None:
    """Keep what late costs did to pools, which are `stock` now: each counts from the pool's next move on."""
    await store.save_adjustments(db, [
        (event.adjustment_id, Adjustment(pool, stock[pool].moves + 1, line.stock, line.consumed))
        for event in events for line in event.lines for pool in [Pool(line.sku, line.warehouse)]
    ])


async def settle(db: Db, before: Stocks, moves: Sequence[Move], currency: str) -> list[CostAdjusted]:
    """Keep and say what goods that came in settled of negative stock; `before` are the pools before these moves."""
    settled = {
        f"{document.kind}:{document.document_id}": (document, adjustments)
        for document, adjustments in costing.settlements(before, moves).items()
    }
    await store.save_adjustments(db, [(key, a) for key, (_, adjustments) in settled.items() for a in adjustments])
    return [
        revaluation.cost_adjusted(key, document.moved_on, currency, revaluation.lines_of(adjustments))
        for key, (document, adjustments) in settled.items()
    ]
