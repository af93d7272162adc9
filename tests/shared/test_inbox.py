"""What is heard has one effect, in the order of each aggregate; what cannot be handled stands alone in `rejected`."""

import asyncio
import random
from collections.abc import Collection, Sequence

import pytest

from shared.db import Db, Pool, is_transient
from shared.events import Event
from shared.events.inventory import ProductRegistered
from shared.events.order import OrderApproved, OrderCancelDeclined, OrderSettled
from shared.inbox import sort_out
from shared.refusal import Unfit
from shared.service import Service
from shared.testing import Script, hear, raw, said
from shared.wire import Raw
from tests.shared.samples import approved, effects, listener, reasons, settled, waiting


def chain(script: Script, order_id: str, length: int, company: str = "C1") -> list[Event]:
    """The first events of an order."""
    return [script.say(approved(order_id), company=company) for _ in range(length)]


async def test_early_events_wait_and_go_on_in_the_order_of_versions(pool: Pool) -> None:
    service, (first, second, third) = listener(), chain(Script(), "SO-1", 3)
    await hear(pool, service, third)
    await hear(pool, service, second)
    assert await effects(pool) == []
    assert await waiting(pool) == 2
    await hear(pool, service, first)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3)]
    assert await waiting(pool) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_of_arrival_has_the_same_effects(pool: Pool, seed: int) -> None:
    chance, script, service = random.Random(seed), Script(), listener()
    events = [event for n in range(4) for event in chain(script, f"SO-{n}", 6)]
    arriving = events + chance.sample(events, 10)
    chance.shuffle(arriving)
    while arriving:
        size = chance.randint(1, 8)
        await hear(pool, service, *arriving[:size])
        del arriving[:size]
    done = await effects(pool)
    for n in range(4):
        assert [version for order_id, version in done if order_id == f"SO-{n}"] == [1, 2, 3, 4, 5, 6]
    assert (await waiting(pool), await reasons(pool)) == (0, [])


async def test_an_early_event_may_have_come_in_any_dress(pool: Pool) -> None:
    """Waiting events are stored; the other prefix of the binding and byte strings must survive that."""
    service, (first, second, third) = listener(), chain(Script(), "SO-1", 3)
    colons = {name.replace("_", ":", 1): value for name, value in raw(second).headers.items()}
    as_bytes = {n: v.encode() if isinstance(v, str) else v for n, v in raw(third).headers.items()}
    for message in (raw(third)._replace(headers=as_bytes), raw(second)._replace(headers=colons)):
        await service.receive(pool, *sort_out([message]))
    assert await waiting(pool) == 2
    await hear(pool, service, first)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3)]


async def test_an_unordered_service_handles_events_as_they_come(pool: Pool) -> None:
    service, (first, second) = listener(ordered=False), chain(Script(), "SO-1", 2)
    await hear(pool, service, second, second)
    await hear(pool, service, first)
    await hear(pool, service, second, first)
    assert await effects(pool) == [("SO-1", 2), ("SO-1", 1)]


async def test_versions_that_no_use_case_hears_leave_no_gap(pool: Pool) -> None:
    service, script = listener(), Script()
    first = script.say(approved())
    unheard = script.say(OrderCancelDeclined(order_id="SO-1", customer_id="CU-1"))
    third = script.say(settled())
    assert type(unheard) in service.hears()
    assert ProductRegistered not in service.hears()
    await hear(pool, service, third, unheard, first)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 3)]


async def test_a_repeated_event_has_one_effect(pool: Pool) -> None:
    service, events = listener(), chain(Script(), "SO-1", 3)
    await hear(pool, service, events[0], events[0], events[1])
    await hear(pool, service, *events, *events)
    await hear(pool, service, events[1])
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3)]
    assert len(await said(pool)) == 3
    assert await reasons(pool) == []


@pytest.mark.parametrize("ordered", [True, False])
async def test_two_consumers_with_the_same_events_have_one_effect(pool: Pool, ordered: bool) -> None:
    service, script = listener(ordered=ordered), Script()
    for turn in range(5):
        events = [e for n in range(5) for e in chain(script, f"SO-{turn}-{n}", 3)]
        shuffled = random.Random(turn).sample(events, len(events))
        await asyncio.gather(*(hear(pool, service, *batch) for batch in (events, events[::-1], shuffled, events[4:])))
    while await service.sweep(pool):
        pass
    done = await effects(pool)
    assert len(done) == len(set(done)) == 75
    assert len(await said(pool)) == 75
    assert (await waiting(pool), await reasons(pool)) == (0, [])


