"""Hears everything with a durable queue of its own: what commands by queue led to, and what to say again, shuffled."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared.amqp import COMMANDS, EVENTS, LostChannelError, keep_going, open_channel
from tools.demo.doors import Ask

QUEUE = "chaos.bystander"
PREFETCH = 1000
SAID_AGAIN = 0.1  # of all events
MOST_COPIES = 3
PAUSE_SECONDS = 0.5
COPY = "chaos-copy"  # header of what was said again
PUBLISH_SECONDS = 5.0


class Bystander:
    """Listens, sends commands, and publishes copies of what it heard; comes back after every loss of its channel."""

    def __init__(self, url: str, company: str, dice: Random, hear: Callable[[str, str, dict[str, Any]], None]) -> None:
        self._url, self._company, self._dice, self._hear = url, company, dice, hear
        self._user = unquote(urlsplit(url).username or "guest")
        self._channel: AbstractChannel | None = None
        self._lost = asyncio.Event()
        self._bag: list[AbstractIncomingMessage] = []
        self.copies = 0

    async def declare(self) -> None:
        """Once, before anything is said."""
        async with open_channel(self._url) as channel:
            queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            await queue.bind(EVENTS, "#")

    async def run(self) -> None:
        """Until cancelled."""
        await keep_going("bystander", self._listen)

    async def ask(self, ask: Ask, key: str) -> None:
        """Send a command; raises when RabbitMQ did not confirm it (it may have it all the same)."""
        message = aio_pika.Message(
            json.dumps(dict(ask.body)).encode(), content_type="application/json", message_id=key, user_id=self._user,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT, headers={"cloudEvents_company": self._company},
        )
        await self._publish(COMMANDS, ask.type, message)

    async def _listen(self, progress: Callable[[], None]) -> None:
        self._lost.clear()
        self._bag.clear()
        async with open_channel(self._url, prefetch=PREFETCH) as channel:
            queue = await channel.get_queue(QUEUE, ensure=True)
            channel.close_callbacks.add(lambda *_: self._lost.set())
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda *_: self._lost.set())
            await queue.consume(self._take)
            self._channel = channel
            try:
                while not self._lost.is_set():
                    progress()
                    await self._say_again()
                    await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._channel = None
        raise LostChannelError

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if COPY not in message.headers:
            self._hear(message.routing_key or "", str(message.headers["cloudEvents_id"]), json.loads(message.body))
            if self._dice.random() < SAID_AGAIN:
                self._bag.append(message)
        await message.ack()

    async def _say_again(self) -> None:
        """Some of what was heard, each several times, in any order, to everybody."""
        copies = [m for m in self._bag for _ in range(self._dice.randint(1, MOST_COPIES))]
        self._bag.clear()
        self._dice.shuffle(copies)
        for message in copies:
            await self._publish(EVENTS, message.routing_key or "", copy_of(message, {COPY: True}))
        self.copies += len(copies)

    async def _publish(self, exchange: str, key: str, message: aio_pika.Message) -> None:
        if self._channel is None:
            raise LostChannelError
        await publish(self._channel, exchange, key, message)


async def publish(channel: AbstractChannel, exchange: str, key: str, message: aio_pika.Message) -> None:
    """Wait for the confirm, but not for ever; aiormq's CancelledError out of a dead channel becomes another error."""
    task = asyncio.current_task()
    assert task
    try:
        async with asyncio.timeout(PUBLISH_SECONDS):
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(message, key, mandatory=True)
    except asyncio.CancelledError:
        if task.cancelling():
            raise
        raise LostChannelError from None


def copy_of(message: AbstractIncomingMessage, more: dict[str, Any]) -> aio_pika.Message:
    """The same message, to be published once more."""
    return aio_pika.Message(
        message.body, headers={**message.headers, **more}, content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=message.message_id, user_id=message.user_id,
    )
