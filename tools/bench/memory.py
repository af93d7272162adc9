"""`memory`: the peak memory of each service that starts with so many messages waiting for it."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from time import monotonic

import aio_pika

from shared.events import Event
from shared.events.crm import CustomerRegistered
from tools.bench.books import WrongError
from tools.bench.line import Line
from tools.bench.stage import OPEN_BOOKS, Stage, stage
from tools.bench.story import CUSTOMERS, EVENTS_PER_ORDER, Teller, messages, send
from tools.demo.fleet import PRODUCERS, peak_kib
from tools.servers import Servers

MESSAGES = 100_000
AT_ONCE = 2_000
WATCH_SECONDS = 30.0  # each service works so long at full size, or until nothing waits any more


async def measure(servers: Servers, scale: float) -> list[Line]:
    """Every service hears events that its producers could have said, one service after the other."""
    count = max(1000, round(MESSAGES * scale))
    async with stage(servers) as there:
        async with there.running("accounting"), there.door() as door:
            if why := (await door.ask(OPEN_BOOKS, "books")).why:
                raise WrongError(why)
        for told in _waiting(count):
            await send(servers.users, messages(told))
        peaks = {
            service: await _peak(there, service, count, max(2.0, WATCH_SECONDS * scale))
            for service in ("order", "crm", "accounting", "inventory")
        }
    assert set(peaks) == set(PRODUCERS)
    return [Line("memory", {"max_rss_mb": max(peaks.values())} | {f"{name}_mb": peak for name, peak in peaks.items()},
                 (f"{count} messages or more wait for each",))]


def _waiting(count: int) -> Iterator[list[Event]]:
    """So many customers for `order`, and so many orders for all others."""
    teller, told = Teller(), 0
    while told < count:
        customers = [
            teller.say(CustomerRegistered(customer_id=f"C-{n:07}", credit_limit=Decimal(0), currency="CNY"))
            for n in range(CUSTOMERS + told, CUSTOMERS + told + AT_ONCE)
        ]
        yield [*customers, *teller.orders(AT_ONCE)[::EVENTS_PER_ORDER]]
        told += AT_ONCE


async def _peak(there: Stage, service: str, count: int, seconds: float) -> float:
    """MB at most, of a service that begins to work."""
    waiting = await _messages(there, service)
    if waiting < count:
        raise WrongError(f"{waiting} messages wait for {service} instead of {count}")
    async with there.running(service):
        end = monotonic() + seconds
        while monotonic() < end:
            await asyncio.sleep(0.5)
            if not await _messages(there, service):
                break
        return peak_kib(there.member(service).process) / 1024


async def _messages(there: Stage, service: str) -> int:
    async with await aio_pika.connect(there.servers.users["topology"]) as connection:
        queue = await (await connection.channel()).declare_queue(f"{service}.events", passive=True)
        return queue.declaration_result.message_count or 0
