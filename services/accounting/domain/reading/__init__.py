"""Reads an event into what posting rules may name: amounts, items, dimensions, texts, and the business date."""

from services.accounting.domain.reading.reader import (
    DIMENSIONS,
    ITEMS,
    UNMOVED,
    Identity,
    Item,
    Reader,
    Reading,
    Stock,
    UnpostableError,
    UnreadableError,
)
from services.accounting.domain.reading.readers import READERS
from shared.events import Event

__all__ = [
    "DIMENSIONS", "ITEMS", "READERS", "UNMOVED", "Identity", "Item", "Reader", "Reading", "Stock", "UnpostableError",
    "UnreadableError", "read",
]


def read(event: Event, currency: str) -> Reading:
    """The reading of any event; one that no rule can post has only its subject. UnreadableError as Reader.read."""
    reader = READERS.get(event.type)
    if reader is None:
        return Reading(None, None, {}, (), {}, {"subject": event.subject}, reader_version=1)
    return reader.read(event, currency)
