"""A database of an older release, with business in it, is migrated and goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg
import orjson
import pytest

from shared import leftovers
from shared.clerk import Clerk
from shared.commands import QueueDoor
from shared.db import Db, Pool, open_pool
from shared.events import Event
from shared.events.operators import InventoryRetryMessages
from shared.log import correlation_of
from shared.migrate import migrate, migrations_of
from shared.relay import Relay
from shared.testing import Script, ask, hear
from shared.wire import headers_of
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, effects, listener, settled
from tests.shared.waits import beside, until

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVERYTHING = migrations_of(ROOT)
FIRST_RELEASE = [m for m in EVERYTHING if m.name in ("shared/0001_kernel", "sample/0001_effect")]


@asynccontextmanager
async def migrated(owner_url: str) -> AsyncIterator[Pool]:
    """The database after `migrate`."""
    connection = await asyncpg.connect(owner_url)
    await migrate(connection, EVERYTHING)
    await connection.close()
    pool = await open_pool(owner_url, size=5)
    try:
        yield pool
    finally:
        pool.terminate()


async def old_business(owner_url: str) -> list[Event]:
    """What the first release wrote: three events said, of which one is published; one event heard, one rejected and
    one that waits for that."""
    script = Script()
    connection = await asyncpg.connect(owner_url)
    await migrate(connection, FIRST_RELEASE)
    own = [script.say(approved(f"SO-{n}"), company="C1") for n in range(3)]
    for event in own:
        e = event.envelope
        await connection.execute(
            "insert into event (company, id, subject, version, type, time, actor, correlation_id, body, position) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            e.company, e.id, e.subject, e.version, e.type, e.time, e.actor, correlation_of("C1", event.walk),
            event.body(), e.position,
        )
    await connection.execute("insert into relay_cursor values ('C1', 1)")
    others = approved("SO-H"), approved("SO-R"), settled("SO-R")
    heard, rejected, waits = (script.say(event, company="C2") for event in others)
    e = heard.envelope
    await connection.execute("insert into inbox values ($1, $2, $3, $4, $5)", e.company, e.id, e.source, e.subject, 1)
    r = rejected.envelope
    await connection.execute(
        "insert into rejected values ($1, $2, $3, $4, $5, $6, 'BugError: an old bug', $7)",
        r.company, r.id, sha256(rejected.body()).digest(), r.type, json(headers_of(r)), rejected.body(), NOW,
    )
    w = waits.envelope
    await connection.execute(
        "insert into pending values ($1, $2, $3, $4, $5, $6, $7, $8)",
        w.company, w.id, w.source, w.subject, w.version, json(headers_of(w)), waits.body(), NOW,
    )
    await connection.close()
    return [heard, rejected, waits]


def json(value: Any) -> str:
    return orjson.dumps(value).decode()


@pytest.fixture
async def upgraded(empty_database: str) -> AsyncIterator[tuple[Pool, list[Event], str]]:
    events = await old_business(empty_database)
    async with migrated(empty_database) as pool:
        yield pool, events, empty_database


async def test_what_was_not_published_is_published(
    upgraded: tuple[Pool, list[Event], str], rabbit: Rabbit
) -> None:
    pool, _, url = upgraded
    await rabbit.topology(listener())
    await rabbit.queue("test.all", "#")
    relay = Relay("order", url, rabbit.users["order"], rabbit.name_of("order"), poll_seconds=0.05)
    async with beside(relay.run()):
        messages = await rabbit.take("test.all", 3)
    keys = [message.routing_key for message in messages]
    assert sorted(key or "" for key in keys) == ["order.log_stated.v1", approved().type, approved().type]
    assert await pool.fetchval("select published from relay_cursor") == 3


async def test_what_was_heard_stays_heard_and_what_was_rejected_can_be_mended(
    upgraded: tuple[Pool, list[Event], str], rabbit: Rabbit
) -> None:
    pool, (heard, rejected, waits), _ = upgraded
    await hear(pool, listener(), heard)
    assert await effects(pool, "C2") == []
    id, service = rejected.envelope.id, listener()
    async with pool.acquire() as connection:
        (row,) = await leftovers.listed(Db(connection, "C2"), "rejected")
    assert (row["id"], row["reason"]) == (id, "BugError: an old bug")
    door = QueueDoor(service, pool, settings_for(rabbit, url=rabbit.users["inventory"]))
    async with beside(Clerk(service, pool, door, rabbit.users["inventory"], users=rabbit.services).run()):
        answer = await ask(pool, service, InventoryRetryMessages(ids=(id,)), company="C2", roles=["operator"])
        assert answer.ok
        outcome = await until("it is done", lambda: leftovers.last_outcome(pool, id), lambda found: found is not None)
    assert outcome == leftovers.HANDLED
    await hear(pool, service, waits)  # or the idle consumer finds it
    assert await effects(pool, "C2") == [("SO-R", 1), ("SO-R", 2)]
