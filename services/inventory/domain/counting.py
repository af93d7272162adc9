"""Stocktakes (盘点): what was found instead of what was booked, and who approves the differences."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import (
    COUNT,
    TOO_MUCH,
    Document,
    Move,
    Pool,
    Stock,
    Stocks,
    gain_value,
    move_between,
    take_in,
    take_out,
    total,
)
from shared.events.inventory import ApproveCount, CountApproved, CountedLine, CountLine, CountStock, StockCounted
from shared.money import ZERO
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Known:
    """What a count is checked against: the books' currency (None: no books), products, count ids in use, and whether
    stock may be negative, so that orders may hold more than is there."""

    currency: str | None
    products: Set[str]
    counts: Set[str]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """The stock after a batch, its movements, and an event or a refusal per command."""

    stock: Stocks
    moves: tuple[Move, ...]
    outcomes: tuple[StockCounted | Refusal, ...]


class _Draft(NamedTuple):
    stock: dict[Pool, Stock]
    moves: list[Move]
    lines: list[CountLine]


def pools_of(commands: Sequence[CountStock], products: Set[str]) -> set[Pool]:
    """Every pool of a known product that was counted."""
    return {Pool(x.sku, command.warehouse) for command in commands for x in command.lines if x.sku in products}


def count(commands: Sequence[CountStock], known: Known, stock: Stocks) -> Counted:
    """Enter counts, one after the other; a refused one changes nothing."""
    now, taken, moves, outcomes = dict(stock), set(known.counts), list[Move](), list[StockCounted | Refusal]()
    for command in commands:
        refusal = _refuse(command, known, taken)
        if refusal or known.currency is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        draft = _count_lines(command, known, known.currency, now)
        if isinstance(draft, Refusal):
            outcomes.append(draft)
            continue
        now |= draft.stock
        moves += draft.moves
        taken.add(command.count_id)
        outcomes.append(_event(command, draft.lines, known.currency))
    return Counted(now, tuple(moves), tuple(outcomes))


def _refuse(command: CountStock, known: Known, taken: Set[str]) -> Refusal | None:
    """The first thing that is wrong with the document itself."""
    if known.currency is None:
        return refusals.unknown_company(command)
    if command.count_id in taken:
        return refusals.refuse(command, "count_id", "duplicate_count", command.count_id, 409)
    seen = set[str]()
    for i, line in enumerate(command.lines):
        if line.sku not in known.products:
            return refusals.refuse(command, f"lines.{i}.sku", "unknown_sku", line.sku)
        if line.sku in seen:
            return refusals.refuse(command, f"lines.{i}.sku", "repeated_sku", line.sku)
        seen.add(line.sku)
    return None


def _count_lines(command: CountStock, known: Known, currency: str, stock: Stocks) -> _Draft | Refusal:
    """What the whole count does to its pools."""
    document, draft = Document(COUNT, command.count_id, command.counted_on), _Draft({}, [], [])
    for i, line in enumerate(command.lines):
        before = stock[Pool(line.sku, command.warehouse)]
        problem = _why_not(before, line, known)
        if problem:
            return refusals.refuse(
                command, f"lines.{i}.counted", problem, f"{line.counted:f}", 409,
                sku=line.sku, reserved=f"{before.reserved:f}",
            )
        difference = line.counted - before.quantity
        after, gain, loss = _corrected(before, difference, currency)
        if max(after.quantity, after.value) >= TOO_MUCH:
            return refusals.refuse(command, f"lines.{i}.counted", "stock_too_large", line.sku)
        if difference:
            draft.stock[after.pool] = after
            draft.moves.append(move_between(before, after, document, i + 1, value=gain - loss))
        draft.lines.append(CountLine(
            line=i + 1, sku=line.sku, booked=before.quantity, counted=line.counted, difference=difference,
            gain=gain, loss=loss,
        ))
    return draft


def _why_not(stock: Stock, line: CountedLine, known: Known) -> str | None:
    if line.counted < min(stock.quantity, stock.reserved) and not known.negative:
        return "below_reserved"
    if line.counted > stock.quantity and not stock.has_cost:
        return "found_without_cost"
    return None


def _corrected(stock: Stock, difference: Decimal, currency: str) -> tuple[Stock, Decimal, Decimal]:
    """The pool as it was found to be, and what was gained or lost."""
    if difference > 0:
        gain = gain_value(stock, difference, currency)
        return take_in(stock, difference, gain, currency), gain, ZERO
    if difference < 0:
        after = take_out(stock, -difference, currency)
        return after, ZERO, stock.value - after.value
    return stock, ZERO, ZERO


def _event(command: CountStock, lines: Sequence[CountLine], currency: str) -> StockCounted:
    return StockCounted(
        count_id=command.count_id, counted_on=command.counted_on, warehouse=command.warehouse, currency=currency,
        lines=tuple(lines), gain=total(line.gain for line in lines), loss=total(line.loss for line in lines),
    )


# -- approval ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Count:
    """A stocktake that was entered."""

    count_id: str
    counted_by: str
    gain: Decimal
    loss: Decimal
    approved: bool


def approve(
    commands: Sequence[ApproveCount], currency: str | None, counts: Mapping[str, Count]
) -> list[CountApproved | Refusal]:
    """One outcome per command; a count is approved once, and never by who counted (不相容职务分离)."""
    now, outcomes = dict(counts), list[CountApproved | Refusal]()
    for command in commands:
        refusal = _why_not_approved(command, currency, now.get(command.count_id))
        if refusal or currency is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        counted = now[command.count_id]
        now[command.count_id] = replace(counted, approved=True)
        outcomes.append(CountApproved(
            count_id=command.count_id, approved_on=command.approved_on, currency=currency,
            gain=counted.gain, loss=counted.loss,
        ))
    return outcomes


def _why_not_approved(command: ApproveCount, currency: str | None, counted: Count | None) -> Refusal | None:
    if currency is None:
        return refusals.unknown_company(command)
    if counted is None:
        return refusals.refuse(command, "count_id", "unknown_count", command.count_id, 404)
    if counted.approved:
        return refusals.refuse(command, "count_id", "already_approved", command.count_id, 409)
    if counted.counted_by == command.actor.name:
        return refusals.refuse(command, "count_id", "self_approval", command.count_id, 403, maker=counted.counted_by)
    return None
