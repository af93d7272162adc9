"""How an event is read into what posting rules may name: amounts, items, dimensions, texts, and the business date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Self

from services.accounting.domain.settling import Settled, Settles
from shared import money
from shared.events import Event

DIMENSIONS = ("customer", "supplier", "product", "warehouse", "salesperson")
ITEMS = "items."  # `items.cost` in an identity is the sum of `cost` over the items


class UnpostableError(ValueError):
    """Why an event cannot be posted; the text begins with the field. It is rejected, and its batch goes on."""


class UnreadableError(UnpostableError):
    """The event contradicts itself or the books; `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Item(NamedTuple):
    """One line of an event as rules see it."""

    amounts: Mapping[str, Decimal]
    dimensions: Mapping[str, str]
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a rule can name of one event. `on` is None for an event that moves no account. `due` is the day
    until which what it opens is to be paid, if it says one."""

    on: date | None
    currency: str | None
    amounts: Mapping[str, Decimal]
    items: tuple[Item, ...]
    dimensions: Mapping[str, str]
    texts: Mapping[str, str]
    reader_version: int
    settles: Settled = field(default_factory=dict)
    due: date | None = None

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
                    "quantity": None if item.quantity is None else _digits(item.quantity),
                }
                for item in self.items
            ],
            "dimensions": dict(self.dimensions),
            "texts": dict(self.texts),
            **({"settles": {kind: _plain(named) for kind, named in self.settles.items()}} if self.settles else {}),
            **({"due": self.due.isoformat()} if self.due else {}),
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any], reader_version: int) -> Self:
        """The reading that `facts` were written from."""
        return cls(
            on=date.fromisoformat(facts["on"]) if facts["on"] else None,
            currency=facts["currency"],
            amounts=_decimals(facts["amounts"]),
            items=tuple(
                Item(
                    _decimals(item["amounts"]), item["dimensions"],
                    None if item["quantity"] is None else Decimal(item["quantity"]),
                )
                for item in facts["items"]
            ),
            dimensions=facts["dimensions"],
            texts=facts["texts"],
            reader_version=reader_version,
            settles={kind: _decimals(named) for kind, named in facts.get("settles", {}).items()},
            due=date.fromisoformat(facts["due"]) if "due" in facts else None,
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """total = sum of the parts, in every event of a type. Declared once: checked on each event, used by the linter."""

    total: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.total} = {' + '.join(self.parts)}"


@dataclass(frozen=True, slots=True)
class Stock:
    """By how much an event changes the value of stock, as symbols, and how an accountant calls that."""

    change: Mapping[str, int]
    zh: str
    en: str


UNMOVED = Stock({}, "没有货物移动", "no goods move")


@dataclass(frozen=True)
class ItemReader:
    """Which attribute of an event holds its lines, and what is read of each: name in rules -> field of the line.

    A quantity is read without its sign: which way it goes is said by the side and sign of the voucher line.
    """

    attribute: str
    amounts: Mapping[str, str]
    dimensions: Mapping[str, str] = field(default_factory=dict)
    quantity: str | None = None

    def read(self, event: Event) -> tuple[Item, ...]:
        return tuple(
            Item(
                _fields(part, self.amounts), _given(part, self.dimensions),
                abs(getattr(part, self.quantity)) if self.quantity else None,
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
    stock: Stock = UNMOVED
    settles: tuple[Settles, ...] = ()
    due: str | None = None
    version: int = 1

    @cached_property
    def item_amounts(self) -> frozenset[str]:
        return frozenset(self.items.amounts) if self.items else frozenset()

    @cached_property
    def item_dimensions(self) -> frozenset[str]:
        return frozenset(self.items.dimensions) if self.items else frozenset()

    def offered(self, *, of_items: bool) -> frozenset[str]:
        """The amounts that a rule may name, of the event or of each of its items."""
        return self.item_amounts if of_items else frozenset(self.amounts)

    def read(self, event: Event, currency: str) -> Reading:
        """The reading of an event for books in `currency`. UnreadableError if it contradicts itself or them."""
        said = str(getattr(event, self.currency))
        if said != currency:
            raise UnreadableError("currency", f"the books are kept in {currency}, the event is in {said}")
        settled: dict[str, dict[str, Decimal]] = {}
        for settles in self.settles:
            settles.add(event, settled)
        reading = Reading(
            on=getattr(event, self.on),
            currency=said,
            amounts={name: getattr(event, name) for name in self.amounts},
            items=self.items.read(event) if self.items else (),
            dimensions=_given(event, self.dimensions),
            texts={name: str(getattr(event, name)) for name in self.texts},
            reader_version=self.version,
            settles=settled,
            due=getattr(event, self.due) if self.due else None,
        )
        self._check_decimals(reading, currency)
        for identity in self.identities:
            self._check(identity, reading)
        return reading

    def _check_decimals(self, reading: Reading, currency: str) -> None:
        for name, value in reading.amounts.items():
            if not money.fits(value, currency):
                raise _too_fine(name, value, currency)
        for index, item in enumerate(reading.items):
            for name, value in item.amounts.items():
                if not money.fits(value, currency):
                    raise _too_fine(self._item_field(index, name), value, currency)

    def _check(self, identity: Identity, reading: Reading) -> None:
        if not identity.total.startswith(ITEMS):
            total, parts = reading.amounts[identity.total], sum([_total(part, reading) for part in identity.parts])
            if total != parts:
                raise _broken(identity, identity.total, total, parts)
            return
        name, *names = (part.removeprefix(ITEMS) for part in (identity.total, *identity.parts))
        for index, item in enumerate(reading.items):
            total, parts = item.amounts[name], sum([item.amounts[part] for part in names])
            if total != parts:
                raise _broken(identity, self._item_field(index, name), total, parts)

    def _item_field(self, index: int, name: str) -> str:
        assert self.items
        return f"{self.items.attribute}.{index}.{self.items.amounts[name]}"


def _fields(part: object, names: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: getattr(part, attribute) for name, attribute in names.items()}


def _given(part: object, names: Mapping[str, str]) -> dict[str, str]:
    """Dimensions that have a value; a sale without a salesperson simply has no such dimension."""
    return {
        name: value for name, attribute in names.items() if (value := getattr(part, attribute)) is not None
    }


def _total(name: str, reading: Reading) -> Decimal | int:
    if name.startswith(ITEMS):
        of_item = name.removeprefix(ITEMS)
        return sum([item.amounts[of_item] for item in reading.items])
    return reading.amounts[name]


def _too_fine(where: str, value: Decimal, currency: str) -> UnreadableError:
    return UnreadableError(where, f"{value} has more decimals than {currency} has")


def _broken(identity: Identity, where: str, total: Decimal, parts: Decimal | int) -> UnreadableError:
    return UnreadableError(where, f"{identity} does not hold: {total} is not {parts}")


def _plain(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: _digits(value) for name, value in amounts.items()}


def _digits(value: Decimal) -> str:
    """All of its digits. Nearly always they are what str gives, twice as fast."""
    text = str(value)
    return f"{value:f}" if "E" in text else text


def _decimals(amounts: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(value) for name, value in amounts.items()}
