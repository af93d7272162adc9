"""The queue door takes commands from `<service>.commands` and runs the same use cases as the HTTP door.

The actor is the broker-validated `user_id`; the idempotency key is the CloudEvent's id, or else the AMQP `message_id`.
A refused command is answered by a `CommandRejected` event, whatever is wrong with it; only where nobody could be told
(no known sender, no key, no command of ours) the message ends in `rejected`, and so does one that meets a bug.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from shared import figures, inbox, tracing
from shared.amqp import Delivery, keep_going, subscribed
from shared.asked import Asked
from shared.db import Pool, patiently
from shared.events import Actor, Command
from shared.inbox import Rejected
from shared.intake import Intake
from shared.principals import Principals
from shared.refusal import Text, field_errors
from shared.service import Service
from shared.settings import Settings
from shared.wire import COMPANY, MAX_BODY_BYTES, MalformedError, Raw, attributes_of, in_binary_mode, parse_json

BATCH = 100
PREFETCH = 2 * BATCH
IDLE_SECONDS = 60.0
EVENTS_FIRST_SECONDS = 0.25  # how long commands wait for events that have arrived before
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
    """Takes commands from the queue `<service>.commands`, which the topology job has declared; replicas share it.

    Whatever has arrived is done together (shared/asked.py says what shares a transaction), then acknowledged at once.
    Before that the `events` that have arrived are heard, so that who acts on an event seldom comes before it.
    """

    def __init__(self, service: Service, pool: Pool, settings: Settings, events: Intake[Any] | None = None) -> None:
        self.service, self.pool, self._events = service, pool, events
        self._settings, self._principals = settings, Principals(settings.queue_principals_file)
        self._intake = Intake(BATCH, lambda message: message)
        self.active = False

    async def run(self) -> None:
        """Until cancelled; then the batch that is under way is finished, if it does not take too long."""
        await keep_going(f"commands {self.service.name}", self._serve)

    async def _serve(self, progress: Callable[[], None]) -> None:
        self._intake.begin()
        queue, came, lose = f"{self.service.name}.commands", self._intake.put, self._intake.lose
        async with subscribed(self._settings.amqp_url, queue, PREFETCH, came, lose) as no_more:
            self.active = True
            try:
                while True:
                    if await self._intake.comes(IDLE_SECONDS):
                        if self._events:
                            await self._events.emptied(EVENTS_FIRST_SECONDS)
                        await self._intake.taken(self._answer)
                    progress()
            finally:
                self.active = False
                await no_more()

    async def handle(self, came: Raw) -> str:
        """Do what one message asks for; returns why it cannot be handled, or nothing. A database that is away is waited
        for."""
        (reason,) = await self._handle([came])
        return reason

    async def _answer(self, messages: Sequence[Delivery]) -> None:
        """A database that is away is waited for. A message that cannot even be kept goes to the parking queue."""
        came = [message.raw for message in messages]
        reasons = await self._handle(came)
        parked = {
            i for i, reason in enumerate(reasons) if reason and not await self._keep(Rejected(came[i], reason))
        }
        settled = [message for i, message in enumerate(messages) if i not in parked]
        with suppress(Exception, asyncio.CancelledError):  # the channel is gone: they come again, known by their keys
            for i in sorted(parked):
                await messages[i].reject()
            if settled:
                await settled[-1].ack(multiple=True)

    async def _keep(self, rejected: Rejected) -> bool:
        """Keep a message that cannot be handled; False if not even that can be done."""
        name = self.service.name

        async def write() -> None:
            async with self.pool.acquire() as connection:
                await inbox.reject(connection, [rejected], datetime.now(UTC))

        try:
            await patiently(write, name)
        except Exception as error:
            logger.error("command parked", service=name, routing_key=rejected.raw.routing_key, exc_info=error)
            figures.COMMANDS.labels(name, "parked").inc()
            return False
        figures.COMMANDS.labels(name, "rejected").inc()
        return True

    async def _handle(self, came: Sequence[Raw]) -> list[str]:
        """Why each cannot be handled, or nothing."""
        reasons = [""] * len(came)
        asked: dict[Asked, int] = {}
        with tracing.spans(f"{self.service.name} takes", [_traceparent(raw) for raw in came]) as traces:
            for i, (raw, trace) in enumerate(zip(came, traces, strict=True)):
                try:
                    one = await self._read(raw, trace)
                except MalformedError as error:
                    reasons[i] = str(error)
                except Exception as error:
                    reasons[i] = self._bug(raw, error)
                else:
                    if one:
                        asked[one] = i
            for i, bug in (await self._ask(asked)).items():
                reasons[i] = self._bug(came[i], bug)
        return reasons

    async def _ask(self, asked: Mapping[Asked, int]) -> dict[int, Exception]:
        """Let the use cases do all; returns the bugs that some met."""
        bugs: dict[int, Exception] = {}

        async def work() -> None:
            bugs.clear()
            answers = await self.service.ask_all(self.pool, list(asked), by_queue=True)
            bugs.update({i: a for i, a in zip(asked.values(), answers, strict=True) if isinstance(a, Exception)})
            for answer in answers:
                if not isinstance(answer, Exception):
                    figures.COMMANDS.labels(self.service.name, "done" if answer.ok else "refused").inc()

        if asked:
            await patiently(work, self.service.name)
        return bugs

    def _bug(self, raw: Raw, error: Exception) -> str:
        logger.error("command met a bug", service=self.service.name, routing_key=raw.routing_key, exc_info=error)
        return f"{type(error).__name__}: {error}"

    async def _read(self, came: Raw, trace: str | None) -> Asked | None:
        """What a message asks for; None if that was refused here and its sender was told. MalformedError where nobody
        could be told."""
        raw = in_binary_mode(came)
        actor, may = self._sender(raw.user, raw)
        command_type, key = _command_type(self.service, raw), _key(raw)
        if not may:
            foreign = _error("company", "forbidden", FOREIGN, user=actor.name)
            await self._refuse(actor, key, command_type, [foreign])
            return None
        try:
            command = _command(command_type, raw)
        except _RefusedError as refused:
            await self._refuse(actor, key, command_type, refused.errors)
            return None
        if "service" in actor.roles and self._settings.service_users.get(getattr(command, "hearer", "")) != actor.name:
            raise MalformedError(f"hearer: {actor.name!r} may ask only for itself")
        return Asked(command.asked_by(actor), key, trace)

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
        name = self.service.name
        await patiently(
            lambda: self.service.say_rejection(self.pool, actor, key, command_type.type, errors), name)
        figures.COMMANDS.labels(name, "refused").inc()


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
