"""The stock of a pool as (quantity, value), and what enters and leaves it at moving-average cost (移动加权平均).

One function per kind of movement. Both what is booked now and what a late cost replays later (`revaluation`) step
through these, so a bill that comes late ends to the cent where it would have ended had it come first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

from shared.money import EXACT, ZERO, next_share, worth

# No pool holds as much, in quantity or in value: so any document's sums fit the amounts of its event.
TOO_MUCH = Decimal(10) ** 11

# Kinds of movements; whatever brings or takes away goods is a document of one of these.
OPENING, RECEIPT, SHIPMENT, COUNT = "opening", "receipt", "shipment", "count"
CUSTOMER_RETURN, PURCHASE_RETURN = "customer_return", "purchase_return"


class Pool(NamedTuple):
    """What is valued together: one product in one warehouse."""

    sku: str
    warehouse: str


@dataclass(frozen=True, slots=True)
class Stock:
    """What a pool holds; below zero where negative stock is allowed: then its value is what left at provisional cost.

    `moves` counts the movements of its stream, whose order is the order of valuation. `last_cost` is the last known
    cost of one unit, which counts only while nothing is there; None if there never was one.
    """

    pool: Pool
    quantity: Decimal = ZERO
    value: Decimal = ZERO
    reserved: Decimal = ZERO
    moves: int = 0
    last_cost: Decimal | None = None

    @property
    def available(self) -> Decimal:
        """What no order holds yet (可用量)."""
        return self.quantity - self.reserved

    @property
    def has_cost(self) -> bool:
        """Something is known that more than is there could be valued at."""
        return self.quantity > 0 or self.last_cost is not None


Stocks = Mapping[Pool, Stock]


@dataclass(frozen=True, slots=True)
class Document:
    """Why stock moves."""

    kind: str
    document_id: str
    moved_on: date
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A line of the stock ledger: signed quantity and value, and what the pool holds afterwards.

    `origin` is the move whose cost a return takes; `claimed` what the supplier takes goods back at.
    """

    pool: Pool
    n: int
    document: Document
    line: int
    quantity: Decimal
    value: Decimal
    quantity_after: Decimal
    value_after: Decimal
    origin: int | None = None
    claimed: Decimal | None = None


# -- what comes in ----------------------------------------------------------------------------------------------------


def take_in(stock: Stock, quantity: Decimal, value: Decimal, currency: str) -> Stock:
    """Goods come in with their value.

    Where stock is negative they settle it at once: what they replace had left at provisional cost, and only what still
    lacks keeps its share of that, only what is left over its share of the new value. The difference is consumed.
    """
    now = stock.quantity + quantity
    if stock.quantity >= 0:
        return replace(stock, quantity=now, value=stock.value + value, moves=stock.moves + 1)
    if now > 0:
        return replace(
            stock, quantity=now, value=next_share(value, now, quantity, ZERO, currency), moves=stock.moves + 1
        )
    kept = next_share(stock.value, now, stock.quantity, ZERO, currency)
    return replace(stock, quantity=now, value=kept, moves=stock.moves + 1, last_cost=unit_cost(value, quantity))


def gain_value(stock: Stock, quantity: Decimal, currency: str) -> Decimal:
    """What goods are worth that a count found: the pool's cost, or the last known one where nothing was there."""
    if stock.quantity > 0:
        return next_share(stock.value, stock.quantity + quantity, stock.quantity, stock.value, currency)
    return worth(quantity, _provisional(stock), currency)


# -- what goes out ----------------------------------------------------------------------------------------------------


