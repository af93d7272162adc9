"""The batch consumer: take what is there, validate in memory, one transaction, one multiple ack.

While the database is away it holds the prefetch and tries the same batch again; nothing is ever requeued as a retry.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from aio_pika.abc import AbstractIncomingMessage

from shared.amqp import AGAIN, LostChannelError, comes_within, keep_going, open_channel
from shared.db import Pool, patiently
from shared.healing import is_statement, statements_in
from shared.inbox import sort_out
from shared.service import Service
from shared.wire import Raw

SWEEP_SECONDS = 1.0


class Consumer:
    """Feeds one service from its event queue `<service>.events`, which the topology job has declared."""

    def __init__(self, service: Service, pool: Pool, amqp_url: str, *, batch: int = 500) -> None:
        self.service, self.pool, self.batch = service, pool, batch
        self._amqp_url = amqp_url
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._news = asyncio.Event()
        self._lost = False
        self.active = False
        self.busy = asyncio.Lock()  # held from the first message of a batch until the batch is acknowledged

    async def run(self) -> None:
        """Until cancelled; who holds `busy` then cuts no batch in two."""
        await keep_going(f"consumer {self.service.name}", self._consume)

    async def _consume(self, progress: Callable[[], None]) -> None:
        self._waiting.clear()
        self._lost = False
        async with open_channel(self._amqp_url, prefetch=2 * self.batch) as channel:
            queue = await channel.get_queue(f"{self.service.name}.events", ensure=True)
            channel.close_callbacks.add(self._lose)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(self._lose)
            await queue.consume(self._take)
            self.active = True
            try:
                while True:
                    await self._handle_next()
                    progress()
            finally:
                self.active = False

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self._waiting.append(message)
        self._news.set()

    def _lose(self, *_: object) -> None:
        """The channel closed, or the server cancelled our consumer (queue deleted, fail-over)."""
        self._lost = True
        self._news.set()

    async def _handle_next(self) -> None:
        """One batch: whatever has arrived, up to the limit. No lingering: under load batches fill by themselves."""
        while not self._waiting:
            if self._lost:
                raise LostChannelError
            self._news.clear()
            if not await comes_within(self._news, SWEEP_SECONDS):
                await patiently(self._sweep, self.service.name)
        async with self.busy:
            await self._handle([self._waiting.popleft() for _ in range(min(len(self._waiting), self.batch))])

    async def _handle(self, taken: Sequence[AbstractIncomingMessage]) -> None:
        messages = [self._raw(message) for message in taken]
        statements, malformed = statements_in(messages)
        heard, rejected = sort_out(raw for raw in messages if not is_statement(raw))
        await patiently(
            lambda: self.service.receive(self.pool, heard, [*rejected, *malformed]), self.service.name)
        if statements:
            await patiently(lambda: self.service.compare(self.pool, statements), self.service.name)
        if self._lost:
            raise LostChannelError
        await taken[-1].ack(multiple=True)

    async def _sweep(self) -> None:
        while self.service.ordered and await self.service.sweep(self.pool, self.batch):
            pass

    def _raw(self, message: AbstractIncomingMessage) -> Raw:
        """What is said again comes under our own name before its routing key."""
        key, again = message.routing_key or "", message.exchange == AGAIN
        if again:
            key = key.removeprefix(f"{self.service.name}.")
        return Raw(key, message.headers, message.body, message.message_id, bool(message.redelivered), again)
