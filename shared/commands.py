"""The queue door: FastStream takes commands from `<service>.commands` and runs the same use cases as the HTTP door.

The actor is the broker-validated `user_id`; the idempotency key is the AMQP `message_id`. A refused command is answered
by a `CommandRejected` event, a message that is no command at all ends in `rejected`.
"""

from datetime import UTC, datetime
from typing import Any

from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.prometheus import RabbitPrometheusMiddleware
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from shared import inbox
from shared.amqp import COMMANDS
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


def command_broker(service: Service, pool: Pool, settings: Settings, registry: CollectorRegistry) -> RabbitBroker:
    """The broker with the one subscriber of this service's command queue; topology was declared by its own job."""
    broker = RabbitBroker(
        settings.amqp_url,
        default_channel=Channel(on_return_raises=True),
        graceful_timeout=15.0,
        reconnect_interval=1.0,
        middlewares=[RabbitPrometheusMiddleware(registry=registry, app_name=service.name)],
        logger=None,
    )

    # Only a bug raises here (a database that is away is waited for): then the message goes to the parking queue.
    @broker.subscriber(
        RabbitQueue(f"{service.name}.commands", queue_type=QueueType.QUORUM, declare=False),
        RabbitExchange(COMMANDS, type=ExchangeType.TOPIC, declare=False),
        channel=Channel(prefetch_count=PREFETCH),
        ack_policy=AckPolicy.REJECT_ON_ERROR,
        no_reply=True,
        decoder=_undecoded,
    )
    async def take(_body: bytes, message: RabbitMessage) -> None:
        await patiently(lambda: _handle(service, pool, settings, message.raw_message), service.name)

    return broker


async def _undecoded(message: Any) -> bytes:
    """Leave the bytes alone: our own strict parser reads them."""
    return bytes(message.body)


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
