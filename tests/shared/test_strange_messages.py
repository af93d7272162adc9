"""What a sender may write around a message has no effect; what is too large never gets in; nobody else notices."""

from typing import Any

import aio_pika
import pytest
from aiormq.exceptions import ChannelPreconditionFailed

from shared.amqp import EVENTS, open_channel
from shared.consumer import Consumer
from shared.db import Pool
from shared.testing import Script, raw
from shared.wire import Raw
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, effects, listener, reasons
from tests.shared.waits import beside, until
from tools.servers.server import MAX_MESSAGE_SIZE

STRANGE: dict[str, dict[str, Any]] = {
    "another content type": {"content_type": "application/x-python-serialize"},
    "another encoding": {"content_encoding": "gzip"},
    "a reply address": {"reply_to": "inventory.events"},
    "a reply address that breaks headers": {"reply_to": "x\r\nX-Evil: 1|nope"},
    "an endless correlation": {"correlation_id": "c" * 255},
    "a priority": {"priority": 255},
    "a type": {"type": "order.order_cancelled.v1"},
    "200 headers": {"headers": {f"h-{n}": "x" * 100 for n in range(200)}},
    "headers that break lines": {"headers": {"a\r\nb": "c\r\nd", "": "", "x-death": [{"count": 99}]}},
    "headers of every kind": {
        "headers": {"none": None, "bytes": bytearray(b"\xff\0"), "table": {"a": [1, {"b": 2.5}]}, "yes": True},
    },
}


@pytest.fixture
async def sent(rabbit: Rabbit) -> int:
    """Every kind of strange message and, one after each, a plain one; returns how many there are."""
    await rabbit.topology(listener())
    script = Script()
    for n, properties in enumerate(STRANGE.values()):
        event = raw(script.say(approved(f"STRANGE-{n}")))
        headers = {**properties.get("headers", {}), **event.headers}
        rest = {name: value for name, value in properties.items() if name != "headers"}
        await rabbit.publish(EVENTS, Raw(event.routing_key, headers, event.body, event.message_id), **rest)
        await rabbit.say(script.say(approved(f"PLAIN-{n}")))
    return 2 * len(STRANGE)


async def test_what_stands_around_an_event_changes_nothing(pool: Pool, rabbit: Rabbit, sent: int) -> None:
    async with beside(Consumer(listener(), pool, rabbit.url).run()):
        await until("all are done", lambda: effects(pool), lambda done: len(done) >= sent)
    assert len(set(await effects(pool))) == sent
    assert (await reasons(pool), await reasons(pool, "")) == ([], [])
    assert await rabbit.count("inventory.events") <= sent, "nobody replied"


async def test_a_message_larger_than_the_brokers_limit_ends_only_its_senders_channel(
    pool: Pool, rabbit: Rabbit, sent: int
) -> None:
    async with beside(Consumer(listener(), pool, rabbit.url).run()):
        async with open_channel(rabbit.url) as channel:
            exchange = await channel.get_exchange(EVENTS, ensure=False)
            with pytest.raises(ChannelPreconditionFailed, match="larger than"):
                await exchange.publish(aio_pika.Message(bytes(2 * MAX_MESSAGE_SIZE)), "order.order_approved.v1")
        await until("all others are done", lambda: effects(pool), lambda done: len(done) >= sent)
    assert (await reasons(pool), await reasons(pool, "")) == ([], [])
