"""Where a proof is made, and what it comes to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.accounting.domain.posting import Words
from services.accounting.views import rows, scratch
from shared.db import Db, Pool

NAMED = 5  # differences that a result names; it counts them all


@dataclass(frozen=True, slots=True)
class Place:
    """One ledger of a company. `progress` hears how much of what is done."""

    pool: Pool
    company: str
    ledger: str
    currency: str
    standard: str
    pack_version: int
    opened_on: date
    words: Words
    progress: Callable[[int, int], None] = lambda _done, _all: None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Db]:
        """A connection that reads the ledger."""
        async with self.pool.acquire() as connection:
            yield Db(connection, self.company)

    @asynccontextmanager
    async def scratch(self) -> AsyncIterator[Db]:
        """A connection whose ledger is an empty scratch; nobody ever gets it after this. BusyError as scratch.enter."""
        async with self.pool.acquire() as connection:
            try:
                await scratch.enter(connection)
                yield Db(connection, self.company)
                await scratch.leave(connection)
            finally:
                connection.terminate()


@dataclass
class Result:
    """Whether a proof holds, what was looked at, and every difference (none: it holds)."""

    name: str
    seen: str = ""
    differences: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        if self.ok:
            return f"proof {self.name}: ok {self.seen}"
        more = f"; and {len(self.differences) - NAMED} more" if len(self.differences) > NAMED else ""
        return f"proof {self.name}: FAILED {'; '.join(self.differences[:NAMED])}{more} ({self.seen})"


async def places(
    pool: Pool, company: str | None = None, ledger: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Place]:
    """Every ledger, or those of one company or name."""
    async with pool.acquire() as connection:
        found = await rows.ledgers(connection)
    return [
        Place(pool, progress=progress, **row)
        for row in found if company in (None, row["company"]) and ledger in (None, row["ledger"])
    ]


def named(row: Any) -> str:
    """How a voucher is called: 2025-03 记-12."""
    return f"{row['period']} {row['word']}-{row['number']}"
