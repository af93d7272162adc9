"""Orders: taking them, and what people decide about them."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from services.order.domain.refusals import refuse
from services.order.domain.values import Company, Order, State, changes
from shared.events import Command, Event
from shared.events.order import (
    ApproveOrder,
    AskedLine,
    CancelOrder,
    OrderApproved,
    OrderCancelRequested,
    OrderLine,
    OrderPlaced,
    OrderRejected,
    PlaceOrder,
    RejectOrder,
)
from shared.money import CURRENCY_DECIMALS, ZERO, worth
from shared.refusal import Refusal

OnOrder = TypeVar("OnOrder", ApproveOrder, RejectOrder, CancelOrder)
TOO_LARGE = Decimal(10) ** 14  # an event's amounts have up to 14 digits before the point
CANCELLABLE = {State.PLACED, State.SHORT, State.HELD, State.APPROVED}


def refuse_company(command: Command) -> Refusal:
    return refuse(command, "company", "unknown_company", command.actor.company)


def refuse_currency(command: Command, currency: str, company: Company, field: str = "currency") -> Refusal | None:
    """For now a company trades only in the currency of its books."""
    if currency not in CURRENCY_DECIMALS:
        return refuse(command, field, "unknown_currency", currency)
    if currency != company.currency:
        return refuse(command, field, "other_currency", currency, books=company.currency)
    return None


def place_orders(
    commands: Sequence[PlaceOrder], company: Company | None, customers: AbstractSet[str], skus: AbstractSet[str],
    known: AbstractSet[str],
) -> list[OrderPlaced | Refusal]:
    """One outcome per command, in their order."""
    if company is None:
        return [refuse_company(command) for command in commands]
    taken = set(known)
    outcomes: list[OrderPlaced | Refusal] = []
    for command in commands:
        outcome = _place(command, company, customers, skus, taken)
        if isinstance(outcome, OrderPlaced):
            taken.add(outcome.order_id)
        outcomes.append(outcome)
    return outcomes


def _place(
    command: PlaceOrder, company: Company, customers: AbstractSet[str], skus: AbstractSet[str],
    taken: AbstractSet[str],
) -> OrderPlaced | Refusal:
    if command.order_id in taken:
        return refuse(command, "order_id", "duplicate_order", command.order_id, 409)
    if command.customer_id not in customers:
        return refuse(command, "customer_id", "unknown_customer", command.customer_id)
    if refusal := refuse_currency(command, command.currency, company):
        return refusal
    for i, asked in enumerate(command.lines):
        if asked.sku not in skus:
            return refuse(command, f"lines.{i}.sku", "unknown_sku", asked.sku)
    return _price(command, company)


def _price(command: PlaceOrder, company: Company) -> OrderPlaced | Refusal:
    """Net and tax are rounded per line; the header is their sum."""
    values = [_line_value(asked, company) for asked in command.lines]
    net, tax = sum((v[0] for v in values), ZERO), sum((v[1] for v in values), ZERO)
    if net + tax >= TOO_LARGE:
        return refuse(command, "lines", "amount_too_large", str(net + tax))
    return OrderPlaced(
        order_id=command.order_id, customer_id=command.customer_id, ordered_on=command.ordered_on,
        currency=company.currency, warehouse=command.warehouse, salesperson=command.salesperson,
        lines=tuple(
            OrderLine(line=i, sku=asked.sku, quantity=asked.quantity, unit_price=asked.unit_price, net=line_net,
                      tax_rate=company.vat_rate, tax=line_tax, gross=line_net + line_tax)
            for i, (asked, (line_net, line_tax)) in enumerate(zip(command.lines, values, strict=True), start=1)
        ),
        net=net, tax=tax, gross=net + tax,
    )


def _line_value(asked: AskedLine, company: Company) -> tuple[Decimal, Decimal]:
    net = worth(asked.quantity, asked.unit_price, company.currency)
    return net, worth(net, company.vat_rate, company.currency)


def decide_each(
    commands: Sequence[OnOrder], orders: Mapping[str, Order],
    decide: Callable[[OnOrder, Order], tuple[Order, Event] | Refusal],
) -> tuple[list[Order], list[Event | Refusal]]:
    """Decide one command after the other, each on what the earlier ones left; returns the changed orders too."""
    now = dict(orders)
    outcomes: list[Event | Refusal] = []
    for command in commands:
        order = now.get(command.order_id)
        if order is None:
            outcomes.append(refuse(command, "order_id", "unknown_order", command.order_id, 404))
            continue
        outcome = decide(command, order)
        if isinstance(outcome, Refusal):
            outcomes.append(outcome)
        else:
            now[order.order_id], event = outcome
            outcomes.append(event)
    return changes(orders, now), outcomes


def approve(command: ApproveOrder, order: Order) -> tuple[Order, OrderApproved] | Refusal:
    if refusal := _refuse_decision(command, order):
        return refusal
    approver = command.actor.name
    approved = replace(order, state=State.APPROVED, approver=approver, committed=order.gross)
    return approved, OrderApproved(order_id=order.order_id, customer_id=order.customer_id, approver=approver)


def reject(command: RejectOrder, order: Order) -> tuple[Order, OrderRejected] | Refusal:
    if refusal := _refuse_decision(command, order):
        return refusal
    rejected = replace(order, state=State.REJECTED, stopped_on=command.rejected_on, stop_reason=command.reason)
    return rejected, OrderRejected(
        order_id=order.order_id, customer_id=order.customer_id, rejected_on=command.rejected_on,
        currency=order.currency, reason=command.reason, salesperson=order.salesperson, net=order.net,
    )


def _refuse_decision(command: ApproveOrder | RejectOrder, order: Order) -> Refusal | None:
    """Who placed an order never decides on it (制单与审核分离)."""
    if command.actor.name == order.maker:
        return refuse(command, "order_id", "self_approval", order.order_id, 403, maker=order.maker)
    if order.state != State.HELD:
        return refuse(command, "order_id", "not_held", order.order_id, 409)
    return None


def request_cancel(command: CancelOrder, order: Order) -> tuple[Order, OrderCancelRequested] | Refusal:
    """The warehouse has the last word: goods may be leaving at this moment."""
    if order.state not in CANCELLABLE:
        return refuse(command, "order_id", "not_cancellable", order.order_id, 409)
    cancelling = replace(order, state=State.CANCELLING, stopped_on=command.cancelled_on, stop_reason=command.reason)
    return cancelling, OrderCancelRequested(
        order_id=order.order_id, customer_id=order.customer_id, requested_on=command.cancelled_on,
        reason=command.reason,
    )
