"""`rebuild`: the ledger made again from its journal is the same, row for row. `digest`: its content is the same when
the journal is gone through in another order and in other batches."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any

from services.accounting.proofs.place import Place, Result, named
from services.accounting.proofs.replay import BATCH, Entry, Journal, Numberer, decide_all
from services.accounting.store import line_rows, voucher_row
from services.accounting.views import rows, scratch
from shared.db import Db

MODULUS = 2**256


class Digests:
    """The digests of a ledger, of which one voucher after the other is seen.

    `rows` is of everything, in the order of posting. `content` is the sum of what the vouchers say without number,
    place, position and time: no order changes it. It finds differences of honest ledgers; forgers are for the chain.
    """

    def __init__(self) -> None:
        self._rows, self._content, self.vouchers = sha256(), 0, 0

    def see(self, hashes: Sequence[Any]) -> None:
        for row in hashes:
            self._rows.update(row["hash"])
            self._content = (self._content + int.from_bytes(row["content"])) % MODULUS
        self.vouchers += len(hashes)

    def rows(self, balances: str) -> str:
        """With the sums per month and account at the end."""
        found = self._rows.copy()
        found.update(balances.encode())
        return found.hexdigest()

    @property
    def content(self) -> str:
        return f"{self._content:064x}"


async def digests(db: Db, ledger: str, upto: int) -> Digests:
    """Of the ledger that the connection sees, up to a place."""
    found = Digests()
    for first in range(1, upto + 1, BATCH):
        found.see(await rows.hashes(db, ledger, first, min(first + BATCH - 1, upto)))
    return found


async def rebuild(place: Place) -> Result:
    """Decide the journal again into empty tables, and compare every row, the digests, and the sums."""
    result, began = Result("rebuild"), perf_counter()
    async with place.reading() as db, place.scratch() as made:
        heads = await rows.heads(db, place.ledger)
        kept, again, numberer = Digests(), Digests(), Numberer()
        journal = await Journal.open(place, db, heads.entry)
        async for entries in journal.batches():
            first = again.vouchers + 1
            last = again.vouchers + await _write(place, made, entries, numberer, entries[0].entry)
            here, hashes = await asyncio.gather(  # two connections, so that two cores work on them
                rows.hashes(db, place.ledger, first, min(last, heads.seq)),
                rows.hashes(made, place.ledger, first, last),
            )
            result.differences += _differ(here, hashes)
            kept.see(here)
            again.see(hashes)
        result.differences += await _beyond(db, place, again.vouchers + 1, heads.seq)
        await scratch.add_up(made, place.ledger)
        made_heads = await rows.heads(made, place.ledger)
        if heads.balances != made_heads.balances:
            result.differences.append("the sums per month and account are not those of the journal")
    digest, seconds = kept.rows(heads.balances), perf_counter() - began
    if digest != again.rows(made_heads.balances) and not result.differences:
        result.differences.append("the row digests differ")
    result.figures = {"row_digest": digest, "content_digest": kept.content, "entries": heads.entry,
                      "vouchers": kept.vouchers, "seconds": round(seconds, 2)}
    result.seen = (f"{heads.entry} entries, {kept.vouchers} vouchers, row digest {digest[:16]}, "
                   f"{heads.entry / seconds:.0f} entries/s")
    return result


async def digest(place: Place, seed: int = 1) -> Result:
    """Decide the journal again with the last blocks first, each shuffled and cut at random: the same content."""
    result = Result("digest")
    async with place.reading() as db, place.scratch() as made:
        heads = await rows.heads(db, place.ledger)
        numberer, done = Numberer(), 0
        async for entries in _shuffled(await Journal.open(place, db, heads.entry), heads.entry, seed):
            await _write(place, made, entries, numberer, done + 1)
            done += len(entries)
            place.progress(done, heads.entry)
        kept = await digests(db, place.ledger, heads.seq)
        again = await digests(made, place.ledger, (await rows.heads(made, place.ledger)).seq)
    if (kept.content, kept.vouchers) != (again.content, again.vouchers):
        result.differences.append(f"in another order {again.vouchers} vouchers with content {again.content[:16]} "
                                  f"instead of {kept.vouchers} with {kept.content[:16]}")
    result.figures = {"content_digest": kept.content, "vouchers": kept.vouchers}
    result.seen = f"{kept.vouchers} vouchers, content digest {kept.content[:16]}"
    return result


async def _shuffled(journal: Journal, upto: int, seed: int) -> AsyncIterator[list[Entry]]:
    chance = random.Random(seed)
    for first in reversed(range(1, upto + 1, BATCH)):
        block = await journal.between(first, first + BATCH - 1)
        chance.shuffle(block)
        while block:
            size = chance.randint(1, len(block))
            yield block[:size]
            block = block[size:]


async def _write(place: Place, made: Db, entries: Sequence[Entry], numberer: Numberer, first_entry: int) -> int:
    """Write what entries lead to, as if `first_entry` were the place of the first; returns how many vouchers it was."""
    numbered = numberer.number(first_entry, decide_all(entries))
    # A voucher is posted in the transaction that accepts its entry, and so at the same time.
    await scratch.fill(
        made, place.ledger, place.currency,
        [(*voucher_row(n), entries[n.entry - first_entry].accepted_at) for n in numbered],
        [row for n in numbered for row in line_rows(n)],
    )
    return len(numbered)


def _differ(here: Sequence[Any], again: Sequence[Any]) -> list[str]:
    """Vouchers that are not what the journal leads to."""
    kept = {row["seq"]: row for row in here}
    found = []
    for row in again:
        other = kept.get(row["seq"])
        if other is None:
            found.append(f"voucher {named(row)} is missing")
        elif other["hash"] != row["hash"]:
            found.append(f"voucher {named(other)} is not what the journal leads to")
    return found


async def _beyond(db: Db, place: Place, first: int, last: int) -> list[str]:
    found = []
    for start in range(first, last + 1, BATCH):
        found += [f"nothing in the journal leads to voucher {named(row)}"
                  for row in await rows.hashes(db, place.ledger, start, min(start + BATCH - 1, last))]
    return found
