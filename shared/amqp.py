"""What relay, consumer and queue door share: a loop that rebuilds everything after any failure, and plain connections.

Plain instead of robust connections on purpose: after a failure nothing of the old channel is reused, so there is one
way back, the same one that a fresh start takes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aio_pika
import aiormq
import structlog
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import DeliveryError
from aiormq.abc import DeliveredMessage

from shared.wire import Raw

EVENTS = "erp.events"
COMMANDS = "erp.commands"
AGAIN = "erp.again"  # what is said again, to one hearer: routing key `<hearer>.<type>`
CONFIRM_SECONDS = 10
GRACE_SECONDS = 15.0  # what is being done when a service ends may take so long to end, too
CLOSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 5.0

logger = structlog.get_logger()
logging.getLogger("aio_pika").setLevel(logging.CRITICAL)
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


class LostChannelError(Exception):
    """The channel or the consumer is gone; everything unconfirmed or unacknowledged is unknown and comes again."""


class Delivery:
    """A message that a queue delivered, as aiormq hands it over: aio-pika would make a message of its own and one more
    task of each, a fifth of what it costs to hear an event."""

    __slots__ = ("_came",)

    def __init__(self, came: DeliveredMessage) -> None:
        self._came = came

    @property
    def raw(self) -> Raw:
        """What it says; nothing of it is trusted yet."""
        came, said = self._came, self._came.header.properties
        return Raw(
            came.routing_key or "", said.headers or {}, came.body, said.message_id, bool(came.redelivered),
            came.exchange == AGAIN, said.user_id, said.content_type,
        )

    @property
    def tag(self) -> int:
        """Its number on its channel."""
        return self._came.delivery_tag or 0

    async def ack(self, multiple: bool = False) -> None:
        """Let the broker forget it, or also all that this channel delivered before. Raises if the channel is gone."""
        await self._came.channel.basic_ack(self.tag, multiple)

    async def reject(self) -> None:
        """Let the broker put it where the dead letters of its queue go."""
        await self._came.channel.basic_reject(self.tag, requeue=False)


@asynccontextmanager
async def open_channel(url: str, *, prefetch: int = 0) -> AsyncIterator[AbstractChannel]:
    """A channel on a connection of its own, with confirms; returned messages raise. `prefetch` 0: a publisher."""
    connection = await aio_pika.connect(url, timeout=5)
    try:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        if prefetch:
            await channel.set_qos(prefetch_count=prefetch)
        yield channel
    finally:
        await quietly(connection.close())


async def quietly(closing: Awaitable[Any]) -> None:
    """Close something of a connection that may be dead. aiormq may raise CancelledError out of it; a cancellation that
    is meant for us, and that comes meanwhile, goes on: else a loop that should end would never hear of it."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    with suppress(Exception, asyncio.CancelledError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await closing
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


@asynccontextmanager
async def subscribed(
    url: str, name: str, prefetch: int, take: Callable[[Delivery], Awaitable[None]],
    lose: Callable[[], None],
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Consume an existing queue on a connection of its own; raises if there is none of this name.

    `lose` is called when no message will come any more: the channel closed, or the server cancelled us (the queue was
    deleted, another node took over). What is yielded ends the taking; what was taken may still be acknowledged.
    """
    async with open_channel(url, prefetch=prefetch) as channel:
        await channel.get_queue(name, ensure=True)
        channel.close_callbacks.add(lambda *_: lose())
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: lose())

        async def deliver(came: DeliveredMessage) -> None:
            await take(Delivery(came))

        consumer = await underlay.basic_consume(name, deliver)

        async def no_more() -> None:
            await quietly(underlay.basic_cancel(consumer.consumer_tag or ""))

        yield no_more


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published."""

    body: bytes
    properties: aiormq.spec.Basic.Properties


def message(body: bytes, headers: Mapping[str, Any], message_id: str, user: str) -> Outgoing:
    """A persistent message; `user` is checked by RabbitMQ (validated user-id)."""
    return Outgoing(body, aiormq.spec.Basic.Properties(
        headers=dict(headers),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT.value,
        message_id=message_id,
        user_id=user,
    ))


async def publish(
    exchange: AbstractExchange, messages: Iterable[tuple[str, Outgoing]], *, mandatory: bool = True
) -> list[BaseException | None]:
    """Publish (routing key, message) in order with pipelined confirms; returns what went wrong with each, if anything.

    TimeoutError when the confirms stay out: what was written may be stored or not. None waits until the one before is
    written, so that many leave in one packet.
    """
    assert isinstance(exchange, aio_pika.Exchange)
    async with asyncio.timeout(CONFIRM_SECONDS):
        channel = await exchange.channel.get_underlay_channel()
        assert isinstance(channel, aiormq.Channel)
        results = await asyncio.gather(*(
            channel.basic_publish(message.body, exchange=exchange.name, routing_key=key, properties=message.properties,
                                  mandatory=mandatory, wait=False)
            for key, message in messages
        ), return_exceptions=True)
    return [result if isinstance(result, BaseException) else None for result in results]


def raise_unless_refused(results: Iterable[BaseException | None]) -> None:
    """What is no refusal of RabbitMQ (nobody is bound, a queue is full) is a broken channel."""
    for error in results:
        if error and not isinstance(error, DeliveryError):
            raise LostChannelError(repr(error)) from error


async def to_its_end(work: Coroutine[Any, Any, None], seconds: float) -> None:
    """Do something whole: if we are cancelled meanwhile it still has so many seconds to end."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=seconds)
        task.cancel()
        raise


async def keep_going(name: str, work: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    """Run `work` for ever: after any failure build it up anew, with a pause that grows up to five seconds.

    `work` calls its argument whenever it made progress, which ends the growing. aiormq raises CancelledError out of a
    dead connection although nobody cancelled us; only a real cancellation ends the loop.
    """
    task = asyncio.current_task()
    assert task is not None
    pause = 0.1

    def progress() -> None:
        nonlocal pause
        pause = 0.1

    while True:
        try:
            await work(progress)
        except asyncio.CancelledError:
            if task.cancelling():
                raise
            logger.warning("connection lost", loop=name)
        except Exception as error:
            if task.cancelling():  # it came while the connection was closed, and was swallowed there
                raise asyncio.CancelledError from error
            logger.warning("starting anew", loop=name, error=f"{type(error).__name__}: {error}"[:500])
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


async def comes_within(news: asyncio.Event, seconds: float) -> bool:
    """Wait for news; False when none came in time.

    Not `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that comes together with the news, and a loop
    that should end goes on.
    """
    try:
        async with asyncio.timeout(seconds):
            return await news.wait()
    except TimeoutError:
        return False
