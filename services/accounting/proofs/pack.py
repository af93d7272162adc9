"""The period pack (期间证明包): a month's vouchers with the blocks that hold them, as JSON lines. tools/verify_pack.py
verifies it without a database and without this code."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from services.accounting import views
from services.accounting.domain.chain import merkle_root
from services.accounting.proofs.chain import seal_all
from services.accounting.proofs.place import Place
from services.accounting.views import chain, rows
from shared.db import Db

FORMAT = "fenlu-period-pack"
AT_ONCE = 500  # vouchers


async def period_pack(place: Place, period: str) -> AsyncIterator[bytes]:
    """A line of JSON each: what it is, accounts with their balances, every block of the chain (with its leaves where it
    holds vouchers of the month), every voucher's text in the order of posting, and at last the Merkle root of those."""
    async with place.reading() as db:
        await seal_all(db, place.ledger)
        places = await chain.places_of_period(db, place.ledger, period)
        yield _line({
            "format": FORMAT, "version": 1, "company": place.company, "ledger": place.ledger, "period": period,
            "currency": place.currency, "standard": place.standard, "vouchers": len(places),
        })
        for account in await _accounts(place, db, period):
            yield _line({"account": account})
        async for block in _blocks(db, place.ledger, places):
            yield _line({"block": block})
        leaves: list[bytes] = []
        for start in range(0, len(places), AT_ONCE):
            for row in await rows.texts(db, place.ledger, places[start:start + AT_ONCE]):
                leaves.append(sha256(row["text"].encode()).digest())
                yield _line({"voucher": row["text"]})
            place.progress(len(leaves), len(places))
        yield _line({"root": merkle_root(leaves).hex()})


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value) + b"\n"


async def _accounts(place: Place, db: Db, period: str) -> list[dict[str, Any]]:
    table = await views.trial_balance(db, place.currency, period, place.ledger)
    return [
        {"code": a["code"], "zh": a["zh"], "en": a["en"], "memo": a["kind"] == "memo",
         "opening": f"{Decimal(a['opening_debit']) - Decimal(a['opening_credit']):f}", "debit": a["debit"],
         "credit": a["credit"], "closing": f"{Decimal(a['closing_debit']) - Decimal(a['closing_credit']):f}"}
        for a in table["accounts"]
    ]


async def _blocks(db: Db, ledger: str, places: Sequence[int]) -> AsyncIterator[dict[str, Any]]:
    wanted, after = set(places), 0
    while found := await chain.blocks(db, ledger, after):
        for row in found:
            holds = not wanted.isdisjoint(range(row["first_seq"], row["last_seq"] + 1))
            yield {
                "block": row["block"], "first": row["first_seq"], "last": row["last_seq"], "root": row["root"].hex(),
                "balances": row["balances"].hex(), "previous": row["previous"].hex(), "hash": row["hash"].hex(),
                "leaves": row["leaves"].hex() if holds else None,
            }
        after = found[-1]["block"]


