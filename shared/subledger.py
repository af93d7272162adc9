"""How a service states its subledger: at a clean cut of its log, so that accounting can compare at that very position.

`cut` waits until nobody who has said something of the company is still under way; from then on whatever else is said
comes later in the log. So what the next statement reads is what the events before its own position led to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from shared import log
from shared.db import Db, Pool, is_transient
from shared.events import Command, Event
from shared.events.tieout import (
    Movement,
    MovementsWanted,
    StatedBalance,
    StateSubledger,
    SubledgerDetailed,
    SubledgerStated,
)
from shared.refusal import Refusal
from shared.rounds import Rounds
from shared.service import Service

CUT_MILLISECONDS = 500  # writers wait behind a cut that waits; if it takes longer, it is for another time
MOST_BALANCES = 2000  # in one event
STRETCH = 5000  # positions of which movements are said in one event
LOOK_SECONDS = 5.0
STATE_SECONDS, IDLE_SECONDS = 60.0, 600.0  # of companies that speak; of those that do not, unless something changed

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Subledger:
    """What a service has to give.

    Its migrations make the function `subledger(company)`, the balances as they are (rows of role, key, amount; those of
    a role in all under the key ''), and the table `stated_balance` of what was said of them. `movements` reads what
    moved a key of a role between two positions.
    """

    stated: type[SubledgerStated]
    detailed: type[SubledgerDetailed]
    movements: Callable[[Db, str, str, int, int], Awaitable[Sequence[Movement]]]

    def register(self, service: Service) -> None:
        """Give a service the use cases: it states when asked, and shows what moved a balance when accounting asks."""

        async def state_subledger(db: Db, commands: Sequence[StateSubledger]) -> list[Event | Refusal]:
            return [*await self.state(db, whole=any(command.whole for command in commands))]

        service.commands[Command.registry[f"{service.name}.state_subledger.v1"]] = state_subledger
        service.on(MovementsWanted)(self.detail)

    async def state(self, db: Db, *, whole: bool = False) -> list[Event]:
        """The statement of this moment. LockNotAvailableError if transactions that have spoken do not end in time."""
        await cut(db)
        balances = await take_changes(db, whole)
        pieces = [balances[n:n + MOST_BALANCES] for n in range(0, max(len(balances), 1), MOST_BALANCES)]
        return [
            self.stated(subledger=self.stated.owner, part=n, parts=len(pieces), balances=tuple(piece))
            for n, piece in enumerate(pieces, 1)
        ]

    async def detail(self, db: Db, wanted: Sequence[MovementsWanted]) -> list[Event]:
        """What moved a key, at most STRETCH positions at a time; accounting asks for what follows."""
        return [await self._detail(db, want) for want in wanted if want.subledger == self.stated.owner]

    async def _detail(self, db: Db, want: MovementsWanted) -> Event:
        until = min(want.until, want.after + STRETCH)
        moved = await self.movements(db, want.role, want.key, want.after, until)
        return self.detailed(
            subledger=want.subledger, role=want.role, key=want.key, after=want.after, until=until,
            movements=tuple(moved),
        )


async def cut(db: Db) -> None:
    """Be the only one of the company who may say something, until the transaction ends."""
    await db.execute("select set_config('lock_timeout', $1, true)", str(CUT_MILLISECONDS))
    await db.execute("select pg_advisory_xact_lock(log_lock($1))", db.company)


async def take_changes(db: Db, whole: bool) -> list[StatedBalance]:
    """The wholes of the roles and what changed since it was stated last (or all), which now counts as stated."""
    rows = await db.fetch(
        """
        with changed as materialized (
            select role, key, coalesce(n.amount, 0) as amount
            from subledger($1) as n full join (
                select role, key, amount from stated_balance where company = $1
            ) as s using (role, key)
            where $2::boolean or key = '' or coalesce(n.amount, 0) <> coalesce(s.amount, 0)
        ), gone as (
            delete from stated_balance s using changed c
            where s.company = $1 and s.role = c.role and s.key = c.key and c.amount = 0
        ), kept as (
            insert into stated_balance (company, role, key, amount)
            select $1, role, key, amount from changed where amount <> 0
            on conflict (company, role, key) do update set amount = excluded.amount
            where stated_balance.amount <> excluded.amount
        )
        select role, key, amount from changed order by role, key
        """,
        db.company, whole,
    )
    return [StatedBalance(role=row["role"], key=row["key"], amount=row["amount"]) for row in rows]


async def changed(db: Db) -> bool:
    """True if a balance is not what was stated last."""
    return bool(await db.fetchval(
        """
        select exists (
            select from subledger($1) as n
            full join (select role, key, amount from stated_balance where company = $1) as s using (role, key)
            where coalesce(n.amount, 0) <> coalesce(s.amount, 0)
        )
        """,
        db.company,
    ))


class Accountant(Rounds):
    """Has a service state its subledger by itself: of companies of which something was said since the last time, and
    now and then of others, in case somebody changed something without saying it."""

    name = "subledger"

    def __init__(
        self, service: Service, pool: Pool, subledger: Subledger, *, seconds: float = STATE_SECONDS,
        idle_seconds: float = IDLE_SECONDS, look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__(look_seconds)
        self.service, self.pool, self.subledger = service, pool, subledger
        self._seconds, self._idle = seconds, idle_seconds
        self._idle_due = 0.0

    async def look(self) -> bool:
        """State what is due."""
        async with self.pool.acquire() as connection:
            due = await self._due(connection)
            now = asyncio.get_running_loop().time()
            idle = []
            if now >= self._idle_due:
                self._idle_due = now + self._idle
                idle = [company for company in await log.companies(connection) if company not in due]
        for company in due:
            await self._tend(company, self._state_if_due)
        for company in idle:
            await self._tend(company, self._state_if_changed)
        return False

    async def _tend(self, company: str, work: Callable[[Db], Awaitable[Sequence[Event]]]) -> None:
        """One company whose transactions are long does not keep the others from being stated."""
        try:
            await self.service.tend(self.pool, company, work)
        except Exception as error:
            if not is_transient(error):
                raise
            logger.info("no clean cut now, later", service=self.service.name, company=company, error=repr(error)[:300])

    async def _state_if_due(self, db: Db) -> list[Event]:
        await cut(db)  # another replica may just have stated it
        return await self.subledger.state(db) if await self._due(db.connection, db.company) else []

    async def _state_if_changed(self, db: Db) -> list[Event]:
        return await self.subledger.state(db) if await changed(db) else []

    async def _due(self, connection: object, company: str | None = None) -> list[str]:
        stated = self.subledger.stated
        own = [stated.type, self.subledger.detailed.type]
        return await log.unstated(connection, f"subledger/{stated.owner}", own, self._seconds, company)
