"""The frozen values that the decisions read and return."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class State(StrEnum):
    """Where an order stands. Partly delivered is `approved`; a cancelled order stays `cancelled` when it is settled."""

    PLACED = "placed"
    SHORT = "short"
    HELD = "held"
    APPROVED = "approved"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Company:
    currency: str
    vat_rate: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """`committed` is the gross of approved goods that are not delivered yet."""

    order_id: str
    customer_id: str
    currency: str
    salesperson: str | None
    maker: str
    approver: str | None
    state: State
    settled: bool
    net: Decimal
    gross: Decimal
    committed: Decimal
    stopped_on: date | None = None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What was ordered, and how much of it was delivered so far."""

    order_id: str
    line: int
    sku: str
    quantity: Decimal
    net: Decimal
    tax: Decimal
    delivered: Decimal
    delivered_net: Decimal
    delivered_tax: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """A customer's limit, and what counts against it."""

    limit: Decimal
    committed: Decimal
    receivable: Decimal
    advances: Decimal

    @property
    def exposure(self) -> Decimal:
        return self.committed + self.receivable - self.advances


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is open of a delivery (below zero: the customer's credit), and what came back of it."""

    delivery_id: str
    order_id: str
    open: Decimal
    returned_net: Decimal
    returned_tax: Decimal
    returned_in_full: bool


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """What was delivered with an order's line, and how much of it came back so far."""

    delivery_id: str
    line: int
    sku: str
    quantity: Decimal
    net: Decimal
    tax: Decimal
    returned: Decimal
    returned_net: Decimal
    returned_tax: Decimal


@dataclass(frozen=True, slots=True)
class Uninvoiced:
    """What is still to be invoiced of a delivery: its value less what came back."""

    delivery_id: str
    order_id: str
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Uncredited:
    """A return of an invoiced delivery that has no credit note yet."""

    return_id: str
    order_id: str
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Due:
    """What a customer owes from now on; without an order it was owed when the books were opened."""

    delivery_id: str
    order_id: str | None
    customer_id: str
    on: date
    currency: str
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Open:
    """A delivery that is not paid in full yet; one that was owed when the books were opened has no order."""

    delivery_id: str
    order_id: str | None
    customer_id: str
    open: Decimal


@dataclass(frozen=True, slots=True)
class Advance:
    """What is left of a receipt; one that names an order waits for the deliveries of that order. `opened` are those of
    before the books."""

    payment_id: str
    customer_id: str
    order_id: str | None
    received_on: date
    left: Decimal
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """Money that may be paid back: the credit that returns left on a delivery, or what is left of a receipt."""

    customer_id: str
    order_id: str | None
    delivery_id: str | None
    payment_id: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What a refund takes of one delivery's credit or of one receipt."""

    refund_id: str
    part: int
    source: Owed
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Dues:
    """What still has to happen to an order's deliveries; `unpaid` also counts what is to be paid back."""

    deliveries: int
    uninvoiced: int
    uncredited: int
    unpaid: Decimal


def changes(before: Mapping[K, V], after: Mapping[K, V]) -> list[V]:
    """The values that were replaced, so that only they are saved."""
    return [value for key, value in after.items() if value is not before[key]]
