"""What could not be handled is listed, shown, tried again and let go, in the same way in every service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aio_pika.abc import AbstractIncomingMessage

from shared import leftovers
from shared.amqp import AGAIN, EVENTS
from shared.clerk import Clerk
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Db, Pool
from shared.events.operators import InventoryDismissMessages, InventoryRetryMessages, OrderRetryMessages
from shared.events.order import CancelOrder, OrderApproved, OrderCancelRequested
from shared.inbox import sort_out
from shared.refusal import Answer, Unfit
from shared.service import Service
from shared.testing import Script, as_admin, ask, hear, raw, said
from shared.wire import Raw
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, cancel, desk, effects, listener, reasons, settled, waiting
from tests.shared.waits import beside, until

WHY = "booked by hand"


@asynccontextmanager
async def clerk_of(service: Service, pool: Pool, rabbit: Rabbit) -> AsyncIterator[None]:
    """The clerk of a service; whatever waits for RabbitMQ in it needs the topology."""
    url = rabbit.users[service.name]
    door = QueueDoor(service, pool, settings_for(rabbit, url=url))
    async with beside(Clerk(service, pool, door, url, users=rabbit.services).run()):
        yield


async def ids(pool: Pool, place: leftovers.Place = "rejected", company: str = "C1", **wanted: Any) -> list[UUID]:
    """The ids of what an operator of a company sees, newest first."""
    async with pool.acquire() as connection:
        return [row["id"] for row in await leftovers.listed(Db(connection, company), place, **wanted)]


async def retry(pool: Pool, service: Service, *wanted: UUID, company: str = "C1") -> Answer:
    kind = InventoryRetryMessages if service.name == "inventory" else OrderRetryMessages
    return await ask(pool, service, kind(ids=wanted), company=company, actor="olga", roles=["operator"])


async def dismiss(pool: Pool, *wanted: UUID, service: Service | None = None, company: str = "C1") -> Answer:
    command = InventoryDismissMessages(ids=wanted, why=WHY)
    return await ask(pool, service or listener(), command, company=company, actor="olga", roles=["operator"])


async def until_done(pool: Pool, id: UUID) -> str:
    outcome = await until("it is done", lambda: leftovers.last_outcome(pool, id), lambda found: found is not None)
    return str(outcome)


# -- retry ------------------------------------------------------------------------------------------------------------


async def test_an_event_that_met_a_bug_is_handled_once_the_bug_is_mended(pool: Pool, rabbit: Rabbit) -> None:
    script, broken = Script(), listener(bad={("SO-1", 1)})
    await hear(pool, broken, *[script.say(event) for event in (approved(), settled())])
    (rejected,) = await ids(pool)
    async with clerk_of(broken, pool, rabbit):
        assert (await retry(pool, broken, rejected)).ok
        assert "this one again" in await until_done(pool, rejected)
    assert await ids(pool) == [rejected]
    async with clerk_of(listener(), pool, rabbit):
        assert (await retry(pool, listener(), rejected)).ok
        assert await until_done_twice(pool, rejected) == leftovers.HANDLED
    assert await ids(pool) == []
    await listener().sweep(pool)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2)]


async def until_done_twice(pool: Pool, id: UUID) -> str:
    async def outcomes() -> list[str]:
        async with pool.acquire() as connection:
            return [act["outcome"] for act in await leftovers.history(Db(connection, "C1"), "C1", id)]

    return (await until("the second one is done", outcomes, lambda found: None not in found and len(found) == 2))[-1]


async def test_a_refused_event_is_handled_when_it_fits(pool: Pool, rabbit: Rabbit) -> None:
    refuses = Service("inventory", ordered=False)

    @refuses.on(OrderApproved)
    async def refuse(_db: Db, events: Sequence[OrderApproved]) -> list[Unfit]:
        return [Unfit(event, "company: it has no books") for event in events]

    await hear(pool, refuses, Script().say(approved()))
    (rejected,) = await ids(pool)
    async with clerk_of(refuses, pool, rabbit):
        await retry(pool, refuses, rejected)
        assert await until_done(pool, rejected) == "company: it has no books"
    accepts = listener(ordered=False)
    async with clerk_of(accepts, pool, rabbit):
        await retry(pool, accepts, rejected)
        assert await until_done_twice(pool, rejected) == leftovers.HANDLED
    assert (await ids(pool), await effects(pool)) == ([], [("SO-1", 1)])


async def test_a_command_that_met_a_bug_is_done_later_under_its_own_key(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    door = QueueDoor(desk(), pool, settings_for(rabbit))
    async with beside(door.run()):
        await rabbit.ask(cancel("SO-1", "bug"), "k-1")
        (rejected,) = await until("it is kept", lambda: ids(pool), lambda found: len(found) == 1)
    mended = Service("order")

    @mended.does(CancelOrder)
    async def do(_db: Db, commands: Sequence[CancelOrder]) -> list[OrderCancelRequested]:
        return [OrderCancelRequested(
            order_id=c.order_id, customer_id="CU-1", requested_on=c.cancelled_on, reason=c.reason) for c in commands]

    door = QueueDoor(mended, pool, settings_for(rabbit))
    async with beside(Clerk(mended, pool, door, rabbit.url, users=rabbit.services).run()):
        await retry(pool, mended, rejected)
        assert await until_done(pool, rejected) == leftovers.HANDLED
        await rabbit.ask(cancel("SO-1", "bug"), "k-1")
    assert await ids(pool) == []
    assert [event.subject for event in await said(pool)] == ["order/SO-1"]
    assert await pool.fetchval("select principal from command where key = 'k-1'") == rabbit.user


async def test_a_forged_event_stays_out_however_often_it_is_retried(pool: Pool, rabbit: Rabbit) -> None:
    service = listener()
    await rabbit.topology(service)
    message = raw(Script().say(approved()))
    await rabbit.publish(EVENTS, message, user_id=rabbit.user)
    async with beside(Consumer(service, pool, rabbit.users["inventory"], users=rabbit.services).run()):
        (rejected,) = await until("it is kept", lambda: ids(pool), lambda found: len(found) == 1)
    async with clerk_of(service, pool, rabbit):
        await retry(pool, service, rejected)
        assert "user_id" in await until_done(pool, rejected)
    assert (await ids(pool), await effects(pool)) == ([rejected], [])
    assert (await dismiss(pool, rejected)).ok
    assert await pool.fetchval("select count(*) from inbox") == 0  # the true one may still come


# -- dismiss ----------------------------------------------------------------------------------------------------------


async def test_what_waited_for_a_dismissed_event_goes_on(pool: Pool) -> None:
    script = Script()
    await hear(pool, listener(bad={("SO-1", 1)}), *[script.say(event) for event in (approved(), settled())])
    assert await waiting(pool) == 1
    (rejected,) = await ids(pool)
    assert (await dismiss(pool, rejected)).ok
    await listener().sweep(pool)
    assert (await effects(pool), await waiting(pool)) == ([("SO-1", 2)], 0)
    assert (await ids(pool), await ids(pool, dismissed=True)) == ([], [rejected])
    async with pool.acquire() as connection:
        shown = await leftovers.shown(Db(connection, "C1"), "rejected", rejected)
    assert shown is not None
    (act,) = shown["history"]
    assert (act["what"], act["actor"], act["why"], act["outcome"]) == ("dismiss", "olga", WHY, "dismissed")


async def test_a_dismissed_event_is_never_handled(pool: Pool) -> None:
    event = Script().say(approved())
    await hear(pool, listener(bad={("SO-1", 1)}), event)
    (rejected,) = await ids(pool)
    await dismiss(pool, rejected)
    await hear(pool, listener(), event)  # its producer says it again
    assert await effects(pool) == []
    assert await ids(pool, dismissed=True) == [rejected]
    answer = await retry(pool, listener(), rejected)
    assert (answer.status, answer.errors[0]["code"]) == (409, "dismissed")


async def test_an_earlier_version_is_looked_at_first(pool: Pool) -> None:
    script = Script()
    first, second = script.say(approved()), raw(script.say(settled()))
    torn = Raw(second.routing_key, second.headers, b"{", second.message_id, user="order")
    await listener().receive(pool, [], [*_rejected(torn)])
    (rejected,) = await ids(pool)
    answer = await dismiss(pool, rejected)
    assert (answer.status, answer.errors[0]["code"]) == (409, "earlier_first")
    assert "version 1 of order/SO-1" in answer.errors[0]["message_en"]
    await hear(pool, listener(), first)
    assert (await dismiss(pool, rejected)).ok
    await hear(pool, listener(), script.say(approved()))
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 3)]


def _rejected(message: Raw) -> Any:
    return sort_out([message])[1]


async def test_an_event_that_waits_for_what_is_lost_can_be_let_go(pool: Pool) -> None:
    script = Script()
    script.say(approved())  # nobody will ever hear it
    await hear(pool, listener(), script.say(settled()), script.say(approved()), script.say(settled()))
    newest, middle, oldest = sorted(await ids(pool, "pending"), reverse=True)
    answer = await dismiss(pool, newest)
    assert (answer.status, answer.errors[0]["code"]) == (409, "earlier_first")
    assert (await dismiss(pool, middle, oldest)).ok
    assert (await ids(pool, "pending"), len(await ids(pool, dismissed=True))) == ([newest], 2)
    await listener().sweep(pool)
    assert await effects(pool) == [("SO-1", 4)]


async def test_what_is_not_there_or_was_dismissed_is_named(pool: Pool) -> None:
    nobody = UUID(int=1)
    answer = await dismiss(pool, nobody)
    assert (answer.status, answer.errors[0]["field"], answer.errors[0]["code"]) == (404, "ids.0", "not_found")
    assert await pool.fetchval("select count(*) from intervention") == 0


@pytest.mark.parametrize("role", ["sales", "accountant"])
async def test_only_operators_may(pool: Pool, role: str) -> None:
    answer = await ask(pool, listener(), InventoryDismissMessages(ids=(UUID(int=1),), why=WHY), roles=[role])
    assert (answer.status, answer.errors[0]["code"]) == (403, "forbidden")


async def test_one_sees_the_own_company_and_what_names_none(pool: Pool) -> None:
    script = Script()
    await hear(pool, listener(bad={("SO-1", 1)}), script.say(approved(), company="C2"))
    forged = raw(script.say(approved(), company="C2"))
    await listener().receive(pool, [], _rejected(Raw("nonsense", forged.headers, b"")))
    await listener().receive(pool, [], _rejected(Raw("nonsense", {}, b"")))
    assert [len(await ids(pool, company=company)) for company in ("C1", "C2", "")] == [1, 3, 3]
    foreign = next(iter(set(await ids(pool, company="C2")) - set(await ids(pool, company="C1"))))
    assert (await dismiss(pool, foreign)).status == 404
    assert (await dismiss(pool, foreign, company="C2")).ok


async def test_what_was_done_is_never_changed(pool: Pool) -> None:
    await hear(pool, listener(bad={("SO-1", 1)}), Script().say(approved()))
    await retry(pool, listener(), *await ids(pool))  # nobody does it
    async with as_admin(pool) as admin:
        with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
            await admin.execute("update intervention set actor = 'nobody'")
    await dismiss(pool, *await ids(pool))
    for text in ("update intervention set outcome = 'x'", "delete from intervention", "truncate intervention",
                 "update rejected set reason = ''", "update intervention set actor = 'nobody'"):
        with pytest.raises(asyncpg.PostgresError, match=r"never changed|permission denied"):
            await pool.execute(text)


# -- what the broker parked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True])
async def test_what_the_broker_parked_is_kept_and_can_be_retried(pool: Pool, rabbit: Rabbit, again: bool) -> None:
    service = listener()
    await rabbit.topology(service)
    event = Script().say(approved())
    if again:
        said_again = raw(event)._replace(routing_key=f"inventory.{event.type}")
        await rabbit.publish(AGAIN, said_again, user_id=rabbit.user)
    else:
        await rabbit.say(event)
    message = await _refused(rabbit, "inventory.events")
    async with clerk_of(service, pool, rabbit):
        (rejected,) = await until("it is kept", lambda: ids(pool), lambda found: len(found) == 1)
        await until("parking is empty", lambda: rabbit.count("inventory.parking"), lambda count: count == 0)
        async with pool.acquire() as connection:
            shown = await leftovers.shown(Db(connection, "C1"), "rejected", rejected)
        assert shown is not None
        assert shown["reason"] == "parked: rejected in inventory.events"
        assert (shown["routing_key"], shown["body"]) == (event.type, message.body)
        await retry(pool, service, rejected)
        outcome = await until_done(pool, rejected)
    if again and rabbit.user != rabbit.name_of("order"):  # sent by the administrator, so it is not believed
        assert "user_id" in outcome
    else:
        assert (outcome, await effects(pool), await reasons(pool)) == (leftovers.HANDLED, [("SO-1", 1)], [])


async def _refused(rabbit: Rabbit, name: str) -> AbstractIncomingMessage:
    """The next message of a queue, given back as one that nobody can handle."""
    queue = await rabbit.channel.get_queue(name, ensure=False)
    came: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    tag = await queue.consume(came.put)
    message = await asyncio.wait_for(came.get(), 15)
    await message.reject(requeue=False)
    await queue.cancel(tag)
    return message


async def test_retries_need_no_broker(pool: Pool, rabbit: Rabbit) -> None:
    """The parking queue is not even declared."""
    await hear(pool, listener(bad={("SO-1", 1)}), Script().say(approved()))
    (rejected,) = await ids(pool)
    async with clerk_of(listener(), pool, rabbit):
        await retry(pool, listener(), rejected)
        assert await until_done(pool, rejected) == leftovers.HANDLED
    assert await reasons(pool) == []
