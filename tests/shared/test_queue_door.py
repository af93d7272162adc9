"""A command that comes by queue is done once by the same use case; whatever is wrong with it is said or kept."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from shared.amqp import COMMANDS
from shared.commands import BATCH, PREFETCH
from shared.db import Db, Pool, open_pool
from shared.events import CommandRejected, Event
from shared.events.order import CancelOrder, OrderCancelRequested, OrderSayAgain
from shared.refusal import Refusal
from shared.service import Service
from shared.testing import as_admin, said
from shared.wire import Raw
from tests.shared.doors import open_door, settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import TODAY, cancel, desk, effects, reasons
from tests.shared.waits import until
from tools.link import link_to

QUEUE, PARKING = "order.commands", "order.parking"
GOOD = Raw(CancelOrder.type, {"cloudEvents_company": "C1"}, cancel().body(), "k-1")


async def until_said(pool: Pool, count: int) -> list[Event]:
    return await until(f"{count} events were said", lambda: said(pool), lambda events: len(events) >= count)


async def assert_nothing_left(rabbit: Rabbit) -> None:
    """After the door has closed the broker gives back what was not acknowledged: nothing."""
    await asyncio.sleep(0.1)
    assert (await rabbit.count(QUEUE), await rabbit.count(PARKING)) == (0, 0)


async def test_a_command_is_done_in_the_name_of_its_sender(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask(cancel(), "k-1")
        (event,) = await until_said(pool, 1)
    await assert_nothing_left(rabbit)
    assert (event.subject, event.envelope.actor) == ("order/SO-1", rabbit.user)
    assert await effects(pool) == [("SO-1", 0)]
    row = await pool.fetchrow("select principal, key, status from command")
    assert row
    assert tuple(row) == (rabbit.user, "k-1", 201)


async def test_a_command_that_comes_again_is_done_once(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        for n in range(5):
            await rabbit.ask(cancel("SO-1"), "k-1")
            await rabbit.ask(cancel("SO-2"), "k-2", company="C2")
            await rabbit.ask(cancel(f"SO-{n}"), f"other-{n}")
        await until_said(pool, 6)
    await assert_nothing_left(rabbit)
    assert (len(await effects(pool)), len(await effects(pool, "C2"))) == (6, 1)


def with_body(**fields: Any) -> Raw:
    return GOOD._replace(body=json.dumps({**json.loads(GOOD.body), **fields}).encode())


@pytest.mark.parametrize(("message", "field", "code", "zh"), [
    (with_body(cancelled_on="2026-02-30"), "cancelled_on", "date_from_datetime_parsing", "不是有效日期"),
    (with_body(reason=""), "reason", "string_too_short", "长度至少 1"),
    (with_body(order_id="a b"), "order_id", "string_pattern_mismatch", "格式不正确"),
    (with_body(priority="high"), "priority", "extra_forbidden", "未知字段"),
    (GOOD._replace(body=b"{}"), "order_id", "missing", "必填"),
])
async def test_an_invalid_field_is_said_by_name_once(
    pool: Pool, rabbit: Rabbit, message: Raw, field: str, code: str, zh: str
) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.publish(COMMANDS, message, message, user_id=rabbit.user)
        await rabbit.ask(cancel("SO-OTHER"), "k-2")
        await until("the good one is done", lambda: effects(pool), lambda done: done == [("SO-OTHER", 0)])
    await assert_nothing_left(rabbit)
    (rejection,) = [event for event in await said(pool) if isinstance(event, CommandRejected)]
    assert (rejection.command_id, rejection.principal) == ("k-1", rabbit.user)
    assert (rejection.field, rejection.code) == (field, code)
    assert zh in rejection.message_zh


async def test_who_lacks_the_role_is_told(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit, roles=("warehouse",))):
        for key in ("k-1", "k-1", "k-2"):
            await rabbit.ask(cancel(), key)
        await until_said(pool, 2)
    await assert_nothing_left(rabbit)
    rejections = [event for event in await said(pool) if isinstance(event, CommandRejected)]
    assert sorted((e.command_id, e.code) for e in rejections) == [("k-1", "forbidden"), ("k-2", "forbidden")]
    assert await effects(pool) == []


COMPANY, TYPE = "cloudEvents_company", "cloudEvents_type"
UNREADABLE: dict[str, tuple[Raw, str, str, str]] = {
    "bad JSON": (GOOD._replace(body=b'{"order_id":'), "body", "json_invalid", "not valid JSON"),
    "a key twice": (GOOD._replace(body=b'{"order_id":"A","order_id":"B"}'), "body", "json_invalid", "stands twice"),
    "no object": (GOOD._replace(body=b"7"), "body", "json_invalid", "must be a JSON object"),
    "bad UTF-8": (GOOD._replace(body=b'"\xff"'), "body", "json_invalid", "not valid JSON"),
    "no company": (GOOD._replace(headers={}), "company", "forbidden", "the header cloudEvents_company"),
    "a foreign company": (GOOD._replace(headers={COMPANY: "C3"}), "company", "forbidden", "may not act"),
    "a company that is no text": (GOOD._replace(headers={COMPANY: 7}), "company", "forbidden", "may not act"),
    "another type": (GOOD._replace(headers={COMPANY: "C1", TYPE: "order.fly.v1"}), "type", "type_mismatch",
                     "is not the routing key order.cancel_order.v1"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_whatever_is_wrong_with_a_command_its_sender_is_told_once(pool: Pool, rabbit: Rabbit, kind: str) -> None:
    message, field, code, why = UNREADABLE[kind]
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.publish(COMMANDS, message, message, user_id=rabbit.user)
        await rabbit.ask(cancel("SO-OTHER"), "k-2")
        await until("the good one is done", lambda: effects(pool), lambda done: done == [("SO-OTHER", 0)])
    await assert_nothing_left(rabbit)
    (rejection,) = [event for event in await said(pool) if isinstance(event, CommandRejected)]
    assert (rejection.command_id, rejection.command, rejection.principal) == ("k-1", CancelOrder.type, rabbit.user)
    assert (rejection.field, rejection.code) == (field, code)
    assert why in rejection.message_en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in rejection.message_zh)
    assert await pool.fetchval("select count(*) from rejected") == 0


async def test_a_foreign_company_hears_nothing_of_it(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask(cancel(), "k-1", company="C3")
        (rejection,) = await until_said(pool, 1)
    assert rejection.envelope.company == "C1"
    assert await said(pool, "C3") == []


HOPELESS: dict[str, tuple[Raw, str]] = {
    "an endless message_id": (GOOD._replace(message_id="k" * 201), "message_id: "),
    "a message_id with NUL": (GOOD._replace(message_id="k\0"), "message_id: "),
}


@pytest.mark.parametrize("kind", [
    *HOPELESS, "no user_id", "an unknown user_id", "no message_id", "unknown command", "a foreign command",
])
async def test_what_nobody_could_be_told_is_kept_with_its_reason(pool: Pool, rabbit: Rabbit, kind: str) -> None:
    await rabbit.topology(desk())
    settings = settings_for(rabbit)
    if kind == "an unknown user_id":
        settings = settings.model_copy(update={"queue_principals_file": None})
    async with open_door(desk(), pool, settings):
        if kind == "no user_id":
            message, cause = GOOD, "user_id: "
            await rabbit.publish(COMMANDS, message)
        elif kind == "an unknown user_id":
            message, cause = GOOD, "user_id: "
            await rabbit.publish(COMMANDS, message, user_id=rabbit.user)
        elif kind == "no message_id":
            message, cause = GOOD, "message_id: "
            await rabbit.publish_bare(COMMANDS, message)
        elif kind in HOPELESS:
            message, cause = HOPELESS[kind]
            await rabbit.publish(COMMANDS, message, user_id=rabbit.user)
        else:
            key = "order.fly_to_the_moon.v1" if kind == "unknown command" else "inventory.ship_goods.v1"
            message, cause = GOOD._replace(routing_key=key), "routing_key: "
            await rabbit.bind(QUEUE, COMMANDS, key)
            await rabbit.publish(COMMANDS, message, user_id=rabbit.user)
        rows = await until("it is kept", lambda: pool.fetch("select * from rejected"), lambda found: len(found) > 0)
    await assert_nothing_left(rabbit)
    (row,) = rows
    assert row["reason"].startswith(cause)
    assert (row["body"], row["routing_key"]) == (message.body, message.routing_key)
    assert await said(pool) == []


@pytest.mark.parametrize("reply_to", ["test.replies", "erp.events|order.order_approved.v1", "exchange|nowhere", "|"])
async def test_a_reply_address_has_no_effect(pool: Pool, rabbit: Rabbit, reply_to: str) -> None:
    await rabbit.topology(desk())
    await rabbit.queue("test.replies", "#")
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask(cancel(), "k-1", reply_to=reply_to, correlation_id="c-1")
        await until_said(pool, 1)
    await assert_nothing_left(rabbit)
    assert await rabbit.count("test.replies") == 0
    assert await effects(pool) == [("SO-1", 0)]


async def test_the_prefetch_bounds_what_it_holds_and_the_batch_what_is_done_at_once(pool: Pool, rabbit: Rabbit) -> None:
    service, together, go = Service("order"), list[int](), asyncio.Event()

    @service.does(CancelOrder)
    async def cancel_order(_db: Db, commands: Sequence[CancelOrder]) -> list[Event | Refusal]:
        together.append(len(commands))
        await go.wait()
        return [OrderCancelRequested(
            order_id=command.order_id, customer_id="CU-1", requested_on=TODAY, reason=command.reason
        ) for command in commands]

    await rabbit.topology(service)
    for n in range(PREFETCH + 8):
        await rabbit.ask(cancel(f"SO-{n}"), f"k-{n}")
    async with open_door(service, pool, settings_for(rabbit)):
        await until("it holds its prefetch", lambda: rabbit.count(QUEUE), lambda count: count == 8)
        await asyncio.sleep(0.2)
        assert await rabbit.count(QUEUE) == 8
        go.set()
        await until_said(pool, PREFETCH + 8)
    assert max(together) <= BATCH
    assert len(together) < PREFETCH


async def test_of_a_batch_the_bad_ones_are_kept_or_told_and_all_others_done(pool: Pool, rabbit: Rabbit) -> None:
    """Whatever is wrong with some, and whoever shares a transaction with them."""
    await rabbit.topology(desk())
    for n in range(20):
        await rabbit.ask(cancel(f"SO-{n}"), f"k-{n}")
        match n % 5:
            case 0:
                await rabbit.ask(cancel(f"BUG-{n}", "bug"), f"b-{n}")
            case 1:
                await rabbit.ask(cancel(f"NO-{n}", "refuse"), f"r-{n}")
            case 2:
                await rabbit.ask(cancel(f"SO-{n}"), f"k-{n}")
            case 3:
                await rabbit.ask(cancel(f"X-{n}"), f"k-{n}")
            case 4:
                await rabbit.publish(COMMANDS, GOOD._replace(body=b"{", message_id=f"j-{n}"), user_id=rabbit.user)
    async with open_door(desk(), pool, settings_for(rabbit)):
        events = await until_said(pool, 32)
        await until("the bugs are kept", lambda: reasons(pool, ""), lambda kept: len(kept) == 4)
    await assert_nothing_left(rabbit)
    assert sorted(await effects(pool)) == sorted((f"SO-{n}", 0) for n in range(20))
    told = [(event.command_id, event.code) for event in events if isinstance(event, CommandRejected)]
    assert sorted(told) == sorted([
        *((f"r-{n}", "not_now") for n in (1, 6, 11, 16)), *((f"k-{n}", "key_reused") for n in (3, 8, 13, 18)),
        *((f"j-{n}", "json_invalid") for n in (4, 9, 14, 19)),
    ])
    assert sorted(await reasons(pool, "")) == sorted(f"BugError: BUG-{n}" for n in (0, 5, 10, 15))
    causes = await pool.fetch("select count(distinct causation_id) from event")
    assert causes[0][0] == len(events) == 32


async def test_while_the_database_is_away_a_command_waits_and_is_done_later(
    pool: Pool, database: str, rabbit: Rabbit
) -> None:
    await rabbit.topology(desk())
    async with link_to(database) as link:
        far = await open_pool(link.url, size=3)
        async with open_door(desk(), far, settings_for(rabbit)):
            link.cut()
            for n in range(10):
                await rabbit.ask(cancel(f"SO-{n}"), f"k-{n}")
            await until("the door holds them", lambda: rabbit.count(QUEUE), lambda count: count == 0)
            await asyncio.sleep(0.3)
            assert await effects(pool) == []
            link.mend()
            await until_said(pool, 10)
        far.terminate()
    await assert_nothing_left(rabbit)
    assert len(await effects(pool)) == len(set(await effects(pool))) == 10


async def test_a_command_that_meets_a_bug_is_kept_with_the_bug_and_the_others_go_on(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask(cancel("SO-BUG", "bug"), "k-1")
        await rabbit.ask(cancel("SO-2"), "k-2")
        await until_said(pool, 1)
        rows = await until("it is kept", lambda: pool.fetch("select * from rejected"), lambda found: len(found) > 0)
    assert [(row["body"], row["reason"]) for row in rows] == [(cancel("SO-BUG", "bug").body(), "BugError: SO-BUG")]
    assert await effects(pool) == [("SO-2", 0)]
    await assert_nothing_left(rabbit)


async def test_a_command_that_cannot_even_be_kept_is_parked(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with as_admin(pool) as admin:
        await admin.execute("drop table rejected cascade")
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask(cancel("SO-BUG", "bug"), "k-1")
        (parked,) = await rabbit.take(PARKING, 1)
    assert parked.body == cancel("SO-BUG", "bug").body()


async def test_it_resumes_when_its_connection_to_rabbitmq_is_cut(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with link_to(rabbit.users["order"]) as link:
        async with open_door(desk(), pool, settings_for(rabbit, url=link.url)):
            await rabbit.ask(cancel("SO-1"), "k-1")
            link.cut()
            await rabbit.ask(cancel("SO-2"), "k-2")
            link.mend()
            await until_said(pool, 2)
    await assert_nothing_left(rabbit)
    assert sorted(await effects(pool)) == [("SO-1", 0), ("SO-2", 0)]


async def test_a_service_asks_to_hear_again_only_for_itself(pool: Pool, rabbit: Rabbit) -> None:
    """Else one could make another's relay stop, by claiming that somebody heard more than was said."""
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        await rabbit.ask_as("inventory", OrderSayAgain(hearer="crm", last=5), "k-1")
        await rabbit.ask_as("inventory", OrderSayAgain(hearer="inventory", last=5), "k-2")
        await until("one is kept", lambda: reasons(pool, ""), lambda kept: len(kept) == 1)
        await until("one is done", lambda: pool.fetch("select hearer from went_back"), lambda rows: len(rows) == 1)
    assert await reasons(pool, "") == ["hearer: 'inventory' may ask only for itself"]
    assert await pool.fetchval("select hearer from went_back") == "inventory"
