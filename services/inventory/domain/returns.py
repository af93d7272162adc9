"""Goods come back from customers (销售退货), at the cost they left with."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import (
    CUSTOMER_RETURN,
    Document,
    Move,
    Pool,
    Stock,
    Stocks,
    move_between,
    take_in,
    total,
)
from shared.events.inventory import GoodsReturned, StockLine, TakeBackGoods
from shared.money import next_share
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Issued:
    """A line of a shipment: its move, its cost as known now, and what has come back of both."""

    pool: Pool
    n: int
    quantity: Decimal
    cost: Decimal
    returned: Decimal
    returned_cost: Decimal


@dataclass(frozen=True, slots=True)
class Shipment:
    """What left with a shipment, by the order's line."""

    order_id: str
    warehouse: str
    lines: Mapping[int, Issued]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The stock after a batch, its movements, and an event or a refusal per command."""

    stock: Stocks
    moves: tuple[Move, ...]
    outcomes: tuple[GoodsReturned | Refusal, ...]


class _Draft(NamedTuple):
    stock: dict[Pool, Stock]
    moves: list[Move]
    lines: dict[int, Issued]


def take_back(
    commands: Sequence[TakeBackGoods],
    currency: str | None,
    return_ids: Set[str],
    shipments: Mapping[str, Shipment],
    stock: Stocks,
) -> TakenBack:
    """Take goods back, one command after the other; a refused one changes nothing. No currency: no books."""
    now, current, taken = dict(stock), dict(shipments), set(return_ids)
    moves, outcomes = list[Move](), list[GoodsReturned | Refusal]()
    for command in commands:
        refusal = _refuse(command, currency, taken, current)
        if refusal or currency is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        shipment = current[command.shipment_id]
        draft = _take_back_lines(command, shipment, currency, now)
        if isinstance(draft, Refusal):
            outcomes.append(draft)
            continue
        now |= draft.stock
        moves += draft.moves
        current[command.shipment_id] = replace(shipment, lines={**shipment.lines, **draft.lines})
        taken.add(command.return_id)
        outcomes.append(_event(command, shipment, draft.moves, currency))
    return TakenBack(now, tuple(moves), tuple(outcomes))


def _refuse(
    command: TakeBackGoods, currency: str | None, taken: Set[str], shipments: Mapping[str, Shipment]
) -> Refusal | None:
    """What is wrong with the head of the document."""
    if currency is None:
        return refusals.unknown_company(command)
    if command.return_id in taken:
        return refusals.refuse(command, "return_id", "duplicate_return", command.return_id, 409)
    if command.shipment_id not in shipments:
        return refusals.refuse(command, "shipment_id", "unknown_shipment", command.shipment_id, 404)
    return None


def _take_back_lines(command: TakeBackGoods, shipment: Shipment, currency: str, stock: Stocks) -> _Draft | Refusal:
    """What the whole document does; each line has its share of what is known of its issue's cost."""
    document = Document(CUSTOMER_RETURN, command.return_id, command.returned_on, shipment.order_id)
    draft = _Draft({}, [], {})
    for i, asked in enumerate(command.lines):
        issued = shipment.lines.get(asked.line)
        if issued is None:
            return refusals.refuse(command, f"lines.{i}.line", "not_shipped", str(asked.line))
        if asked.line in draft.lines:
            return refusals.refuse(command, f"lines.{i}.line", "repeated_line", str(asked.line))
        so_far = issued.returned + asked.quantity
        if so_far > issued.quantity:
            return refusals.refuse(
                command, f"lines.{i}.quantity", "over_returned", f"{asked.quantity:f}",
                line=str(asked.line), left=f"{issued.quantity - issued.returned:f}",
            )
        cost = next_share(issued.cost, so_far, issued.quantity, issued.returned_cost, currency)
        before = draft.stock.get(issued.pool) or stock[issued.pool]
        after = take_in(before, asked.quantity, cost, currency)
        draft.stock[issued.pool] = after
        draft.moves.append(move_between(before, after, document, asked.line, value=cost, origin=issued.n))
        draft.lines[asked.line] = replace(issued, returned=so_far, returned_cost=issued.returned_cost + cost)
    return draft


def _event(command: TakeBackGoods, shipment: Shipment, moves: Sequence[Move], currency: str) -> GoodsReturned:
    return GoodsReturned(
        return_id=command.return_id, shipment_id=command.shipment_id, order_id=shipment.order_id,
        returned_on=command.returned_on, warehouse=shipment.warehouse, currency=currency,
        lines=tuple(StockLine(line=m.line, sku=m.pool.sku, quantity=m.quantity, cost=m.value) for m in moves),
        cost=total(move.value for move in moves),
    )
