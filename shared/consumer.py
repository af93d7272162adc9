"""The batch consumer: take what is there, validate in memory, one transaction, one multiple ack.

While the database is away it holds the prefetch and tries the same batch again; nothing is ever requeued as a retry.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from aio_pika.abc import AbstractIncomingMessage

from shared import figures, tracing
from shared.amqp import AGAIN, GRACE_SECONDS, LostChannelError, comes_within, keep_going, subscribed, to_its_end
from shared.db import Pool, patiently
from shared.healing import is_statement, statements_in
from shared.inbox import SAME, sort_out
from shared.service import Service
from shared.wire import Raw

SWEEP_SECONDS = 1.0


class Consumer:
    """Feeds one service from its event queue `<service>.events`, which the topology job has declared.

    `users` names the broker users of producers that are not named as their users.
    """

    def __init__(
        self, service: Service, pool: Pool, amqp_url: str, *, users: Mapping[str, str] = SAME, batch: int = 500
    ) -> None:
        self.service, self.pool, self.users, self.batch = service, pool, users, batch
        self._amqp_url = amqp_url
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._news = asyncio.Event()
        self._lost = False
        self.active = False

    async def run(self) -> None:
        """Until cancelled; the batch that is under way is finished first, or comes again."""
        await keep_going(f"consumer {self.service.name}", self._consume)

    async def _consume(self, progress: Callable[[], None]) -> None:
        self._waiting.clear()
        self._lost = False
        name = f"{self.service.name}.events"
        async with subscribed(self._amqp_url, name, 2 * self.batch, self._take, self._lose) as no_more:
            self.active = True
            try:
                while True:
                    await self._next()
                    await to_its_end(self._handle_batch(), GRACE_SECONDS)
                    progress()
            finally:
                self.active = False
                await no_more()

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self._waiting.append(message)
        self._news.set()

    def _lose(self) -> None:
        self._lost = True
        self._news.set()

    async def _next(self) -> None:
        """Wait until something has arrived; meanwhile look for what waits and has its turn."""
        while not self._waiting:
            if self._lost:
                raise LostChannelError
            self._news.clear()
            if not await comes_within(self._news, SWEEP_SECONDS):
                await patiently(self._sweep, self.service.name)

    async def _handle_batch(self) -> None:
        """Whatever has arrived, up to the limit. No lingering: under load batches fill by themselves."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.batch))]
        figures.BATCH.labels(self.service.name).observe(len(taken))
        messages = [self._raw(message) for message in taken]
        statements, malformed = statements_in(messages, self.users)
        heard, rejected = sort_out((raw for raw in messages if not is_statement(raw)), self.users)
        traces = [h.event.envelope.traceparent for h in heard]
        with tracing.span(f"{self.service.name} batch", "CONSUMER", links=traces):
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
        return Raw(
            key, message.headers, message.body, message.message_id, bool(message.redelivered), again, message.user_id,
            message.content_type,
        )
