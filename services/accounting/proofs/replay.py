"""The journal, decided again: its rows in batches, each by the terms of the versions that it names."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.accounting import packs
from services.accounting.domain.journal import decide
from services.accounting.domain.posting import Heads as LastNumbers
from services.accounting.domain.posting import Heard, MappedAccount, Numbered, Posting, Row, Terms, number
from services.accounting.proofs.place import Place
from services.accounting.store import splits_of
from services.accounting.views import rows
from shared.db import Db

BATCH = 1000  # rows of the journal at once: what bounds the memory
BOOKS = "books"  # the first row, which opens the books and leads to no voucher


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal as it stands there."""

    entry: int
    row: Row
    terms: Terms
    none: str | None
    accepted_at: datetime


class Journal:
    """The rows of a ledger's journal up to an entry, with their terms."""

    def __init__(self, place: Place, db: Db, maps: Sequence[Any], upto: int) -> None:
        self._place, self._db, self._upto = place, db, upto
        self._accounts = {
            row["version"]: {role: MappedAccount(code, memo) for role, (code, memo) in row["roles"].items()}
            for row in maps
        }
        self._splits = {row["version"]: splits_of(row["splits"]) for row in maps}
        self._terms: dict[tuple[str, int, int, date], Terms] = {}

    @classmethod
    async def open(cls, place: Place, db: Db, upto: int) -> "Journal":
        return cls(place, db, await rows.role_maps(db, place.ledger), upto)

    async def batches(self, batch: int = BATCH) -> AsyncIterator[list[Entry]]:
        """In the order of the journal, without the row that opened the books."""
        after = 0
        while found := await rows.journal(self._db, self._place.ledger, after, self._upto, batch):
            after = found[-1]["entry"]
            if entries := [self._entry(row) for row in found if row["kind"] != BOOKS]:
                yield entries
            self._place.progress(after, self._upto)

    async def between(self, first: int, last: int) -> list[Entry]:
        """The rows from one entry to another."""
        found = await rows.journal(
            self._db, self._place.ledger, first - 1, min(last, self._upto), last - first + 1)
        return [self._entry(row) for row in found if row["kind"] != BOOKS]

    def _entry(self, row: Mapping[str, Any]) -> Entry:
        event = None
        if row["event_id"]:
            event = Heard(row["event_id"], row["event_type"], row["source"], row["position"])
        return Entry(
            row["entry"], Row(row["kind"], row["actor"], row["facts"], row["reader_version"], event),
            self._terms_of(row), row["none_zh"], row["accepted_at"],
        )

    def _terms_of(self, row: Mapping[str, Any]) -> Terms:
        open_from = row["open_from"] or self._place.opened_on
        key = row["standard"], row["pack_version"], row["mapping_version"], open_from
        if key not in self._terms:
            self._terms[key] = Terms(
                self._place.currency, open_from, packs.named(row["standard"], row["pack_version"]),
                row["mapping_version"], self._accounts[row["mapping_version"]], self._place.words,
                self._splits[row["mapping_version"]], self._place.ledger,
            )
        return self._terms[key]


class Numberer:
    """Gives numbers and places to what is decided again, from the first on."""

    def __init__(self) -> None:
        self._seq = 0
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, first_entry: int, postings: Sequence[Posting]) -> list[Numbered]:
        """The vouchers of entries that follow each other in the journal."""
        found = number(postings, LastNumbers(first_entry - 1, self._seq, self._numbers))
        self._seq += len(found)
        for numbered in found:
            self._numbers[numbered.voucher.period, numbered.voucher.word] = numbered.number
        return found


def decide_all(entries: Sequence[Entry]) -> list[Posting]:
    return [decide(entry.row, entry.terms) for entry in entries]
