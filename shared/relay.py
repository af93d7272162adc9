"""The relay: gives committed events their positions, commits, and only then publishes them, in order, with confirms.

One relay per service is active (advisory lock); the others stand by. After a crash it publishes again from the cursor:
duplicates, never losses; every consumer drops them by event id. Its mender looks after holes.
"""

import asyncio
from collections.abc import Callable, Sequence

import asyncpg
import structlog
from aio_pika.abc import AbstractChannel, AbstractExchange

from shared import log, tracing
from shared.amqp import (
    AGAIN,
    COMMANDS,
    CONFIRM_SECONDS,
    EVENTS,
    LostChannelError,
    comes_within,
    keep_going,
    message,
    open_channel,
    publish,
    raise_unless_refused,
)
from shared.log import Entry
from shared.mender import Mender
from shared.pace import Pace
from shared.wire import headers_of

LOCK = 0x52454C41  # 'RELA': one active relay per database
LEASE_SECONDS = 30.0  # a relay that asks Postgres nothing for so long hangs, or its host is gone: another takes over
REFUSED_SECONDS = 1.0  # how long a company rests whose next event RabbitMQ refuses: no queue is bound, or one is full

logger = structlog.get_logger()


class Relay:
    """Publishes one service's log. `wake` it after a commit; it also looks by itself every `poll_seconds`."""

    def __init__(
        self, source: str, database_url: str, amqp_url: str, user: str, *, batch: int = 500, poll_seconds: float = 0.2,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.source, self.user, self.batch, self.poll_seconds = source, user, batch, poll_seconds
        self._database_url, self._amqp_url, self._lease_seconds = database_url, amqp_url, lease_seconds
        self._news = asyncio.Event()
        self._resting: dict[str, float] = {}  # company -> when to try again
        self.active = False  # this one holds the lock and has a channel
        self.standby = False  # another one holds the lock
        self._unconfirmed = False  # RabbitMQ lets us publish and says nothing

    @property
    def trouble(self) -> str:
        """Why events wait although the relay works; empty if they do not."""
        if self._unconfirmed:
            return f"RabbitMQ confirms nothing within {CONFIRM_SECONDS} s: look for a memory or disk alarm"
        if self._resting:
            companies = ", ".join(sorted(self._resting)[:5])
            return f"RabbitMQ refuses the next event of {companies}: no queue is bound to it, or one is full"
        return ""

    def wake(self) -> None:
        """Something was committed."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        await keep_going(f"relay {self.source}", self._relay)

    async def _relay(self, progress: Callable[[], None]) -> None:
        connection = await asyncpg.connect(
            self._database_url, timeout=5, command_timeout=30,
            server_settings={"idle_session_timeout": f"{self._lease_seconds * 1000:.0f}"},
        )
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
                self.standby = True
                progress()
                await asyncio.sleep(1)
            self.standby = False
            async with open_channel(self._amqp_url) as channel:
                await self._work(connection, channel, progress)
        finally:
            self.active = self.standby = False
            connection.terminate()

    async def _work(
        self, connection: asyncpg.Connection, channel: AbstractChannel, progress: Callable[[], None]
    ) -> None:
        exchanges = {name: await channel.get_exchange(name, ensure=False) for name in (EVENTS, COMMANDS, AGAIN)}
        mender = Mender(self.source, self.user, self.batch, connection, exchanges)
        await mender.begin()
        self.active, pace = True, Pace()
        while not channel.is_closed:
            self._news.clear()
            with pace.working():
                done = await self._step(connection, exchanges[EVENTS], mender)
            more = await mender.care() or done >= self.batch
            if done and not more:
                await pace.rest()
            elif not more:
                await comes_within(self._news, self.poll_seconds)
            progress()
        raise LostChannelError

    async def _step(self, connection: asyncpg.Connection, exchange: AbstractExchange, mender: Mender) -> int:
        """Place, publish and advance once; returns how many events were placed or published."""
        placed = await log.place(connection, self.batch)
        now = asyncio.get_running_loop().time()
        self._resting = {company: end for company, end in self._resting.items() if end > now}
        resting = [*self._resting, *mender.went_back]
        entries = await log.read_unpublished(connection, self.source, self.batch, resting=resting)
        if entries:
            mender.spoke(await self._publish(connection, exchange, entries))
        return max(placed, len(entries))

    async def _publish(
        self, connection: asyncpg.Connection, exchange: AbstractExchange, entries: Sequence[Entry]
    ) -> list[str]:
        """Publish in order; the cursor moves over the confirmed front only. Returns whose cursor moved."""
        try:
            with tracing.span(f"{self.source} publish", "PRODUCER", links=[e.envelope.traceparent for e in entries]):
                results = await publish(exchange, (
                    (e.envelope.type, message(e.body, headers_of(e.envelope), str(e.envelope.id), self.user))
                    for e in entries
                ))
        except TimeoutError:
            self._unconfirmed = True
            raise TimeoutError(self.trouble) from None
        self._unconfirmed = False
        confirmed: dict[str, int] = {}
        stuck: dict[str, BaseException] = {}
        for entry, result in zip(entries, results, strict=True):
            company = entry.envelope.company
            if result:
                stuck.setdefault(company, result)
            elif company not in stuck:
                confirmed[company] = entry.envelope.position or 0
        await log.advance(connection, confirmed)
        raise_unless_refused(stuck.values())
        for company, error in stuck.items():
            logger.warning("RabbitMQ refuses an event", relay=self.source, company=company, error=repr(error)[:300])
            self._resting[company] = asyncio.get_running_loop().time() + REFUSED_SECONDS
        return list(confirmed)
