"""What a service says of itself is what is the case."""

import pytest
from prometheus_client import CollectorRegistry

from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, open_pool
from shared.health import Health
from shared.inbox import sort_out
from shared.migrate import Migration, migrations_of
from shared.relay import Relay
from shared.testing import Script, ask
from shared.wire import Raw
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, cancel, desk, hear, listener
from tests.shared.waits import beside, until
from tools.link import link_to

MIGRATIONS = migrations_of(ROOT)


Loops = tuple[Relay, Consumer, QueueDoor]


def health(pool: Pool, loops: Loops, migrations: list[Migration] = MIGRATIONS) -> Health:
    return Health("inventory", pool, *loops, migrations, CollectorRegistry())


@pytest.fixture
async def idle(pool: Pool, database: str, rabbit: Rabbit) -> Loops:
    """The loops of a service with its topology, not started."""
    await rabbit.topology(listener())
    # The tests write events of `order` into the one database, so the relay speaks as it.
    relay = Relay("order", database, rabbit.users["order"], rabbit.name_of("order"), poll_seconds=0.05)
    consumer = Consumer(listener(), pool, rabbit.users["inventory"], users=rabbit.services)
    door = QueueDoor(listener(), pool, settings_for(rabbit, url=rabbit.users["inventory"]))
    return relay, consumer, door


async def test_a_service_is_ready_when_its_loops_work(pool: Pool, idle: Loops) -> None:
    shown = health(pool, idle)
    parts = {"relay": "not connected", "consumer": "not connected", "commands": "not connected"}
    assert await shown.problems() == parts
    async with beside(*(loop.run() for loop in idle)):
        await until("it is ready", shown.problems, lambda problems: problems == {})
    assert await shown.problems() == parts


async def test_a_missing_migration_is_named(pool: Pool, idle: Loops) -> None:
    late = Migration("inventory/0099_late", "select 1")
    problems = await health(pool, idle, [*MIGRATIONS, late]).problems()
    assert "inventory/0099_late" in problems["migrations"]


async def test_a_database_that_is_away_is_a_problem(database: str, idle: Loops) -> None:
    async with link_to(database) as link:
        far = await open_pool(link.url, size=2)
        shown = health(far, idle)
        assert "database" not in await shown.problems()
        link.cut()
        assert "database" in await shown.problems()
        far.terminate()


async def test_the_figures_are_what_is_there(pool: Pool, idle: Loops) -> None:
    script = Script()
    script.say(approved("SO-EARLY"))
    await hear(pool, listener(), script.say(approved("SO-EARLY")))
    await listener().receive(pool, *sort_out([Raw("nonsense", {}, b"")]))
    for n in range(3):
        await ask(pool, desk(), cancel(f"SO-{n}"), company=f"C{n % 2}")
    shown = health(pool, idle)
    figures = dict(line.rsplit(" ", 1) for line in (await shown.metrics()).decode().splitlines() if line[0] != "#")
    assert figures['fenlu_unpublished{service="inventory"}'] == "3.0"
    assert figures['fenlu_pending{service="inventory"}'] == "1.0"
    assert figures['fenlu_rejected{service="inventory"}'] == "1.0"
    assert float(figures['fenlu_unpublished_age_seconds{service="inventory"}']) > 0


async def test_what_is_published_is_no_longer_counted(
    pool: Pool, rabbit: Rabbit, idle: Loops
) -> None:
    await rabbit.queue("test.all", "#")
    await ask(pool, desk(), cancel())
    shown, (relay, _, _) = health(pool, idle), idle
    async with beside(relay.run()):
        await rabbit.take("test.all", 1)
        await until("it is counted no more", shown.metrics,
                    lambda text: b'fenlu_unpublished{service="inventory"} 0.0' in text)
