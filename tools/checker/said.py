"""Events of one company as their log holds them, for checks that go through them one after the other."""

import json
from collections.abc import AsyncIterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

SLICE = 5_000
WITHOUT_CENTS = {"JPY"}


async def said(connection: Any, company: str, *types: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """(type, body) in the order of the log, whose `seq` respects the order of transactions that wait for each other."""
    last = 0
    while True:
        rows = await connection.fetch(
            """
            select seq, type, convert_from(body, 'UTF8') as body from event
            where company = $1 and type = any ($2) and seq > $3 order by seq limit $4
            """,
            company, list(types), last, SLICE,
        )
        for row in rows:
            yield row["type"], json.loads(row["body"])
        if len(rows) < SLICE:
            return
        last = rows[-1]["seq"]


def share(total: Decimal, so_far: Decimal, whole: Decimal, currency: str) -> Decimal:
    """What the pieces so far are worth of a whole, rounded half up to the currency's decimals."""
    return rounded(total * so_far / whole, currency)


def rounded(value: Decimal, currency: str) -> Decimal:
    unit = Decimal(1) if currency in WITHOUT_CENTS else Decimal("0.01")
    return value.quantize(unit, rounding=ROUND_HALF_UP)
