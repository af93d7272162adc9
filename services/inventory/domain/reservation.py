"""What orders hold of the stock: all or nothing reserved (预留), tried again when stock grows, released."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from services.inventory.domain.costing import TOO_MUCH, Pool, Stock, Stocks
from shared.events.inventory import (
    ReleasedLine,
    ReservationReleased,
    ReservedLine,
    ShortLine,
    StockReserved,
    StockShort,
)
from shared.events.order import OrderCancelRequested, OrderPlaced, OrderRejected
from shared.money import ZERO

SHORT, RESERVED, SHIPPED, RELEASED = "short", "reserved", "shipped", "released"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order, as the warehouse sees it."""

    line: int
    sku: str
    ordered: Decimal
    reserved: Decimal = ZERO
    shipped: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What an order gets from stock. `place` is its place in the queue, given when it is saved."""

    order_id: str
    warehouse: str
    state: str
    lines: tuple[Line, ...]
    approved: bool = False
    place: int = 0

    def pool(self, line: Line) -> Pool:
        return Pool(line.sku, self.warehouse)

    @property
    def pools(self) -> set[Pool]:
        """Every pool that the order holds or wants."""
        return {self.pool(line) for line in self.lines}


@dataclass(frozen=True, slots=True)
class Held:
    """The outcome of a batch: stock and fulfilments as they are now, and what happened."""

    stock: Stocks
    fulfilments: tuple[Fulfilment, ...]
    events: tuple[StockReserved | StockShort | ReservationReleased, ...]


def pools_of(orders: Sequence[OrderPlaced]) -> set[Pool]:
    """Every pool that the batch may touch."""
    return {Pool(line.sku, order.warehouse) for order in orders for line in order.lines}


def reserve(orders: Sequence[OrderPlaced], stock: Stocks, *, negative: bool = False) -> Held:
    """Reserve all lines of each order or none; the orders of a batch compete in their given order.

    Where stock may go `negative`, only products that nothing is known to value at can be missing.
    """
    now, fulfilments, events = dict(stock), list[Fulfilment](), list[StockReserved | StockShort]()
    for order in orders:
        asked = Fulfilment(
            order.order_id, order.warehouse, SHORT, tuple(Line(x.line, x.sku, x.quantity) for x in order.lines)
        )
        missing = _missing(asked, now, negative)
        if missing:
            fulfilments.append(asked)
            events.append(StockShort(order_id=asked.order_id, warehouse=asked.warehouse, lines=missing))
        else:
            fulfilments.append(_hold(asked, now))
            events.append(_reserved(asked))
    return Held(now, tuple(fulfilments), tuple(events))


def retry(waiting: Sequence[Fulfilment], stock: Stocks, *, negative: bool = False) -> Held:
    """Give stock to orders that wait, in the given order; those that still lack something go on waiting unsaid."""
    now, served = dict(stock), list[Fulfilment]()
    for fulfilment in waiting:
        if not _missing(fulfilment, now, negative):
            served.append(_hold(fulfilment, now))
    return Held(now, tuple(served), tuple(_reserved(fulfilment) for fulfilment in served))


def release(
    requests: Sequence[OrderRejected | OrderCancelRequested], fulfilments: Mapping[str, Fulfilment], stock: Stocks
) -> Held:
    """Give back what is not shipped. Every request is answered, even when nothing is left to release."""
    now, current, events = dict(stock), dict(fulfilments), list[ReservationReleased]()
    for request in requests:
        before = current[request.order_id]
        events.append(_released(before))
        if before.state in (SHORT, RESERVED):
            current[before.order_id] = _let_go(before, now)
    return Held(now, tuple(f for f in current.values() if f != fulfilments[f.order_id]), tuple(events))


def within_reach(stock: Stock, *, negative: bool) -> Decimal:
    """How much of a pool orders may still reserve."""
    return TOO_MUCH if negative and stock.has_cost else stock.available


def _missing(fulfilment: Fulfilment, stock: Stocks, negative: bool) -> tuple[ShortLine, ...]:
    """The lines whose product is not there in the quantity that the whole order needs."""
    needed: dict[Pool, Decimal] = {}
    for line in fulfilment.lines:
        pool = fulfilment.pool(line)
        needed[pool] = needed.get(pool, ZERO) + line.ordered
    return tuple(
        ShortLine(line=x.line, sku=x.sku, quantity=x.ordered, available=stock[fulfilment.pool(x)].available)
        for x in fulfilment.lines
        if needed[fulfilment.pool(x)] > within_reach(stock[fulfilment.pool(x)], negative=negative)
    )


def _hold(fulfilment: Fulfilment, stock: dict[Pool, Stock]) -> Fulfilment:
    """Reserve every line; `stock` is the batch's working copy."""
    for line in fulfilment.lines:
        pool = fulfilment.pool(line)
        stock[pool] = replace(stock[pool], reserved=stock[pool].reserved + line.ordered)
    return replace(fulfilment, state=RESERVED, lines=tuple(replace(x, reserved=x.ordered) for x in fulfilment.lines))


def _let_go(fulfilment: Fulfilment, stock: dict[Pool, Stock]) -> Fulfilment:
    """Free what the lines still hold; `stock` is the batch's working copy."""
    for line in fulfilment.lines:
        pool = fulfilment.pool(line)
        stock[pool] = replace(stock[pool], reserved=stock[pool].reserved - line.reserved)
    return replace(fulfilment, state=RELEASED, lines=tuple(replace(x, reserved=ZERO) for x in fulfilment.lines))


def _reserved(fulfilment: Fulfilment) -> StockReserved:
    return StockReserved(
        order_id=fulfilment.order_id, warehouse=fulfilment.warehouse,
        lines=tuple(ReservedLine(line=x.line, sku=x.sku, quantity=x.ordered) for x in fulfilment.lines),
    )


def _released(fulfilment: Fulfilment) -> ReservationReleased:
    """What was held and is free now; a short order held nothing."""
    return ReservationReleased(
        order_id=fulfilment.order_id, warehouse=fulfilment.warehouse,
        lines=tuple(
            ReleasedLine(line=x.line, sku=x.sku, released=x.reserved, shipped=x.shipped) for x in fulfilment.lines
        ),
    )
