"""Approved orders leave the warehouse (发货), whole or in part, at moving-average cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import (
    SHIPMENT,
    TOO_MUCH,
    Document,
    Move,
    Pool,
    Stock,
    Stocks,
    move_between,
    take_out,
    total,
)
from services.inventory.domain.policies import NEVER, NegativeStock
from services.inventory.domain.reservation import RELEASED, SHIPPED, SHORT, Fulfilment, Line
from shared.events.inventory import GoodsShipped, ShipGoods, StockLine
from shared.money import ZERO
from shared.refusal import Refusal

# Why nothing can be shipped in a state.
WHY_NOT = {SHORT: "not_reserved", SHIPPED: "already_shipped", RELEASED: "already_released"}


@dataclass(frozen=True, slots=True)
class Shipped:
    """The outcome of a batch: stock and fulfilments as they are now, the movements, an event or refusal per command."""

    stock: Stocks
    fulfilments: tuple[Fulfilment, ...]
    moves: tuple[Move, ...]
    outcomes: tuple[GoodsShipped | Refusal, ...]


class _Draft(NamedTuple):
    stock: dict[Pool, Stock]
    moves: list[Move]


def ship(
    commands: Sequence[ShipGoods],
    currency: str | None,
    shipment_ids: frozenset[str],
    fulfilments: Mapping[str, Fulfilment],
    stock: Stocks,
    negative: NegativeStock = NEVER,
) -> Shipped:
    """Ship a batch one after the other; a refused command changes nothing. No currency: no books."""
    now, current, taken = dict(stock), dict(fulfilments), set(shipment_ids)
    moves, outcomes = list[Move](), list[GoodsShipped | Refusal]()
    for command in commands:
        fulfilment = current.get(command.order_id)
        refusal = _refuse(command, currency, taken, fulfilment)
        if refusal or fulfilment is None or currency is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        asked = _asked(command, fulfilment)
        if isinstance(asked, Refusal):
            outcomes.append(asked)
            continue
        made = _take_out_lines(command, fulfilment, asked, currency, now, negative)
        if isinstance(made, Refusal):
            outcomes.append(made)
            continue
        now |= made.stock
        moves += made.moves
        current[fulfilment.order_id] = _less(fulfilment, asked)
        taken.add(command.shipment_id)
        outcomes.append(_event(command, fulfilment, made.moves, currency))
    ahead = tuple(f for f in current.values() if f != fulfilments[f.order_id])
    return Shipped(now, ahead, tuple(moves), tuple(outcomes))


def _refuse(
    command: ShipGoods, currency: str | None, taken: set[str], fulfilment: Fulfilment | None
) -> Refusal | None:
    """Why nothing at all can be shipped."""
    if currency is None:
        return refusals.unknown_company(command)
    if command.shipment_id in taken:
        return refusals.refuse(command, "shipment_id", "duplicate_shipment", command.shipment_id, 409)
    if fulfilment is None:
        return refusals.refuse(command, "order_id", "unknown_order", command.order_id, 404)
    if fulfilment.state in WHY_NOT:
        return refusals.refuse(command, "order_id", WHY_NOT[fulfilment.state], command.order_id, 409)
    if not fulfilment.approved:
        return refusals.refuse(command, "order_id", "not_approved", command.order_id, 409)
    return None


def _asked(command: ShipGoods, fulfilment: Fulfilment) -> dict[int, Decimal] | Refusal:
    """Quantity per order line: what the command names, or everything that is left."""
    if not command.lines:
        return {x.line: x.reserved for x in fulfilment.lines if x.reserved > 0}
    left = {x.line: x.reserved for x in fulfilment.lines}
    asked: dict[int, Decimal] = {}
    for i, line in enumerate(command.lines):
        if line.line not in left:
            return refusals.refuse(command, f"lines.{i}.line", "unknown_line", str(line.line))
        if line.line in asked:
            return refusals.refuse(command, f"lines.{i}.line", "repeated_line", str(line.line))
        if line.quantity > left[line.line]:
            return refusals.refuse(
                command, f"lines.{i}.quantity", "over_shipped", f"{line.quantity:f}",
                line=str(line.line), left=f"{left[line.line]:f}",
            )
        asked[line.line] = line.quantity
    return asked


def _take_out_lines(
    command: ShipGoods, fulfilment: Fulfilment, asked: Mapping[int, Decimal], currency: str, stock: Stocks,
    negative: NegativeStock,
) -> _Draft | Refusal:
    """Take the lines out of their pools, in the order of the lines; refused where more than is there may not leave."""
    document = Document(SHIPMENT, command.shipment_id, command.shipped_on, command.order_id)
    draft, places = _Draft({}, []), {line.line: i for i, line in enumerate(command.lines)}
    for line in fulfilment.lines:
        if line.line in asked:
            pool = fulfilment.pool(line)
            before = draft.stock.get(pool) or stock[pool]
            problem = _why_not_out(before, asked[line.line], currency, may=negative.on(command.shipped_on))
            if problem:
                field = f"lines.{places[line.line]}.quantity" if places else "order_id"
                return refusals.refuse(command, field, problem, line.sku, 409)
            after = replace(take_out(before, asked[line.line], currency), reserved=before.reserved - asked[line.line])
            draft.stock[pool] = after
            draft.moves.append(move_between(before, after, document, line.line))
    return draft


def _why_not_out(stock: Stock, quantity: Decimal, currency: str, *, may: bool) -> str | None:
    """Only where stock may go negative can an order hold more than is there."""
    if quantity <= stock.quantity:
        return None
    if not may:
        return "not_in_stock"
    if not stock.has_cost:
        return "without_cost"
    after = take_out(stock, quantity, currency)
    return "stock_too_large" if min(after.quantity, after.value) <= -TOO_MUCH else None


def _less(fulfilment: Fulfilment, asked: Mapping[int, Decimal]) -> Fulfilment:
    """The fulfilment after the shipment; nothing left to ship: it is done."""

    def after(line: Line) -> Line:
        quantity = asked.get(line.line, ZERO)
        return replace(line, reserved=line.reserved - quantity, shipped=line.shipped + quantity)

    lines = tuple(after(line) for line in fulfilment.lines)
    done = all(line.reserved == 0 for line in lines)
    return replace(fulfilment, lines=lines, state=SHIPPED if done else fulfilment.state)


def _event(command: ShipGoods, fulfilment: Fulfilment, moves: Sequence[Move], currency: str) -> GoodsShipped:
    lines = tuple(StockLine(line=m.line, sku=m.pool.sku, quantity=-m.quantity, cost=-m.value) for m in moves)
    return GoodsShipped(
        shipment_id=command.shipment_id, order_id=command.order_id, shipped_on=command.shipped_on,
        warehouse=fulfilment.warehouse, currency=currency, lines=lines, cost=total(line.cost for line in lines),
    )
