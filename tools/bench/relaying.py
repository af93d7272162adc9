"""`relay`: the relay of a running service against a bare publisher with confirms, identical bytes, same queue."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import aio_pika
import asyncpg

from shared import log
from shared.amqp import EVENTS
from shared.db import Db
from shared.events import Event
from shared.log import Cause
from shared.wire import Raw, headers_of
from tools.bench.bare import in_a_process, publish
from tools.bench.books import LIMIT_SECONDS, QUEUE, WrongError
from tools.bench.line import Line
from tools.bench.size import runs
from tools.bench.stage import COMPANY, Stage, stage
from tools.bench.story import AT_ONCE, Teller
from tools.servers import Servers

ORDERS = 3000
OWNER = "order"


async def measure(servers: Servers, scale: float) -> list[Line]:
    """Both by turns. The bare publisher says what the relay has just said."""
    times, orders, teller = runs(scale), max(200, round(ORDERS * scale)), Teller()
    bare, relayed = [], []
    async with stage(servers, [OWNER, "accounting"]) as there, there.running(OWNER):
        database = await asyncpg.connect(there.databases[OWNER].owner_url)
        try:
            for _ in range(times):
                events = [event for event in teller.orders(orders) if event.owner == OWNER]
                relayed.append(await _relay(database, events))
                await _purge(there, len(events))
                told = await _told(database, len(events))
                bare.append(await in_a_process(publish, servers.users[OWNER], EVENTS, told, OWNER))
                await _purge(there, len(events))
        finally:
            await database.close()
    return [Line("relay", {
        "published_per_s": median(relayed), "raw_confirmed_publish_per_s": median(bare),
        "ratio": median(relayed) / median(bare),
    }, (f"{times} × {len(events)} events",))]


async def _relay(database: Any, events: Sequence[Event]) -> float:
    """Commit events at once, and watch the relay's cursor pass them; returns how many a second."""
    cause = Cause(uuid4(), "bench")
    async with database.transaction():
        for start in range(0, len(events), AT_ONCE):
            chunk = events[start:start + AT_ONCE]
            await log.append(Db(database, COMPANY), OWNER, chunk, {id(e): cause for e in chunk}, datetime.now(UTC))
        last = await database.fetchval("select count(*) from event where company = $1", COMPANY)
    first = await _wait_for(database, last - len(events) + 1)
    began = perf_counter()
    await _wait_for(database, last)
    return float(last - first) / (perf_counter() - began)


async def _wait_for(database: Any, position: int) -> int:
    """Until the relay has published this position; returns how far it is."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            published = await database.fetchval("select published from relay_cursor where company = $1", COMPANY)
            if (published or 0) >= position:
                return int(published)
            await asyncio.sleep(0.01)


async def _told(database: Any, count: int) -> list[Raw]:
    """The messages that the relay has published last."""
    last = await database.fetchval("select published from relay_cursor where company = $1", COMPANY)
    entries = await log.read(Db(database, COMPANY), OWNER, last - count + 1, last, [], count)
    return [Raw(e.envelope.type, headers_of(e.envelope), e.body, str(e.envelope.id)) for e in entries]


async def _purge(there: Stage, count: int) -> None:
    """Empty accounting's queue; WrongError unless as many messages were in it."""
    async with await aio_pika.connect(there.servers.users["topology"]) as connection:
        queue = await (await connection.channel()).get_queue(QUEUE, ensure=False)
        purged = (await queue.purge()).message_count or 0
    if purged < count:  # a statement of what was said may be among them
        raise WrongError(f"{purged} messages came instead of {count}")
