"""The clerk of a service: brings what the broker parked to where operators look, and handles again what they ask for.

A message is parked when it was delivered so often that it may have crashed its consumer, or when it could not even be
written into `rejected`. Here nothing of it is read, it is only kept.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from shared import inbox, leftovers
from shared.amqp import AGAIN, Delivery, LostChannelError, keep_going, subscribed
from shared.commands import QueueDoor
from shared.db import Pool, patiently
from shared.healing import is_statement, statements_in
from shared.inbox import Heard, Rejected, sort_out
from shared.leftovers import Asked
from shared.service import Service
from shared.wire import MalformedError, Raw, decode, envelope_of

PREFETCH = 8
LOOK_SECONDS = 1.0
AT_ONCE = 20

logger = structlog.get_logger()


class Clerk:
    """Works beside the loops of one service process; `users` as for the consumer."""

    def __init__(
        self, service: Service, pool: Pool, door: QueueDoor, amqp_url: str, *, users: Mapping[str, str] = inbox.SAME
    ) -> None:
        self.service, self.pool, self.door, self.users = service, pool, door, users
        self._amqp_url = amqp_url

    async def run(self) -> None:
        """Until cancelled."""
        name = self.service.name
        await asyncio.gather(
            keep_going(f"parking {name}", self._empty_parking), keep_going(f"retries {name}", self._retry)
        )

    # -- parking ------------------------------------------------------------------------------------------------------

    async def _empty_parking(self, progress: Callable[[], None]) -> None:
        lost = asyncio.Event()
        async with subscribed(self._amqp_url, f"{self.service.name}.parking", PREFETCH, self._keep, lost.set):
            progress()
            await lost.wait()
        raise LostChannelError

    async def _keep(self, message: Delivery) -> None:
        rejected = _parked(self.service.name, message.raw, self.users)
        logger.error("message parked", service=self.service.name, routing_key=rejected.raw.routing_key,
                     reason=rejected.reason)

        async def write() -> None:
            async with self.pool.acquire() as connection:
                await inbox.reject(connection, [rejected], datetime.now(UTC))

        await patiently(write, self.service.name)
        with suppress(Exception, asyncio.CancelledError):  # the channel is gone: it comes again, and is known
            await message.ack()

    # -- retries ------------------------------------------------------------------------------------------------------

    async def _retry(self, progress: Callable[[], None]) -> None:
        while True:
            async with self.pool.acquire() as connection:
                asked = await leftovers.asked_for(connection, AT_ONCE)
            for one in asked:
                reason = await self._handle(one)
                logger.info("message retried", service=self.service.name, id=str(one.id), outcome=reason or "handled")
                async with self.pool.acquire() as connection:
                    await leftovers.note_outcome(connection, one, reason)
            progress()
            if not asked:
                await asyncio.sleep(LOOK_SECONDS)

    async def _handle(self, asked: Asked) -> str:
        """Why it cannot be handled this time either; empty if it can."""
        raw = asked.raw
        if raw.routing_key in {command.type for command in self.service.commands}:
            return await self.door.handle(raw)
        if is_statement(raw):
            statements, malformed = statements_in([raw], self.users)
            if statements:
                await self.service.compare(self.pool, statements)
            return malformed[0].reason if malformed else ""
        if not asked.company:
            heard, rejected = sort_out([raw], self.users)
            return rejected[0].reason if rejected else await self.service.retry(self.pool, heard[0])
        try:  # its sender was checked when it came
            return await self.service.retry(self.pool, Heard(decode(raw), raw))
        except MalformedError as error:
            return str(error)


def _parked(service: str, came: Raw, users: Mapping[str, str]) -> Rejected:
    """The message under the routing key under which it first came, with what the broker says of its end."""
    deaths: Any = came.headers.get("x-death") or [{}]
    death = deaths[0]  # the newest
    key = str((death.get("routing-keys") or [came.routing_key])[0])
    if death.get("exchange") == AGAIN:
        key = key.removeprefix(f"{service}.")
    headers = {name: value for name, value in came.headers.items() if not name.startswith("x-")}
    raw = came._replace(routing_key=key, headers=headers)
    reason = f"parked: {death.get('reason', 'unknown')} in {death.get('queue', 'an unknown queue')}"
    envelope = envelope_of(raw, users)
    return Rejected(raw, reason, envelope.company, envelope.id) if envelope else Rejected(raw, reason)
