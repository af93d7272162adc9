"""`chain`: no voucher was changed since its block was sealed. `asof`: what was known after each block is what its
digest of the balances says."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from services.accounting import store
from services.accounting.domain.chain import FIRST, Block
from services.accounting.domain.journal import decide
from services.accounting.domain.posting import Numbered
from services.accounting.proofs import explain
from services.accounting.proofs.place import NAMED, Place, Result, named
from services.accounting.proofs.replay import Journal
from services.accounting.views import chain, rows
from shared.db import Db

BLOCK = 1000  # vouchers in a whole block


async def seal(db: Db, ledger: str, *, whole_only: bool = False) -> bool:
    """Seal the next block, of at most BLOCK vouchers; False if there is none. Who comes second finds it done."""
    last, end = await chain.last_block(db, ledger), await chain.last_place(db, ledger)
    before = last["last_seq"] if last else 0
    upto = min(before + BLOCK, end)
    if upto <= before or (whole_only and upto < before + BLOCK):
        return False
    leaves = b"".join(row["hash"] for row in await rows.hashes(db, ledger, before + 1, upto))
    balances = sha256((await chain.balances_at(db, ledger, upto)).encode()).digest()
    await store.insert_block(db, Block(
        db.company, ledger, last["block"] + 1 if last else 1, before + 1, upto, leaves, balances,
        last["hash"] if last else FIRST,
    ))
    return True


async def seal_all(db: Db, ledger: str) -> None:
    """Up to the last voucher."""
    while await seal(db, ledger):
        pass


async def prove_chain(place: Place) -> Result:
    """Seal what is not sealed yet; then make the hash of every voucher again and compare block by block."""
    result, vouchers, last = Result("chain"), 0, None
    async with place.reading() as db:
        await seal_all(db, place.ledger)
        heads = await rows.heads(db, place.ledger)
        async for row in _blocks(db, place.ledger):
            block = _block(row)
            result.differences += _unlike(row, block, last)
            now = await rows.hashes(db, place.ledger, block.first_seq, block.last_seq)
            changed = _changed(block, now)
            result.differences += [what for seq in changed[:NAMED] for what in await _why(place, db, seq)]
            result.differences += [f"the voucher at place {seq} was changed" for seq in changed[NAMED:]]
            vouchers, last = vouchers + len(now), row
            place.progress(block.last_seq, heads.seq)
    head = last["hash"].hex() if last else FIRST.hex()
    result.figures = {"blocks": last["block"] if last else 0, "vouchers": vouchers, "head": head}
    result.seen = f"{result.figures['blocks']} blocks, {vouchers} vouchers, head {head[:16]}"
    return result


async def _blocks(db: Db, ledger: str) -> AsyncIterator[Any]:
    after = 0
    while found := await chain.blocks(db, ledger, after):
        for row in found:
            yield row
        after = found[-1]["block"]


def _block(row: Any) -> Block:
    names = ("company", "ledger", "block", "first_seq", "last_seq", "leaves", "balances", "previous")
    return Block(**{name: row[name] for name in names})


def _unlike(row: Any, block: Block, before: Any) -> list[str]:
    """What of a block is not what its leaves and the block before it say."""
    number = row["block"]
    place = (before["block"] + 1, before["last_seq"] + 1) if before else (1, 1)
    found = []
    if (row["root"], row["hash"]) != (block.root, block.hash):
        found.append(f"block {number} was changed: its hash is not that of what it holds")
    if (row["block"], row["first_seq"]) != place or row["previous"] != (before["hash"] if before else FIRST):
        found.append(f"block {number} does not follow the one before it")
    return found


def _changed(block: Block, now: Sequence[Any]) -> list[int]:
    """The places of vouchers that have another hash than when they were sealed, or are gone."""
    here = {row["seq"]: row["hash"] for row in now}
    sealed = enumerate(block.hashes, block.first_seq)
    return [seq for seq, leaf in sealed if here.get(seq) != leaf]


async def _why(place: Place, db: Db, seq: int) -> list[str]:
    """Which voucher it is and, by what its journal row leads to, which field of which line was changed."""
    near = await rows.vouchers(db, place.ledger, seq - 9, seq + 9)
    row = next((row for row in near if row["seq"] == seq), None)
    if row is None:
        return [f"the voucher at place {seq} is gone"]
    found = [f"voucher {named(row)} at place {seq} was changed"]
    own = [other for other in near if other["entry"] == row["entry"]]
    journal = await Journal.open(place, db, row["entry"])
    for entry in await journal.between(row["entry"], row["entry"]):
        posting = decide(entry.row, entry.terms)
        numbered = [
            Numbered(voucher, posting, entry.entry, other["seq"], other["number"])
            for voucher, other in zip(posting.vouchers, own, strict=False) if other["seq"] == seq
        ]
        lines = explain.lines(numbered, await rows.lines(db, place.ledger, seq, seq))
        found += explain.headers(numbered, [row]) + lines
    return found


async def as_of(place: Place) -> Result:
    """Add the ledger up from its beginning, and compare what was known after each block with the digest that was kept
    then."""
    result, sums = Result("asof"), defaultdict[tuple[str, str], list[Decimal]](lambda: [Decimal(0), Decimal(0)])
    blocks = 0
    async with place.reading() as db:
        await seal_all(db, place.ledger)
        async for row in _blocks(db, place.ledger):
            for moved in await chain.moved(db, place.ledger, row["first_seq"], row["last_seq"]):
                both = sums[moved["period"], moved["account"]]
                both[0] += moved["debit"]
                both[1] += moved["credit"]
            if sha256(_text(sums).encode()).digest() != row["balances"]:
                result.differences.append(f"after block {row['block']} (place {row['last_seq']}) the balances are not "
                                          "those that were known then")
            blocks += 1
            place.progress(blocks, blocks)
    result.figures = {"blocks": blocks}
    result.seen = f"balances as known after each of {blocks} blocks are those whose digest was kept then"
    return result


def _text(sums: dict[tuple[str, str], list[Decimal]]) -> str:
    """As `chain.balances_at` says it."""
    return "\n".join(f"{period} {account} {debit:.4f} {credit:.4f}"
                     for (period, account), (debit, credit) in sorted(sums.items()) if debit or credit)

