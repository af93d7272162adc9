"""The stock of a pool as (quantity, value), and what leaves it at moving-average cost (移动加权平均)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from shared.money import EXACT, ZERO, round_money

# No pool holds as much, in quantity or in value: so any document's sums fit the amounts of its event.
TOO_MUCH = Decimal(10) ** 11


class Pool(NamedTuple):
    """What is valued together: one product in one warehouse."""

    sku: str
    warehouse: str


@dataclass(frozen=True, slots=True)
class Stock:
    """What a pool holds. `moves` counts the movements of its stream, whose order is the order of valuation."""

    pool: Pool
    quantity: Decimal = ZERO
    value: Decimal = ZERO
    reserved: Decimal = ZERO
    moves: int = 0

    @property
    def available(self) -> Decimal:
        """What no order holds yet (可用量)."""
        return self.quantity - self.reserved


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
    """A line of the stock ledger: signed quantity and value, and what the pool holds afterwards."""

    pool: Pool
    n: int
    document: Document
    line: int
    quantity: Decimal
    value: Decimal
    quantity_after: Decimal
    value_after: Decimal


def take_in(stock: Stock, quantity: Decimal, value: Decimal) -> Stock:
    """Goods come in with their value."""
    return replace(stock, quantity=stock.quantity + quantity, value=stock.value + value, moves=stock.moves + 1)


def take_out(stock: Stock, quantity: Decimal, currency: str) -> Stock:
    """Goods leave at moving-average cost; the cost is what the pool's value falls by.

    What stays is rounded and the rest leaves: so nothing stays where no quantity does, and a value never gets negative.
    """
    if not 0 < quantity <= stock.quantity:
        raise ValueError(f"cannot take {quantity} of {stock.quantity} out of {stock.pool}")
    left = stock.quantity - quantity
    with localcontext(EXACT):
        value = round_money(stock.value * left / stock.quantity, currency)
    return replace(stock, quantity=left, value=value, moves=stock.moves + 1)


def move_between(before: Stock, after: Stock, document: Document, line: int) -> Move:
    """The ledger line that leads from one state of a pool to the next."""
    return Move(
        pool=after.pool, n=after.moves, document=document, line=line,
        quantity=after.quantity - before.quantity, value=after.value - before.value,
        quantity_after=after.quantity, value_after=after.value,
    )


def changed(before: Stocks, after: Stocks) -> list[Stock]:
    """The pools that are not as they were."""
    return [stock for pool, stock in after.items() if stock != before.get(pool)]


def grown(before: Stocks, after: Stocks) -> set[Pool]:
    """The pools that have more available than before: orders that wait for them may be served."""
    return {pool for pool, stock in after.items() if stock.available > before[pool].available}


def total(values: Iterable[Decimal]) -> Decimal:
    """Sum of amounts, a Decimal even of none."""
    return sum(values, ZERO)
