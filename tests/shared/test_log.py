"""The log: gapless versions and positions whatever runs side by side, and nothing in it ever changes."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from shared import log
from shared.db import Db, Pool
from shared.events import Event
from shared.log import Cause
from shared.testing import Script, acting_as, as_admin, ask, hear, said
from tests.shared.samples import BugError, approved, cancel, desk, listener, settled
from tests.shared.waits import until


async def append(db: Db, *events: Event) -> list[Event]:
    cause = Cause(uuid4(), "tester")
    return await log.append(db, "order", events, {id(event): cause for event in events}, datetime.now(UTC))


async def positions(pool: Pool) -> dict[str, list[int]]:
    """The positions given so far, by company."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in await pool.fetch("select company, position from event where position is not null order by position"):
        found[row["company"]].append(row["position"])
    return dict(found)


async def speak(pool: Pool, company: str, n: int, *, break_off: bool) -> None:
    """A transaction that says two events after a while, and perhaps breaks off."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await append(Db(connection, company), approved(f"SO-{n}"), settled(f"SO-{n}"))
        await asyncio.sleep(random.Random(n).random() / 50)
        await (transaction.rollback() if break_off else transaction.commit())


async def test_positions_are_gapless_per_company_whatever_commits_and_breaks_off(pool: Pool) -> None:
    done = asyncio.Event()

    async def place_all_the_time() -> None:
        async with pool.acquire() as connection:
            while not done.is_set():
                await log.place(connection, 7)
                for company, given in (await positions(pool)).items():
                    assert given == list(range(1, len(given) + 1)), f"{company} has a hole that a reader can see"

    placing = asyncio.create_task(place_all_the_time())
    await asyncio.gather(*(speak(pool, f"C{n % 3}", n, break_off=n % 4 == 0) for n in range(60)))
    await until("everything is placed", lambda: pool.fetchval("select count(*) from event where position is null"),
                lambda left: left == 0)
    done.set()
    await placing
    assert await positions(pool) == {f"C{n}": list(range(1, 31)) for n in range(3)}


async def test_what_is_not_committed_gets_no_position(pool: Pool) -> None:
    async with pool.acquire() as relay, pool.acquire() as writer:
        transaction = writer.transaction()
        await transaction.start()
        await append(Db(writer, "C1"), approved("SO-EARLY"))
        await append_committed(pool, approved("SO-LATE"))
        assert await log.place(relay, 10) == 1
        assert [entry.envelope.subject for entry in await log.read_unpublished(relay, "order", 10)] == ["order/SO-LATE"]
        await transaction.commit()
        assert await log.place(relay, 10) == 1
        entries = await log.read_unpublished(relay, "order", 10)
    assert [(entry.envelope.subject, entry.envelope.position) for entry in entries] == [
        ("order/SO-LATE", 1), ("order/SO-EARLY", 2),
    ], "positions follow the commits, not the inserts"


async def append_committed(pool: Pool, *events: Event, company: str = "C1") -> None:
    async with pool.acquire() as connection, connection.transaction():
        await append(Db(connection, company), *events)


async def test_a_reader_gets_the_exact_bytes_and_envelopes_from_a_position_on(pool: Pool) -> None:
    await append_committed(pool, *(approved(f"SO-{n}") for n in range(5)))
    async with pool.acquire() as connection:
        await log.place(connection, 100)
        entries = await log.read(Db(connection, "C1"), "order", 3, 9, [], 2)
    events = (await said(pool))[2:4]
    assert [(entry.envelope, entry.body) for entry in entries] == [(event.envelope, event.body()) for event in events]
    assert [entry.envelope.position for entry in entries] == [3, 4]


async def test_companies_take_turns_whatever_one_of_them_has_to_say(pool: Pool) -> None:
    await append_committed(pool, *(approved(f"SO-{n}") for n in range(50)), company="A-LOUD")
    await append_committed(pool, *(approved(f"SO-{n}") for n in range(5)), company="B-QUIET")
    async with pool.acquire() as connection:
        await log.place(connection, 100)
        taken = [e.envelope for e in await log.read_unpublished(connection, "order", 10)]
        rested = [e.envelope for e in await log.read_unpublished(connection, "order", 10, resting=["A-LOUD"])]
    assert [e.position for e in taken if e.company == "A-LOUD"] == [1, 2, 3, 4, 5]
    assert [e.position for e in taken if e.company == "B-QUIET"] == [1, 2, 3, 4, 5]
    assert {e.company for e in rested} == {"B-QUIET"}


async def test_versions_are_gapless_per_aggregate(pool: Pool) -> None:
    await append_committed(pool, approved("SO-1"), approved("SO-2"), settled("SO-1"))
    await append_committed(pool, settled("SO-1"), company="C2")
    await append_committed(pool, settled("SO-2"), approved("SO-1"))
    versions = [(event.subject, event.envelope.version) for event in await said(pool)]
    assert versions == [("order/SO-1", 1), ("order/SO-2", 1), ("order/SO-1", 2), ("order/SO-2", 2), ("order/SO-1", 3)]
    assert [event.envelope.version for event in await said(pool, "C2")] == [1]


async def test_versions_stay_gapless_when_transactions_collide_and_break_off(pool: Pool) -> None:
    """Two at a time about the same order, and now and then a bug."""
    desk_service = desk()

    async def ask_or_fail(n: int) -> None:
        try:
            await ask(pool, desk_service, cancel(f"SO-{n % 3}", "bug" if n % 5 == 0 else "why not"))
        except BugError:
            return

    for start in range(0, 30, 6):
        await asyncio.gather(*(ask_or_fail(n) for n in range(start, start + 6)))
    versions: dict[str, list[int]] = defaultdict(list)
    for event in await said(pool):
        versions[event.subject].append(event.envelope.version)
    for given in versions.values():
        assert sorted(given) == list(range(1, len(given) + 1))
    assert sum(map(len, versions.values())) == 24


CHANGES = [
    "update event set body = 'forged'",
    "update event set position = position + 1",
    "update event set position = null",
    "update event set position = 7, actor = 'somebody else'",
    "update event set company = 'C2'",
    "delete from event",
    "truncate event",
    "update inbox set version = version",
    "delete from inbox",
    "truncate inbox",
    "update command set status = 200",
    "delete from command",
    "truncate command",
]


async def a_row_of_each(pool: Pool) -> None:
    """One event with a position, one heard event, one command."""
    await hear(pool, listener(), Script().say(settled()))
    await ask(pool, desk(), cancel())
    async with pool.acquire() as connection:
        await log.place(connection, 1)


@pytest.mark.parametrize("who", ["owner", "replica"])
async def test_facts_are_never_changed_or_deleted(pool: Pool, who: str) -> None:
    """Not even by the owner, nor by a session that plays a replica to get around triggers."""
    await a_row_of_each(pool)
    before = await everything(pool)
    async with as_admin(pool, schema_stays=True) as connection, acting_as(connection, who):
        for change in CHANGES:
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(change)
    assert await everything(pool) == before


async def everything(pool: Pool) -> Sequence[object]:
    return [await pool.fetch(sql) for sql in ("select * from event", "select * from inbox", "select * from command")]


async def test_an_event_gets_its_position_once(pool: Pool) -> None:
    await append_committed(pool, approved())
    await pool.execute("update event set position = 1")
    with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
        await pool.execute("update event set position = 2")


async def test_an_event_that_is_too_large_for_a_message_is_not_said(pool: Pool) -> None:
    huge = approved().model_copy(update={"approver": "a" * 1_000_000})
    with pytest.raises(asyncpg.CheckViolationError):
        await append_committed(pool, huge)
