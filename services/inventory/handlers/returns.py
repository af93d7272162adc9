"""Use case of returns from customers."""

from collections.abc import Sequence

from services.inventory import store
from services.inventory.domain import returns
from services.inventory.handlers import service
from services.inventory.handlers.costs import settle
from services.inventory.handlers.waiting import lock_with_waiting, save_and_serve_waiting
from shared.db import Db
from shared.events import Event
from shared.events.inventory import GoodsReturned, TakeBackGoods
from shared.refusal import Refusal


@service.does(TakeBackGoods)
async def take_back_goods(db: Db, commands: Sequence[TakeBackGoods]) -> list[Event | Refusal]:
    """Goods come back: they settle negative stock, and orders that wait for them get them."""
    shipment_ids = [command.shipment_id for command in commands]
    currency = await store.currency(db)
    before = await lock_with_waiting(db, await store.pools_of_shipments(db, shipment_ids))
    taken = await store.taken_returns(db, [command.return_id for command in commands])
    taken_back = returns.take_back(commands, currency, taken, await store.load_shipments(db, shipment_ids), before)
    returned = [o for o in taken_back.outcomes if isinstance(o, GoodsReturned)]
    if not returned or currency is None:
        return list(taken_back.outcomes)
    await store.save_returns(db, returned)
    await store.save_moves(db, taken_back.moves)
    settled = await settle(db, before, taken_back.moves, currency)
    served = await save_and_serve_waiting(db, before, taken_back.stock)
    return [*taken_back.outcomes, *settled, *served]
