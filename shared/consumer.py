"""The batch consumer: take what is there, validate in memory, one transaction, one multiple ack.

While the database is away it holds the prefetch and tries the same batch again; nothing is ever requeued as a retry.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from shared import figures, tracing
from shared.amqp import Delivery, LostChannelError, keep_going, subscribed
from shared.db import Pool, patiently
from shared.healing import Statement, is_statement, statements_in
from shared.inbox import SAME, Heard, Rejected, sort_out
from shared.intake import Intake
from shared.service import Service

SWEEP_SECONDS = 1.0
HELD_BATCHES = 3  # one that is handled, the next one, and one on its way, so that each is full while there is enough


class _Arrived(NamedTuple):
    """A message, and what it is: one of the three."""

    message: Delivery
    heard: Sequence[Heard]
    statements: Sequence[Statement]
    rejected: Sequence[Rejected]


class Consumer:
    """Feeds one service from its event queue `<service>.events`, which the topology job has declared.

    `users` names the broker users of producers that are not named as their users.
    """

    def __init__(
        self, service: Service, pool: Pool, amqp_url: str, *, users: Mapping[str, str] = SAME, batch: int = 500
    ) -> None:
        self.service, self.pool, self.users, self.batch = service, pool, users, batch
        self._amqp_url, self.intake = amqp_url, Intake(batch, self._read)
        self.active = False

    async def run(self) -> None:
        """Until cancelled; the batch that is under way is finished first, or comes again."""
        await keep_going(f"consumer {self.service.name}", self._consume)

    async def _consume(self, progress: Callable[[], None]) -> None:
        self.intake.begin()
        name, came, lose = f"{self.service.name}.events", self.intake.put, self.intake.lose
        async with subscribed(self._amqp_url, name, HELD_BATCHES * self.batch, came, lose) as no_more:
            self.active = True
            try:
                while True:
                    if await self.intake.comes(SWEEP_SECONDS):
                        await self.intake.taken(self._handle)
                    else:  # meanwhile look for what waits and has its turn
                        await patiently(self._sweep, self.service.name)
                    progress()
            finally:
                self.active = False
                await no_more()

    async def _handle(self, taken: Sequence[_Arrived]) -> None:
        figures.BATCH.labels(self.service.name).observe(len(taken))
        heard = [h for arrived in taken for h in arrived.heard]
        statements = [s for arrived in taken for s in arrived.statements]
        rejected = [r for arrived in taken for r in arrived.rejected]
        traces = [h.event.envelope.traceparent for h in heard]
        with tracing.span(f"{self.service.name} batch", "CONSUMER", links=traces):
            await patiently(
                lambda: self.service.receive(self.pool, heard, rejected), self.service.name)
            if statements:
                await patiently(lambda: self.service.compare(self.pool, statements), self.service.name)
        if self.intake.lost:
            raise LostChannelError
        await taken[-1].message.ack(multiple=True)

    async def _sweep(self) -> None:
        while self.service.ordered and await self.service.sweep(self.pool, self.batch):
            pass

    def _read(self, message: Delivery) -> _Arrived:
        """Validate it in memory. What is said again comes under our own name before its routing key."""
        raw = message.raw
        if raw.again:
            raw = raw._replace(routing_key=raw.routing_key.removeprefix(f"{self.service.name}."))
        if is_statement(raw):
            statements, rejected = statements_in([raw], self.users)
            return _Arrived(message, (), statements, rejected)
        heard, rejected = sort_out([raw], self.users)
        return _Arrived(message, heard, (), rejected)
