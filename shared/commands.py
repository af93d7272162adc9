"""The queue door takes commands from `<service>.commands` and runs the same use cases as the HTTP door.

The actor is the broker-validated `user_id`; the idempotency key is the AMQP `message_id`. A refused command is answered
by a `CommandRejected` event, a message that is no command at all ends in `rejected`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from shared import inbox
from shared.amqp import GRACE_SECONDS, LostChannelError, keep_going, subscribed
from shared.db import Pool, patiently
from shared.events import Actor, Command
from shared.inbox import NOWHERE, Rejected
from shared.refusal import field_errors
from shared.service import Service
from shared.settings import Settings
from shared.wire import COMPANY, MalformedError, Raw, parse_json

PREFETCH = 32
MAX_KEY_LENGTH = 200
AGAIN = ".say_again.v1"

logger = structlog.get_logger()


class QueueDoor:
    """Takes commands from the queue `<service>.commands`, which the topology job has declared; replicas share it."""

    def __init__(self, service: Service, pool: Pool, settings: Settings) -> None:
        self.service, self.pool = service, pool
        self._settings = settings
        self._running: set[asyncio.Task[None]] = set()
        self.active = False

    async def run(self) -> None:
        """Until cancelled; then what is being done is finished, if it does not take too long."""
        await keep_going(f"commands {self.service.name}", self._serve)

    async def _serve(self, progress: Callable[[], None]) -> None:
        queue, lost = f"{self.service.name}.commands", asyncio.Event()
        async with subscribed(self._settings.amqp_url, queue, PREFETCH, self._take, lost.set) as no_more:
            progress()
            self.active = True
            try:
                await lost.wait()
                raise LostChannelError
            finally:
                self.active = False
                await no_more()
                if self._running:
                    await asyncio.wait(self._running, timeout=GRACE_SECONDS)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        """A task of its own, which does not end with the channel: what was begun is done, and not done again later."""
        task = asyncio.create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, message: AbstractIncomingMessage) -> None:
        """A database that is away is waited for. Only a bug raises: then the message goes to the parking queue."""
        try:
            await patiently(
                lambda: _handle(self.service, self.pool, self._settings, message), self.service.name)
            settled = message.ack()
        except Exception as error:
            logger.error("command parked", service=self.service.name, routing_key=message.routing_key, exc_info=error)
            settled = message.reject(requeue=False)
        with suppress(Exception, asyncio.CancelledError):  # the channel is gone: it comes again, known by its key
            await settled


async def _handle(service: Service, pool: Pool, settings: Settings, message: Any) -> None:
    raw = Raw(message.routing_key or "", message.headers, message.body, message.message_id, bool(message.redelivered))
    try:
        actor = _actor(settings, message.user_id, raw)
        command_type = _command_type(service, raw)
        key = _key(raw)
        body = parse_json(raw.body)
    except MalformedError as error:
        await _reject(pool, Rejected(raw, str(error)))
        return
    try:
        command = command_type.model_validate(body)
    except ValidationError as error:
        await service.say_rejection(pool, actor, key, command_type.type, field_errors(error.errors()))
        return
    await service.ask(pool, command, actor, key, by_queue=True)


def _actor(settings: Settings, user: str | None, raw: Raw) -> Actor:
    if not user:
        raise MalformedError("user_id: a command by queue needs the sender's broker user, which RabbitMQ validates")
    company = raw.headers.get("cloudEvents_company", NOWHERE)
    if raw.routing_key.endswith(AGAIN) and settings.is_peer(user) and COMPANY.fullmatch(str(company)):
        return Actor(user, str(company), frozenset({"service"}))  # for whatever company it misses something of
    actor = settings.queue_actor(user, company) if isinstance(company, str) else None
    if actor is None:
        raise MalformedError(f"company: {user!r} may not act for {company!r}")
    return actor


def _command_type(service: Service, raw: Raw) -> type[Command]:
    command_type = Command.registry.get(raw.routing_key)
    if command_type is None or command_type not in service.commands:
        raise MalformedError(f"routing_key: {service.name} knows no command {raw.routing_key!r}")
    return command_type


def _key(raw: Raw) -> str:
    if not raw.message_id or len(raw.message_id) > MAX_KEY_LENGTH or "\0" in raw.message_id:
        raise MalformedError("message_id: a command needs one, as its idempotency key")
    return raw.message_id


async def _reject(pool: Pool, rejected: Rejected) -> None:
    async with pool.acquire() as connection:
        await inbox.reject(connection, [rejected], datetime.now(UTC))
