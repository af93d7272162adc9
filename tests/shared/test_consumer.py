"""The batch consumer: every event has its effect once, whatever comes beside it and whatever breaks."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from shared.amqp import EVENTS
from shared.consumer import Consumer
from shared.db import Db, Pool, open_pool
from shared.events import Event
from shared.events.order import OrderApproved
from shared.refusal import Unfit
from shared.service import Service
from shared.testing import Script, raw, said
from shared.wire import Raw
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, effects, listener, reasons, settled, waiting
from tests.shared.test_wire import POISON
from tests.shared.waits import beside, until
from tools.link import link_to

QUEUE = "inventory.events"


def consumer(rabbit: Rabbit, pool: Pool, service: Service | None = None, *, url: str | None = None) -> Consumer:
    return Consumer(
        service or listener(), pool, url or rabbit.users["inventory"], users=rabbit.services, batch=20
    )


def orders(script: Script, count: int, prefix: str = "SO") -> list[Event]:
    return [script.say(approved(f"{prefix}-{n}")) for n in range(count)]


async def until_effects(pool: Pool, count: int) -> None:
    await until(f"{count} events have their effect", lambda: effects(pool), lambda done: len(done) >= count)


async def until_acknowledged(pool: Pool, rabbit: Rabbit) -> None:
    """Batches go one after the other: when a last event has its effect, all before it are acknowledged."""
    await rabbit.say(Script().say(approved("LAST"), company="LAST"))
    await until("the last event has its effect", lambda: effects(pool, "LAST"), lambda done: len(done) == 1)


async def assert_nothing_left(rabbit: Rabbit) -> None:
    """After the consumer has gone the broker gives back what was not acknowledged: at most the last event."""
    await asyncio.sleep(0.1)
    assert await rabbit.count(QUEUE) <= 1
    assert await rabbit.count("inventory.parking") == 0


async def test_a_batch_has_its_effects_and_is_acknowledged(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    await rabbit.say(*orders(Script(), 100))
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 100)
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)
    assert len(set(await effects(pool))) == len(await effects(pool)) == 100
    assert len(await said(pool)) == 100


async def test_a_batch_under_way_is_finished_when_the_service_ends(pool: Pool, rabbit: Rabbit) -> None:
    """What it had begun is done and acknowledged; what it had only fetched is there for the next one, in order."""
    service, begun, goes_on = listener(), asyncio.Event(), asyncio.Event()
    note = service.handlers[OrderApproved]

    async def slowly(db: Db, events: Sequence[Event]) -> Sequence[Any]:
        begun.set()
        await goes_on.wait()
        return await note(db, events)

    service.handlers[OrderApproved] = slowly
    await rabbit.topology(service)
    await rabbit.say(*orders(Script(), 50))
    ending = consumer(rabbit, pool, service)
    task = asyncio.create_task(ending.run())
    await asyncio.wait_for(begun.wait(), 15)
    task.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    await asyncio.wait([task], timeout=15)
    done = len(await effects(pool))
    assert 1 <= done <= 20, "one batch, not none and no second one"
    await until("the rest is there", lambda: rabbit.count(QUEUE), lambda count: count == 50 - done)


async def test_poison_among_good_events_is_kept_with_its_bytes_and_stops_nothing(pool: Pool, rabbit: Rabbit) -> None:
    """All kinds of test_wire, as far as AMQP lets them be sent, in the middle of good events."""
    await rabbit.topology(listener())
    script = Script()
    cannot_come = ("too large", "a time far away", "foreign routing key")
    poison = [make() for kind, (make, _) in POISON.items() if kind not in cannot_come]
    poison += [Raw("order.order_approved.v1", raw(script.say(approved("SO-NUL"))).headers, b'{"order_id": "\0"}')]
    good = orders(script, 60)
    for start in range(0, 60, 20):
        await rabbit.say(*good[start:start + 20])
        # Straight to the queue: whatever its routing key is, a message may get there.
        await rabbit.publish("", *(Raw(QUEUE, p.headers, p.body, p.message_id) for p in poison[start // 20::3]))
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 60)
        await until("all poison is kept", lambda: reasons(pool, ""), lambda kept: len(kept) >= len(poison))
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)
    assert len(set(await effects(pool))) == 60
    rows = await pool.fetch("select body, reason from rejected")
    assert sorted(bytes(row["body"]) for row in rows) == sorted(p.body for p in poison)
    assert all(row["reason"] for row in rows)


async def test_a_routing_key_that_postgres_cannot_hold_stops_nothing(pool: Pool, rabbit: Rabbit) -> None:
    service = listener()
    service.handlers[Event] = service.handlers[OrderApproved]  # bound to everything
    await rabbit.topology(service)
    await rabbit.publish("erp.events", Raw("order\0.v1", {"a\0": "b\0"}, b"\0"))
    await rabbit.say(*orders(Script(), 1))
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 1)
    assert len(await reasons(pool, "")) == 1


async def test_an_event_with_a_bug_is_rejected_and_the_others_go_on(pool: Pool, rabbit: Rabbit) -> None:
    service = listener(bad={("SO-7", 1)})
    await rabbit.topology(service)
    await rabbit.say(*orders(Script(), 30))
    async with beside(consumer(rabbit, pool, service).run()):
        await until_effects(pool, 29)
        await until("it is rejected", lambda: reasons(pool), lambda found: len(found) == 1)
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)


async def test_a_bad_event_that_waited_stops_nothing(pool: Pool, rabbit: Rabbit) -> None:
    service, script = listener(bad={("SO-1", 2)}), Script()
    await rabbit.topology(service)
    first, second = script.say(approved()), script.say(settled())
    async with beside(consumer(rabbit, pool, service).run()):
        await rabbit.say(second)
        await until("it waits", lambda: waiting(pool), lambda count: count == 1)
        await rabbit.say(first)
        await until("the sweep finds it bad", lambda: reasons(pool), lambda found: len(found) == 1)
        await rabbit.say(*orders(script, 5, "LATER"))
        await until_effects(pool, 6)


async def test_what_two_consumers_crossed_goes_on_by_itself(pool: Pool, rabbit: Rabbit) -> None:
    """Version 2 waits although version 1 is handled, and no further event of the order comes."""
    service, script = listener(), Script()
    await rabbit.topology(service)
    first, second = script.say(approved()), script.say(settled())
    async with beside(consumer(rabbit, pool, service).run()):
        await rabbit.say(second)
        await until("it waits", lambda: waiting(pool), lambda count: count == 1)
        await pool.execute(
            "insert into inbox (company, event_id, source, subject, version) values ('C1', $1, 'order', $2, 1)",
            first.envelope.id, first.subject,
        )
        await until_effects(pool, 1)
    assert await waiting(pool) == 0


async def test_it_acknowledges_after_the_commit_and_not_before(pool: Pool, rabbit: Rabbit) -> None:
    service, reached, script = Service("inventory"), asyncio.Event(), Script()
    quick = listener().handlers[OrderApproved]

    @service.on(OrderApproved)
    async def note(db: Db, events: Sequence[Event]) -> Sequence[Event | Unfit]:
        outcomes = await quick(db, events)
        reached.set()
        await asyncio.sleep(3600)
        return outcomes

    await rabbit.topology(service)
    await rabbit.say(*orders(script, 3))
    async with beside(consumer(rabbit, pool, service).run()):
        await asyncio.wait_for(reached.wait(), 10)  # and then its process dies
    await until("all came back", lambda: rabbit.count(QUEUE), lambda count: count == 3)
    assert await effects(pool) == []
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 3)
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)


async def test_it_holds_no_more_than_three_batches(pool: Pool, rabbit: Rabbit) -> None:
    """One that is handled, the next one, and one on its way; the rest waits in the broker, which has more room."""
    service, go = Service("inventory"), asyncio.Event()
    quick = listener().handlers[OrderApproved]

    @service.on(OrderApproved)
    async def note(db: Db, events: Sequence[Event]) -> Sequence[Event | Unfit]:
        await go.wait()
        return await quick(db, events)

    await rabbit.topology(service)
    await rabbit.say(*orders(Script(), 100))
    async with beside(consumer(rabbit, pool, service).run()):
        await until("it holds three batches", lambda: rabbit.count(QUEUE), lambda count: count <= 40)
        await asyncio.sleep(0.3)
        assert await rabbit.count(QUEUE) == 40
        go.set()
        await until_effects(pool, 100)


async def test_it_waits_for_the_topology_and_resumes_when_its_queue_is_declared_again(
    pool: Pool, rabbit: Rabbit
) -> None:
    """Not at once: RabbitMQ 3.10 forgets to tell a consumer whose quorum queue is there again within 0.1 s."""
    script, working = Script(), consumer(rabbit, pool)
    async with beside(working.run()):
        await asyncio.sleep(0.1)
        assert not working.active
        for turn in range(2):
            await rabbit.topology(listener())
            await rabbit.say(*orders(script, 5, f"SO-{turn}"))
            await until_effects(pool, 5 * (turn + 1))
            await rabbit.remove(QUEUE)
            await asyncio.sleep(0.5)
    assert len(set(await effects(pool))) == 10


async def test_when_postgres_ends_its_connections_nothing_is_lost_or_doubled(
    pool: Pool, database: str, rabbit: Rabbit
) -> None:
    await rabbit.topology(listener())
    events = orders(Script(), 300)
    killer = await asyncpg.connect(database)
    async with beside(consumer(rabbit, pool).run()):
        for start in range(0, 300, 20):
            await rabbit.say(*events[start:start + 20])
            await killer.execute(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                """
            )
        await killer.close()
        await until("all have their effect", lambda: patient_count(pool), lambda count: count >= 300)
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)
    assert len(await effects(pool)) == len(set(await effects(pool))) == 300
    assert (len(await said(pool)), await reasons(pool), await reasons(pool, "")) == (300, [], [])


