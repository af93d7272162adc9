"""What use cases share that make stock grow: the orders that wait for it are served in the same transaction."""

from services.inventory import store
from services.inventory.domain import reservation
from services.inventory.domain.costing import Pool, Stock, Stocks, changed, grown
from services.inventory.domain.reservation import Fulfilment, within_reach
from shared.db import Db
from shared.events import Event

WAITING_AT_ONCE = 200  # short orders that are loaded together when stock grows


async def lock_with_waiting(db: Db, pools: set[Pool]) -> dict[Pool, Stock]:
    """Lock pools that may grow together with all that the orders which wait for them want, in one go: so two growing
    pools do not lock each other out."""
    return await store.lock_stock(db, pools | await store.pools_waited_with(db, pools, WAITING_AT_ONCE))


async def save_and_serve_waiting(db: Db, before: Stocks, after: Stocks) -> list[Event]:
    """Give what has grown to the orders that wait for it, oldest first, until nobody waits or nothing is left; save."""
    return await _serve(db, before, after, grown(before, after))


async def serve_all_waiting(db: Db) -> list[Event]:
    """Try every order that waits again, since more may be reserved than before."""
    stock = await store.lock_stock(db, await store.pools_waited_for(db))
    return await _serve(db, stock, stock, set(stock))


async def _serve(db: Db, before: Stocks, after: Stocks, pools: set[Pool]) -> list[Event]:
    loaded, now, negative = dict(before), dict(after), (await store.negative_stock(db)).latest
    served, events, place = list[Fulfilment](), list[Event](), 0
    while page := await store.lock_waiting(
        db, {pool: within_reach(now[pool], negative=negative) for pool in pools}, place, WAITING_AT_ONCE
    ):
        wanted = {pool for fulfilment in page for pool in fulfilment.pools}
        more = await store.lock_stock(db, wanted - now.keys()) if wanted - now.keys() else {}
        held = reservation.retry(page, now | more, negative=negative)
        loaded, now, place = loaded | more, dict(held.stock), page[-1].place
        served += held.fulfilments
        events += held.events
    await store.save_fulfilments(db, served)
    await store.save_stock(db, changed(loaded, now))
    return events
