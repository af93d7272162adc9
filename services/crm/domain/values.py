"""The frozen values that the decisions read and return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Customer:
    customer_id: str
    name: str
    salesperson: str | None
    credit_limit: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """What a batch of commands refers to, as far as it exists; `taken` are ids of the commands' own kind.

    `contacts` and `orders` say whose they are. No currency: no books.
    """

    currency: str | None
    taken: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    contacts: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What must be known of a complaint (投诉) to resolve it."""

    complaint_id: str
    customer_id: str
    filed_at: datetime
    resolved: bool


class State(StrEnum):
    """Where an order stands, as its own events say. The page also shows `delivered` and `settled`."""

    PLACED = "placed"
    HELD = "held"
    APPROVED = "approved"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class Kind(StrEnum):
    """Documents (单据) of a customer's account."""

    DELIVERY = "delivery"
    RETURN = "return"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    REFUND = "refund"
