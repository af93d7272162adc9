"""What a company may decide otherwise: negative stock (负库存)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.inventory.domain import refusals
from shared.events.inventory import AllowNegativeStock, NegativeStockAllowed
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class NegativeStock:
    """The decisions in the order in which they were said: from which date on, and whether. The default is no."""

    decisions: tuple[tuple[date, bool], ...] = ()

    @property
    def latest(self) -> bool:
        """Whether orders may reserve more than is there: they are shipped later."""
        return self.decisions[-1][1] if self.decisions else False

    def on(self, day: date) -> bool:
        """Whether more than is there may leave on a day: as said last of those that count by then."""
        return next((allow for allowed_from, allow in reversed(self.decisions) if allowed_from <= day), False)


NEVER = NegativeStock()


def decide(commands: Sequence[AllowNegativeStock], currency: str | None) -> list[NegativeStockAllowed | Refusal]:
    """One outcome per command. No currency: no books."""
    if currency is None:
        return [refusals.unknown_company(command) for command in commands]
    return [NegativeStockAllowed(allowed_from=c.allowed_from, allow=c.allow) for c in commands]
