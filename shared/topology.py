"""The privileged declaration of exchanges, queues and bindings, once or kept up; the services only use them.

The same arguments on RabbitMQ 3.10 and 4.x. An event queue has a single active consumer: its order is kept, and a
second replica takes over when the first is gone. The delivery limit is only a fuse against crash loops.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

from shared.amqp import AGAIN, COMMANDS, EVENTS, keep_going, open_channel
from shared.events import Event
from shared.healing import SUFFIX
from shared.service import Service

DEAD_LETTERS = "erp.dead"
DELIVERY_LIMIT = 100
MAX_LENGTH = 2_000_000
KEEP_SECONDS = 5.0  # more than RabbitMQ 3.10 needs to tell a consumer that its queue was deleted


def _arguments(dead_letter_key: str) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-routing-key": dead_letter_key,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": MAX_LENGTH,
    }


async def keep(service: Service, amqp_url: str) -> None:
    """Until cancelled: declare everything again and again, so that what was deleted or lost is soon there again."""

    async def work(progress: Callable[[], None]) -> None:
        while True:
            await declare(service, amqp_url)
            progress()
            await asyncio.sleep(KEEP_SECONDS)

    await keep_going(f"topology {service.name}", work)


def event_keys(service: Service) -> list[str]:
    """What the event queue of a service is bound to."""
    if Event in service.handlers:
        return ["#"]
    return sorted({event.type for event in service.hears()} | {event.owner + SUFFIX for event in service.hears()})


async def declare(service: Service, amqp_url: str) -> list[str]:
    """Declare one service's queues and what they hang on; may be run again. Returns the names of the queues."""
    async with open_channel(amqp_url) as channel:
        events = await channel.declare_exchange(EVENTS, ExchangeType.TOPIC, durable=True)
        commands = await channel.declare_exchange(COMMANDS, ExchangeType.TOPIC, durable=True)
        again = await channel.declare_exchange(AGAIN, ExchangeType.TOPIC, durable=True)
        dead = await channel.declare_exchange(DEAD_LETTERS, ExchangeType.DIRECT, durable=True)
        parking = f"{service.name}.parking"
        queue = await channel.declare_queue(parking, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(dead, parking)
        names = [parking]
        if service.handlers:
            keys = event_keys(service)
            name = await _queue(channel, f"{service.name}.events", parking, events, keys, single=True)
            await (await channel.get_queue(name, ensure=False)).bind(again, f"{service.name}.#")
            names.append(name)
        if service.commands:
            keys = sorted(command.type for command in service.commands)
            names.append(await _queue(channel, f"{service.name}.commands", parking, commands, keys, single=False))
        return names


async def _queue(
    channel: AbstractChannel, name: str, parking: str, exchange: Any, keys: list[str], *, single: bool
) -> str:
    arguments = _arguments(parking) | ({"x-single-active-consumer": True} if single else {})
    queue = await channel.declare_queue(name, durable=True, arguments=arguments)
    for key in keys:
        await queue.bind(exchange, key)
    return name