async def test_a_second_event_with_a_handled_version_is_rejected(pool: Pool) -> None:
    service, script = listener(), Script()
    first, second = chain(script, "SO-1", 2)
    (forged,) = chain(Script(), "SO-1", 1)
    await hear(pool, service, first)
    await hear(pool, service, forged, second)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2)]
    (reason,) = await reasons(pool)
    assert "version" in reason
    assert "order/SO-1" in reason


async def test_of_two_events_with_one_version_in_a_batch_none_is_lost(pool: Pool) -> None:
    service = listener()
    (first,), (forged,) = chain(Script(), "SO-1", 1), chain(Script(), "SO-1", 1)
    await hear(pool, service, first, forged)
    assert await effects(pool) == [("SO-1", 1)]
    assert await pool.fetchval("select id from rejected") == forged.envelope.id


async def test_of_two_early_events_with_one_version_the_second_is_rejected(pool: Pool) -> None:
    service = listener()
    one, two, three, four = chain(Script(), "SO-1", 4)
    forged = chain(Script(), "SO-1", 3)[2]
    await hear(pool, service, three)
    await hear(pool, service, forged)
    assert await pool.fetchval("select id from rejected") == forged.envelope.id
    await hear(pool, service, one, two)
    await hear(pool, service, four)
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3), ("SO-1", 4)]
    assert (await waiting(pool), len(await reasons(pool))) == (0, 1)


async def test_one_bad_event_of_200_stands_alone_and_the_others_are_handled(pool: Pool) -> None:
    service, script = listener(bad={("SO-77", 1)}), Script()
    events = [script.say(approved(f"SO-{n}")) for n in range(200)]
    malformed = [Raw("order.order_approved.v1", {"a": "b\0"}, bytes([n])) for n in range(3)]
    heard, rejected = sort_out([*(raw(event) for event in events), *malformed])
    await service.receive(pool, heard, rejected)
    done = await effects(pool)
    assert sorted(done) == sorted((f"SO-{n}", 1) for n in range(200) if n != 77)
    assert len(await said(pool)) == 199
    row = await pool.fetchrow("select * from rejected where company = 'C1'")
    assert row
    assert (row["id"], row["body"]) == (events[77].envelope.id, events[77].body())
    assert "BugError: this one again" in row["reason"]
    kept = await pool.fetch("select body from rejected where company = '' order by body")
    assert [row["body"] for row in kept] == [b"\0", b"\1", b"\2"], "once each, although the batch was halved"


def choosy(bad: Collection[str]) -> tuple[Service, list[int]]:
    """An unordered listener that refuses the `bad` orders as values, and the sizes of the batches that it got."""
    service, sizes = Service("inventory", ordered=False), []
    quick = listener().handlers[OrderApproved]

    @service.on(OrderApproved)
    async def note(db: Db, events: Sequence[OrderApproved]) -> list[Event | Unfit]:
        sizes.append(len(events))
        outcomes = await quick(db, [event for event in events if event.order_id not in bad])
        return [*outcomes, *(Unfit(event, "order_id: not this one") for event in events if event.order_id in bad)]

    return service, sizes


async def test_what_a_use_case_refuses_is_set_aside_and_the_batch_goes_on_whole(pool: Pool) -> None:
    bad = {f"SO-{n}" for n in range(0, 200, 20)}
    (service, sizes), script = choosy(bad), Script()
    events = [script.say(approved(f"SO-{n}")) for n in range(200)]
    await hear(pool, service, *events)
    assert sizes == [200]
    assert sorted(await effects(pool)) == sorted((f"SO-{n}", 1) for n in range(200) if n % 20)
    assert len(await said(pool)) == 190
    rows = await pool.fetch("select id, body, reason from rejected where company = 'C1' order by id")
    refused = sorted((e for e in events if e.subject.removeprefix("order/") in bad), key=lambda e: e.envelope.id)
    assert [tuple(row) for row in rows] == [(e.envelope.id, e.body(), "order_id: not this one") for e in refused]


