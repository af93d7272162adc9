"""Overload slows the intake, keeps the memory bounded, loses nothing, and passes without anybody's help."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from operator import eq, le
from pathlib import Path

import asyncpg
import httpx2
import pytest
from prometheus_client import CollectorRegistry

from shared import topology
from shared.commands import QueueDoor
from shared.consumer import HELD_BATCHES, Consumer
from shared.db import Pool, open_pool
from shared.events.order import OrderCommandRejected
from shared.health import Health
from shared.relay import Relay
from shared.testing import OWNER, Script, admin_url, database_at, template
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, effects, listener, reasons, settled
from tests.shared.test_http import client_of, error_of, post, token
from tests.shared.test_relay import published, speak
from tests.shared.waits import beside, until, until_true
from tools.link import link_to
from tools.servers import Servers
from tools.servers.native import Native

QUEUE = "inventory.events"
PREFETCH = HELD_BATCHES * 500  # of a consumer with the default batch


# -- RabbitMQ ---------------------------------------------------------------------------------------------------------


async def test_a_full_queue_holds_up_its_own_events_only_and_nothing_is_lost(
    pool: Pool, database: str, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay is refused, keeps the rows, lets the company rest, and goes on when there is room."""
    monkeypatch.setattr(topology, "MAX_LENGTH", 30)
    await rabbit.topology(listener())
    await rabbit.queue("test.roomy", "order.command_rejected.v1")
    orders = [make(f"SO-{n}") for n in range(100) for make in (approved, settled)]
    await speak(pool, *orders)
    relay = Relay("order", database, rabbit.users["order"], rabbit.name_of("order"), batch=50, poll_seconds=0.05)
    silent = listener(speaks=False)  # into the same log, where the relay has no right to publish what inventory says
    consumer = Consumer(silent, pool, rabbit.users["inventory"], users=rabbit.services)
    door = QueueDoor(silent, pool, settings_for(rabbit))
    health = Health("inventory", pool, relay, consumer, door, [], CollectorRegistry())
    async with beside(relay.run()):
        await until("the relay says what is wrong", health.warnings, lambda found: "C1" in found.get("relay", ""))
        await speak(pool, *(refused(f"k-{n}") for n in range(50)), company="C2")
        await until("the other company goes on", lambda: published(pool, "C2"), lambda position: position == 50)
        assert await published(pool) < len(orders), "what is refused is kept"
        async with beside(consumer.run()):
            await until("all is done", lambda: effects(pool), lambda done: len(done) >= len(orders), 60)
            await until("all is published", lambda: published(pool), lambda position: position == len(orders), 60)
        await until("nothing is wrong any more", health.warnings, lambda found: found == {})
    done = await effects(pool)
    assert sorted(done) == sorted((f"SO-{n}", version) for n in range(100) for version in (1, 2)), "once each"
    assert all(done.index((f"SO-{n}", 1)) < done.index((f"SO-{n}", 2)) for n in range(100)), "in order"
    assert await reasons(pool) == []


def refused(key: str) -> OrderCommandRejected:
    """An event that the listener's queue is not bound to."""
    return OrderCommandRejected(
        command_id=key, command="order.place_order.v1", principal="shop", field="lines", code="x", message_zh="x",
        message_en="x",
    )


@asynccontextmanager
async def memory_alarm(servers: Servers) -> AsyncIterator[None]:
    """The broker finds that it has too little memory, and takes nothing in while the block runs."""
    if servers.rabbitmq is None:
        pytest.skip("an alarm is the whole broker's, and this one was given")
    ctl = servers.rabbitmq.ctl
    limit = ctl("eval", "vm_memory_monitor:get_vm_memory_high_watermark().").strip()
    await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", "0.0000001")
    alarms = partial(asyncio.to_thread, ctl, "eval", "rabbit_alarm:get_alarms().")
    try:
        await until("there is an alarm", alarms, lambda shown: "memory" in shown, 30)
        yield
    finally:
        await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", limit)


