"""The relay publishes the whole log, in order and with confirms, whatever breaks: duplicates perhaps, losses never."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import asyncpg
from aio_pika.abc import AbstractIncomingMessage

from shared import log
from shared.db import Db, Pool
from shared.events import Event
from shared.log import Cause
from shared.relay import Relay
from shared.testing import said
from shared.wire import Raw, decode
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, settled
from tests.shared.waits import beside, until, until_true
from tools.link import link_to

QUEUE = "test.listener"
BOTH = ("order.order_approved.v1", "order.order_settled.v1")


async def speak(pool: Pool, *events: Event, company: str = "C1") -> None:
    """The events of one transaction of the service `order`."""
    cause = Cause(uuid4(), "tester")
    async with pool.acquire() as connection, connection.transaction():
        await log.append(Db(connection, company), "order", events, {id(e): cause for e in events}, datetime.now(UTC))


def relay(database: str, rabbit: Rabbit, *, url: str | None = None, batch: int = 500) -> Relay:
    return Relay(
        "order", database, url or rabbit.users["order"], rabbit.name_of("order"), batch=batch, poll_seconds=0.05
    )


async def published(pool: Pool, company: str = "C1") -> int:
    """The position up to which RabbitMQ has confirmed."""
    found = await pool.fetchval("select published from relay_cursor where company = $1", company)
    return int(found or 0)


async def until_published(pool: Pool, position: int, company: str = "C1") -> None:
    await until(f"{company} is published up to {position}", lambda: published(pool, company), lambda p: p == position)


def events_of(messages: Sequence[AbstractIncomingMessage]) -> list[Event]:
    return [decode(Raw(m.routing_key or "", m.headers, m.body, m.message_id)) for m in messages]


async def test_every_company_is_published_in_the_order_of_its_log(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    for n in range(30):
        await speak(pool, approved(f"SO-{n}"), settled(f"SO-{n}"), company=f"C{n % 3}")
    async with beside(relay(database, rabbit, batch=7).run()):
        received = events_of(await rabbit.take(QUEUE, 60))
        await until_published(pool, 20, "C2")
    by_company: dict[str, list[Event]] = defaultdict(list)
    for event in received:
        by_company[event.envelope.company].append(event)
    for company in ("C0", "C1", "C2"):
        assert by_company[company] == await said(pool, company), "the same events, envelopes and bytes"
        assert [event.envelope.position for event in by_company[company]] == list(range(1, 21))
    assert await rabbit.count(QUEUE) == 0, "nothing twice"


async def test_messages_survive_a_broker_and_name_their_sender(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    await speak(pool, approved())
    async with beside(relay(database, rabbit).run()):
        (message,) = await rabbit.take(QUEUE, 1)
    (event,) = await said(pool)
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert (message.user_id, message.content_type) == (rabbit.name_of("order"), "application/json")
    assert (message.message_id, message.routing_key) == (str(event.envelope.id), event.type)
    assert message.body == event.body()
    assert message.headers["cloudEvents_specversion"] == "1.0"


async def test_the_broker_refuses_a_relay_under_a_false_name(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    await speak(pool, approved())
    impostor = Relay("order", database, rabbit.users["order"], "somebody-else", poll_seconds=0.05)
    async with beside(impostor.run()):
        await until("it was placed", lambda: pool.fetchval("select max(position) from event"), lambda p: p == 1)
        await asyncio.sleep(0.3)
    assert (await published(pool), await rabbit.count(QUEUE)) == (0, 0)


async def test_a_commit_wakes_the_relay(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    sleepy = Relay("order", database, rabbit.users["order"], rabbit.name_of("order"), poll_seconds=3600)
    async with beside(sleepy.run()):
        await until_true("the relay is active", lambda: sleepy.active)
        await asyncio.sleep(0.1)
        await speak(pool, approved())
        sleepy.wake()
        await rabbit.take(QUEUE, 1)


async def test_only_what_rabbitmq_confirms_is_published(pool: Pool, database: str, rabbit: Rabbit) -> None:
    """A full queue refuses; the relay keeps what was refused, and loses nothing when there is room again."""
    full = {"x-queue-type": "quorum", "x-max-length": 3, "x-overflow": "reject-publish"}
    await rabbit.queue(QUEUE, *BOTH, arguments=full)
    await speak(pool, *(approved(f"SO-{n}") for n in range(12)))
    async with beside(relay(database, rabbit, batch=4).run()):
        await until("the queue is full", lambda: rabbit.count(QUEUE), lambda count: count >= 3)
        await asyncio.sleep(0.3)
        assert await published(pool) <= 4, "the cursor stays where the confirms ended"
        received: set[str] = set()
        async with asyncio.timeout(30):
            while len(received) < 12:
                received |= {event.subject for event in events_of(await rabbit.take(QUEUE, 1))}
    assert received == {f"order/SO-{n}" for n in range(12)}


async def test_a_crash_between_confirm_and_advance_publishes_again(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    async with beside(relay(database, rabbit).run()):
        await speak(pool, approved("SO-0"))
        await rabbit.take(QUEUE, 1)
        await until_published(pool, 1)
    await speak(pool, approved("SO-1"), approved("SO-2"))
    async with pool.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("select from relay_cursor for update")  # the relay cannot advance
        # A new one, since one that has just spoken soon states its log, and would wait for that lock, too.
        async with beside(relay(database, rabbit).run()):
            first = events_of(await rabbit.take(QUEUE, 2))
            assert await pool.fetchval("select max(position) from event") == 3, "committed before it was published"
            await kill_relay_in(database, "update relay_cursor%")
            await transaction.rollback()
            again = events_of(await rabbit.take(QUEUE, 2))
            await until_published(pool, 3)
    assert again == first == (await said(pool))[1:]


async def kill_relay_in(database: str, statement: str) -> None:
    """End the server process that runs this statement, as soon as it does."""
    admin = await asyncpg.connect(database)
    try:
        await until(
            f"a process runs {statement!r}",
            lambda: admin.fetchval(
                """
                select count(*) from (
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid() and trim(query, E' \\n') like $1
                ) as ended
                """,
                statement,
            ),
            lambda ended: ended == 1,
        )
    finally:
        await admin.close()


async def test_what_nobody_is_bound_to_waits_for_the_topology(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, "order.order_approved.v1")
    await speak(pool, approved("SO-1"), settled("SO-1"), approved("SO-2"))
    async with beside(relay(database, rabbit).run()):
        await until_published(pool, 1)
        await asyncio.sleep(0.4)
        assert await published(pool) == 1, "what is behind the one that cannot be routed waits too"
        await rabbit.queue("test.late", "order.order_settled.v1")
        await until_published(pool, 3)
    assert [event.subject for event in events_of(await rabbit.take("test.late", 1))] == ["order/SO-1"]
    subjects = [e.subject for e in events_of(await rabbit.take(QUEUE, await rabbit.count(QUEUE)))]
    assert list(dict.fromkeys(subjects)) == ["order/SO-1", "order/SO-2"]


async def test_it_waits_for_a_broker_without_topology(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.channel.exchange_delete("erp.events")
    await speak(pool, approved())
    async with beside(relay(database, rabbit).run()):
        await asyncio.sleep(0.3)
        await rabbit.queue(QUEUE, *BOTH)
        await rabbit.take(QUEUE, 1)


async def test_a_company_that_is_stuck_does_not_stop_the_others(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, "order.order_approved.v1")
    await speak(pool, *(settled(f"SO-{n}") for n in range(20)), company="A-STUCK")
    await speak(pool, *(approved(f"SO-{n}") for n in range(20)), company="B-FREE")
    async with beside(relay(database, rabbit, batch=5).run()):
        await until_published(pool, 20, "B-FREE")
    assert await published(pool, "A-STUCK") == 0


async def test_what_is_stuck_is_not_said_again_all_the_time(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, "order.order_approved.v1")
    await speak(pool, settled("SO-STUCK"), approved("SO-1"))
    async with beside(relay(database, rabbit).run()):
        await rabbit.take(QUEUE, 1)
        await asyncio.sleep(0.4)
        assert await rabbit.count(QUEUE) < 3


async def test_one_of_two_relays_is_active_and_the_other_takes_over(
    pool: Pool, database: str, rabbit: Rabbit
) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    one, two = relay(database, rabbit), relay(database, rabbit)
    async with beside(two.run()):
        async with beside(one.run()):
            await until_true("one is active, the other stands by", lambda: one.active ^ two.active
                             and one.standby ^ two.standby)
            await speak(pool, *(approved(f"SO-{n}") for n in range(20)))
            await rabbit.take(QUEUE, 20)
            await until_published(pool, 20)
        await speak(pool, approved("SO-20"))
        await rabbit.take(QUEUE, 1)
        assert two.active
    assert await rabbit.count(QUEUE) == 0, "two relays publish nothing twice"


async def test_another_takes_over_from_one_that_hangs(pool: Pool, database: str, rabbit: Rabbit) -> None:
    """A relay that stands still (SIGSTOP, a dead host) closes no connection; Postgres would keep its lock for hours."""
    await rabbit.queue(QUEUE, *BOTH)
    async with link_to(database) as postgres:
        hanging = Relay("order", postgres.url, rabbit.url, rabbit.user, poll_seconds=0.05, lease_seconds=1)
        other = relay(database, rabbit)
        async with beside(hanging.run()):
            await until_true("the first is active", lambda: hanging.active)
            async with beside(other.run()):
                await until_true("the other stands by", lambda: other.standby)
                postgres.freeze()
                await until_true("the other takes over", lambda: other.active)
                await speak(pool, approved())
                await rabbit.take(QUEUE, 1)
                postgres.mend()
                await until_true("the first stands by", lambda: hanging.standby)


async def test_it_goes_on_after_either_server_was_away(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    async with link_to(database) as postgres, link_to(rabbit.users["order"]) as broker:
        async with beside(relay(postgres.url, rabbit, url=broker.url, batch=3).run()):
            for turn, link in enumerate((broker, postgres, broker)):
                await speak(pool, *(approved(f"SO-{turn}-{n}") for n in range(10)))
                link.cut()
                await speak(pool, approved(f"SO-{turn}-late"))
                link.mend()
            await until_published(pool, 33)
    received = events_of(await rabbit.take(QUEUE, await rabbit.count(QUEUE)))
    assert list(dict.fromkeys(event.envelope.position for event in received)) == list(range(1, 34))


async def test_an_idle_relay_notices_that_its_connection_is_gone(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await rabbit.queue(QUEUE, *BOTH)
    async with link_to(rabbit.url) as link:
        working = relay(database, rabbit, url=link.url)
        async with beside(working.run()):
            await until_true("it is active", lambda: working.active)
            link.cut()
            await until_true("it is not", lambda: not working.active)
            link.mend()
            await until_true("it is again", lambda: working.active)
