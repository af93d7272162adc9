"""The settings without which clients of RabbitMQ lose data or freeze (docs: the traps behind them).

Rows of that list which are shown elsewhere: prefetch on every subscriber, `no_reply`, an explicit ack policy
(test_queue_door); `persist` and unroutable messages of the relay (test_relay); an explicit delivery limit
(test_topology). The rest is here.
"""

import ast
import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import aio_pika
import aiormq
import pytest

from shared import amqp
from shared.amqp import keep_going, open_channel
from shared.consumer import Consumer
from shared.db import Db, Pool
from shared.events import Event
from shared.events.order import CancelOrder
from shared.refusal import Refusal
from shared.relay import Relay
from shared.service import Service
from shared.testing import Script
from tests.shared.doors import open_door, settings_for
from tests.shared.front import app_of
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, cancel, desk, effects, listener
from tests.shared.test_http import routes_of, sample_router
from tests.shared.test_relay import QUEUE, speak
from tests.shared.waits import beside, until, until_true
from tools.link import link_to
from tools.servers import Servers

ROOT = Path(__file__).parents[2]


def calls(method: str) -> Iterator[str]:
    """The files of the product that call a method of this name."""
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
                yield path.relative_to(ROOT).as_posix()


def test_only_the_topology_job_declares_queues() -> None:
    """Services have no right to; what they need is there or they wait for it. The tap has a queue of its own while it
    runs."""
    assert set(calls("declare_queue")) == {"shared/topology.py", "shared/tap.py"}


def test_one_function_publishes() -> None:
    """So persistence, confirms, the limit in time and the sender's name have to be right in one place only."""
    assert set(calls("basic_publish")) == {"shared/amqp.py"}
    assert not set(calls("publish"))


async def test_a_message_that_nobody_gets_is_an_error(rabbit: Rabbit) -> None:
    async with open_channel(rabbit.url) as channel:
        with pytest.raises(aiormq.exceptions.PublishError):
            await channel.default_exchange.publish(aio_pika.Message(b"lost"), "no-such-queue")


