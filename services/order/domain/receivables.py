"""Invoices, receipts, the allocation of money to deliveries, and settlement (结清)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal

from services.order.domain.ordering import refuse_company, refuse_currency
from services.order.domain.refusals import refuse
from services.order.domain.values import Advance, Company, Due, Dues, Open, Order, State, Uninvoiced, changes
from shared.events.order import (
    Allocation,
    InvoiceIssued,
    IssueInvoice,
    OrderSettled,
    PaymentAllocated,
    PaymentReceived,
    PayRefund,
    ReceivePayment,
    SaleDelivered,
)
from shared.money import ZERO, fits
from shared.refusal import Refusal


def issue_invoices(
    commands: Sequence[IssueInvoice], orders: Mapping[str, Order], uninvoiced: Sequence[Uninvoiced],
    known: AbstractSet[str],
) -> list[InvoiceIssued | Refusal]:
    """Each invoice covers all deliveries of its order that have none; one outcome per command."""
    taken = set(known)
    waiting: dict[str, list[Uninvoiced]] = defaultdict(list)
    for delivery in uninvoiced:
        waiting[delivery.order_id].append(delivery)
    outcomes: list[InvoiceIssued | Refusal] = []
    for command in commands:
        outcome = _invoice(command, orders.get(command.order_id), waiting[command.order_id], taken)
        if isinstance(outcome, InvoiceIssued):
            taken.add(outcome.invoice_id)
            waiting.pop(outcome.order_id)
        outcomes.append(outcome)
    return outcomes


def _invoice(
    command: IssueInvoice, order: Order | None, deliveries: Sequence[Uninvoiced], taken: AbstractSet[str]
) -> InvoiceIssued | Refusal:
    if command.invoice_id in taken:
        return refuse(command, "invoice_id", "duplicate_invoice", command.invoice_id, 409)
    if order is None:
        return refuse(command, "order_id", "unknown_order", command.order_id, 404)
    if not deliveries:
        return refuse(command, "order_id", "nothing_to_invoice", command.order_id, 409)
    net = sum((delivery.net for delivery in deliveries), ZERO)
    tax = sum((delivery.tax for delivery in deliveries), ZERO)
    return InvoiceIssued(
        invoice_id=command.invoice_id, order_id=order.order_id, customer_id=order.customer_id,
        issued_on=command.issued_on, currency=order.currency,
        deliveries=tuple(delivery.delivery_id for delivery in deliveries), net=net, tax=tax, gross=net + tax,
    )


def receive_payments(
    commands: Sequence[ReceivePayment], company: Company | None, customers: AbstractSet[str],
    customer_of: Mapping[str, str], known: AbstractSet[str], open_deliveries: Sequence[Open],
) -> list[PaymentReceived | Refusal]:
    """A receipt pays the open deliveries of its order, or of its customer, oldest first; the rest is an advance.

    `customer_of` says whose the orders are; `open_deliveries` are given oldest first.
    """
    if company is None:
        return [refuse_company(command) for command in commands]
    taken = set(known)
    of_order, of_customer = defaultdict(list), defaultdict(list)
    for delivery in open_deliveries:
        of_order[delivery.order_id].append(delivery)
        of_customer[delivery.customer_id].append(delivery)
    left = {delivery.delivery_id: delivery.open for delivery in open_deliveries}
    outcomes: list[PaymentReceived | Refusal] = []
    for command in commands:
        if command.payment_id in taken:
            outcomes.append(refuse(command, "payment_id", "duplicate_payment", command.payment_id, 409))
            continue
        if refusal := refuse_money(command, company, customers, customer_of):
            outcomes.append(refusal)
            continue
        taken.add(command.payment_id)
        payable = of_order[command.order_id] if command.order_id else of_customer[command.customer_id]
        outcomes.append(_payment(command, _take(command.amount, payable, left)))
    return outcomes


def refuse_money(
    command: ReceivePayment | PayRefund, company: Company, customers: AbstractSet[str], customer_of: Mapping[str, str]
) -> Refusal | None:
    """Money comes from, or goes to, a known customer, in the currency of the books, for an order of its own."""
    if command.customer_id not in customers:
        return refuse(command, "customer_id", "unknown_customer", command.customer_id)
    if refusal := refuse_currency(command, command.currency, company):
        return refusal
    if not fits(command.amount, company.currency):
        return refuse(command, "amount", "too_many_decimals", str(command.amount), currency=company.currency)
    if command.order_id is None:
        return None
    if command.order_id not in customer_of:
        return refuse(command, "order_id", "unknown_order", command.order_id, 404)
    if customer_of[command.order_id] != command.customer_id:
        return refuse(command, "order_id", "order_of_other_customer", command.order_id, customer=command.customer_id)
    return None


def _take(amount: Decimal, deliveries: Iterable[Open], left: dict[str, Decimal]) -> list[Allocation]:
    """Pay deliveries one after the other until the amount is used up; lowers what is `left` open of each."""
    allocations: list[Allocation] = []
    for delivery in deliveries:
        piece = min(amount, left[delivery.delivery_id])
        if piece > 0:
            amount -= piece
            left[delivery.delivery_id] -= piece
            allocations.append(
                Allocation(order_id=delivery.order_id or "", delivery_id=delivery.delivery_id, amount=piece)
            )
        if amount == 0:
            break
    return allocations


def _payment(command: ReceivePayment, allocations: Sequence[Allocation]) -> PaymentReceived:
    allocated = sum((allocation.amount for allocation in allocations), ZERO)
    return PaymentReceived(
        payment_id=command.payment_id, customer_id=command.customer_id, order_id=command.order_id,
        received_on=command.received_on, currency=command.currency, amount=command.amount,
        allocations=tuple(allocations), allocated=allocated, unallocated=command.amount - allocated,
    )


def dues_of(deliveries: Sequence[SaleDelivered]) -> list[Due]:
    """What deliveries make customers owe."""
    return [Due(d.delivery_id, d.order_id, d.customer_id, d.delivered_on, d.currency, d.gross) for d in deliveries]


def spend_advances(
    dues: Sequence[Due], advances: Sequence[Advance]
) -> tuple[list[Advance], list[PaymentAllocated]]:
    """Advances pay what is newly owed at once: first those that name the order, then those that name none.

    `advances` are given oldest first. One event per receipt and delivery.
    """
    before = {advance.payment_id: advance for advance in advances}
    now = dict(before)
    waiting_for: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for advance in advances:
        waiting_for[advance.customer_id, advance.order_id].append(advance.payment_id)
    outcomes: list[PaymentAllocated] = []
    for due in dues:
        still_open = due.gross
        for order_id in dict.fromkeys([due.order_id, None]):
            for payment_id in waiting_for[due.customer_id, order_id]:
                advance = now[payment_id]
                piece = min(still_open, advance.left)
                if piece > 0:
                    still_open -= piece
                    now[payment_id] = replace(advance, left=advance.left - piece)
                    outcomes.append(_allocated(advance, due, piece))
    return changes(before, now), outcomes


def _allocated(advance: Advance, due: Due, amount: Decimal) -> PaymentAllocated:
    """Money cannot pay before it came: a receipt dated after the delivery is allocated on its own date."""
    return PaymentAllocated(
        payment_id=advance.payment_id, customer_id=advance.customer_id,
        allocated_on=max(due.on, advance.received_on), currency=due.currency,
        allocations=(Allocation(order_id=due.order_id or "", delivery_id=due.delivery_id, amount=amount),),
        allocated=amount,
    )


def settle(orders: Mapping[str, Order], dues: Mapping[str, Dues]) -> tuple[list[Order], list[OrderSettled]]:
    """Settle what is settled now; an order without any delivery has nothing to settle."""
    now = dict(orders)
    for order_id, due in dues.items():
        if is_settled(orders[order_id], due):
            final = State.SETTLED if orders[order_id].state == State.DELIVERED else State.CANCELLED
            now[order_id] = replace(orders[order_id], state=final, settled=True)
    changed = changes(orders, now)
    return changed, [OrderSettled(order_id=order.order_id, customer_id=order.customer_id) for order in changed]


def is_settled(order: Order, due: Dues) -> bool:
    """Delivered or cancelled in full, invoiced and credited, nothing to pay or to pay back, and not said before."""
    final = order.state in {State.DELIVERED, State.CANCELLED} and not order.settled
    return final and due.deliveries > 0 and due.uninvoiced == 0 and due.uncredited == 0 and due.unpaid == 0