async def test_a_refused_event_that_is_fit_now_has_its_effect_and_is_rejected_no_more(pool: Pool) -> None:
    bad = {"SO-1"}
    (service, _), script = choosy(bad), Script()
    events = [script.say(approved(f"SO-{n}")) for n in range(3)]
    await hear(pool, service, *events)
    await hear(pool, service, events[1])
    assert len(await reasons(pool)) == 1, "still unfit, still one row"
    bad.clear()
    await hear(pool, service, *events)
    assert sorted(await effects(pool)) == [("SO-0", 1), ("SO-1", 1), ("SO-2", 1)]
    assert await reasons(pool) == []


async def test_two_consumers_refuse_the_same_event_once(pool: Pool) -> None:
    (service, _), script = choosy({"SO-3"}), Script()
    events = [script.say(approved(f"SO-{n}")) for n in range(10)]
    await asyncio.gather(*(hear(pool, service, *batch) for batch in (events, events[::-1], events[2:])))
    assert sorted(await effects(pool)) == sorted((f"SO-{n}", 1) for n in range(10) if n != 3)
    assert await reasons(pool) == ["order_id: not this one"]


async def test_what_follows_a_rejected_event_waits_for_it(pool: Pool) -> None:
    service, events = listener(bad={("SO-1", 2)}), chain(Script(), "SO-1", 3)
    await hear(pool, service, *events)
    assert await effects(pool) == [("SO-1", 1)]
    assert (await waiting(pool), len(await reasons(pool))) == (1, 1)


async def test_a_rejected_event_that_now_succeeds_is_rejected_no_more(pool: Pool) -> None:
    script, bad = Script(), {("SO-1", 2)}
    service, events = listener(bad=bad), chain(script, "SO-1", 3)
    await hear(pool, service, *events)
    await hear(pool, service, events[1])
    assert len(await reasons(pool)) == 1, "still bad, still one row"
    bad.clear()
    await hear(pool, service, events[1])
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3)]
    assert (await waiting(pool), await reasons(pool)) == (0, [])


async def test_a_bad_event_that_waited_does_not_take_its_predecessor_along(pool: Pool) -> None:
    service, (first, second, third) = listener(bad={("SO-1", 2)}), chain(Script(), "SO-1", 3)
    await hear(pool, service, third)
    await hear(pool, service, second)
    await hear(pool, service, first)
    assert await effects(pool) == [("SO-1", 1)]
    async with asyncio.timeout(10):  # the idle consumer sweeps until nothing is ready
        while await service.sweep(pool):
            pass
    assert await pool.fetchval("select id from rejected") == second.envelope.id
    assert await waiting(pool) == 1


async def test_companies_stand_side_by_side(pool: Pool) -> None:
    service, script = listener(bad={("SO-9", 1)}), Script()
    ours, theirs = chain(script, "SO-1", 3), chain(script, "SO-1", 3, company="C2")
    bad = script.say(approved("SO-9"))
    await hear(pool, service, theirs[2], ours[1], bad, ours[0], theirs[0])
    assert await effects(pool) == [("SO-1", 1), ("SO-1", 2)]
    assert await effects(pool, "C2") == [("SO-1", 1)]
    await hear(pool, service, theirs[1])
    assert await effects(pool, "C2") == [("SO-1", 1), ("SO-1", 2), ("SO-1", 3)]
    assert (len(await reasons(pool)), await reasons(pool, "C2")) == (1, [])
    assert {e.envelope.company for e in await said(pool, "C2")} == {"C2"}


def slow_listener() -> tuple[Service, asyncio.Event, asyncio.Event]:
    """A listener that stops in its transaction at each event of SO-SLOW, and the events `reached` and `go`."""
    service, reached, go = Service("inventory"), asyncio.Event(), asyncio.Event()
    quick = listener().handlers[OrderApproved]

    @service.on(OrderApproved, OrderSettled)
    async def note(db: Db, events: Sequence[Event]) -> Sequence[Event | Unfit]:
        outcomes = await quick(db, events)
        if any(event.subject == "order/SO-SLOW" for event in events):
            reached.set()
            await go.wait()
        return outcomes

    return service, reached, go


async def test_a_sweep_frees_what_two_consumers_crossed(pool: Pool) -> None:
    """One handles version 1 and has not committed; the other, not seeing it, lets version 2 wait."""
    service, reached, go = slow_listener()
    first, second = chain(Script(), "SO-SLOW", 2)
    one = asyncio.create_task(hear(pool, service, first))
    await asyncio.wait_for(reached.wait(), 10)
    await hear(pool, service, second)
    go.set()
    await one
    assert (await effects(pool), await waiting(pool)) == ([("SO-SLOW", 1)], 1)
    assert await service.sweep(pool) == 1
    assert (await effects(pool), await waiting(pool)) == ([("SO-SLOW", 1), ("SO-SLOW", 2)], 0)
    assert await service.sweep(pool) == 0


