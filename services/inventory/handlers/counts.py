"""Use cases of stocktakes: somebody counts, somebody else approves."""

from collections.abc import Sequence

from services.inventory import store
from services.inventory.domain import counting
from services.inventory.handlers import service
from services.inventory.handlers.costs import settle
from services.inventory.handlers.waiting import lock_with_waiting, save_and_serve_waiting
from shared.db import Db
from shared.events import Event
from shared.events.inventory import ApproveCount, CountApproved, CountStock, StockCounted
from shared.refusal import Refusal


@service.does(CountStock)
async def count_stock(db: Db, commands: Sequence[CountStock]) -> list[Event | Refusal]:
    """Differences enter or leave stock at once: what was found goes to orders that wait for it."""
    skus = (line.sku for command in commands for line in command.lines)
    currency, products = await store.currency(db), await store.known_products(db, skus)
    pools = counting.pools_of(commands, products)
    await store.add_missing_pools(db, pools)
    before = await lock_with_waiting(db, pools)
    taken = await store.taken_counts(db, [command.count_id for command in commands])
    known = counting.Known(currency, products, taken, (await store.negative_stock(db)).latest)
    found = counting.count(commands, known, before)
    counted = [o for o in found.outcomes if isinstance(o, StockCounted)]
    if not counted or currency is None:
        return list(found.outcomes)
    await store.save_counts(db, counted, _actors(commands, found.outcomes))
    await store.save_moves(db, found.moves)
    settled = await settle(db, before, found.moves, currency)
    served = await save_and_serve_waiting(db, before, found.stock)
    return [*found.outcomes, *settled, *served]


@service.does(ApproveCount)
async def approve_count(db: Db, commands: Sequence[ApproveCount]) -> list[Event | Refusal]:
    counts = await store.load_counts(db, [command.count_id for command in commands])
    outcomes = counting.approve(commands, await store.currency(db), counts)
    approved = [o for o in outcomes if isinstance(o, CountApproved)]
    await store.save_count_approvals(db, approved, _actors(commands, outcomes))
    return list(outcomes)


def _actors(
    commands: Sequence[CountStock | ApproveCount], outcomes: Sequence[StockCounted | CountApproved | Refusal]
) -> dict[str, str]:
    """Who did what was not refused, by count."""
    done = zip(commands, outcomes, strict=True)
    return {command.count_id: command.actor.name for command, outcome in done if not isinstance(outcome, Refusal)}
