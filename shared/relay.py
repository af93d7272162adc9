"""The relay: gives committed events their positions, commits, and only then publishes them, in order, with confirms.

One relay per service is active (advisory lock); the others stand by. After a crash it publishes again from the cursor:
duplicates, never losses; every consumer drops them by event id.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import aio_pika
import asyncpg
import structlog
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import DeliveryError

from shared import log
from shared.amqp import EVENTS, keep_going, open_channel
from shared.db import Db
from shared.log import Entry
from shared.wire import headers_of

LOCK = 0x52454C41  # 'RELA': one active relay per database
CONFIRM_SECONDS = 10
REFUSED_SECONDS = 1.0  # how long a company rests whose next event RabbitMQ refuses: no queue is bound, or one is full

logger = structlog.get_logger()


class Relay:
    """Publishes one service's log. `wake` it after a commit; it also looks by itself every `poll_seconds`."""

    def __init__(
        self, source: str, database_url: str, amqp_url: str, user: str, *, batch: int = 500, poll_seconds: float = 0.2
    ) -> None:
        self.source, self.user, self.batch, self.poll_seconds = source, user, batch, poll_seconds
        self._database_url, self._amqp_url = database_url, amqp_url
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
        connection = await asyncpg.connect(self._database_url, timeout=5, command_timeout=30)
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
                self.standby = True
                progress()
                await asyncio.sleep(1)
            self.standby = False
            async with open_channel(self._amqp_url) as channel:
                exchange = await channel.get_exchange(EVENTS, ensure=False)
                self.active = True
                while True:
                    self._news.clear()
                    if not await self._step(connection, exchange):
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self._news.wait(), self.poll_seconds)
                    progress()
        finally:
            self.active = self.standby = False
            connection.terminate()

    async def _step(self, connection: asyncpg.Connection, exchange: AbstractExchange) -> bool:
        """Place, publish and advance once; True if there was something to do."""
        placed = await log.place(connection, self.batch)
        now = asyncio.get_running_loop().time()
        self._resting = {company: end for company, end in self._resting.items() if end > now}
        entries = await log.read_unpublished(connection, self.source, self.batch, resting=list(self._resting))
        if entries:
            await self._publish(connection, exchange, entries)
        return bool(placed or entries)

    async def _publish(
        self, connection: asyncpg.Connection, exchange: AbstractExchange, entries: Sequence[Entry]
    ) -> None:
        """Publish in order with pipelined confirms; the cursor moves over the confirmed front only."""
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                results = await asyncio.gather(
                    *(exchange.publish(message(e, self.user), e.envelope.type, mandatory=True) for e in entries),
                    return_exceptions=True,
                )
        except TimeoutError:
            self._unconfirmed = True
            raise TimeoutError(self.trouble) from None
        self._unconfirmed = False
        confirmed: dict[str, int] = {}
        stuck: dict[str, BaseException] = {}
        for entry, result in zip(entries, results, strict=True):
            company = entry.envelope.company
            if isinstance(result, BaseException):
                stuck.setdefault(company, result)
            elif company not in stuck:
                confirmed[company] = entry.envelope.position or 0
        await log.advance(connection, confirmed)
        for company, error in stuck.items():
            if not isinstance(error, DeliveryError):
                raise RuntimeError(f"publishing for {company} stopped: {error!r}")
            logger.warning("RabbitMQ refuses an event", relay=self.source, company=company, error=repr(error)[:300])
            self._resting[company] = asyncio.get_running_loop().time() + REFUSED_SECONDS


def message(entry: Entry, user: str) -> aio_pika.Message:
    """The persistent AMQP message of a log entry; `user` is checked by RabbitMQ (validated user-id)."""
    return aio_pika.Message(
        entry.body,
        headers=headers_of(entry.envelope),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(entry.envelope.id),
        user_id=user,
    )


async def replay(
    pool: asyncpg.Pool, amqp_url: str, user: str, source: str, company: str, first: int, queue: str, batch: int = 500
) -> int:
    """Say a stretch of one company's log again, from a position to the end, straight to one queue; returns how many."""
    sent = 0
    async with open_channel(amqp_url) as channel, pool.acquire() as connection:
        while entries := await log.read(Db(connection, company), source, first, batch):
            async with asyncio.timeout(CONFIRM_SECONDS):
                await asyncio.gather(*(
                    channel.default_exchange.publish(message(e, user), queue, mandatory=True) for e in entries
                ))
            sent += len(entries)
            first = (entries[-1].envelope.position or 0) + 1
    return sent
