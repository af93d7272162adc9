"""What follows from what the warehouse says: credit, the value of deliveries, the end of a cancellation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.order.domain.values import Credit, Line, Order, State, changes
from shared.events import Event
from shared.events.inventory import GoodsShipped, ReservationReleased, StockLine, StockReserved, StockShort
from shared.events.order import (
    ApprovalRequested,
    CancelledLine,
    DeliveredLine,
    OrderApproved,
    OrderCancelDeclined,
    OrderCancelled,
    SaleDelivered,
)
from shared.money import ZERO, next_share

CREDIT_POLICY = "credit-policy"
AWAITING_STOCK = {State.PLACED, State.SHORT}

OrderLines = Mapping[str, Mapping[int, Line]]  # by order id, then by line number


def mark_short(events: Sequence[StockShort], orders: Mapping[str, Order]) -> list[Order]:
    """Orders that wait for goods; one that is being cancelled waits no more."""
    now = dict(orders)
    for event in events:
        if now[event.order_id].state == State.PLACED:
            now[event.order_id] = replace(now[event.order_id], state=State.SHORT)
    return changes(orders, now)


def check_credit(
    events: Sequence[StockReserved], orders: Mapping[str, Order], credits: Mapping[str, Credit]
) -> tuple[list[Order], list[Event]]:
    """Approve what is within the customer's limit, counting what this batch approved before; hold the rest."""
    now = dict(orders)
    exposure = {customer_id: credit.exposure for customer_id, credit in credits.items()}
    outcomes: list[Event] = []
    for event in events:
        order = now[event.order_id]
        if order.state not in AWAITING_STOCK:
            continue
        customer_id, limit = order.customer_id, credits[order.customer_id].limit
        if exposure[customer_id] + order.gross <= limit:
            exposure[customer_id] += order.gross
            now[order.order_id] = replace(
                order, state=State.APPROVED, approver=CREDIT_POLICY, committed=order.gross
            )
            outcomes.append(OrderApproved(order_id=order.order_id, customer_id=customer_id, approver=CREDIT_POLICY))
        else:
            now[order.order_id] = replace(order, state=State.HELD)
            outcomes.append(ApprovalRequested(order_id=order.order_id, customer_id=customer_id, maker=order.maker,
                                              exposure=exposure[customer_id], credit_limit=limit))
    return changes(orders, now), outcomes


def deliver(
    shipments: Sequence[GoodsShipped], orders: Mapping[str, Order], lines: OrderLines
) -> tuple[list[Order], list[Line], list[SaleDelivered]]:
    """Value shipments by the prices of their orders, also while a cancellation is under way."""
    now, lines_now = dict(orders), {order_id: dict(own) for order_id, own in lines.items()}
    deliveries: list[SaleDelivered] = []
    for shipment in shipments:
        order, own = now[shipment.order_id], lines_now[shipment.order_id]
        pieces: list[DeliveredLine] = []
        for shipped in shipment.lines:
            own[shipped.line], piece = _deliver_line(shipped, own[shipped.line], order.currency)
            pieces.append(piece)
        delivery = _delivery(shipment, order, pieces)
        complete = all(line.delivered == line.quantity for line in own.values())
        state = State.DELIVERED if complete and order.state == State.APPROVED else order.state
        now[order.order_id] = replace(order, committed=order.committed - delivery.gross, state=state)
        deliveries.append(delivery)
    lines_changed = [line for order_id in lines for line in changes(lines[order_id], lines_now[order_id])]
    return changes(orders, now), lines_changed, deliveries


def _deliver_line(shipped: StockLine, line: Line, currency: str) -> tuple[Line, DeliveredLine]:
    """Pieces add up: each is worth what is delivered so far, less what the earlier pieces were worth."""
    so_far = line.delivered + shipped.quantity
    net = next_share(line.net, so_far, line.quantity, line.delivered_net, currency)
    tax = next_share(line.tax, so_far, line.quantity, line.delivered_tax, currency)
    delivered = replace(
        line, delivered=so_far, delivered_net=line.delivered_net + net, delivered_tax=line.delivered_tax + tax
    )
    return delivered, DeliveredLine(
        line=line.line, sku=line.sku, quantity=shipped.quantity, net=net, tax=tax, gross=net + tax
    )


def _delivery(shipment: GoodsShipped, order: Order, pieces: Sequence[DeliveredLine]) -> SaleDelivered:
    return SaleDelivered(
        delivery_id=shipment.shipment_id, order_id=order.order_id, customer_id=order.customer_id,
        salesperson=order.salesperson, delivered_on=shipment.shipped_on, currency=order.currency, lines=tuple(pieces),
        net=sum((piece.net for piece in pieces), ZERO),
        tax=sum((piece.tax for piece in pieces), ZERO),
        gross=sum((piece.gross for piece in pieces), ZERO),
    )


def end_cancellations(
    releases: Sequence[ReservationReleased], orders: Mapping[str, Order], lines: OrderLines
) -> tuple[list[Order], list[Event]]:
    """Nothing more will be shipped: cancel the rest, or decline when there is none.

    A reservation that was released because its order was rejected needs no answer.
    """
    now = dict(orders)
    outcomes: list[Event] = []
    for release in releases:
        order = now[release.order_id]
        if order.state != State.CANCELLING:
            continue
        rest = tuple(
            CancelledLine(line=line.line, sku=line.sku, quantity=line.quantity - line.delivered,
                          net=line.net - line.delivered_net)
            for line in lines[order.order_id].values() if line.delivered < line.quantity
        )
        if rest:
            now[order.order_id] = replace(order, state=State.CANCELLED, committed=ZERO)
            outcomes.append(_cancelled(order, rest))
        else:
            now[order.order_id] = replace(order, state=State.DELIVERED, stopped_on=None, stop_reason=None)
            outcomes.append(OrderCancelDeclined(order_id=order.order_id, customer_id=order.customer_id))
    return changes(orders, now), outcomes


def _cancelled(order: Order, rest: tuple[CancelledLine, ...]) -> OrderCancelled:
    assert order.stopped_on is not None, "a cancellation was asked for on a day"
    assert order.stop_reason is not None, "a cancellation has a reason"
    return OrderCancelled(
        order_id=order.order_id, customer_id=order.customer_id, cancelled_on=order.stopped_on,
        currency=order.currency, reason=order.stop_reason, salesperson=order.salesperson, lines=rest,
        net=sum((line.net for line in rest), ZERO),
    )
