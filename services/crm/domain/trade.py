"""What orders, deliveries and money change on a customer's page.

Every change can be added to what is there, whichever comes first: events of different aggregates have no common order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, Self, TypeVar

from services.crm.domain.values import Kind, State
from shared.events import Event
from shared.events.openings import AdvanceOpened, ReceivableOpened
from shared.events.order import (
    Allocation,
    ApprovalRequested,
    CreditNoteIssued,
    InvoiceIssued,
    OrderApproved,
    OrderCancelDeclined,
    OrderCancelled,
    OrderCancelRequested,
    OrderPlaced,
    OrderRejected,
    OrderSettled,
    PaymentAllocated,
    PaymentReceived,
    RefundPaid,
    SaleDelivered,
    SaleReturned,
)
from shared.money import ZERO

OrderStep = (
    ApprovalRequested | OrderApproved | OrderRejected | OrderCancelRequested | OrderCancelled | OrderCancelDeclined
)
STATE_AFTER: dict[type[Event], State] = {
    ApprovalRequested: State.HELD,
    OrderApproved: State.APPROVED,
    OrderRejected: State.REJECTED,
    OrderCancelRequested: State.CANCELLING,
    OrderCancelled: State.CANCELLED,
    OrderCancelDeclined: State.APPROVED,
}


class Change(Protocol):
    """Something that adds up per key."""

    @property
    def key(self) -> tuple[str, ...]: ...

    def __add__(self, later: Self) -> Self: ...


C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True)
class Document:
    kind: Kind
    document_id: str
    customer_id: str
    order_id: str | None
    happened_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OrderChange:
    """`settled_at` and `returned_at` are positions in order's log: the higher one came later."""

    order_id: str
    customer_id: str
    placed: OrderPlaced | None = None
    state: State | None = None
    settled_at: int | None = None
    returned_at: int | None = None
    shipped: Decimal = ZERO
    delivered: Decimal = ZERO
    returned: Decimal = ZERO
    invoiced: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def key(self) -> tuple[str, ...]:
        return (self.order_id,)

    def __add__(self, later: "OrderChange") -> "OrderChange":
        return OrderChange(
            self.order_id, self.customer_id, later.placed or self.placed, later.state or self.state,
            _latest(self.settled_at, later.settled_at), _latest(self.returned_at, later.returned_at),
            self.shipped + later.shipped, self.delivered + later.delivered, self.returned + later.returned,
            self.invoiced + later.invoiced, self.paid + later.paid,
        )


@dataclass(frozen=True, slots=True)
class AccountChange:
    customer_id: str
    delivered: Decimal = ZERO
    returned: Decimal = ZERO
    paid: Decimal = ZERO
    refunded: Decimal = ZERO
    advances: Decimal = ZERO

    @property
    def key(self) -> tuple[str, ...]:
        return (self.customer_id,)

    def __add__(self, later: "AccountChange") -> "AccountChange":
        return AccountChange(
            self.customer_id, self.delivered + later.delivered, self.returned + later.returned, self.paid + later.paid,
            self.refunded + later.refunded, self.advances + later.advances,
        )


@dataclass(frozen=True, slots=True)
class PurchaseChange:
    customer_id: str
    sku: str
    quantity: Decimal
    net: Decimal
    last_bought: date | None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.customer_id, self.sku)

    def __add__(self, later: "PurchaseChange") -> "PurchaseChange":
        days = [day for day in (self.last_bought, later.last_bought) if day]
        return PurchaseChange(
            self.customer_id, self.sku, self.quantity + later.quantity, self.net + later.net, max(days, default=None)
        )


@dataclass(frozen=True, slots=True)
class News:
    """What a batch of events changes; at most one change per key, in the order of the keys."""

    documents: Sequence[Document] = ()
    orders: Sequence[OrderChange] = ()
    accounts: Sequence[AccountChange] = ()
    purchases: Sequence[PurchaseChange] = ()


def read(events: Iterable[Event]) -> News:
    """Add up what the events say; those of one order come in the order in which it said them."""
    news = [_news_of(event) for event in events]
    return News(
        [document for one in news for document in one.documents],
        _add_up(change for one in news for change in one.orders),
        _add_up(change for one in news for change in one.accounts),
        _add_up(change for one in news for change in one.purchases),
    )


def _add_up(changes: Iterable[C]) -> list[C]:
    sums: dict[tuple[str, ...], C] = {}
    for change in changes:
        before = sums.get(change.key)
        sums[change.key] = change if before is None else before + change
    return [sums[key] for key in sorted(sums)]


