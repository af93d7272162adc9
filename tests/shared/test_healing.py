"""What was said and not heard is noticed and said again, whatever was lost: messages, a queue, a hearer's database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from shared import healing, mender
from shared.amqp import AGAIN
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, open_pool
from shared.events import Event
from shared.events.operators import InventoryDismissMessages
from shared.events.order import OrderSayAgain
from shared.healing import Known, Statement, stretch_of
from shared.health import Health
from shared.mender import Rhythm
from shared.migrate import migrations_of
from shared.relay import Relay
from shared.service import Service
from shared.testing import ask, fresh_database
from tests.shared.doors import open_door, settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, desk, effects, listener, reasons, settled, waiting
from tests.shared.test_relay import speak, until_published
from tests.shared.waits import beside, until

QUEUE = "inventory.events"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Side:
    """One service: its database, and how it is run."""

    service: Service
    url: str
    pool: Pool
    rabbit: Rabbit

    @asynccontextmanager
    async def runs(self, batch: int = 500) -> AsyncIterator[Relay]:
        """Relay, queue door, and a consumer where it hears anything."""
        url = self.rabbit.users[self.service.name]
        relay = Relay(
            self.service.name, self.url, url, self.rabbit.name_of(self.service.name), batch=batch, poll_seconds=0.05
        )
        loops = [relay.run()]
        if self.service.handlers:
            loops.append(Consumer(self.service, self.pool, url, users=self.rabbit.services, batch=20).run())
        self.service.on_commit = relay.wake
        async with open_door(self.service, self.pool, settings_for(self.rabbit, url=url)), beside(*loops):
            yield relay

    async def holes(self) -> int:
        return int(await self.pool.fetchval("select coalesce(sum(missing), 0) from hole"))

    async def whole(self, company: str = "C1") -> int:
        """The position up to which it knows that it has heard everything of `order`."""
        found = await self.pool.fetchval(
            "select position from heard_whole where company = $1 and source = 'order'", company)
        return int(found or 0)


@asynccontextmanager
async def side(service: Service, rabbit: Rabbit) -> AsyncIterator[Side]:
    async with fresh_database(ROOT) as url:
        pool = await open_pool(url, size=5)
        await rabbit.topology(service)
        yield Side(service, url, pool, rabbit)
        pool.terminate()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mender, "CARE_SECONDS", 0.05)
    monkeypatch.setattr(mender, "STATE_SECONDS", 0.05)
    monkeypatch.setattr(healing, "SHORTEST", 0.2)


@pytest.fixture
async def order(rabbit: Rabbit) -> AsyncIterator[Side]:
    """The producer: it only speaks."""
    async with side(desk(), rabbit) as found:
        yield found


@pytest.fixture
async def inventory(rabbit: Rabbit) -> AsyncIterator[Side]:
    """The hearer."""
    async with side(listener(), rabbit) as found:
        yield found


async def until_whole(hearer: Side, position: int, company: str = "C1") -> None:
    await until(f"all is heard up to {position}", lambda: hearer.whole(company), lambda p: p == position, seconds=30)


async def test_a_hearer_knows_that_it_has_heard_everything(order: Side, inventory: Side) -> None:
    async with order.runs(), inventory.runs():
        for turn in range(3):
            await speak(order.pool, *(approved(f"SO-{turn}-{n}") for n in range(5)))
            await until_whole(inventory, 5 * (turn + 1))
    assert await inventory.holes() == 0
    assert await order.pool.fetchval("select count(*) from command") == 0, "nobody asked for anything"


async def test_a_purged_queue_heals(order: Side, inventory: Side, rabbit: Rabbit) -> None:
    async with order.runs():
        async with inventory.runs():
            await speak(order.pool, *(approved(f"SO-{n}") for n in range(10)))
            await until_whole(inventory, 10)
        await speak(order.pool, *(settled(f"SO-{n}") for n in range(10)))
        await until("they wait in the queue", lambda: rabbit.count(QUEUE), lambda count: count >= 10)
        await (await rabbit.channel.get_queue(QUEUE)).purge()
        await speak(order.pool, approved("SO-LATER"))
        async with inventory.runs():
            await until_whole(inventory, 21)
    assert len(await effects(inventory.pool)) == len(set(await effects(inventory.pool))) == 21
    assert (await inventory.holes(), await waiting(inventory.pool), await reasons(inventory.pool)) == (0, 0, [])


async def test_a_deleted_queue_heals_also_if_nothing_is_said_any_more(
    order: Side, inventory: Side, rabbit: Rabbit
) -> None:
    async with order.runs():
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(10)))
        await until("they wait in the queue", lambda: rabbit.count(QUEUE), lambda count: count >= 10)
        await rabbit.remove(QUEUE)
        await asyncio.sleep(0.3)  # RabbitMQ 3.10 does not tell a consumer of a queue that is there again at once
        await rabbit.topology(inventory.service)
        async with inventory.runs():
            await until_whole(inventory, 10)
    assert len(await effects(inventory.pool)) == 10


async def test_a_service_that_is_born_late_hears_everything(order: Side, rabbit: Rabbit) -> None:
    """And so does one whose database is lost, or an older backup."""
    await rabbit.queue("test.bystander", "#")
    async with order.runs():
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(50)))
        await until("it is published", lambda: order.pool.fetchval("select published from relay_cursor"),
                    lambda position: position == 50)
        async with side(listener(), rabbit) as newcomer, newcomer.runs():
            await until_whole(newcomer, 50)
            assert len(await effects(newcomer.pool)) == 50
        async with side(listener(), rabbit) as restored, restored.runs():
            await until_whole(restored, 50)
            assert len(await effects(restored.pool)) == 50


async def test_a_stretch_longer_than_a_batch_is_said_whole(
    order: Side, inventory: Side, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with order.runs() as relay:
        relay.batch = 7
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(40)))
        await until("they wait in the queue", lambda: rabbit.count(QUEUE), lambda count: count >= 40)
        await (await rabbit.channel.get_queue(QUEUE)).purge()
    async with order.runs() as relay, inventory.runs():
        relay.batch = 7
        await until_whole(inventory, 40)
        # Hearers may know before the relay has noted that it is done.
        await until("it is done", lambda: order.pool.fetchval("select count(*) from say_again"), lambda n: n == 0)


async def test_what_was_rejected_or_waits_is_not_missing(order: Side, rabbit: Rabbit) -> None:
    async with side(listener(bad={("SO-1", 1)}), rabbit) as hearer, order.runs(), hearer.runs():
        await speak(order.pool, approved("SO-1"), settled("SO-1"), approved("SO-2"))
        await until_whole(hearer, 3)
        assert (len(await reasons(hearer.pool)), await waiting(hearer.pool), await hearer.holes()) == (1, 1, 0)


async def test_what_was_dismissed_is_not_asked_for_again(order: Side, rabbit: Rabbit) -> None:
    async with side(listener(bad={("SO-1", 1)}), rabbit) as hearer, order.runs(), hearer.runs():
        await speak(order.pool, approved("SO-1"), settled("SO-1"))
        await until_whole(hearer, 2)
        rejected = await hearer.pool.fetchval("select id from rejected")
        command = InventoryDismissMessages(ids=(rejected,), why="booked by hand")
        assert (await ask(hearer.pool, hearer.service, command)).ok
        await speak(order.pool, approved("SO-2"))
        await until_whole(hearer, 3)
        assert (await reasons(hearer.pool), await hearer.holes()) == (["BugError: this one again"], 0)
        await until("the later one has its turn", lambda: effects(hearer.pool), lambda done: ("SO-1", 2) in done)


async def test_other_companies_and_types_do_not_hide_a_hole(order: Side, inventory: Side, rabbit: Rabbit) -> None:
    async with order.runs():
        await speak(order.pool, approved("SO-1"))
        await speak(order.pool, approved("SO-1"), company="C2")
        await until("both wait in the queue", lambda: rabbit.count(QUEUE), lambda count: count >= 2)
        await (await rabbit.channel.get_queue(QUEUE)).purge()
        async with inventory.runs():
            await speak(order.pool, approved("SO-2"))
            await until_whole(inventory, 2)
            await until_whole(inventory, 1, "C2")
    assert len(await effects(inventory.pool)) == 2
    assert len(await effects(inventory.pool, "C2")) == 1


async def test_a_producer_whose_database_is_older_than_what_it_said_stops_speaking(
    order: Side, inventory: Side, rabbit: Rabbit
) -> None:
    async with inventory.runs():
        async with order.runs():
            await speak(order.pool, *(approved(f"SO-{n}") for n in range(10)))
            await until_whole(inventory, 10)
        async with side(desk(), rabbit) as restored:
            await speak(restored.pool, *(approved(f"SO-{n}") for n in range(4)))
            async with restored.runs() as relay:
                await until("it learns that it is too old", lambda: restored.pool.fetchrow("select * from went_back"),
                            lambda row: row is not None)
                consumer = Consumer(
                    restored.service, restored.pool, rabbit.users["inventory"], users=rabbit.services
                )
                door = QueueDoor(restored.service, restored.pool, settings_for(rabbit))
                health = Health("order", restored.pool, relay, consumer, door, migrations_of(ROOT), CollectorRegistry())
                assert "ends at 4, but inventory has heard 10" in (await health.problems())["log of C1"]
                await asyncio.sleep(0.3)
                await speak(restored.pool, approved("SO-NEW"))
                await speak(restored.pool, approved("SO-OTHER"), company="C2")
                await until("others go on", lambda: effects(inventory.pool, "C2"), bool)
                published = "select published from relay_cursor where company = 'C1'"
                assert await restored.pool.fetchval(published) == 4


async def test_an_operator_has_a_stretch_said_again(order: Side, rabbit: Rabbit) -> None:
    """To any queue that is bound for it, also from a position and only up to one; it is written down who asked."""
    await rabbit.queue("test.partner", "order.order_settled.v1", "order.order_approved.v1")
    await rabbit.bind("test.partner", "erp.again", "partner.#")
    async with order.runs():
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(9)), settled("SO-1"))
        await until_published(order.pool, 10)
        command = OrderSayAgain(hearer="partner", first=3, last=2**60, types=("order.order_approved.v1",))
        assert (await ask(order.pool, order.service, command, roles=["operator"])).ok
        messages = await rabbit.take("test.partner", 18)
    messages = [message for message in messages if message.exchange == AGAIN]
    keys = [message.routing_key for message in messages]
    assert keys == ["partner.order.order_approved.v1"] * 7 + ["partner.order.log_stated.v1"]
    assert [message.headers["cloudEvents_position"] for message in messages[:-1]] == list(range(3, 10))


async def test_a_stretch_that_fills_its_batches_ends_with_a_statement_too(order: Side, rabbit: Rabbit) -> None:
    """Else the hearer would look again only when it is stated something, which may take ten minutes."""
    await rabbit.queue("test.partner", "order.order_approved.v1")
    await rabbit.bind("test.partner", AGAIN, "partner.#")
    async with order.runs(batch=2):
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(4)))
        await until_published(order.pool, 4)
        assert (await ask(order.pool, order.service, OrderSayAgain(hearer="partner", last=4), roles=["operator"])).ok
        messages = await rabbit.take("test.partner", 9)
    said = [message.routing_key for message in messages if message.exchange == AGAIN]
    assert said == ["partner.order.order_approved.v1"] * 4 + ["partner.order.log_stated.v1"]


async def test_a_hearer_whose_queue_is_full_goes_to_the_end_of_the_line(order: Side, rabbit: Rabbit) -> None:
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    await rabbit.queue("test.listener", "order.#")
    await rabbit.queue("test.full", arguments=full)
    await rabbit.bind("test.full", "erp.again", "full.#")
    async with order.runs():
        await speak(order.pool, *(approved(f"SO-{n}") for n in range(9)))
        await until_published(order.pool, 9)
        assert (await ask(order.pool, order.service, OrderSayAgain(hearer="full", last=9), roles=["operator"])).ok
        asked_at = await order.pool.fetchval("select at from say_again")
        await until("it was tried and waits again", lambda: order.pool.fetchval("select at from say_again"),
                    lambda at: at is not None and at > asked_at)
        assert await order.pool.fetchval("select next from say_again") == 1, "nothing of it is taken for said"


async def test_nobody_else_may_ask_for_it(order: Side) -> None:
    answer = await ask(order.pool, order.service, OrderSayAgain(hearer="partner", last=1), roles=["sales"])
    assert answer.status == 403


# -- decisions --------------------------------------------------------------------------------------------------------


def stated(position: int, *, at: datetime = NOW, asked_for: bool = False, **counts: int) -> Statement:
    return Statement("order", "C1", position, counts, at, asked_for)


def known(position: int = 10, *, tries: int = 0, due: datetime | None = None, types: str = "a b") -> Known:
    return Known(position, 6, types, NOW - timedelta(seconds=1), tries, due)


def test_a_statement_is_compared_with_what_was_whole_before() -> None:
    found = stretch_of(stated(20, a=7, b=5, c=8), known(), "a b", NOW)
    assert found
    assert (found.first, found.last, found.expected) == (11, 20, 6)


def test_a_hole_is_looked_at_again_when_it_is_due_or_was_said_again() -> None:
    waits = known(tries=1, due=NOW + timedelta(seconds=1))
    assert stretch_of(stated(20, a=9), waits, "a b", NOW) is None
    assert stretch_of(stated(20, a=9, asked_for=True), waits, "a b", NOW)
    assert stretch_of(stated(20, a=9), waits, "a b", NOW + timedelta(seconds=1))


def test_what_is_known_already_is_not_looked_at() -> None:
    assert stretch_of(stated(10, a=6), known(), "a b", NOW) is None
    assert stretch_of(stated(9, a=5, at=NOW - timedelta(seconds=2)), known(), "a b", NOW) is None, "it came late"


def test_a_service_that_hears_more_than_before_looks_at_the_whole_log() -> None:
    found = stretch_of(stated(20, a=7, b=5, c=8), known(), "a b c", NOW)
    assert found
    assert (found.first, found.last, found.expected) == (1, 20, 20)


def test_a_producer_that_states_less_than_before_went_back() -> None:
    found = stretch_of(stated(8, a=4), known(), "a b", NOW)
    assert found
    assert (found.first, found.last, found.went_back) == (9, 10, True)


def test_a_company_is_stated_soon_after_it_spoke_and_then_ever_more_seldom() -> None:
    rhythm = Rhythm()
    rhythm.spoke(["C1"], 0.0)
    seen = [tick for tick in range(200) if rhythm.due(tick / 100)]
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * gaps[0]
    rhythm.spoke(["C1"], 2.0)
    assert rhythm.due(2.0 + mender.STATE_SECONDS) == ["C1"]


def test_a_company_that_speaks_all_the_time_is_not_stated_all_the_time() -> None:
    rhythm, stated_at = Rhythm(), []
    for tick in range(100):
        rhythm.spoke(["C1"], tick / 100)
        stated_at += [tick for _ in rhythm.due(tick / 100)]
    assert len(stated_at) <= 1 / mender.STATE_SECONDS + 1


def test_events_are_not_taken_for_statements() -> None:
    assert not [name for name in Event.registry if name.endswith(healing.SUFFIX)]
