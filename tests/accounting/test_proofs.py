"""The proofs hold for what the service posted, in whatever order it came, and name what was changed behind its back."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

import services.accounting
from services.accounting.handlers import service
from services.accounting.proofs import rebuild as rebuilding
from services.accounting.proofs import replay
from services.accounting.proofs.chain import as_of, prove_chain
from services.accounting.proofs.explain import explain
from services.accounting.proofs.export import prove_export
from services.accounting.proofs.place import Place, places
from services.accounting.proofs.rebuild import digest, rebuild
from services.accounting.proofs.whatif import prove_whatif
from services.accounting.views.scratch import BusyError
from shared.db import Pool
from shared.events import Event
from shared.events.accounting import DraftCorrection
from shared.testing import Script, as_admin, ask, deliver, fresh_pool, hear, service_at
from tests.accounting import examples
from tests.accounting.doors import door, read, trade
from tests.accounting.test_manual import asked, draft, posted
from tests.accounting.test_periods import approve, open_books, request, seal, sold
from tests.shared.front import bearer
from tests.shared.rabbit import Rabbit
from tests.shared.waits import until

ROOT = Path(services.accounting.__file__).parent


async def place_of(pool: Pool) -> Place:
    (found,) = await places(pool)
    return found


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replay, rebuilding):
        monkeypatch.setattr(module, "BATCH", 3)


async def change(pool: Pool, sql: str) -> None:
    """Whatever only an administrator can do who also switches triggers off."""
    async with as_admin(pool) as admin:
        await admin.execute(
            "alter table voucher disable trigger all; alter table voucher_line disable trigger all;"
            f"alter table journal disable trigger all; {sql}"
        )


PROOFS = {"explain": explain, "rebuild": rebuild, "digest": digest}


async def test_everything_that_was_posted_is_proven(pool: Pool) -> None:
    await trade(pool)
    place, vouchers = await place_of(pool), await pool.fetchval("select count(*) from voucher")
    assert vouchers >= 20
    for prove in PROOFS.values():
        result = await prove(place)
        assert result.differences == []
        assert result.figures["vouchers"] == vouchers
        assert str(result).startswith(f"proof {result.name}: ok ")
    assert await pool.fetchval("select count(*) from voucher") == vouchers


async def test_an_empty_ledger_is_proven(pool: Pool) -> None:
    await ask(pool, service, examples.open_books())
    assert [(await prove(await place_of(pool))).differences for prove in PROOFS.values()] == [[], [], []]


FAULTS = {
    "an amount": (
        "update voucher_line set amount = amount + 1 where seq = 3 and line = 1",
        "voucher 2025-03 备-1 line 1: amount is 1001, by rule order-placed 1000",
        "voucher 2025-03 备-1 is not what the journal leads to",
    ),
    "a customer": (
        "update voucher_line set customer = 'C-8' where account = '1122' and seq = 5 and line = 1",
        "voucher 2025-03 记-3 line 1: customer is C-8, by rule sale-delivered C-7",
        "voucher 2025-03 记-3 is not what the journal leads to",
    ),
    "who made it": (
        "update voucher set maker = 'nobody' where seq = 2",
        "voucher 2025-03 记-1: maker is nobody, by its rule tester",
        "voucher 2025-03 记-1 is not what the journal leads to",
    ),
    "a line more": (
        """
        insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
        values ('C1', 'main', 2, 9, '2025-03', '1002', 'D', 1, 'CNY', '')
        """,
        "line 9 of the voucher at place 2 follows from nothing",
        "voucher 2025-03 记-1 is not what the journal leads to",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_was_changed_is_named(pool: Pool, name: str) -> None:
    damage, explained, rebuilt = FAULTS[name]
    await trade(pool)
    await change(pool, damage)
    place = await place_of(pool)
    for prove, words in ((explain, explained), (rebuild, rebuilt)):
        result = await prove(place)
        assert result.differences == [words]
        assert str(result).startswith(f"proof {result.name}: FAILED {words} (")
    assert not (await digest(place)).ok


async def test_a_voucher_from_nowhere_a_missing_one_and_wrong_sums_are_named(pool: Pool) -> None:
    await trade(pool)
    last = await pool.fetchrow("select seq, entry, number, word from voucher order by seq desc limit 1")
    assert last
    tables = ("voucher_line", "voucher")
    await change(pool, "".join(f"delete from {table} where seq = {last['seq']};" for table in tables))
    missing = f"voucher 2025-03 {last['word']}-{last['number']} is missing"
    assert (await rebuild(await place_of(pool))).differences == [missing]
    assert missing in (await explain(await place_of(pool))).differences


async def test_a_wrong_sum_is_seen(pool: Pool) -> None:
    await trade(pool)
    await change(pool, "update period_balance set debit = debit + 1 where account = '1122'")
    assert (await rebuild(await place_of(pool))).differences == [
        "the sums per month and account are not those of the journal",
    ]


async def test_a_reason_that_is_not_the_rules_is_seen(pool: Pool) -> None:
    await trade(pool)
    await change(pool, "update journal set none_zh = '别的' where none_zh is not null")
    assert (await explain(await place_of(pool))).differences == [
        "entry 5: the reason for no voucher is '别的', by its rules '订单已审核, 尚未交换任何东西'",
    ]


def story() -> list[Event]:
    """Many events with their envelopes."""
    script, found = Script(), [examples.opened(), examples.received()]
    for n in range(4):
        names = f"SO-{n}", f"SH-{n}"
        found += [examples.placed(names[0]), examples.shipped(*names), examples.delivered(*names)]
    return [script.say(event) for event in found]


async def test_the_content_is_the_same_in_any_order_and_batches(pool: Pool) -> None:
    """What numbers, places and entries are given differs; what the vouchers say does not."""
    events, found = story(), set()
    for seed, size in ((0, 100), (1, 4), (2, 1)):
        async with fresh_pool(ROOT) as other:
            await ask(other, service, examples.open_books())
            arriving = list(events)
            if seed:
                Random(seed).shuffle(arriving)
            for start in range(0, len(arriving), size):
                await hear(other, service, *arriving[start:start + size])
            result = await digest(await place_of(other), seed)
            row_digest = (await rebuild(await place_of(other))).figures["row_digest"]
            assert result.ok
            found.add((result.figures["content_digest"], row_digest))
    assert len({content for content, _ in found}) == 1
    assert len({rows for _, rows in found}) == 3


async def content_of(pool: Pool) -> str:
    """The content digest of a ledger whose proofs hold."""
    place = await place_of(pool)
    result = await digest(place)
    assert (result.differences, (await rebuild(place)).differences) == ([], [])
    return str(result.figures["content_digest"])


async def quiet_content(events: Sequence[Event]) -> str:
    """What it is when one consumer hears everything at once and nothing breaks."""
    async with fresh_pool(ROOT) as other:
        await ask(other, service, examples.open_books())
        await hear(other, service, *events)
        return await content_of(other)


@asynccontextmanager
async def nobody_posts(pool: Pool) -> AsyncIterator[Any]:
    """Whoever wants to post waits for its turn in the middle of its transaction; gives an administrator to look on."""
    async with as_admin(pool, schema_stays=True) as holder, as_admin(pool, schema_stays=True) as admin:
        async with holder.transaction():
            await holder.execute("select from book for update")
            yield admin


async def until_under_way(admin: Any, count: int) -> list[int]:
    """Wait until so many backends wait in the middle of a transaction; gives them."""
    async def look() -> list[int]:
        rows = await admin.fetch(
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
        return [row["pid"] for row in rows]

    return await until(f"{count} are under way", look, lambda found: len(found) == count, 60)


async def test_the_content_is_the_same_by_two_consumers_at_once_whose_connections_break(pool: Pool) -> None:
    """Both hear everything, each in its own order and batches, and are cut off in the middle of their transactions."""
    events = story()
    await ask(pool, service, examples.open_books())

    async def consume(seed: int, size: int) -> None:
        arriving = Random(seed).sample(events, len(events))
        for start in range(0, len(arriving), size):
            await hear(pool, service, *arriving[start:start + size])

    async with nobody_posts(pool) as admin:
        both = [asyncio.create_task(consume(1, 4)), asyncio.create_task(consume(2, 3))]
        for backend in await until_under_way(admin, 2):
            assert await admin.fetchval("select pg_terminate_backend($1)", backend)
    await asyncio.gather(*both)
    assert await content_of(pool) == await quiet_content(events)


async def test_the_content_is_the_same_when_consumers_are_killed_in_a_batch(pool: Pool, rabbit: Rabbit) -> None:
    """Two processes at one queue: whoever has it is killed in the middle of a batch, and then its heir is."""
    arriving = Random(3).sample(story(), len(story()))
    half = len(arriving) // 2
    await rabbit.topology(service)
    await ask(pool, service, examples.open_books())
    async with consumers(pool, rabbit) as start:
        first = await start()
        await rabbit.say(*arriving[:half])
        await until("half is heard", lambda: heard(pool), lambda count: count == half, 60)
        async with nobody_posts(pool) as admin:
            await rabbit.say(*arriving[half:], *arriving[:3])  # what came already comes again
            await until_under_way(admin, 1)
            second = await start()
            first.kill()
            await until_under_way(admin, 2)  # who was killed still waits in the database
            await start()
            second.kill()
            await until_under_way(admin, 3)
        await until("all is heard", lambda: heard(pool), lambda count: count == len(arriving), 60)
    assert await content_of(pool) == await quiet_content(arriving)


@asynccontextmanager
async def consumers(pool: Pool, rabbit: Rabbit) -> AsyncIterator[Callable[[], Awaitable[Process]]]:
    """Starts processes that consume in batches of three events; they are ended at the end."""
    started: list[Process] = []
    url = service_at(await pool.fetchval("select current_database()"))

    async def start() -> Process:
        started.append(await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.shared.consume_alone", url, rabbit.users["accounting"],
            "services.accounting.handlers", "3", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def heard(pool: Pool) -> int:
    return int(await pool.fetchval("select count(*) from journal where kind = 'event'"))


async def test_proofs_and_explanations_over_http(pool: Pool) -> None:
    await trade(pool)
    async with door(pool) as client:
        for name in PROOFS:
            assert (await read(client, f"/proofs/{name}"))["ok"] is True
        why = await read(client, "/vouchers/2025-03/记/1/explanation")
        await change(pool, "update voucher_line set amount = amount + 1 where seq = 3 and line = 1")
        wrong = await read(client, "/proofs/explain")
        unknown = await client.get("/proofs/nothing")
        sales = bearer("sales")
        refused = await client.get("/proofs/explain", headers=sales)
    assert (why["rule"]["id"], why["rule"]["lines"][0]["amount"]) == ("goods-received", "cost")
    assert why["journal"]["facts"]["amounts"] == {"cost": why["voucher"]["lines"][-1]["amount"]}
    assert (wrong["ok"], wrong["differences_in_all"]) == (False, 1)
    assert (unknown.status_code, refused.status_code) == (422, 403)


async def test_two_who_make_the_ledger_again_at_once(pool: Pool) -> None:
    await trade(pool)
    place = await place_of(pool)
    async with place.scratch():
        with pytest.raises(BusyError, match="another proof"):
            await rebuild(place)
    assert (await rebuild(place)).ok
    assert await pool.fetchval("select count(*) from rebuild.voucher") == 0


async def test_closes_vouchers_by_hand_and_corrections_are_proven_too(pool: Pool) -> None:
    """A month with all of them is closed, and something comes late."""
    await open_books(pool)
    await sold(pool)
    rent = await posted(pool, draft())
    lower = asked(("5602", "D", "270.00"), ("1002", "C", "270.00"))
    await posted(pool, DraftCorrection(
        draft_id="D-2", period="2025-03", word="记", number=rent.vouchers[0].number, on=examples.DAY, reason="录错",
        lines=lower,
    ))
    await seal(pool)
    assert (await request(pool)).ok
    async with door(pool) as client:
        before = await read(client, "/statements/income", period="2025-03")
        assert (await approve(pool)).ok
        assert await read(client, "/statements/income", period="2025-03") == before
        assert before["lines"][13]["amounts"] == {"year_to_date": "270.00", "month": "270.00"}
        sheet = await read(client, "/statements/balance-sheet", period="2025-03")
    assert (sheet["balanced"], sheet["lines"][50]["amounts"]["closing"]) == (True, "6220.00")
    await deliver(pool, service, examples.placed("SO-LATE"))
    assert {row["kind"] for row in await pool.fetch("select distinct kind from journal")} == {
        "books", "event", "manual", "correction", "close",
    }
    place = await place_of(pool)
    for prove in (*PROOFS.values(), prove_chain, as_of, prove_whatif, prove_export):
        assert (await prove(place)).differences == []
