"""What a service says of itself is what is the case."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, open_pool
from shared.events.operators import InventoryDismissMessages
from shared.figures import REGISTRY
from shared.finding import Finding, judged
from shared.health import Health
from shared.inbox import sort_out
from shared.migrate import Migration, migrations_of
from shared.refusal import Text
from shared.relay import Relay
from shared.testing import Script, ask, hear
from shared.wire import Raw
from tests.shared.doors import open_door, settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, cancel, desk, listener
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


async def test_what_works_beside_the_loops_is_a_part_of_it(pool: Pool, idle: Loops) -> None:
    """Whatever it says of itself; what is wrong with its work is a warning."""

    @dataclass
    class Beside:
        name: str = "dispatcher"
        active: bool = False

        async def run(self) -> None:
            raise AssertionError("nobody runs it")

    async def look(_connection: Any) -> list[Finding]:
        return [judged("webhooks", bad, "二", "two", Text("等", "wait"), state="warning") for bad in (False, True)]

    shown = health(pool, idle)
    shown.beside = [Beside()]
    assert (await shown.problems())["dispatcher"] == "does not work"
    shown.beside = [Beside(active=True)]
    assert "dispatcher" not in await shown.problems()
    assert await shown.warnings() == {}
    idle[1].service.look = look
    assert await health(pool, idle).warnings() == {"webhooks": "two; wait"}


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
    assert float(figures['fenlu_pending_age_seconds{service="inventory"}']) > 0


async def figures_of(shown: Health) -> dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in (await shown.metrics()).decode().splitlines() if line[0] != "#")


async def test_what_was_dismissed_is_no_longer_wrong(pool: Pool, idle: Loops) -> None:
    await hear(pool, listener(bad={("SO-1", 1)}), Script().say(approved()))
    rejected = await pool.fetchval("select id from rejected")
    await ask(pool, listener(), InventoryDismissMessages(ids=(rejected,), why="booked by hand"))
    figures = await figures_of(health(pool, idle))
    names = ("rejected", "parked", "dismissed", "pending_age_seconds")
    assert [figures[f'fenlu_{name}{{service="inventory"}}'] for name in names] == ["0.0", "0.0", "1.0", "0.0"]


async def test_the_time_from_an_event_to_its_effect_is_counted_once(pool: Pool) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("fenlu_heard_seconds_count", {"service": "inventory"}) or 0

    before, script = counted(), Script()
    events = [script.say(approved(f"SO-{n}")) for n in range(3)]
    await hear(pool, listener(bad={("SO-2", 1)}), *events)
    await hear(pool, listener(), *events[:2])  # they come again
    assert counted() - before == 2


async def test_commands_by_queue_are_counted_by_what_came_of_them(pool: Pool, rabbit: Rabbit) -> None:
    def counted() -> list[float]:
        return [REGISTRY.get_sample_value("fenlu_queue_commands_total", {"service": "order", "outcome": outcome}) or 0
                for outcome in ("done", "refused", "rejected")]

    await rabbit.topology(desk())
    before = counted()
    async with open_door(desk(), pool, settings_for(rabbit)):
        for n, reason in enumerate(("changed", "refuse", "bug")):
            await rabbit.ask(cancel(f"SO-{n}", reason), f"k-{n}")
        await until("all are counted", lambda: _now(counted), lambda now: sum(now) - sum(before) == 3)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 1]


async def _now(look: Callable[[], list[float]]) -> list[float]:
    return look()


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