async def test_under_an_alarm_the_relay_says_why_events_wait_and_publishes_them_afterwards(
    pool: Pool, database: str, rabbit: Rabbit, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.relay.CONFIRM_SECONDS", 2)
    await rabbit.queue("test.told", "order.order_approved.v1")
    await speak(pool, *(approved(f"SO-{n}") for n in range(40)))
    relay = Relay("order", database, rabbit.users["order"], rabbit.name_of("order"), poll_seconds=0.05)
    async with memory_alarm(servers):
        async with beside(relay.run()):
            await until_true("the relay says why they wait", lambda: "alarm" in relay.trouble, 60)
        assert await published(pool) == 0, "and it can be stopped"
    async with beside(relay.run()):
        await until("they are published", lambda: published(pool), lambda position: position == 40, 60)
        assert relay.trouble == ""
    received = [message.message_id for message in await rabbit.take("test.told", await rabbit.count("test.told"))]
    assert len(set(received)) == 40


# -- Postgres is slow -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backlog", [3_000, pytest.param(20_000, marks=pytest.mark.slow)])
async def test_a_backlog_before_a_slow_database_does_not_fill_the_memory(
    pool: Pool, database: str, rabbit: Rabbit, backlog: int
) -> None:
    """200 ms a round trip, in a process of its own: it holds its prefetch and no more; the rest waits in the queue."""
    await rabbit.topology(listener())
    script = Script()
    for start in range(0, backlog, 1000):
        await rabbit.say(*(script.say(approved(f"SO-{n}")) for n in range(start, start + 1000)))
    async with link_to(database) as link:
        link.slow(lambda _size: 0.1)
        async with in_own_process(link.url, rabbit.users["inventory"]) as pid:
            for part in (1, 1000):
                await until(f"{part} are done", lambda: done(pool), partial(le, part), 120)
                ready = await rabbit.count(QUEUE)
                assert ready + PREFETCH + await done(pool) >= backlog, "the prefetch bounds what it holds"
            link.mend()
            await until("all are done", lambda: done(pool), lambda count: count >= backlog, 240)
            assert peak_memory(pid) < 200_000_000
    assert len(set(await effects(pool))) == await done(pool) == backlog


@asynccontextmanager
async def in_own_process(database_url: str, amqp_url: str) -> AsyncIterator[int]:
    """A consumer of the sample listener; gives the id of its process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.consume_alone", database_url, amqp_url, stdout=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def done(pool: Pool) -> int:
    return int(await pool.fetchval("select count(*) from effect"))


def peak_memory(pid: int) -> int:
    """The most bytes of a process that were in memory at once."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("only Linux tells the peak memory of another process")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


# -- Postgres has no space left ---------------------------------------------------------------------------------------


@contextmanager
def small_disk(servers: Servers) -> Iterator[Path]:
    """A file system of 48 MB in memory that belongs to the database server."""
    if not isinstance(servers.postgres, Native) or not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("a small disk for the database needs a private server and the right to mount")
    folder = Path(tempfile.mkdtemp(prefix="fenlu-small-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("this machine does not let us mount a small disk")
    try:
        servers.postgres.account.owns(folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@asynccontextmanager
async def database_on(disk: Path) -> AsyncIterator[str]:
    """The URL of a fresh database of the samples that lives on this disk."""
    source = await template(ROOT)
    admin = await asyncpg.connect(admin_url())
    await admin.execute(f"create tablespace small location '{disk}'")
    try:
        await admin.execute(f'create database test_on_small_disk template "{source}" owner {OWNER} tablespace small')
        yield database_at(admin_url(), "test_on_small_disk")
    finally:
        await admin.execute("drop database if exists test_on_small_disk with (force)")
        await admin.execute("drop tablespace small")
        await admin.close()


def fill(disk: Path) -> Path:
    """A file that takes all the space that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while shutil.disk_usage(disk).free:
            file.write(bytes(4096))
    return filler


async def test_with_no_space_left_nothing_is_acknowledged_and_all_is_done_once_there_is(
    rabbit: Rabbit, servers: Servers
) -> None:
    await rabbit.topology(listener())
    await rabbit.queue("test.told", "inventory.stock_reserved.v1")
    script = Script()
    with small_disk(servers) as disk:
        async with database_on(disk) as database:
            pool = await open_pool(database, size=5)
            url = rabbit.users["inventory"]
            relay = Relay("inventory", database, url, rabbit.name_of("inventory"), poll_seconds=0.05)
            async with beside(Consumer(listener(), pool, url, users=rabbit.services).run(), relay.run()):
                filler = fill(disk)
                await rabbit.say(*(script.say(approved(f"SO-{n}")) for n in range(2000)))
                async with client_of(pool, Authorization=f"Bearer {token()}") as client:
                    assert error_of(await post(client), 503)["code"] == "unavailable"
                await until("it holds its prefetch", lambda: rabbit.count(QUEUE), partial(eq, 2000 - PREFETCH))
                assert await done(pool) == 0
                filler.unlink()
                await until("all are done", lambda: done(pool), lambda count: count >= 2000, 60)
                await until("all are told", lambda: published(pool), lambda position: position == 2000, 60)
            assert sorted(await effects(pool)) == sorted((f"SO-{n}", 1) for n in range(2000))
            assert (await reasons(pool), await reasons(pool, "")) == ([], [])
            pool.terminate()
    assert await rabbit.count("inventory.parking") == 0


# -- HTTP -------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def busy_door(database: str) -> AsyncIterator[tuple[httpx2.AsyncClient, Pool]]:
    """The sample app over a pool of one connection."""
    pool = await open_pool(database, size=1)
    async with client_of(pool, Authorization=f"Bearer {token()}") as client:
        yield client, pool
    pool.terminate()


async def test_who_finds_no_free_connection_is_told_to_come_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.service.ACQUIRE_SECONDS", 0.1)
    monkeypatch.setattr("shared.http.ACQUIRE_SECONDS", 0.1)
    async with busy_door(database) as (client, pool):
        async with pool.acquire():
            for answer in (await post(client), await client.get("/orders/SO-1")):
                assert error_of(answer, 503)["code"] == "unavailable"
                assert answer.headers["Retry-After"] == "1"
        assert (await post(client)).status_code == 201
        assert (await client.get("/orders/SO-1")).status_code == 200


async def test_only_so_many_requests_are_taken_in_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told at once; the probes always get through."""
    monkeypatch.setattr("shared.http.MAX_IN_FLIGHT", 3)
    async with busy_door(database) as (client, pool):
        async with pool.acquire():
            asked = [asyncio.create_task(post(client, key=f"k-{n}")) for n in range(10)]
            await until_true("seven are turned away", lambda: sum(task.done() for task in asked) == 7)
            for answer in [task.result() for task in asked if task.done()]:
                assert error_of(answer, 503)["code"] == "busy"
                assert answer.headers["Retry-After"] == "1"
            assert (await client.get("/livez")).status_code == 200
        assert sorted([answer.status_code for answer in await asyncio.gather(*asked)]) == [201] * 3 + [503] * 7
        assert await pool.fetchval("select count(*) from effect") == 3
        assert (await post(client, key="k-9")).status_code == 201