async def patient_count(pool: Pool) -> int:
    """The pool's connections may be dead when the test itself looks."""
    try:
        return len(await effects(pool))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return 0


async def test_while_the_database_is_away_it_holds_the_events(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    async with link_to(database) as link:
        far = await open_pool(link.url, size=3)
        async with beside(consumer(rabbit, far).run()):
            link.cut()
            await rabbit.say(*orders(Script(), 30))
            await until("it holds them all", lambda: rabbit.count(QUEUE), lambda count: count == 0)
            await asyncio.sleep(0.3)
            assert await effects(pool) == []
            link.mend()
            await until_effects(pool, 30)
            await until_acknowledged(pool, rabbit)
        far.terminate()
    await assert_nothing_left(rabbit)
    assert (len(await effects(pool)), await reasons(pool)) == (30, [])


async def test_it_resumes_when_its_connection_to_rabbitmq_is_cut(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    events = orders(Script(), 200)
    async with link_to(rabbit.users["inventory"]) as link, beside(consumer(rabbit, pool, url=link.url).run()):
        for start in range(0, 200, 40):
            await rabbit.say(*events[start:start + 40])
            await until_effects(pool, start + 1)
            link.cut()
            link.mend()
        await until_effects(pool, 200)
        await until_acknowledged(pool, rabbit)
    await assert_nothing_left(rabbit)
    assert len(await effects(pool)) == len(set(await effects(pool))) == 200
    assert len(await said(pool)) == 200


async def test_only_the_owner_of_an_event_is_believed(pool: Pool, rabbit: Rabbit) -> None:
    """Not the administrator, who may publish anything, nor somebody who does not say who it is."""
    await rabbit.topology(listener())
    script = Script()
    forged, nameless, true = (script.say(approved(f"SO-{n}")) for n in range(3))
    await rabbit.publish(EVENTS, raw(forged), user_id=rabbit.user)
    await rabbit.publish(EVENTS, raw(nameless))
    await rabbit.say(true)
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 1)
    assert await effects(pool) == [("SO-2", 1)]
    assert sorted(await reasons(pool, "")) == [
        "user_id: what order says comes from the broker user 'order', not 'fenlu'",
        "user_id: what order says comes from the broker user 'order', not None",
    ]
    kept = {row["body"] for row in await pool.fetch("select body from rejected")}
    assert kept == {forged.body(), nameless.body()}


async def test_what_was_forged_does_not_keep_out_what_is_true(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    event = Script().say(approved())
    await rabbit.publish(EVENTS, raw(event))
    await rabbit.say(event)
    async with beside(consumer(rabbit, pool).run()):
        await until_effects(pool, 1)
    assert len(await reasons(pool, "")) == 1


async def test_a_service_may_have_a_user_of_another_name(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(listener())
    await rabbit.publish(EVENTS, raw(Script().say(approved())), user_id=rabbit.user)
    users = rabbit.services | {"order": rabbit.user}
    async with beside(Consumer(listener(), pool, rabbit.users["inventory"], users=users).run()):
        await until_effects(pool, 1)


async def test_only_the_owner_of_a_log_states_it(pool: Pool, rabbit: Rabbit) -> None:
    """A false statement could make a service ask for what does not exist."""
    await rabbit.topology(listener())
    headers = {"cloudEvents_company": "C1", "cloudEvents_position": 9, "cloudEvents_time": "2026-03-01T00:00:00Z"}
    false = Raw("order.log_stated.v1", headers, b'{"counts": {"order.order_approved.v1": 9}}', "x")
    await rabbit.publish(EVENTS, false, user_id=rabbit.user)
    async with beside(consumer(rabbit, pool).run()):
        await until("it is rejected", lambda: reasons(pool, ""), lambda found: len(found) == 1)
    assert await pool.fetchval("select count(*) from hole") == 0
