"""What a journal row leads to: one pure function per kind, of the row's own facts and of the terms of its versions.

The journal is the source of everything in the ledger: whoever goes through it again, with the terms that each row
names, gets the same vouchers. Live posting decides by the same functions.
"""

from collections.abc import Callable, Mapping, Sequence

from services.accounting.domain import closing, correcting, manual, policies
from services.accounting.domain.posting import Everywhere, Policies, Posting, Row, Terms, apply
from services.accounting.domain.reading import Reading


def decide(row: Row, terms: Terms) -> Posting:
    """The vouchers of a row, or the reason for none. KeyError for a kind that this release does not know."""
    return KINDS[row.kind](row, terms)


def decide_everywhere(row: Row, ledgers: Sequence[Policies]) -> Everywhere:
    """The same in every ledger of the company, for a row that no rule of a day decides about."""
    return tuple(decide(row, policies.first) for policies in ledgers)


def _event(row: Row, terms: Terms) -> Posting:
    return apply(Reading.of(row.facts, row.reader_version), row, terms)


KINDS: Mapping[str, Callable[[Row, Terms], Posting]] = {
    "event": _event,
    "close": closing.close,
    "manual": manual.post,
    "correction": correcting.correct,
    "mapping": policies.decide,
    "pack": policies.decide,
}
