"""The official CloudEvents SDK reads what we say, and what it writes is accepted by our doors."""

import json
from collections.abc import Mapping
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from cloudevents.core.bindings import amqp, rabbitmq
from cloudevents.core.v1.event import CloudEvent

from shared.amqp import COMMANDS, EVENTS, open_channel
from shared.consumer import Consumer
from shared.db import Pool
from shared.events import CommandRejected
from shared.events.order import CancelOrder
from shared.relay import Relay
from shared.testing import Script, ask, said
from shared.wire import headers_of
from tests.shared.doors import open_door, settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, cancel, desk, effects, listener
from tests.shared.waits import beside, until
from tools.servers.users import user_in

JSON = "application/json"


def sdk_message(came: AbstractIncomingMessage) -> amqp.AMQPMessage:
    """A message of the broker as the SDK wants it."""
    return amqp.AMQPMessage({"content-type": came.content_type}, dict(came.headers), came.body)


async def publish(
    rabbit: Rabbit, exchange: str, key: str, headers: Mapping[str, Any], content_type: str | None, body: bytes,
    message_id: str | None = None, *, url: str = "",
) -> None:
    """By default as the administrator."""
    async with open_channel(url or rabbit.url) as channel:
        target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(
            aio_pika.Message(body, headers=dict(headers), content_type=content_type, user_id=user_in(url or rabbit.url),
                             message_id=message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
            key, mandatory=True,
        )


async def test_the_sdk_reads_what_a_relay_publishes(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    await rabbit.queue("test.shop", "order.#")
    await ask(pool, desk(), cancel("SO-1"), key="k-1")
    async with beside(Relay("order", database, rabbit.url, rabbit.user).run()):
        (came,) = await rabbit.take("test.shop", 1)
    (event,) = await said(pool)
    e = event.envelope
    read = amqp.from_amqp_event(sdk_message(came))
    assert (read.get_id(), read.get_source(), read.get_type()) == (str(e.id), "/fenlu/order", event.type)
    assert (read.get_subject(), read.get_time(), read.get_specversion()) == ("order/SO-1", e.time, "1.0")
    assert read.get_datacontenttype() == JSON
    assert read.get_extension("company") == "C1"
    assert read.get_extension("correlationid") == str(e.correlation_id)
    assert read.get_data() == json.loads(event.body())


async def test_an_event_that_the_sdk_wrote_is_heard(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    event = Script().say(approved("SO-1"))
    attributes = {name.removeprefix("cloudEvents_"): value for name, value in headers_of(event.envelope).items()}
    written = CloudEvent({**attributes, "time": event.envelope.time, "datacontenttype": JSON},
                         json.loads(event.body()))
    sent = amqp.to_binary_event(written)
    async with beside(Consumer(listener(), pool, rabbit.url, users=rabbit.services).run()):
        await publish(rabbit, EVENTS, event.type, sent.application_properties, JSON, sent.application_data,
                      url=rabbit.users["order"])
        await until("it is heard", lambda: effects(pool), lambda done: done == [("SO-1", 1)])
    assert await pool.fetchval("select count(*) from rejected") == 0


# -- commands as CloudEvents ------------------------------------------------------------------------------------------


def command(order_id: str, **attributes: Any) -> CloudEvent:
    """What another system's library makes of a command."""
    return CloudEvent(
        {"id": f"shop-{order_id}", "type": CancelOrder.type, "source": "/shop", "company": "C1",
         "datacontenttype": JSON, **attributes},
        json.loads(cancel(order_id).body()),
    )


def written(event: CloudEvent, mode: str) -> tuple[Mapping[str, Any], str | None, bytes]:
    """(headers, content type, body) in one of the ways that the SDK knows."""
    if mode.startswith("rabbitmq"):
        made = rabbitmq.to_binary_event(event) if mode.endswith("binary") else rabbitmq.to_structured_event(event)
        return made.headers, made.content_type, made.body
    sent = amqp.to_binary_event(event) if mode.endswith("binary") else amqp.to_structured_event(event)
    return sent.application_properties, sent.properties["content-type"], sent.application_data


@pytest.mark.parametrize("mode", ["amqp binary", "amqp structured", "rabbitmq binary", "rabbitmq structured"])
async def test_a_command_that_the_sdk_wrote_is_done_once(pool: Pool, rabbit: Rabbit, mode: str) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        for order_id, message_id in (("SO-1", "random-1"), ("SO-1", "random-2"), ("SO-2", None)):
            await publish(rabbit, COMMANDS, CancelOrder.type, *written(command(order_id), mode), message_id)
        await until("both are done", lambda: effects(pool), lambda done: len(done) >= 2)
    keys = await pool.fetch("select key, status from command order by key")
    assert [tuple(row) for row in keys] == [("shop-SO-1", 201), ("shop-SO-2", 201)]
    assert await effects(pool) == [("SO-1", 0), ("SO-2", 0)]


@pytest.mark.parametrize(("wrong", "field"), [
    ({"type": "order.place_order.v1"}, "type"), ({"company": "C3"}, "company"),
])
async def test_a_refused_cloudevent_is_named_by_its_id(
    pool: Pool, rabbit: Rabbit, wrong: dict[str, str], field: str
) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        sent = written(command("SO-1", **wrong), "amqp structured")
        await publish(rabbit, COMMANDS, CancelOrder.type, *sent)
        (rejection,) = await until("it is told", lambda: said(pool), lambda events: len(events) == 1)
    assert isinstance(rejection, CommandRejected)
    assert (rejection.command_id, rejection.field) == ("shop-SO-1", field)


async def test_a_structured_cloudevent_without_data_is_told(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    headers = {"cloudEvents_company": "C1"}
    bare = {"id": "shop-1", "type": CancelOrder.type, "source": "/shop", "specversion": "1.0", "company": "C1"}
    async with open_door(desk(), pool, settings_for(rabbit)):
        for key, body in (("shop-1", json.dumps(bare).encode()), ("shop-2", b"{")):
            await publish(rabbit, COMMANDS, CancelOrder.type, headers, "application/cloudevents+json", body, key)
        await until("both are told", lambda: said(pool), lambda events: len(events) >= 2)
    rejections = [event for event in await said(pool) if isinstance(event, CommandRejected)]
    assert sorted((e.command_id, e.field, e.code) for e in rejections) == [
        ("shop-1", "body", "json_invalid"), ("shop-2", "body", "json_invalid"),
    ]

