"""For a while a service's events take another way, on which they are shuffled and doubled before they arrive."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from random import Random

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared.amqp import EVENTS, LostChannelError, keep_going, open_channel
from shared.topology import event_keys
from tools.chaos.bystander import copy_of, publish
from tools.chaos.fault import Fault

PREFETCH = 500
WINDOW_SECONDS = 0.4  # what comes within it is shuffled together
DOUBLED = 0.3


class Detour(Fault):
    """Unbinds `<service>.events` and brings it everything by hand."""

    def __init__(self, url: str, service: str, dice: Random) -> None:
        self._url, self._dice = url, dice
        self._service_queue, self._own = f"{service}.events", f"chaos.detour.{service}"
        self._keys = event_keys(import_module(f"services.{service}.handlers").service)
        self._window: list[AbstractIncomingMessage] = []
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Bind the other way first, so that every event goes at least one of them."""
        async with open_channel(self._url) as channel:
            own = await channel.declare_queue(self._own, durable=True, arguments={"x-queue-type": "quorum"})
            queue = await channel.get_queue(self._service_queue, ensure=False)
            await queue.bind(await channel.declare_exchange(self._own, ExchangeType.TOPIC), "#")
            for key in self._keys:
                await own.bind(EVENTS, key)
                await queue.unbind(EVENTS, key)
        self._task = asyncio.create_task(keep_going("detour", self._carry))

    async def heal(self) -> None:
        """The direct way again; the other way ends when nothing is left on it."""
        assert self._task
        async with open_channel(self._url) as channel:
            queue = await channel.get_queue(self._service_queue, ensure=False)
            own = await channel.get_queue(self._own, ensure=False)
            for key in self._keys:
                await queue.bind(EVENTS, key)
                await own.unbind(EVENTS, key)
            await self._until_empty(channel)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await channel.queue_delete(self._own)
            await channel.exchange_delete(self._own)

    async def _until_empty(self, channel: AbstractChannel) -> None:
        """Nothing is ready, and nothing came for two windows."""
        quiet = 0
        while quiet < 2:
            await asyncio.sleep(WINDOW_SECONDS)
            declared = await channel.declare_queue(self._own, passive=True)
            quiet = 0 if declared.declaration_result.message_count or self._window else quiet + 1

    async def _carry(self, progress: Callable[[], None]) -> None:
        self._window = []
        lost = asyncio.Event()
        async with open_channel(self._url, prefetch=PREFETCH) as channel:
            channel.close_callbacks.add(lambda *_: lost.set())
            queue = await channel.get_queue(self._own, ensure=True)

            async def take(message: AbstractIncomingMessage) -> None:
                self._window.append(message)

            await queue.consume(take)
            while not lost.is_set():
                await asyncio.sleep(WINDOW_SECONDS)
                came = list(self._window)
                copies = [m for m in came for _ in range(2 if self._dice.random() < DOUBLED else 1)]
                self._dice.shuffle(copies)
                for message in copies:
                    await publish(channel, self._own, message.routing_key or "", copy_of(message, {}))
                for message in came:
                    await message.ack()
                del self._window[:len(came)]
                progress()
        raise LostChannelError
