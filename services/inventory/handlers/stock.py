"""Use cases of the warehouse."""

from collections.abc import Sequence
from dataclasses import replace

from services.inventory import store
from services.inventory.domain import policies, products, receiving, reservation, shipping
from services.inventory.domain.costing import changed
from services.inventory.domain.purchasing import ordering
from services.inventory.handlers import service
from services.inventory.handlers.costs import settle
from services.inventory.handlers.waiting import lock_with_waiting, save_and_serve_waiting, serve_all_waiting
from services.inventory.store import purchasing
from shared.db import Db
from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.inventory import (
    AllowNegativeStock,
    GoodsReceived,
    GoodsShipped,
    NegativeStockAllowed,
    OpenStock,
    ProductRegistered,
    ReceiveGoods,
    RegisterProducts,
    ShipGoods,
    StockOpened,
)
from shared.events.order import OrderApproved, OrderCancelRequested, OrderPlaced, OrderRejected
from shared.refusal import Refusal


@service.on(BooksOpened)
async def add_company(db: Db, opened: Sequence[BooksOpened]) -> list[Event]:
    await store.add_companies(db, opened)
    return []


@service.does(RegisterProducts)
async def register_products(db: Db, commands: Sequence[RegisterProducts]) -> list[Event | Refusal]:
    currency = await store.currency(db)
    taken = await store.known_products(db, (product.sku for command in commands for product in command.products))
    outcomes = products.register(commands, currency, taken)
    registered = [o for o in outcomes if isinstance(o, ProductRegistered)]
    await store.save_products(db, registered, products.standard_costs(commands, outcomes))
    return list(outcomes)


@service.does(AllowNegativeStock)
async def allow_negative_stock(db: Db, commands: Sequence[AllowNegativeStock]) -> list[Event | Refusal]:
    """Where it is allowed from now on, orders that wait do so no longer."""
    outcomes = policies.decide(commands, await store.currency(db))
    await store.save_negative_stock(db, [o for o in outcomes if isinstance(o, NegativeStockAllowed)])
    served = await serve_all_waiting(db) if (await store.negative_stock(db)).latest else []
    return [*outcomes, *served]


@service.does(OpenStock)
async def open_stock(db: Db, commands: Sequence[OpenStock]) -> list[Event | Refusal]:
    taken = await store.taken_openings(db, [command.opening_id for command in commands])
    opened, reserved = await _take_in(db, commands, taken)
    await store.save_openings(db, [o for o in opened.outcomes if isinstance(o, StockOpened)])
    return [*opened.outcomes, *reserved]


@service.does(ReceiveGoods)
async def receive_goods(db: Db, commands: Sequence[ReceiveGoods]) -> list[Event | Refusal]:
    taken = await store.taken_receipts(db, [command.receipt_id for command in commands])
    suppliers = await purchasing.known_suppliers(db, (command.supplier_id for command in commands))
    received, reserved = await _take_in(db, commands, taken, suppliers)
    receipts = [o for o in received.outcomes if isinstance(o, GoodsReceived)]
    await store.save_receipts(db, receipts)
    await purchasing.add_matches(db, receipts, received.moves)
    return [*received.outcomes, *reserved]


async def _take_in(
    db: Db, commands: Sequence[receiving.Incoming], taken: frozenset[str], suppliers: frozenset[str] = frozenset()
) -> tuple[receiving.Received, list[Event]]:
    """Goods come in: they settle negative stock, and orders that waited for them get them."""
    skus = (line.sku for command in commands for line in command.lines)
    known = receiving.Known(await store.currency(db), await store.known_products(db, skus), taken, suppliers)
    sound, refused = receiving.check(commands, known)
    if known.currency is None or not sound:
        return receiving.Received({}, (), tuple(refused)), []
    pools = receiving.pools_of(sound)
    await store.add_missing_pools(db, pools)
    before = await lock_with_waiting(db, pools)
    purchases = await purchasing.lock_purchases(db, ordering.purchases_of(sound))
    expected, unexpected = ordering.expect(sound, purchases)
    received = receiving.take_in_goods(expected, known.currency, before)
    receipts = [o for o in received.outcomes if isinstance(o, GoodsReceived)]
    await purchasing.update_purchases(db, ordering.received(purchases, receipts))
    await store.save_moves(db, received.moves)
    outcomes = (*refused, *unexpected, *received.outcomes)
    settled = await settle(db, before, received.moves, known.currency)
    served = await save_and_serve_waiting(db, before, received.stock)
    return replace(received, outcomes=outcomes), [*settled, *served]


@service.on(OrderPlaced)
async def reserve_stock(db: Db, orders: Sequence[OrderPlaced]) -> list[Event]:
    pools = reservation.pools_of(orders)
    await store.add_missing_pools(db, pools)
    stock = await store.lock_stock(db, pools)
    held = reservation.reserve(orders, stock, negative=(await store.negative_stock(db)).latest)
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
    stock = await lock_with_waiting(db, await store.pools_of_orders(db, order_ids))
    fulfilments = await store.lock_fulfilments(db, order_ids)
    held = reservation.release(requests, fulfilments, stock)
    await store.save_fulfilments(db, held.fulfilments)
    return [*held.events, *await save_and_serve_waiting(db, stock, held.stock)]


@service.does(ShipGoods)
async def ship_goods(db: Db, commands: Sequence[ShipGoods]) -> list[Event | Refusal]:
    order_ids = [command.order_id for command in commands]
    currency = await store.currency(db)
    stock = await store.lock_stock(db, await store.pools_of_orders(db, order_ids))
    taken = await store.taken_shipments(db, [command.shipment_id for command in commands])
    fulfilments = await store.lock_fulfilments(db, order_ids)
    negative = await store.negative_stock(db)
    shipped = shipping.ship(commands, currency, taken, fulfilments, stock, negative)
    await store.save_shipments(db, [o for o in shipped.outcomes if isinstance(o, GoodsShipped)])
    await store.save_moves(db, shipped.moves)
    await store.save_fulfilments(db, shipped.fulfilments)
    await store.save_stock(db, changed(stock, shipped.stock))
    return list(shipped.outcomes)
