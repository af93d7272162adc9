"""Reads an event into what posting rules may name: amounts, items, dimensions, texts, and the business date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from shared import money
from shared.events import Event, inventory, order

DIMENSIONS = ("customer", "supplier", "product", "warehouse", "salesperson")
ITEMS = "items."  # `items.cost` in an identity is the sum of `cost` over the items


class UnreadableError(ValueError):
    """The event contradicts itself or the books; `field` says where. It is rejected, not posted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an event as rules see it."""

    amounts: Mapping[str, Decimal]
    dimensions: Mapping[str, str]
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a rule can name of one event. `on` is None for an event that moves no account."""

    on: date | None
    currency: str | None
    amounts: Mapping[str, Decimal]
    items: tuple[Item, ...]
    dimensions: Mapping[str, str]
    texts: Mapping[str, str]
    reader_version: int

    def facts(self) -> dict[str, Any]:
        """The reading as the journal keeps it: plain JSON, decimals as strings."""
        return {
            "on": self.on.isoformat() if self.on else None,
            "currency": self.currency,
            "amounts": _plain(self.amounts),
            "items": [
                {
                    "amounts": _plain(item.amounts),
                    "dimensions": dict(item.dimensions),
                    "quantity": None if item.quantity is None else f"{item.quantity:f}",
                }
                for item in self.items
            ],
            "dimensions": dict(self.dimensions),
            "texts": dict(self.texts),
        }


@dataclass(frozen=True, slots=True)
class Identity:
    """total = sum of the parts, in every event of a type. Declared once: checked on each event, used by the linter."""

    total: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.total} = {' + '.join(self.parts)}"


@dataclass(frozen=True)
class ItemReader:
    """Which attribute of an event holds its lines, and what is read of each: name in rules -> field of the line."""

    attribute: str
    amounts: Mapping[str, str]
    dimensions: Mapping[str, str] = field(default_factory=dict)
    quantity: str | None = None

    def read(self, event: Event) -> tuple[Item, ...]:
        return tuple(
            Item(
                _fields(part, self.amounts), _given(part, self.dimensions),
                getattr(part, self.quantity) if self.quantity else None,
            )
            for part in getattr(event, self.attribute)
        )


@dataclass(frozen=True)
class Reader:
    """What is read of one event type: name in rules -> field of the event. Any change of it needs a new `version`."""

    event: type[Event]
    on: str
    amounts: tuple[str, ...]
    identities: tuple[Identity, ...]
    dimensions: Mapping[str, str]
    texts: tuple[str, ...]
    items: ItemReader | None = None
    currency: str = "currency"
    stock: Literal["in", "out"] | None = None  # the items enter or leave stock at their `cost`
    version: int = 1

    @cached_property
    def item_amounts(self) -> frozenset[str]:
        return frozenset(self.items.amounts) if self.items else frozenset()

    @cached_property
    def item_dimensions(self) -> frozenset[str]:
        return frozenset(self.items.dimensions) if self.items else frozenset()

    def read(self, event: Event, currency: str) -> Reading:
        """The reading of an event for books in `currency`. UnreadableError if it contradicts itself or them."""
        said = str(getattr(event, self.currency))
        if said != currency:
            raise UnreadableError("currency", f"the books are kept in {currency}, the event is in {said}")
        reading = Reading(
            on=getattr(event, self.on),
            currency=said,
            amounts={name: getattr(event, name) for name in self.amounts},
            items=self.items.read(event) if self.items else (),
            dimensions=_given(event, self.dimensions),
            texts={name: str(getattr(event, name)) for name in self.texts},
            reader_version=self.version,
        )
        self._check_decimals(reading, currency)
        for identity in self.identities:
            self._check(identity, reading)
        return reading

    def _check_decimals(self, reading: Reading, currency: str) -> None:
        for where, value in self._all_amounts(reading):
            if not money.fits(value, currency):
                raise UnreadableError(where, f"{value} has more decimals than {currency} has")

    def _all_amounts(self, reading: Reading) -> Iterable[tuple[str, Decimal]]:
        yield from reading.amounts.items()
        for index, item in enumerate(reading.items):
            for name, value in item.amounts.items():
                yield self._item_field(index, name), value

    def _check(self, identity: Identity, reading: Reading) -> None:
        if not identity.total.startswith(ITEMS):
            parts = sum((_total(part, reading) for part in identity.parts), Decimal(0))
            self._compare(identity, identity.total, reading.amounts[identity.total], parts)
            return
        name = identity.total.removeprefix(ITEMS)
        for index, item in enumerate(reading.items):
            parts = sum((item.amounts[part.removeprefix(ITEMS)] for part in identity.parts), Decimal(0))
            self._compare(identity, self._item_field(index, name), item.amounts[name], parts)

    def _compare(self, identity: Identity, where: str, total: Decimal, parts: Decimal) -> None:
        if total != parts:
            raise UnreadableError(where, f"{identity} does not hold: {total} is not {parts}")

    def _item_field(self, index: int, name: str) -> str:
        assert self.items
        return f"{self.items.attribute}.{index}.{self.items.amounts[name]}"