def _latest(one: int | None, other: int | None) -> int | None:
    return max((position for position in (one, other) if position is not None), default=None)


def _news_of(event: Event) -> News:
    match event:
        case OrderPlaced():
            return News(orders=[OrderChange(event.order_id, event.customer_id, placed=event, state=State.PLACED)])
        case OrderSettled():
            settled = OrderChange(event.order_id, event.customer_id, settled_at=event.envelope.position)
            return News(orders=[settled])
        case SaleDelivered():
            return _delivered(event)
        case SaleReturned():
            return _returned(event)
        case InvoiceIssued() | CreditNoteIssued():
            return _invoiced(event)
        case PaymentReceived():
            return _paid(event)
        case PaymentAllocated():
            account = AccountChange(event.customer_id, advances=-event.allocated)
            return News(orders=_paid_orders(event.customer_id, event.allocations), accounts=[account])
        case RefundPaid():
            return _refunded(event)
        case ReceivableOpened() | AdvanceOpened():
            return _opened(event)
        case _:
            return _step(event)


def _step(event: Event) -> News:
    """What only moves an order on."""
    assert isinstance(event, OrderStep), f"nobody reads {event.type}"
    return News(orders=[OrderChange(event.order_id, event.customer_id, state=STATE_AFTER[type(event)])])


def _delivered(event: SaleDelivered) -> News:
    quantity = sum((line.quantity for line in event.lines), ZERO)
    delivery = Document(
        Kind.DELIVERY, event.delivery_id, event.customer_id, event.order_id, event.delivered_on, event.gross
    )
    return News(
        [delivery],
        [OrderChange(event.order_id, event.customer_id, shipped=quantity, delivered=event.gross)],
        [AccountChange(event.customer_id, delivered=event.gross)],
        [
            PurchaseChange(event.customer_id, line.sku, line.quantity, line.net, event.delivered_on)
            for line in event.lines
        ],
    )


def _returned(event: SaleReturned) -> News:
    order = OrderChange(
        event.order_id, event.customer_id, returned_at=event.envelope.position, returned=event.gross
    )
    return News(
        [Document(Kind.RETURN, event.return_id, event.customer_id, event.order_id, event.returned_on, event.gross)],
        [order],
        [AccountChange(event.customer_id, returned=event.gross)],
        [PurchaseChange(event.customer_id, line.sku, -line.quantity, -line.net, None) for line in event.lines],
    )


def _invoiced(event: InvoiceIssued | CreditNoteIssued) -> News:
    """A red invoice takes back a part of what was invoiced."""
    if isinstance(event, InvoiceIssued):
        kind, document_id, amount = Kind.INVOICE, event.invoice_id, event.gross
    else:
        kind, document_id, amount = Kind.CREDIT_NOTE, event.credit_note_id, -event.gross
    return News(
        [Document(kind, document_id, event.customer_id, event.order_id, event.issued_on, event.gross)],
        [OrderChange(event.order_id, event.customer_id, invoiced=amount)],
    )


def _paid(event: PaymentReceived) -> News:
    return News(
        [Document(Kind.PAYMENT, event.payment_id, event.customer_id, event.order_id, event.received_on, event.amount)],
        _paid_orders(event.customer_id, event.allocations),
        [AccountChange(event.customer_id, paid=event.amount, advances=event.unallocated)],
    )


def _paid_orders(customer_id: str, allocations: Iterable[Allocation]) -> list[OrderChange]:
    """What was owed before the books belongs to no order."""
    return [OrderChange(a.order_id, customer_id, paid=a.amount) for a in allocations if a.order_id]


def _refunded(event: RefundPaid) -> News:
    return News(
        [Document(Kind.REFUND, event.refund_id, event.customer_id, event.order_id, event.paid_on, event.amount)],
        (),
        [AccountChange(event.customer_id, refunded=event.amount, advances=-event.from_advances)],
    )


def _opened(event: ReceivableOpened | AdvanceOpened) -> News:
    """As if it had been delivered, or paid, at the time."""
    if isinstance(event, ReceivableOpened):
        kind, document_id = Kind.DELIVERY, event.delivery_id
        account = AccountChange(event.customer_id, delivered=event.amount)
    else:
        kind, document_id = Kind.PAYMENT, event.payment_id
        account = AccountChange(event.customer_id, paid=event.amount, advances=event.amount)
    return News([Document(kind, document_id, event.customer_id, None, event.dated, event.amount)], (), [account])
