"""Purchase orders (采购订单), and the receipts that they expect."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from services.inventory.domain import refusals
from services.inventory.domain.costing import TOO_MUCH, total
from services.inventory.domain.purchasing.values import Books
from services.inventory.domain.receiving import Incoming
from shared.events.inventory import (
    AskedPurchaseLine,
    GoodsReceived,
    OpenStock,
    PlacePurchaseOrder,
    PurchaseLine,
    PurchaseOrdered,
    ReceiptLine,
    ReceivedLine,
    ReceiveGoods,
)
from shared.money import ZERO, worth
from shared.refusal import Refusal


class State(StrEnum):
    """How far a purchase order has come in."""

    OPEN = "open"
    PART_RECEIVED = "part_received"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a purchase order expects of one product."""

    ordered: Decimal
    unit_cost: Decimal
    received: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        return self.ordered - self.received


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase order, by product: a product stands in one line only."""

    purchase_id: str
    supplier_id: str
    warehouse: str
    lines: Mapping[str, Expected]

    @property
    def state(self) -> State:
        if all(line.left == 0 for line in self.lines.values()):
            return State.RECEIVED
        return State.PART_RECEIVED if any(line.received for line in self.lines.values()) else State.OPEN


Purchases = Mapping[str, Purchase]


@dataclass(frozen=True, slots=True)
class Known:
    """What an order is checked against: the books (None: no books), suppliers, products, order ids in use."""

    books: Books | None
    suppliers: frozenset[str]
    products: frozenset[str]
    purchases: frozenset[str]


def order(commands: Sequence[PlacePurchaseOrder], known: Known) -> list[PurchaseOrdered | Refusal]:
    """One outcome per command."""
    taken, outcomes = set(known.purchases), list[PurchaseOrdered | Refusal]()
    for command in commands:
        outcome = _order(command, known, taken)
        if isinstance(outcome, PurchaseOrdered):
            taken.add(outcome.purchase_id)
        outcomes.append(outcome)
    return outcomes


def _order(command: PlacePurchaseOrder, known: Known, taken: Set[str]) -> PurchaseOrdered | Refusal:
    if known.books is None:
        return refusals.unknown_company(command)
    if command.purchase_id in taken:
        return refusals.refuse(command, "purchase_id", "duplicate_purchase", command.purchase_id, 409)
    if command.supplier_id not in known.suppliers:
        return refusals.refuse(command, "supplier_id", "unknown_supplier", command.supplier_id)
    nets, seen = list[Decimal](), set[str]()
    for i, line in enumerate(command.lines):
        net = worth(line.quantity, line.unit_cost, known.books.currency)
        refusal = _refuse_line(command, i, line, net, known.products, seen)
        if refusal:
            return refusal
        seen.add(line.sku)
        nets.append(net)
    return _ordered(command, nets, known.books.currency)


def _refuse_line(
    command: PlacePurchaseOrder, i: int, line: AskedPurchaseLine, net: Decimal, products: Set[str], seen: Set[str]
) -> Refusal | None:
    if line.sku not in products:
        return refusals.refuse(command, f"lines.{i}.sku", "unknown_sku", line.sku)
    if line.sku in seen:
        return refusals.refuse(command, f"lines.{i}.sku", "repeated_sku", line.sku)
    if net >= TOO_MUCH:
        return refusals.refuse(command, f"lines.{i}.quantity", "amount_too_large", f"{net:f}")
    return None


def _ordered(command: PlacePurchaseOrder, nets: Sequence[Decimal], currency: str) -> PurchaseOrdered:
    return PurchaseOrdered(
        purchase_id=command.purchase_id, supplier_id=command.supplier_id, ordered_on=command.ordered_on,
        warehouse=command.warehouse, currency=currency,
        lines=tuple(
            PurchaseLine(line=i, sku=line.sku, quantity=line.quantity, unit_cost=line.unit_cost, net=net)
            for i, (line, net) in enumerate(zip(command.lines, nets, strict=True), 1)
        ),
        net=total(nets),
    )


# -- receipts ---------------------------------------------------------------------------------------------------------


def purchases_of(commands: Sequence[Incoming]) -> set[str]:
    """The purchase orders that receipts name."""
    return {c.purchase_id for c in commands if isinstance(c, ReceiveGoods) and c.purchase_id is not None}


def expect(commands: Sequence[Incoming], purchases: Purchases) -> tuple[list[Incoming], list[Refusal]]:
    """The documents of a batch with the cost of every receipt line, which its purchase order knows if it does not; and
    why the others are refused."""
    now, priced, refused = dict(purchases), list[Incoming](), list[Refusal]()
    for command in commands:
        if isinstance(command, OpenStock):
            priced.append(command)
            continue
        purchase = now.get(command.purchase_id) if command.purchase_id else None
        refusal = _refuse_receipt(command, purchase)
        if refusal:
            refused.append(refusal)
            continue
        priced.append(_priced(command, purchase))
        if purchase:
            now[purchase.purchase_id] = _with(purchase, command.lines)
    return priced, refused


def received(purchases: Purchases, receipts: Sequence[GoodsReceived]) -> list[Purchase]:
    """The purchase orders that have got something now."""
    now = dict(purchases)
    for receipt in receipts:
        if receipt.purchase_id:
            now[receipt.purchase_id] = _with(now[receipt.purchase_id], receipt.lines)
    return [purchase for purchase_id, purchase in now.items() if purchase != purchases[purchase_id]]


def _refuse_receipt(command: ReceiveGoods, purchase: Purchase | None) -> Refusal | None:
    if purchase is None:
        if command.purchase_id:
            return refusals.refuse(command, "purchase_id", "unknown_purchase", command.purchase_id, 404)
        costless = next((i for i, line in enumerate(command.lines) if line.unit_cost is None), None)
        if costless is None:
            return None
        return refusals.refuse(command, f"lines.{costless}.unit_cost", "unknown_cost", command.lines[costless].sku)
    if purchase.supplier_id != command.supplier_id:
        return refusals.refuse(
            command, "supplier_id", "order_of_other_supplier", purchase.purchase_id, supplier=purchase.supplier_id
        )
    if purchase.warehouse != command.warehouse:
        return refusals.refuse(
            command, "warehouse", "order_for_other_warehouse", purchase.purchase_id, warehouse=purchase.warehouse
        )
    return _refuse_quantities(command, purchase)


def _refuse_quantities(command: ReceiveGoods, purchase: Purchase) -> Refusal | None:
    """A receipt may name a product twice; together they bring at most what the order still waits for."""
    left = {sku: line.left for sku, line in purchase.lines.items()}
    for i, line in enumerate(command.lines):
        if line.sku not in left:
            return refusals.refuse(
                command, f"lines.{i}.sku", "not_ordered", line.sku, purchase=purchase.purchase_id
            )
        if line.quantity > left[line.sku]:
            return refusals.refuse(
                command, f"lines.{i}.quantity", "over_received", f"{line.quantity:f}",
                sku=line.sku, left=f"{left[line.sku]:f}",
            )
        left[line.sku] -= line.quantity
    return None


def _priced(command: ReceiveGoods, purchase: Purchase | None) -> ReceiveGoods:
    if purchase is None:
        return command
    lines = tuple(
        line if line.unit_cost is not None
        else line.model_copy(update={"unit_cost": purchase.lines[line.sku].unit_cost})
        for line in command.lines
    )
    return command.model_copy(update={"lines": lines})


def _with(purchase: Purchase, lines: Sequence[ReceiptLine | ReceivedLine]) -> Purchase:
    """The purchase order after a receipt."""
    now = dict(purchase.lines)
    for line in lines:
        now[line.sku] = replace(now[line.sku], received=now[line.sku].received + line.quantity)
    return replace(purchase, lines=now)
