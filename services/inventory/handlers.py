"""Use cases of the warehouse: load, decide, save, return what happened."""

from collections.abc import Sequence

from services.inventory import store
from services.inventory.domain import products, receiving, reservation, shipping
from services.inventory.domain.costing import Pool, Stock, Stocks, changed, grown
from services.inventory.domain.reservation import Fulfilment
from shared.db import Db
from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.inventory import (
    GoodsReceived,
    GoodsShipped,
    OpenStock,
    ProductRegistered,
    ReceiveGoods,
    RegisterProducts,
    ShipGoods,
    StockOpened,
)
from shared.events.order import OrderApproved, OrderCancelRequested, OrderPlaced, OrderRejected
from shared.refusal import Refusal
from shared.service import Service

service = Service("inventory")

WAITING_AT_ONCE = 200  # short orders that are loaded together when stock grows


@service.on(BooksOpened)
async def add_company(db: Db, opened: Sequence[BooksOpened]) -> list[Event]:
    await store.add_companies(db, opened)
    return []


@service.does(RegisterProducts)
async def register_products(db: Db, commands: Sequence[RegisterProducts]) -> list[Event | Refusal]:
    currency = await store.currency(db)
    taken = await store.known_products(db, (product.sku for command in commands for product in command.products))
    outcomes = products.register(commands, currency, taken)
    await store.save_products(db, [o for o in outcomes if isinstance(o, ProductRegistered)])
    return list(outcomes)


@service.does(OpenStock)
async def open_stock(db: Db, commands: Sequence[OpenStock]) -> list[Event | Refusal]:
    taken = await store.taken_openings(db, [command.opening_id for command in commands])
    received, reserved = await _take_in(db, commands, taken)
    await store.save_openings(db, [o for o in received if isinstance(o, StockOpened)])
    return [*received, *reserved]


@service.does(ReceiveGoods)
async def receive_goods(db: Db, commands: Sequence[ReceiveGoods]) -> list[Event | Refusal]:
    taken = await store.taken_receipts(db, [command.receipt_id for command in commands])
    received, reserved = await _take_in(db, commands, taken)
    await store.save_receipts(db, [o for o in received if isinstance(o, GoodsReceived)])
    return [*received, *reserved]


async def _take_in(
    db: Db, commands: Sequence[receiving.Incoming], taken: frozenset[str]
) -> tuple[list[Event | Refusal], list[Event]]:
    """Goods come in, and orders that waited for them get them."""
    skus = (line.sku for command in commands for line in command.lines)
    known = receiving.Known(await store.currency(db), await store.known_products(db, skus), taken)
    sound, refused = receiving.check(commands, known)
    if known.currency is None or not sound:
        return [*refused], []
    pools = receiving.pools_of(sound)
    await store.add_missing_pools(db, pools)
    before = await _lock_with_waiting(db, pools)
    received = receiving.take_in_goods(sound, known.currency, before)
    await store.save_moves(db, received.moves)
    return [*refused, *received.outcomes], await _save_and_serve_waiting(db, before, received.stock)


@service.on(OrderPlaced)
async def reserve_stock(db: Db, orders: Sequence[OrderPlaced]) -> list[Event]:
    pools = reservation.pools_of(orders)
    await store.add_missing_pools(db, pools)
    stock = await store.lock_stock(db, pools)
    held = reservation.reserve(orders, stock)
    await store.add_fulfilments(db, held.fulfilments)
    await store.save_stock(db, changed(stock, held.stock))
    return list(held.events)


@service.on(OrderApproved)
async def approve(db: Db, approvals: Sequence[OrderApproved]) -> list[Event]:
    await store.approve(db, [approval.order_id for approval in approvals])
    return []


@service.on(OrderRejected, OrderCancelRequested)
async def release(db: Db, requests: Sequence[OrderRejected | OrderCancelRequested]) -> list[Event]:
    order_ids = [request.order_id for request in requests]
    stock = await _lock_with_waiting(db, await store.pools_of_orders(db, order_ids))
    fulfilments = await store.lock_fulfilments(db, order_ids)
    held = reservation.release(requests, fulfilments, stock)
    await store.save_fulfilments(db, held.fulfilments)
    return [*held.events, *await _save_and_serve_waiting(db, stock, held.stock)]


async def _lock_with_waiting(db: Db, pools: set[Pool]) -> dict[Pool, Stock]:
    """Lock pools that may grow together with all that the orders which wait for them want, in one go: so two growing
    pools do not lock each other out."""
    return await store.lock_stock(db, pools | await store.pools_waited_with(db, pools, WAITING_AT_ONCE))


async def _save_and_serve_waiting(db: Db, before: Stocks, after: Stocks) -> list[Event]:
    """Give what has grown to the orders that wait for it, oldest first, until nobody waits or nothing is left; save."""
    loaded, now, pools = dict(before), dict(after), grown(before, after)
    served, events, place = list[Fulfilment](), list[Event](), 0
    while page := await store.lock_waiting(db, [now[p] for p in pools if now[p].available > 0], place, WAITING_AT_ONCE):
        wanted = {pool for fulfilment in page for pool in fulfilment.pools}
        more = await store.lock_stock(db, wanted - now.keys()) if wanted - now.keys() else {}
        held = reservation.retry(page, now | more)
        loaded, now, place = loaded | more, dict(held.stock), page[-1].place
        served += held.fulfilments
        events += held.events
    await store.save_fulfilments(db, served)
    await store.save_stock(db, changed(loaded, now))
    return events


@service.does(ShipGoods)
async def ship_goods(db: Db, commands: Sequence[ShipGoods]) -> list[Event | Refusal]:
    order_ids = [command.order_id for command in commands]
    currency = await store.currency(db)
    stock = await store.lock_stock(db, await store.pools_of_orders(db, order_ids))
    taken = await store.taken_shipments(db, [command.shipment_id for command in commands])
    fulfilments = await store.lock_fulfilments(db, order_ids)
    shipped = shipping.ship(commands, currency, taken, fulfilments, stock)
    await store.save_shipments(db, [o for o in shipped.outcomes if isinstance(o, GoodsShipped)])
    await store.save_moves(db, shipped.moves)
    await store.save_fulfilments(db, shipped.fulfilments)
    await store.save_stock(db, changed(stock, shipped.stock))
    return list(shipped.outcomes)
