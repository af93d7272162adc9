"""Goods come in: opening stock (期初库存) and receipts (入库)."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import (
    OPENING,
    RECEIPT,
    TOO_MUCH,
    Document,
    Move,
    Pool,
    Stock,
    Stocks,
    move_between,
    take_in,
    total,
)
from shared.events.inventory import (
    GoodsReceived,
    OpeningLine,
    OpenStock,
    ReceiptLine,
    ReceivedLine,
    ReceiveGoods,
    StockLine,
    StockOpened,
)
from shared.money import fits, round_money, worth
from shared.refusal import Refusal

Incoming = OpenStock | ReceiveGoods


@dataclass(frozen=True, slots=True)
class Known:
    """What a document is checked against: the books' currency (None: no books), products, suppliers, document ids in
    use."""

    currency: str | None
    products: frozenset[str]
    documents: frozenset[str]
    suppliers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Received:
    """The stock after a batch, its movements, and an event or a refusal per document."""

    stock: Stocks
    moves: tuple[Move, ...]
    outcomes: tuple[StockOpened | GoodsReceived | Refusal, ...]


class _Draft(NamedTuple):
    stock: dict[Pool, Stock]
    moves: list[Move]


def check(commands: Sequence[Incoming], known: Known) -> tuple[list[Incoming], list[Refusal]]:
    """Which documents of a batch are sound by themselves, and why the others are not."""
    sound, refused, taken = list[Incoming](), list[Refusal](), set(known.documents)
    for command in commands:
        refusal = _refuse(command, known, taken)
        if refusal:
            refused.append(refusal)
        else:
            sound.append(command)
            taken.add(_document(command).document_id)
    return sound, refused


def pools_of(commands: Sequence[Incoming]) -> set[Pool]:
    """Every pool that these documents touch."""
    return {Pool(line.sku, command.warehouse) for command in commands for line in command.lines}


def take_in_goods(commands: Sequence[Incoming], currency: str, stock: Stocks) -> Received:
    """Take in sound documents one after the other; one that would make a pool too large changes nothing."""
    now, moves, outcomes = dict(stock), list[Move](), list[StockOpened | GoodsReceived | Refusal]()
    for command in commands:
        costs = [_cost(line, currency) for line in command.lines]
        draft = _take_in_lines(command, costs, now, currency)
        if isinstance(draft, Refusal):
            outcomes.append(draft)
            continue
        now |= draft.stock
        moves += draft.moves
        outcomes.append(_event(command, costs, currency))
    return Received(now, tuple(moves), tuple(outcomes))


def _document(command: Incoming) -> Document:
    if isinstance(command, OpenStock):
        return Document(OPENING, command.opening_id, command.opened_on)
    return Document(RECEIPT, command.receipt_id, command.received_on)


def _lines(command: Incoming) -> Sequence[OpeningLine | ReceiptLine]:
    return command.lines


def _refuse(command: Incoming, known: Known, taken: Set[str]) -> Refusal | None:
    """The first thing that is wrong with the document."""
    if known.currency is None:
        return refusals.unknown_company(command)
    document = _document(command)
    if document.document_id in taken:
        code = f"duplicate_{document.kind}"
        return refusals.refuse(command, f"{document.kind}_id", code, document.document_id, 409)
    if isinstance(command, ReceiveGoods) and command.supplier_id not in known.suppliers:
        return refusals.refuse(command, "supplier_id", "unknown_supplier", command.supplier_id)
    for i, line in enumerate(_lines(command)):
        if line.sku not in known.products:
            return refusals.refuse(command, f"lines.{i}.sku", "unknown_sku", line.sku)
        if isinstance(line, OpeningLine) and not fits(line.value, known.currency):
            return refusals.refuse(
                command, f"lines.{i}.value", "too_many_decimals", f"{line.value:f}", currency=known.currency
            )
    return None


def _cost(line: OpeningLine | ReceiptLine, currency: str) -> Decimal:
    if isinstance(line, OpeningLine):
        return round_money(line.value, currency)
    assert line.unit_cost is not None, "purchasing gives every receipt line its cost or refuses it"
    return worth(line.quantity, line.unit_cost, currency)


def _take_in_lines(
    command: Incoming, costs: Sequence[Decimal], stock: Stocks, currency: str
) -> _Draft | Refusal:
    """What the whole document does to its pools; refused when one would hold more than can be counted."""
    document, draft = _document(command), _Draft({}, [])
    for i, (line, cost) in enumerate(zip(_lines(command), costs, strict=True)):
        pool = Pool(line.sku, command.warehouse)
        before = draft.stock.get(pool) or stock[pool]
        after = take_in(before, line.quantity, cost, currency)
        if after.quantity >= TOO_MUCH or after.value >= TOO_MUCH:
            return refusals.refuse(command, f"lines.{i}.quantity", "stock_too_large", line.sku)
        draft.stock[pool] = after
        draft.moves.append(move_between(before, after, document, i + 1, value=cost))
    return draft


def _event(command: Incoming, costs: Sequence[Decimal], currency: str) -> StockOpened | GoodsReceived:
    if isinstance(command, OpenStock):
        return StockOpened(
            opening_id=command.opening_id, opened_on=command.opened_on, warehouse=command.warehouse, currency=currency,
            lines=tuple(
                StockLine(line=i, sku=line.sku, quantity=line.quantity, cost=cost)
                for i, (line, cost) in enumerate(zip(command.lines, costs, strict=True), 1)
            ),
            cost=total(costs),
        )
    return GoodsReceived(
        receipt_id=command.receipt_id, supplier_id=command.supplier_id, purchase_id=command.purchase_id,
        received_on=command.received_on, warehouse=command.warehouse, currency=currency,
        lines=tuple(
            ReceivedLine(line=i, sku=line.sku, quantity=line.quantity, unit_cost=line.unit_cost, cost=cost)
            for i, (line, cost) in enumerate(zip(command.lines, costs, strict=True), 1)
        ),
        cost=total(costs),
    )