async def test_an_event_that_waits_although_another_consumer_handled_it_stops_nothing(pool: Pool) -> None:
    """One lets version 2 wait and has not committed; the other meanwhile handles versions 1 and 2."""
    service, reached, go = slow_listener()
    script = Script()
    slow = script.say(approved("SO-SLOW"))
    first, second, third, fourth = chain(script, "SO-1", 4)
    one = asyncio.create_task(hear(pool, service, second, slow))
    await asyncio.wait_for(reached.wait(), 10)
    await hear(pool, service, first, second)
    go.set()
    await one
    await hear(pool, service, third)
    assert (await service.sweep(pool), await service.sweep(pool)) == (1, 0)
    await hear(pool, service, fourth)
    done = await effects(pool)
    assert [version for order_id, version in done if order_id == "SO-1"] == [1, 2, 3, 4]
    assert (await waiting(pool), await reasons(pool)) == (0, [])


async def test_an_outcome_is_linked_to_the_event_of_its_walk(pool: Pool) -> None:
    service, script = listener(), Script()
    events = [script.say(approved(f"SO-{n}"), actor=f"person-{n}") for n in range(3)]
    await hear(pool, service, *events)
    for event, outcome in zip(events, await said(pool), strict=True):
        assert outcome.walk == event.walk
        assert (outcome.envelope.causation_id, outcome.envelope.actor) == (event.envelope.id, event.envelope.actor)


async def test_a_batch_whose_outcomes_cannot_be_linked_is_handled_one_by_one(pool: Pool) -> None:
    service, script = Service("inventory"), Script()

    @service.on(OrderApproved)
    async def register(_db: Db, events: Sequence[OrderApproved]) -> list[Event]:
        return [ProductRegistered(sku=f"FOR-{event.order_id}", name="茶", unit="件") for event in events]

    events = [script.say(approved(f"SO-{n}")) for n in range(3)]
    await hear(pool, service, *events)
    causes = {outcome.subject: outcome.envelope.causation_id for outcome in await said(pool)}
    assert causes == {f"product/FOR-SO-{n}": event.envelope.id for n, event in enumerate(events)}


async def test_when_the_database_goes_away_nothing_is_written_and_the_batch_may_come_again(pool: Pool) -> None:
    service, script, goes = Service("inventory"), Script(), [True]
    quick = listener().handlers[OrderApproved]

    @service.on(OrderApproved)
    async def note(db: Db, events: Sequence[Event]) -> Sequence[Event | Unfit]:
        outcomes = await quick(db, events)
        if goes.pop():
            await db.fetchval("select pg_terminate_backend(pg_backend_pid())")
        goes.append(False)
        return outcomes

    events = [script.say(approved(f"SO-{n}")) for n in range(3)]
    with pytest.raises(Exception) as lost:  # noqa: PT011  which class depends on the moment
        await service.receive(pool, *sort_out([raw(event) for event in events]))
    assert is_transient(lost.value)
    assert (await effects(pool), await reasons(pool), await said(pool)) == ([], [], [])
    goes.append(False)
    await hear(pool, service, *events)
    assert len(await effects(pool)) == 3


async def test_a_malformed_message_that_comes_again_is_kept_once(pool: Pool) -> None:
    service, message = listener(), Raw("order.order_approved.v1", {}, b"{", "m-1")
    for redelivered in (False, True, True):
        await service.receive(pool, *sort_out([message._replace(redelivered=redelivered)]))
    assert len(await reasons(pool, "")) == 1
    await service.receive(pool, *sort_out([message]))
    assert len(await reasons(pool, "")) == 2, "the same bytes sent a second time are a second message"


@pytest.mark.parametrize("message", [
    Raw("order\0.order_approved.v1", {}, b"{"),
    Raw("k", {"a\0b": "c\0d", "list": [1], "bytes": b"\xff"}, b"\0\xff"),
    Raw("k", {"cloudEvents_type": "t\0"}, b"{}", "m\0"),
], ids=["routing key", "headers", "attributes"])
async def test_whatever_bytes_a_message_has_it_can_be_rejected(pool: Pool, message: Raw) -> None:
    await listener().receive(pool, *sort_out([message]))
    assert await pool.fetchval("select body from rejected") == message.body
