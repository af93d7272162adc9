"""Costs known late (迟到成本): a pool's stream valued again with what is known now, from the first news on.

The booked movements never change; what is known of them lies beside. The difference to what was known before is
`CostAdjusted`. So a pool and its cost of sales end exactly where they would have ended, had every bill come first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.inventory.domain.costing import (
    COUNT,
    CUSTOMER_RETURN,
    PURCHASE_RETURN,
    RECEIPT,
    Adjustment,
    Stock,
    gain_value,
    give_back,
    take_in,
    take_out,
    total,
)
from shared.events.inventory import AdjustedLine, CostAdjusted
from shared.money import ZERO, next_share


@dataclass(frozen=True, slots=True)
class Known:
    """A movement as it is known now: signed quantity and value, and what the pool is worth afterwards.

    Of a receipt `value` is its cost with all its bills. Of a return to the supplier, who takes it back at `claimed`, it
    is the share of its receipt, without what the pool had to give or take on top. `origin` is the move returned.
    """

    n: int
    kind: str
    quantity: Decimal
    value: Decimal
    value_after: Decimal
    origin: int | None = None
    claimed: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Stream:
    """A pool, and its movements from there on, without a gap."""

    start: Stock
    moves: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Revalued:
    """The movements that are known otherwise now, the pool after all of them, and how much more its receipts cost."""

    moves: tuple[Known, ...]
    stock: Stock
    variance: Decimal


def revalue(stream: Stream, news: Mapping[int, Decimal], currency: str) -> Revalued:
    """Step through the stream with the costs known now; `news` are those of receipts, by their moves' `n`."""
    heard = [replace(move, value=news.get(move.n, move.value)) for move in stream.moves]
    entering = _as_if_kept(heard, currency)
    stock, again, back = stream.start, dict[int, Known](), dict[int, tuple[Decimal, Decimal]]()
    for move in heard:
        value = entering.get(move.n, move.value)
        if move.kind == CUSTOMER_RETURN and move.origin in again:
            issue, (quantity, valued) = again[move.origin], back.get(move.origin, (ZERO, ZERO))
            value = next_share(-issue.value, quantity + move.quantity, -issue.quantity, valued, currency)
            back[move.origin] = quantity + move.quantity, valued + value
        stock, value = _step(stock, move, value, currency)
        known_value = move.value if move.kind == RECEIPT else value
        again[move.n] = replace(move, value=known_value, value_after=stock.value)
    return Revalued(
        moves=tuple(again[move.n] for move in stream.moves if again[move.n] != move),
        stock=stock,
        variance=total(now.value - move.value for now, move in zip(heard, stream.moves, strict=True)),
    )


def _step(stock: Stock, move: Known, value: Decimal, currency: str) -> tuple[Stock, Decimal]:
    """The pool after a movement, and the movement's value: the given one, or what the pool makes of it."""
    if move.kind == PURCHASE_RETURN:
        return give_back(stock, -move.quantity, -value), value
    if move.quantity > 0:
        value = gain_value(stock, move.quantity, currency) if move.kind == COUNT else value
        return take_in(stock, move.quantity, value, currency), value
    after = take_out(stock, -move.quantity, currency)
    return after, after.value - stock.value


def _as_if_kept(moves: Sequence[Known], currency: str) -> dict[int, Decimal]:
    """The values that receipts which partly went back to their suppliers, and those returns, enter the stream with.

    Goods that went back before their bill came never get one. Had it come first, they would have had its price, too: so
    what was kept tells what the whole receipt cost, and the returns take their shares of that.
    """
    returns: dict[int, list[Known]] = {}
    for move in moves:
        if move.kind == PURCHASE_RETURN and move.origin is not None:
            returns.setdefault(move.origin, []).append(move)
    entering: dict[int, Decimal] = {}
    for receipt in moves:
        if receipt.n in returns:
            own = returns[receipt.n]
            entering[receipt.n] = _whole(receipt, own, currency)
            shared = entering[receipt.n] - receipt.value + _claimed(own)
            entering |= _shares(own, shared, currency)
    return entering


def _claimed(returns: Sequence[Known]) -> Decimal:
    return total(move.claimed for move in returns)


def _whole(receipt: Known, returns: Sequence[Known], currency: str) -> Decimal:
    """What the receipt would have cost, had nothing gone back.

    Only what is kept tells, even where the receipt's own cost is a cent nearer to what was booked: so it is the same
    whatever the bills were that led there.
    """
    kept, cost = receipt.quantity + total(move.quantity for move in returns), receipt.value - _claimed(returns)
    return next_share(cost, receipt.quantity, kept, ZERO, currency) if kept else receipt.value


def _shares(returns: Sequence[Known], shared: Decimal, currency: str) -> dict[int, Decimal]:
    """A total, shared by returns as their quantities are; negative, since they take it out."""
    whole, quantity, valued, shares = -total(move.quantity for move in returns), ZERO, ZERO, dict[int, Decimal]()
    for move in returns:
        quantity -= move.quantity
        share = next_share(shared, quantity, whole, valued, currency)
        valued += share
        shares[move.n] = -share
    return shares


# -- what is said of it -----------------------------------------------------------------------------------------------


def adjust(before: Stock, revalued: Revalued) -> tuple[Stock, Adjustment]:
    """A pool with its new value, and what led there: the rest of the variance is consumed."""
    if (revalued.stock.quantity, revalued.stock.moves) != (before.quantity, before.moves):
        raise ValueError(f"the stream of {before.pool} does not end where the pool is")
    stock = revalued.stock.value - before.value
    after = replace(before, value=revalued.stock.value, last_cost=revalued.stock.last_cost)
    return after, Adjustment(before.pool, before.moves + 1, stock, revalued.variance - stock)


def lines_of(adjustments: Sequence[Adjustment]) -> tuple[AdjustedLine, ...]:
    """The adjustments that change something, as an event's lines."""
    return tuple(
        AdjustedLine(line=i, sku=a.pool.sku, warehouse=a.pool.warehouse, stock=a.stock, consumed=a.consumed)
        for i, a in enumerate((a for a in adjustments if a.stock or a.consumed), 1)
    )


def cost_adjusted(adjustment_id: str, day: date, currency: str, lines: Sequence[AdjustedLine]) -> CostAdjusted:
    """What a document made known."""
    stock, consumed = total(line.stock for line in lines), total(line.consumed for line in lines)
    return CostAdjusted(
        adjustment_id=adjustment_id, adjusted_on=day, currency=currency, lines=tuple(lines),
        stock=stock, consumed=consumed, variance=stock + consumed,
    )
