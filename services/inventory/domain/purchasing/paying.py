"""Payments to suppliers (付款)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from services.inventory.domain import refusals
from services.inventory.domain.costing import total
from services.inventory.domain.purchasing.values import Books, refuse_currency
from shared.events.inventory import PaidInvoice, PaySupplier, SupplierPaid
from shared.money import fits
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed on a bill; below zero when goods went back after they were paid."""

    supplier_invoice_id: str
    supplier_id: str
    open: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """What a payment is checked against: the books (None: no books), suppliers, payment ids in use."""

    books: Books | None
    suppliers: frozenset[str]
    payments: frozenset[str]


def pay(commands: Sequence[PaySupplier], known: Known, owed: Sequence[Owed]) -> list[SupplierPaid | Refusal]:
    """Each payment pays its supplier's bills, the oldest first; `owed` is given in this order.

    What a bill has too much after a return is used up first, so no bill stays below zero beside others that wait.
    """
    taken, outcomes = set(known.payments), list[SupplierPaid | Refusal]()
    left: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for bill in owed:
        left[bill.supplier_id][bill.supplier_invoice_id] = bill.open
    for command in commands:
        outcome = _pay(command, known, taken, left[command.supplier_id])
        if isinstance(outcome, SupplierPaid):
            taken.add(outcome.supplier_payment_id)
            for allocation in outcome.allocations:
                left[command.supplier_id][allocation.supplier_invoice_id] -= allocation.amount
        outcomes.append(outcome)
    return outcomes


def _pay(
    command: PaySupplier, known: Known, taken: Set[str], bills: Mapping[str, Decimal]
) -> SupplierPaid | Refusal:
    if known.books is None:
        return refusals.unknown_company(command)
    if command.supplier_payment_id in taken:
        return refusals.refuse(
            command, "supplier_payment_id", "duplicate_supplier_payment", command.supplier_payment_id, 409
        )
    if command.supplier_id not in known.suppliers:
        return refusals.refuse(command, "supplier_id", "unknown_supplier", command.supplier_id)
    if refusal := refuse_currency(command, command.currency, known.books):
        return refusal
    if not fits(command.amount, known.books.currency):
        return refusals.refuse(
            command, "amount", "too_many_decimals", f"{command.amount:f}", currency=known.books.currency
        )
    balance = total(bills.values())
    if command.amount > balance:
        return refusals.refuse(command, "amount", "more_than_owed", f"{command.amount:f}", owed=f"{balance:f}")
    return SupplierPaid(
        supplier_payment_id=command.supplier_payment_id, supplier_id=command.supplier_id, paid_on=command.paid_on,
        currency=command.currency, allocations=_allocate(command.amount, bills), amount=command.amount,
    )


def _allocate(amount: Decimal, bills: Mapping[str, Decimal]) -> tuple[PaidInvoice, ...]:
    """Credits are used up, then the money and they pay what is owed; never more than that."""
    credits = [PaidInvoice(supplier_invoice_id=bill, amount=owed) for bill, owed in bills.items() if owed < 0]
    left, paid = amount - total(credit.amount for credit in credits), list[PaidInvoice]()
    for bill, owed in bills.items():
        piece = min(left, owed)
        if piece > 0:
            left -= piece
            paid.append(PaidInvoice(supplier_invoice_id=bill, amount=piece))
    return (*credits, *paid)
