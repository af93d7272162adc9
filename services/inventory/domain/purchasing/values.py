"""What purchasing decides on: frozen pictures of what the store holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import Pool
from shared.events import Command
from shared.money import next_share
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Books:
    """The company's currency, the rate of bills that state no tax, and the first day, where it is known."""

    currency: str
    vat_rate: Decimal
    opened_on: date | None


class LineKey(NamedTuple):
    """A line of a receipt."""

    receipt_id: str
    line: int


@dataclass(frozen=True, slots=True)
class Match:
    """Where a receipt line stands. `move` is its place in its pool's stream; `unbilled` and `accrued` are the quantity
    and the value (暂估) that no bill and no return has taken yet; `variance` is what its bills differ by so far."""

    key: LineKey
    supplier_id: str
    pool: Pool
    move: int
    quantity: Decimal
    cost: Decimal
    unbilled: Decimal
    accrued: Decimal
    variance: Decimal
    returned: Decimal

    @property
    def known_cost(self) -> Decimal:
        """What the receipt line cost as far as it is known now."""
        return self.cost + self.variance

    def relieve(self, quantity: Decimal, currency: str) -> "Match":
        """A bill or a return takes unbilled goods with their share of the accrued value; the shares add up."""
        taken = self.quantity - self.unbilled + quantity
        share = next_share(self.cost, taken, self.quantity, self.cost - self.accrued, currency)
        return replace(self, unbilled=self.unbilled - quantity, accrued=self.accrued - share)


# What receipts cost as far as it is known now: per pool, by their moves' places in the stream.
News = Mapping[Pool, Mapping[int, Decimal]]


def news_of(matches: Iterable[Match]) -> News:
    """What is known now of these receipt lines."""
    news: dict[Pool, dict[int, Decimal]] = {}
    for match in matches:
        news.setdefault(match.pool, {})[match.move] = match.known_cost
    return news


def refuse_currency(
    command: Command, currency: str, books: Books, field: str = "currency"
) -> Refusal | None:
    """Suppliers are billed and paid in the currency of the books."""
    if currency == books.currency:
        return None
    return refusals.refuse(command, field, "other_currency", currency, currency=books.currency)