def take_out(stock: Stock, quantity: Decimal, currency: str) -> Stock:
    """Goods leave at moving-average cost; the cost is what the pool's value falls by.

    What stays is rounded and the rest leaves: so nothing stays where no quantity does, and a value never gets negative
    while something is there. More than is there leaves at the same average, or at the last known cost where nothing is;
    who may do that is decided before. An average is never computed of a quantity that is not positive.
    """
    if quantity <= 0:
        raise ValueError(f"cannot take {quantity} out of {stock.pool}")
    left = stock.quantity - quantity
    if stock.quantity <= 0:
        cost = worth(quantity, _provisional(stock), currency)
        return replace(stock, quantity=left, value=stock.value - cost, moves=stock.moves + 1)
    last = stock.last_cost if left > 0 else unit_cost(stock.value, stock.quantity)
    value = next_share(stock.value, left, stock.quantity, ZERO, currency)
    return replace(stock, quantity=left, value=value, moves=stock.moves + 1, last_cost=last)


def give_back(stock: Stock, quantity: Decimal, cost: Decimal) -> Stock:
    """Goods go back to their supplier at what their receipt cost, whatever the average is.

    A pool never gives more than it has, and gives everything when nothing stays: the difference to `cost` is consumed.
    """
    if not 0 < quantity <= stock.quantity:
        raise ValueError(f"cannot give {quantity} of {stock.quantity} back out of {stock.pool}")
    left = stock.quantity - quantity
    last = stock.last_cost if left else unit_cost(stock.value, stock.quantity)
    value = max(stock.value - cost, ZERO) if left else ZERO
    return replace(stock, quantity=left, value=value, moves=stock.moves + 1, last_cost=last)


def _provisional(stock: Stock) -> Decimal:
    """The cost of a unit of what is not there."""
    if stock.last_cost is None:
        raise ValueError(f"nothing is known of what a unit in {stock.pool} costs")
    return stock.last_cost


def unit_cost(value: Decimal, quantity: Decimal) -> Decimal:
    """A ratio, rounded; only what is not there is ever valued by it."""
    with localcontext(EXACT):
        return (value / quantity).quantize(Decimal("0.00000001"), ROUND_HALF_UP)


# -- the ledger -------------------------------------------------------------------------------------------------------


def move_between(
    before: Stock, after: Stock, document: Document, line: int, *,
    value: Decimal | None = None, origin: int | None = None, claimed: Decimal | None = None,
) -> Move:
    """The ledger line that leads from one state of a pool to the next. Goods that come in say their `value`, since the
    pool's changes by something else when they settle negative stock."""
    return Move(
        pool=after.pool, n=after.moves, document=document, line=line,
        quantity=after.quantity - before.quantity, value=after.value - before.value if value is None else value,
        quantity_after=after.quantity, value_after=after.value, origin=origin, claimed=claimed,
    )


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of a pool's value that is no movement: `stock` of it is still here, `consumed` has left; both signed.

    `since` is the first move whose `value_after` holds it.
    """

    pool: Pool
    since: int
    stock: Decimal
    consumed: Decimal


def settlements(stock: Stocks, moves: Sequence[Move]) -> dict[Document, list[Adjustment]]:
    """What goods that came in settled of negative stock, by document; `stock` are the pools before all these moves.

    What they replace had left at another cost: the pool is not worth what the moves add up to.
    """
    values = {pool: before.value for pool, before in stock.items()}
    found: dict[Document, list[Adjustment]] = {}
    for move in moves:
        consumed = values[move.pool] + move.value - move.value_after
        values[move.pool] = move.value_after
        if consumed:
            found.setdefault(move.document, []).append(Adjustment(move.pool, move.n, -consumed, consumed))
    return found


def changed(before: Stocks, after: Stocks) -> list[Stock]:
    """The pools that are not as they were."""
    return [stock for pool, stock in after.items() if stock != before.get(pool)]


def grown(before: Stocks, after: Stocks) -> set[Pool]:
    """The pools that have more available than before: orders that wait for them may be served."""
    return {pool for pool, stock in after.items() if stock.available > before[pool].available}


def total(values: Iterable[Decimal]) -> Decimal:
    """Sum of amounts, a Decimal even of none."""
    return sum(values, ZERO)
