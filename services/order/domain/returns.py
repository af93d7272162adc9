"""Goods that came back (退货): what they had been sold for, and the red invoices (红字发票) over them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from services.order.domain.refusals import refuse
from services.order.domain.values import Delivery, DeliveryLine, Order, State, Uncredited, changes
from shared.events.inventory import GoodsReturned, StockLine
from shared.events.order import CreditNoteIssued, DeliveredLine, IssueCreditNote, SaleReturned
from shared.money import ZERO, next_share
from shared.refusal import Refusal

DeliveryLines = Mapping[str, Mapping[int, DeliveryLine]]  # by delivery id, then by line number


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a batch of returns changed, and an event for each."""

    orders: list[Order]
    deliveries: list[Delivery]
    lines: list[DeliveryLine]
    outcomes: list[SaleReturned]


def take_back(
    returns: Sequence[GoodsReturned], orders: Mapping[str, Order], deliveries: Mapping[str, Delivery],
    lines: DeliveryLines,
) -> TakenBack:
    """Value returns by their deliveries: they lower what is open, also below zero, and open a settled order again."""
    orders_now, now = dict(orders), dict(deliveries)
    lines_now = {delivery_id: dict(own) for delivery_id, own in lines.items()}
    outcomes: list[SaleReturned] = []
    for came in returns:
        order, delivery, own = orders_now[came.order_id], now[came.shipment_id], lines_now[came.shipment_id]
        pieces: list[DeliveredLine] = []
        for line in came.lines:
            own[line.line], piece = _take_back_line(line, own[line.line], order.currency)
            pieces.append(piece)
        sale = _sale_returned(came, order, pieces)
        now[delivery.delivery_id] = replace(
            delivery, open=delivery.open - sale.gross, returned_net=delivery.returned_net + sale.net,
            returned_tax=delivery.returned_tax + sale.tax,
            returned_in_full=all(line.returned == line.quantity for line in own.values()),
        )
        orders_now[order.order_id] = _open_again(order)
        outcomes.append(sale)
    lines_changed = [line for key in lines for line in changes(lines[key], lines_now[key])]
    return TakenBack(changes(orders, orders_now), changes(deliveries, now), lines_changed, outcomes)


def _take_back_line(came: StockLine, line: DeliveryLine, currency: str) -> tuple[DeliveryLine, DeliveredLine]:
    """Pieces add up: each is worth what came back so far, less what the earlier pieces were worth."""
    so_far = line.returned + came.quantity
    net = next_share(line.net, so_far, line.quantity, line.returned_net, currency)
    tax = next_share(line.tax, so_far, line.quantity, line.returned_tax, currency)
    returned = replace(
        line, returned=so_far, returned_net=line.returned_net + net, returned_tax=line.returned_tax + tax
    )
    return returned, DeliveredLine(
        line=line.line, sku=line.sku, quantity=came.quantity, net=net, tax=tax, gross=net + tax
    )


def _sale_returned(came: GoodsReturned, order: Order, pieces: Sequence[DeliveredLine]) -> SaleReturned:
    return SaleReturned(
        return_id=came.return_id, delivery_id=came.shipment_id, order_id=order.order_id,
        customer_id=order.customer_id, salesperson=order.salesperson, returned_on=came.returned_on,
        currency=order.currency, lines=tuple(pieces),
        net=sum((piece.net for piece in pieces), ZERO),
        tax=sum((piece.tax for piece in pieces), ZERO),
        gross=sum((piece.gross for piece in pieces), ZERO),
    )


def _open_again(order: Order) -> Order:
    """There may be something to credit and to pay back; afterwards the order is settled once more."""
    if not order.settled:
        return order
    return replace(order, state=State.DELIVERED if order.state == State.SETTLED else order.state, settled=False)


def issue_credit_notes(
    commands: Sequence[IssueCreditNote], orders: Mapping[str, Order], uncredited: Sequence[Uncredited],
    known: AbstractSet[str],
) -> list[CreditNoteIssued | Refusal]:
    """Each credit note covers all returns of its order that need one; one outcome per command."""
    taken = set(known)
    waiting: dict[str, list[Uncredited]] = defaultdict(list)
    for returned in uncredited:
        waiting[returned.order_id].append(returned)
    outcomes: list[CreditNoteIssued | Refusal] = []
    for command in commands:
        outcome = _credit_note(command, orders.get(command.order_id), waiting[command.order_id], taken)
        if isinstance(outcome, CreditNoteIssued):
            taken.add(outcome.credit_note_id)
            waiting.pop(outcome.order_id)
        outcomes.append(outcome)
    return outcomes


def _credit_note(
    command: IssueCreditNote, order: Order | None, returns: Sequence[Uncredited], taken: AbstractSet[str]
) -> CreditNoteIssued | Refusal:
    if command.credit_note_id in taken:
        return refuse(command, "credit_note_id", "duplicate_credit_note", command.credit_note_id, 409)
    if order is None:
        return refuse(command, "order_id", "unknown_order", command.order_id, 404)
    if not returns:
        return refuse(command, "order_id", "nothing_to_credit", command.order_id, 409)
    net = sum((returned.net for returned in returns), ZERO)
    tax = sum((returned.tax for returned in returns), ZERO)
    return CreditNoteIssued(
        credit_note_id=command.credit_note_id, order_id=order.order_id, customer_id=order.customer_id,
        issued_on=command.issued_on, currency=order.currency,
        returns=tuple(returned.return_id for returned in returns), net=net, tax=tax, gross=net + tax,
    )