def read(event: Event, currency: str) -> Reading:
    """The reading of any event; one that no rule can post has only its subject. UnreadableError as Reader.read."""
    reader = READERS.get(event.type)
    if reader is None:
        return Reading(None, None, {}, (), {}, {"subject": event.subject}, reader_version=1)
    return reader.read(event, currency)


def _fields(part: object, names: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: getattr(part, attribute) for name, attribute in names.items()}


def _given(part: object, names: Mapping[str, str]) -> dict[str, str]:
    """Dimensions that have a value; a sale without a salesperson simply has no such dimension."""
    found = {name: getattr(part, attribute) for name, attribute in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _total(name: str, reading: Reading) -> Decimal:
    if name.startswith(ITEMS):
        return sum((item.amounts[name.removeprefix(ITEMS)] for item in reading.items), Decimal(0))
    return reading.amounts[name]


def _plain(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: f"{value:f}" for name, value in amounts.items()}


# -- the readers ------------------------------------------------------------------------------------------------------

_CUSTOMER = {"customer": "customer_id"}
_SALE = {"customer": "customer_id", "salesperson": "salesperson"}
_VAT_PER_LINE = (
    Identity("gross", ("net", "tax")),
    Identity("net", ("items.net",)),
    Identity("tax", ("items.tax",)),
    Identity("items.gross", ("items.net", "items.tax")),
)
_SOLD = ItemReader(
    "lines", {"net": "net", "tax": "tax", "gross": "gross"}, dimensions={"product": "sku"}, quantity="quantity"
)
_STOCK = ItemReader("lines", {"cost": "cost"}, dimensions={"product": "sku"}, quantity="quantity")
_COST = (Identity("cost", ("items.cost",)),)
_PAID = ItemReader("allocations", {"allocated": "amount"})
_ALLOCATED = Identity("allocated", ("items.allocated",))
_VALUE = ("net", "tax", "gross")

READERS: Mapping[str, Reader] = {
    reader.event.type: reader
    for reader in (
        Reader(
            order.OrderPlaced, "ordered_on", _VALUE, _VAT_PER_LINE, {**_SALE, "warehouse": "warehouse"},
            ("order_id", "customer_id"), _SOLD,
        ),
        Reader(order.OrderRejected, "rejected_on", ("net",), (), _SALE, ("order_id", "customer_id", "reason")),
        Reader(
            order.OrderCancelled, "cancelled_on", ("net",), (Identity("net", ("items.net",)),), _SALE,
            ("order_id", "customer_id", "reason"),
            ItemReader("lines", {"net": "net"}, dimensions={"product": "sku"}, quantity="quantity"),
        ),
        Reader(
            order.SaleDelivered, "delivered_on", _VALUE, _VAT_PER_LINE, _SALE,
            ("delivery_id", "order_id", "customer_id"), _SOLD,
        ),
        Reader(
            order.InvoiceIssued, "issued_on", _VALUE, (Identity("gross", ("net", "tax")),), _CUSTOMER,
            ("invoice_id", "order_id", "customer_id"),
        ),
        Reader(
            order.PaymentReceived, "received_on", ("amount", "allocated", "unallocated"),
            (Identity("amount", ("allocated", "unallocated")), _ALLOCATED), _CUSTOMER,
            ("payment_id", "customer_id"), _PAID,
        ),
        Reader(
            order.PaymentAllocated, "allocated_on", ("allocated",), (_ALLOCATED,), _CUSTOMER,
            ("payment_id", "customer_id"), _PAID,
        ),
        Reader(
            inventory.StockOpened, "opened_on", ("cost",), _COST, {"warehouse": "warehouse"}, ("opening_id",), _STOCK,
            stock="in",
        ),
        Reader(
            inventory.GoodsReceived, "received_on", ("cost",), _COST,
            {"warehouse": "warehouse", "supplier": "supplier_id"}, ("receipt_id", "supplier_id"), _STOCK, stock="in",
        ),
        Reader(
            inventory.GoodsShipped, "shipped_on", ("cost",), _COST, {"warehouse": "warehouse"},
            ("shipment_id", "order_id"), _STOCK, stock="out",
        ),
    )
}
