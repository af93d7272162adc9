"""What an event says of earlier documents that it relieves, so that open items are known per document."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.events import Event

# Kind of open item (domain/open_items.py) -> document -> by how much what is open of it changes.
Settled = Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True)
class Settles:
    """Which earlier documents an event relieves (domain/open_items.py): fields of the event, or of each part of an
    attribute of it. `grows` where what is open of the document becomes more."""

    kind: str
    document: str
    amount: str
    each: str | None = None
    grows: bool = False

    def add(self, event: Event, settled: dict[str, dict[str, Decimal]]) -> None:
        """Add what the event says; a document that is named twice counts twice."""
        for part in getattr(event, self.each) if self.each else (event,):
            document, amount = getattr(part, self.document), getattr(part, self.amount)
            if document is not None and amount:
                named = settled.setdefault(self.kind, {})
                named[document] = named.get(document, Decimal(0)) + (amount if self.grows else -amount)
