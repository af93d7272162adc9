"""The queue door takes commands from `<service>.commands` and runs the same use cases as the HTTP door.

The actor is the broker-validated `user_id`; the idempotency key is the CloudEvent's id, or else the AMQP `message_id`.
A refused command is answered by a `CommandRejected` event, whatever is wrong with it; only where nobody could be told
(no known sender, no key, no command of ours) the message ends in `rejected`, and so does one that meets a bug.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from shared import figures, inbox, tracing
from shared.amqp import GRACE_SECONDS, LostChannelError, keep_going, subscribed
from shared.db import Pool, patiently
from shared.events import Actor, Command
from shared.inbox import Rejected
from shared.principals import Principals
from shared.refusal import Text, field_errors
from shared.service import Service
from shared.settings import Settings
from shared.wire import COMPANY, MAX_BODY_BYTES, MalformedError, Raw, attributes_of, in_binary_mode, parse_json

PREFETCH = 32
MAX_KEY_LENGTH = 200
AGAIN = ".say_again.v1"

FOREIGN = Text(
    "{user} 不能代表这家公司；请在消息头 cloudEvents_company 中写明自己的公司",
    "{user} may not act for this company; name your own in the header cloudEvents_company",
)
OTHER_TYPE = Text("cloudEvents_type 与路由键 {key} 不一致", "cloudEvents_type is not the routing key {key}")
NO_JSON = Text(
    "消息体必须是一个 JSON 对象（UTF-8，键不重复，没有 NaN，不超过 {limit} 字节）：{why}",
    "the body must be one JSON object (UTF-8, no key twice, no NaN, at most {limit} bytes): {why}",
)

logger = structlog.get_logger()


class QueueDoor:
    """Takes commands from the queue `<service>.commands`, which the topology job has declared; replicas share it."""

    def __init__(self, service: Service, pool: Pool, settings: Settings) -> None:
        self.service, self.pool = service, pool
        self._settings, self._principals = settings, Principals(settings.queue_principals_file)
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

    async def handle(self, came: Raw) -> str:
        """Do what a message asks for; returns why it cannot be handled, or nothing. A database that is away is waited
        for."""
        name = self.service.name
        try:
            with tracing.span(f"{name} {came.routing_key}", "CONSUMER", parent=_traceparent(came)):
                await patiently(lambda: self._handle(came), name)
        except MalformedError as error:
            return str(error)
        except Exception as error:
            logger.error("command met a bug", service=name, routing_key=came.routing_key, exc_info=error)
            return f"{type(error).__name__}: {error}"
        return ""

    async def _take(self, message: AbstractIncomingMessage) -> None:
        """A task of its own, which does not end with the channel: what was begun is done, and not done again later."""
        task = asyncio.create_task(self._answer(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, message: AbstractIncomingMessage) -> None:
        """A database that is away is waited for. A message that cannot even be kept goes to the parking queue."""
        came = Raw(
            message.routing_key or "", message.headers, message.body, message.message_id, bool(message.redelivered),
            user=message.user_id, content_type=message.content_type,
        )
        try:
            if reason := await self.handle(came):
                await patiently(lambda: _keep(self.pool, Rejected(came, reason)), self.service.name)
                figures.COMMANDS.labels(self.service.name, "rejected").inc()
            settled = message.ack()
        except Exception as error:
            logger.error("command parked", service=self.service.name, routing_key=message.routing_key, exc_info=error)
            figures.COMMANDS.labels(self.service.name, "parked").inc()
            settled = message.reject(requeue=False)
        with suppress(Exception, asyncio.CancelledError):  # the channel is gone: it comes again, known by its key
            await settled

    async def _handle(self, came: Raw) -> None:
        """MalformedError where nobody could be told."""
        raw = in_binary_mode(came)
        actor, may = self._sender(raw.user, raw)
        command_type, key = _command_type(self.service, raw), _key(raw)
        if not may:
            foreign = _error("company", "forbidden", FOREIGN, user=actor.name)
            await self._refuse(actor, key, command_type, [foreign])
            return
        try:
            command = _command(command_type, raw)
        except _RefusedError as refused:
            await self._refuse(actor, key, command_type, refused.errors)
            return
        if "service" in actor.roles and self._settings.service_users.get(getattr(command, "hearer", "")) != actor.name:
            raise MalformedError(f"hearer: {actor.name!r} may ask only for itself")
        answer = await self.service.ask(self.pool, command, actor, key, by_queue=True)
        figures.COMMANDS.labels(self.service.name, "done" if answer.ok else "refused").inc()

    def _sender(self, user: str | None, raw: Raw) -> tuple[Actor, bool]:
        """Who sent it, for the company that it names, and True; else for the sender's first company, where it is told
        that it may not, and False. MalformedError for a sender whom nobody knows."""
        if not user:
            raise MalformedError("user_id: a command by queue needs the sender's broker user, which RabbitMQ validates")
        company = str(attributes_of(raw.headers).get("company"))
        if raw.routing_key.endswith(AGAIN) and self._settings.is_peer(user) and COMPANY.fullmatch(company):
            return Actor(user, company, frozenset({"service"})), True  # for whatever company it misses something of
        if actor := self._principals.actor(user, company):
            return actor, True
        if home := self._principals.home(user):
            return home, False
        raise MalformedError(f"user_id: {user!r} may not send commands (QUEUE_PRINCIPALS_FILE)")

    async def _refuse(
        self, actor: Actor, key: str, command_type: type[Command], errors: Sequence[Mapping[str, str]]
    ) -> None:
        await self.service.say_rejection(self.pool, actor, key, command_type.type, errors)
        figures.COMMANDS.labels(self.service.name, "refused").inc()


def _traceparent(raw: Raw) -> str | None:
    """A CloudEvents attribute, or a header of its own."""
    try:
        return tracing.valid(attributes_of(raw.headers).get("traceparent", raw.headers.get("traceparent")))
    except MalformedError:
        return None


class _RefusedError(Exception):
    """A command that is not what its type wants; the sender is told."""

    def __init__(self, *errors: Mapping[str, str]) -> None:
        self.errors = errors


def _command_type(service: Service, raw: Raw) -> type[Command]:
    command_type = Command.registry.get(raw.routing_key)
    if command_type is None or command_type not in service.commands:
        raise MalformedError(f"routing_key: {service.name} knows no command {raw.routing_key!r}")
    return command_type


def _key(raw: Raw) -> str:
    """A CloudEvent sent again has the same id, whatever its library does with the message_id."""
    key = attributes_of(raw.headers).get("id", raw.message_id)
    if not isinstance(key, str) or not key or len(key) > MAX_KEY_LENGTH or "\0" in key:
        raise MalformedError("message_id: a command needs a short one (or cloudEvents_id), as its idempotency key")
    return key


def _command(command_type: type[Command], raw: Raw) -> Command:
    if attributes_of(raw.headers).get("type", raw.routing_key) != raw.routing_key:
        raise _RefusedError(_error("type", "type_mismatch", OTHER_TYPE, key=raw.routing_key))
    try:
        return command_type.model_validate(parse_json(raw.body))
    except MalformedError as error:
        why = str(error).removeprefix("body: ")
        raise _RefusedError(_error("body", "json_invalid", NO_JSON, limit=str(MAX_BODY_BYTES), why=why)) from error
    except ValidationError as error:
        raise _RefusedError(*field_errors(error.errors())) from error


def _error(field: str, code: str, text: Text, **params: str) -> dict[str, str]:
    zh, en = text.zh.format(**params), text.en.format(**params)
    return {"field": field, "code": code, "message_zh": zh, "message_en": en}


async def _keep(pool: Pool, rejected: Rejected) -> None:
    async with pool.acquire() as connection:
        await inbox.reject(connection, [rejected], datetime.now(UTC))
