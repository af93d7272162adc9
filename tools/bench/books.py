"""Accounting alone, as a process of its own: books are opened, its queue is filled, and it is watched emptying it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.accounting.follower import follow
from shared.db import open_pool
from shared.wire import Raw
from tools.bench.stage import COMPANY, OPEN_BOOKS, Stage, stage
from tools.bench.story import send
from tools.checker import ledger
from tools.checker.databases import Databases
from tools.servers import Servers

QUEUE = "accounting.events"
LIMIT_SECONDS = 300.0


class WrongError(RuntimeError):
    """What was measured did not do what it should, so that its figures count for nothing."""


@dataclass(frozen=True)
class Rate:
    """How fast events were accepted and vouchers posted."""

    events: float
    vouchers: float


class Books:
    """The accounting service of a stage and its database. Between two runs the service is stopped."""

    def __init__(self, there: Stage, database: Any, url: str, member: str = "accounting") -> None:
        self.stage, self.database, self.url, self.member = there, database, url, member

    async def post(self, told: Sequence[Raw], good: int) -> Rate:
        """Take messages in, and return how fast the good events among them were posted. All runs begin alike: what
        follows the posting has caught up with the runs before."""
        await self._catch_up()
        before = await self._heads()
        await self.take_in(told, good)
        return await self._rate(before)

    async def take_in(self, told: Sequence[Raw], good: int) -> None:
        """Fill the queue while accounting does not run, and let it empty the queue."""
        await send(self.stage.servers.users, told)
        entry, _ = await self._heads()
        async with self.stage.running(self.member):
            await self.wait_for(entry + good)

    async def wait_for(self, entry: int) -> None:
        """Until the journal has so many entries; looking costs nothing, since it is the end of an index."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                if (await self._heads())[0] >= entry:
                    return
                await asyncio.sleep(0.2)

    async def check(self, *, vouchers: int, rejected: int = 0) -> None:
        """WrongError unless the ledger is whole and balanced, with so many vouchers and rejected messages."""
        alone = Databases(None, None, self.database, None, (COMPANY,))
        checks = (ledger.balance, ledger.whole_vouchers, ledger.numbers, ledger.period_balances)
        wrong = [str(finding) for look in checks if not (finding := await look(alone)).ok]
        found = await self.database.fetchrow(
            "select (select count(*) from voucher) as vouchers, (select count(*) from rejected) as rejected"
        )
        if (found["vouchers"], found["rejected"]) != (vouchers, rejected):
            wrong.append(f"{found['vouchers']} vouchers and {found['rejected']} rejected messages instead of "
                         f"{vouchers} and {rejected}")
        if wrong:
            raise WrongError("; ".join(wrong))

    async def _catch_up(self) -> None:
        pool = await open_pool(self.url)
        while await follow(pool):
            pass
        await pool.close()

    async def _heads(self) -> tuple[int, int]:
        """The last journal entry and the last voucher."""
        row = await self.database.fetchrow(
            """
            select (select coalesce(max(entry), 0) from journal where company = $1) as entry,
                   (select coalesce(max(seq), 0) from voucher where company = $1 and ledger = 'main') as seq
            """,
            COMPANY,
        )
        return row["entry"], row["seq"]

    async def _rate(self, before: tuple[int, int]) -> Rate:
        """By Postgres's clock: a batch has the time at which its transaction began."""
        entry, seq = before
        events = await self.database.fetch(
            "select accepted_at as at, count(*) from journal where company = $1 and entry > $2 group by 1 order by 1",
            COMPANY, entry,
        )
        vouchers = await self.database.fetch(
            """
            select posted_at as at, count(*) from voucher where company = $1 and ledger = 'main' and seq > $2
            group by 1 order by 1
            """,
            COMPANY, seq,
        )
        return Rate(per_second(events), per_second(vouchers))


def per_second(batches: Sequence[tuple[datetime, int]]) -> float:
    """How much was done a second, from the begin of the first batch to the begin of the last one."""
    if len(batches) < 2:
        raise WrongError("all of it was one batch: too little to measure")
    done = sum(count for _, count in batches[:-1])
    return done / (batches[-1][0] - batches[0][0]).total_seconds()


@asynccontextmanager
async def books(servers: Servers, also: Sequence[str] = ()) -> AsyncIterator[Books]:
    """Fresh books of a company of which nothing is posted yet; `also` other services, which do not run yet."""
    async with stage(servers, ["accounting", *also]) as there:
        url = there.databases["accounting"].owner_url
        database = await asyncpg.connect(url, command_timeout=600)
        try:
            async with there.running("accounting"), there.door() as door:
                answer = await door.ask(OPEN_BOOKS, "books")
                if answer.why:
                    raise WrongError(answer.why)
                ready = Books(there, database, url)
                await ready.wait_for(2)  # accounting hears of its own books, too
            yield ready
        finally:
            await database.close()
