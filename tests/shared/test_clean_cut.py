"""A statement's own position in the log is its cut: it holds the effects of exactly the events before it."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from shared import log
from shared.db import Db, Pool, open_pool
from shared.events import Event
from shared.events.tieout import (
    Movement,
    MovementsWanted,
    OrderStateSubledger,
    OrderSubledgerDetailed,
    OrderSubledgerStated,
)
from shared.log import Cause
from shared.service import Service
from shared.subledger import MOST_BALANCES, Accountant, Subledger
from shared.testing import ask, deliver, said
from tests.shared.samples import approved
from tests.shared.waits import beside


async def no_movements(_db: Db, _role: str, _key: str, _after: int, _until: int) -> Sequence[Movement]:
    return []


def office() -> tuple[Service, Subledger]:
    """A service whose subledger is the number of effects, of each subject and in all."""
    service = Service("order")
    subledger = Subledger(OrderSubledgerStated, OrderSubledgerDetailed, no_movements)
    subledger.register(service)
    return service, subledger


async def write(pool: Pool, n: int) -> None:
    """A transaction that takes effect, says so, and dawdles before, between and after; some break off."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        db = Db(connection, "C1")
        await db.execute("insert into effect (company, subject, version) values ('C1', $1, 0)", f"order/SO-{n}")
        await asyncio.sleep(random.random() / 50)
        event = approved(f"SO-{n}")
        await log.append(db, "order", [event], {id(event): Cause(None, "tester")}, datetime.now(UTC))
        await asyncio.sleep(random.random() / 50)
        await (transaction.rollback() if n % 7 == 0 else transaction.commit())


async def place(pool: Pool) -> None:
    """Give positions while others write, as the relay does."""
    while True:
        async with pool.acquire() as connection:
            await log.place(connection, 500)
        await asyncio.sleep(0.001)


@pytest.fixture
async def wide_pool(database: str) -> AsyncIterator[Pool]:
    """Connections for all writers at once."""
    pool = await open_pool(database, size=8)
    yield pool
    pool.terminate()


async def test_a_statement_holds_exactly_what_is_before_it_in_the_log(wide_pool: Pool) -> None:
    service, subledger = office()

    numbers = range(125)

    async def writes(writer: int) -> None:
        for n in numbers[writer::5]:
            await write(wide_pool, n)

    async def states() -> None:
        for _ in range(25):
            await service.tend(wide_pool, "C1", subledger.state)
            await asyncio.sleep(random.random() / 50)

    async with beside(place(wide_pool)):
        await asyncio.gather(*(writes(writer) for writer in range(5)), states())
    async with wide_pool.acquire() as connection:
        await log.place(connection, 500)
    log_of_all = sorted(await said(wide_pool), key=lambda e: e.envelope.position or 0)
    before, statements = 0, 0
    for event in log_of_all:
        if isinstance(event, OrderSubledgerStated):
            statements += 1
            assert event.balances[0].amount == before, f"at position {event.envelope.position}"
        else:
            before += 1
    assert (before, statements) == (sum(n % 7 != 0 for n in numbers), 25)


async def test_a_long_transaction_is_not_waited_for_for_long(pool: Pool) -> None:
    """Nor does anybody wait behind the one who gives up; a person is told to come again."""
    service, subledger = office()
    async with pool.acquire() as connection, connection.transaction():
        event = approved("SO-1")
        await log.append(Db(connection, "C1"), "order", [event], {id(event): Cause(None, "t")}, datetime.now(UTC))
        with pytest.raises(asyncpg.LockNotAvailableError):
            await service.tend(pool, "C1", subledger.state)
        assert await service.tend(pool, "C2", subledger.state), "other companies are not held up"
    assert await service.tend(pool, "C1", subledger.state)


async def test_it_is_stated_when_something_was_said_and_when_something_changed_without_a_word(pool: Pool) -> None:
    service, subledger = office()
    accountant = Accountant(service, pool, subledger, seconds=0, idle_seconds=0)

    async def stated() -> int:
        async with pool.acquire() as connection:
            await log.place(connection, 500)
        await accountant.look()
        async with pool.acquire() as connection:
            await log.place(connection, 500)
        return len([event for event in await said(pool) if isinstance(event, OrderSubledgerStated)])

    assert await stated() == 0
    await write(pool, 1)
    assert await stated() == 1
    assert await stated() == 1, "nothing was said since but the statement"
    await pool.execute("insert into effect (company, subject, version) values ('C1', 'unsaid', 0)")
    assert await stated() == 2


async def test_a_long_list_comes_in_parts_and_movements_in_stretches(pool: Pool) -> None:
    service, _ = office()
    await pool.execute(
        "insert into effect (company, subject, version) select 'C1', n, 0 from generate_series(1, $1::integer) as n",
        MOST_BALANCES,
    )
    answer = await ask(pool, service, OrderStateSubledger(whole=True))
    assert [(e["data"]["part"], e["data"]["parts"], len(e["data"]["balances"])) for e in answer.events] == [
        (1, 2, MOST_BALANCES), (2, 2, 1)
    ]
    wanted: list[Event] = [
        MovementsWanted(subledger=owner, role="ar", key="K1", after=7, until=9007) for owner in ("order", "inventory")
    ]
    shown = [e for e in await deliver(pool, service, *wanted) if isinstance(e, OrderSubledgerDetailed)]
    assert [(e.after, e.until) for e in shown] == [(7, 5007)], "what is meant for others is theirs"