async def test_a_broker_that_hangs_does_not_hang_the_relay(
    pool: Pool, database: str, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A confirm that stays out ends the session after a while."""
    monkeypatch.setattr(amqp, "CONFIRM_SECONDS", 0.3)
    await rabbit.queue(QUEUE, "#")
    async with link_to(rabbit.users["order"]) as link:
        working = Relay("order", database, link.url, rabbit.name_of("order"), poll_seconds=0.05)
        async with beside(working.run()):
            await until_true("the relay is active", lambda: working.active)
            link.freeze()
            await speak(pool, approved())
            await until_true("the relay gave up", lambda: not working.active)
            link.mend()
            await rabbit.take(QUEUE, 1)


async def test_a_cancellation_that_nobody_asked_for_ends_no_loop() -> None:
    """aiormq raises CancelledError out of a dead connection; `except Exception` would not see it."""
    turns: list[int] = []

    async def work(_progress: Callable[[], None]) -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise asyncio.CancelledError
        if len(turns) == 2:
            raise RuntimeError
        await asyncio.sleep(3600)

    async with beside(keep_going("test", work)) as tasks:
        await until_true("it was started a third time", lambda: len(turns) == 3)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(tasks[0], 10)


async def test_a_dead_peer_is_noticed_within_half_a_minute(rabbit: Rabbit) -> None:
    """The default heartbeat of a minute means three; the address asks for ten seconds, and the connection has them."""
    assert settings_for(rabbit).amqp_url == f"{rabbit.users['order']}?heartbeat=10"
    assert settings_for(rabbit, url="amqp://host/?a=b").amqp_url == "amqp://host/?a=b&heartbeat=10"
    assert settings_for(rabbit, url="amqp://host/?heartbeat=30").amqp_url == "amqp://host/?heartbeat=30"
    async with open_channel(settings_for(rabbit).amqp_url) as channel:
        underlay = await channel.get_underlay_channel()
        assert underlay.connection.connection_tune.heartbeat == 10


async def test_no_route_publishes_what_a_stranger_sends(pool: Pool) -> None:
    """Some AsyncAPI pages have one: POST <path>/try."""
    app = app_of(desk(), sample_router(), pool)
    paths = {getattr(route, "path", "") for route in routes_of(app.routes)}
    assert not [path for path in paths if "try" in path.split("/")]
    assert {path for path in paths if "asyncapi" in path} == {"/asyncapi.json"}


async def test_publishing_and_consuming_have_connections_of_their_own(
    pool: Pool, database: str, rabbit: Rabbit
) -> None:
    """Under an alarm the broker blocks a connection that publishes, and with it every acknowledgement on it."""
    service = listener("order")
    service.commands.update(desk().commands)
    await rabbit.topology(service)
    async with link_to(rabbit.users["order"]) as link:
        publishing = Relay("order", database, link.url, rabbit.name_of("order"))
        consuming = Consumer(service, pool, link.url)
        async with open_door(service, pool, settings_for(rabbit, url=link.url)):
            door = link.connections
            async with beside(publishing.run(), consuming.run()):
                await until_true("both are active", lambda: publishing.active and consuming.active)
                assert (door, link.connections) == (1, 3)


async def test_a_stopping_door_finishes_what_it_began(pool: Pool, rabbit: Rabbit) -> None:
    service, reached = Service("order"), asyncio.Event()
    quick = desk().commands[CancelOrder]

    @service.does(CancelOrder)
    async def cancel_order(db: Db, commands: Sequence[CancelOrder]) -> Sequence[Event | Refusal]:
        reached.set()
        await asyncio.sleep(0.3)
        return await quick(db, commands)

    await rabbit.topology(service)
    async with open_door(service, pool, settings_for(rabbit)):
        await rabbit.ask(cancel(), "k-1")
        await asyncio.wait_for(reached.wait(), 10)
    assert await effects(pool) == [("SO-1", 0)]
    await asyncio.sleep(0.1)
    assert await rabbit.count("order.commands") == 0


async def test_under_an_alarm_events_are_still_consumed_and_none_is_lost(
    pool: Pool, database: str, rabbit: Rabbit, servers: Servers
) -> None:
    """The broker takes nothing in; what is in its queues goes on, and the relay's log waits."""
    if servers.rabbitmq is None:
        pytest.skip("an alarm is the whole broker's, and this one was given")
    await rabbit.topology(listener())
    script = Script()
    await rabbit.say(*(script.say(approved(f"SO-{n}")) for n in range(50)))
    limit = servers.rabbitmq.ctl("eval", "vm_memory_monitor:get_vm_memory_high_watermark().").strip()
    await asyncio.to_thread(servers.rabbitmq.ctl, "set_vm_memory_high_watermark", "0.0000001")
    alarms = partial(asyncio.to_thread, servers.rabbitmq.ctl, "eval", "rabbit_alarm:get_alarms().")
    try:
        await until("there is an alarm", alarms, lambda shown: "memory" in shown)
        publishing = Relay("order", database, rabbit.users["order"], rabbit.name_of("order"), poll_seconds=0.05)
        hearing = Consumer(listener(), pool, rabbit.users["inventory"], users=rabbit.services)
        async with beside(publishing.run(), hearing.run()):
            await speak(pool, *(approved(f"NEW-{n}") for n in range(5)))
            await until("the waiting events have their effect", lambda: effects(pool), lambda done: len(done) >= 50)
            await asyncio.sleep(0.3)
            assert len(await effects(pool)) == 50, "the broker takes nothing in"
            await asyncio.to_thread(servers.rabbitmq.ctl, "set_vm_memory_high_watermark", limit)
            await until("the others too", lambda: effects(pool), lambda done: len(done) >= 55, seconds=30)
    finally:
        await asyncio.to_thread(servers.rabbitmq.ctl, "set_vm_memory_high_watermark", limit)
    assert len(set(await effects(pool))) == 55
