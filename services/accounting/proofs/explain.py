"""`explain`: every voucher follows from its rule and the stored facts of its journal row, and every row has vouchers or
a reason for none. The stored inputs, decided again, give the stored lines."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from services.accounting.domain.posting import Numbered, Posting
from services.accounting.proofs.place import Place, Result, named
from services.accounting.proofs.replay import Entry, Journal, Numberer, decide_all
from services.accounting.store import LINE_COLUMNS, VOUCHER_COLUMNS, line_rows, voucher_row
from services.accounting.views import rows

# Vouchers from before the column was made have none; the day stands in the facts of their journal rows.
NEWER = "business_date"


async def explain(place: Place) -> Result:
    """Compare what every row of the journal leads to with what is stored, field by field."""
    result, numberer, entries_seen, none = Result("explain"), Numberer(), 0, 0
    async with place.reading() as db:
        heads = await rows.heads(db, place.ledger)
        done = 0
        async for entries in (await Journal.open(place, db, heads.entry)).batches():
            postings = decide_all(entries)
            result.differences += reasons(entries, postings)
            none += sum(posting.none is not None for posting in postings)
            numbered = numberer.number(entries[0].entry, postings)
            first, done, entries_seen = done + 1, done + len(numbered), entries_seen + len(entries)
            result.differences += headers(numbered, await rows.vouchers(db, place.ledger, first, done))
            result.differences += lines(numbered, await rows.lines(db, place.ledger, first, done))
    if done != heads.seq:
        result.differences.append(f"{heads.seq} vouchers are stored, the journal leads to {done}")
    result.seen = f"{done} vouchers follow from their rules; {none} of {entries_seen} entries have a reason for none"
    result.figures = {"entries": entries_seen, "vouchers": done, "none": none}
    return result


def reasons(entries: Sequence[Entry], postings: Sequence[Posting]) -> list[str]:
    """A row has vouchers, or the reason that is stored."""
    return [
        f"entry {entry.entry}: the reason for no voucher is {entry.none!r}, by its rules "
        f"{posting.none.zh if posting.none else None!r}"
        for entry, posting in zip(entries, postings, strict=True)
        if entry.none != (posting.none.zh if posting.none else None)
    ]


def headers(numbered: Sequence[Numbered], stored: Sequence[Any]) -> list[str]:
    """What differs in the headers, by voucher and field."""
    kept = {row["seq"]: row for row in stored}
    found = []
    for one in numbered:
        wanted = dict(zip(VOUCHER_COLUMNS, voucher_row(one), strict=True))
        row = kept.get(one.seq)
        if row is None:
            found.append(f"voucher {named(wanted)} is missing")
            continue
        found += [f"voucher {named(row)}: {name} is {row[name]}, by its rule {value}" for name, value in wanted.items()
                  if row[name] != value and not (name == NEWER and row[name] is None)]
    return found


def lines(numbered: Sequence[Numbered], stored: Sequence[Any]) -> list[str]:
    """What differs in the lines, by voucher, line and field."""
    kept = {(row["seq"], row["line"]): row for row in stored}
    found = []
    for one in numbered:
        name = named({"period": one.voucher.period, "word": one.voucher.word, "number": one.number})
        for values in line_rows(one):
            wanted = dict(zip(LINE_COLUMNS, values, strict=True))
            row = kept.pop((one.seq, wanted["line"]), None)
            where = f"voucher {name} line {wanted['line']}"
            if row is None:
                found.append(f"{where} is missing")
                continue
            found += [f"{where}: {field} is {shown(row[field])}, by rule {one.voucher.rule} {shown(value)}"
                      for field, value in wanted.items() if row[field] != value]
    return found + [f"line {line} of the voucher at place {seq} follows from nothing" for seq, line in kept]


def shown(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
