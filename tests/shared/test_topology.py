"""The declared queues hold what they promise, and declaring them again changes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aio_pika.abc import AbstractIncomingMessage

from shared.amqp import open_channel
from shared.events import Event
from shared.events.inventory import ProductRegistered
from shared.service import Service
from shared.testing import Script
from shared.topology import declare
from shared.wire import Raw
from tests.shared.rabbit import Rabbit, refused_declaration
from tests.shared.samples import approved, cancel, desk, listener
from tests.shared.waits import until_true

FUSED = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 100,
    "x-dead-letter-exchange": "erp.dead",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
    "x-max-length": 2_000_000,
}
EVENT_QUEUE = FUSED | {"x-dead-letter-routing-key": "inventory.parking", "x-single-active-consumer": True}
COMMAND_QUEUE = FUSED | {"x-dead-letter-routing-key": "order.parking"}


async def test_it_may_be_run_again(rabbit: Rabbit) -> None:
    service = desk()
    service.handlers.update(listener().handlers)
    await rabbit.topology(service)
    assert await declare(service, rabbit.url) == ["order.parking", "order.events", "order.commands"]


async def test_a_service_gets_only_the_queues_that_it_needs(rabbit: Rabbit) -> None:
    await rabbit.topology(Service("accounting"))
    assert await declare(Service("accounting"), rabbit.url) == ["accounting.parking", "accounting.commands"]
    assert await declare(desk(), rabbit.url) == ["order.parking", "order.commands"]
    await rabbit.topology(desk())


@pytest.mark.parametrize(("name", "arguments"), [
    ("inventory.events", EVENT_QUEUE),
    ("order.commands", COMMAND_QUEUE),
    ("order.parking", {"x-queue-type": "quorum"}),
])
async def test_the_queues_have_exactly_these_arguments(
    rabbit: Rabbit, name: str, arguments: dict[str, Any]
) -> None:
    """The broker compares: the same are accepted, and without any one of them it is another queue."""
    await rabbit.topology(listener())
    await rabbit.topology(desk())
    assert not await refused_declaration(rabbit.url, name, arguments)
    for left_out in arguments:
        others = {key: value for key, value in arguments.items() if key != left_out}
        assert await refused_declaration(rabbit.url, name, others), left_out


async def test_a_queue_gets_the_events_of_the_aggregates_it_hears_and_no_others(rabbit: Rabbit) -> None:
    service, script = listener(), Script()
    await rabbit.topology(service)
    await rabbit.queue("test.all", "#")
    await rabbit.say(script.say(approved()), script.say(ProductRegistered(sku="A", name="茶", unit="件")))
    await rabbit.take("test.all", 2)
    assert await rabbit.count("inventory.events") == 1


async def test_a_service_that_hears_the_base_class_hears_every_event(rabbit: Rabbit) -> None:
    service = Service("accounting", ordered=False)
    service.handlers[Event] = next(iter(listener().handlers.values()))
    await rabbit.topology(service)
    await rabbit.publish("erp.events", Raw("crm.something_new.v7", {}, b"{}"))
    assert await rabbit.count("accounting.events") == 1


@asynccontextmanager
async def consuming(rabbit: Rabbit, name: str) -> AsyncIterator[list[AbstractIncomingMessage]]:
    """A consumer on a connection of its own that acknowledges whatever it gets."""
    got: list[AbstractIncomingMessage] = []

    async def take(message: AbstractIncomingMessage) -> None:
        got.append(message)
        await message.ack()

    async with open_channel(rabbit.url, prefetch=10) as channel:
        queue = await channel.get_queue(name, ensure=False)
        await queue.consume(take)
        yield got


async def test_one_consumer_of_an_event_queue_is_active_and_the_next_takes_over(rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    script = Script()
    async with consuming(rabbit, "inventory.events") as first:
        async with consuming(rabbit, "inventory.events") as second:
            await rabbit.say(*(script.say(approved(f"SO-{n}")) for n in range(20)))
            await until_true("all 20 came", lambda: len(first) + len(second) == 20)
            assert (len(first), len(second)) == (20, 0)
    async with consuming(rabbit, "inventory.events") as third:
        await rabbit.say(script.say(approved("SO-20")))
        await until_true("the next one came", lambda: len(third) == 1)


async def test_a_command_queue_has_as_many_active_consumers_as_there_are(rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with consuming(rabbit, "order.commands") as first, consuming(rabbit, "order.commands") as second:
        for n in range(20):
            await rabbit.ask(cancel(f"SO-{n}"), f"k-{n}")
        await until_true("all 20 came", lambda: len(first) + len(second) == 20)
    assert first
    assert second


@pytest.mark.parametrize("kind", ["events", "commands"])
async def test_a_rejected_delivery_lands_in_parking(rabbit: Rabbit, kind: str) -> None:
    service = desk()
    service.handlers.update(listener().handlers)
    await rabbit.topology(service)
    if kind == "events":
        await rabbit.say(Script().say(approved()))
    else:
        await rabbit.ask(cancel(), "k-1")
    got: list[AbstractIncomingMessage] = []

    async def refuse(message: AbstractIncomingMessage) -> None:
        got.append(message)
        await message.reject(requeue=False)

    queue = await rabbit.channel.get_queue(f"order.{kind}", ensure=False)
    tag = await queue.consume(refuse)
    (parked,) = await rabbit.take("order.parking", 1)
    await queue.cancel(tag)
    (message,) = got
    assert (parked.body, parked.message_id) == (message.body, message.message_id)
    deaths: Any = parked.headers["x-death"]
    assert deaths[0]["queue"] == f"order.{kind}"
