"""The books end complete without a person: RabbitMQ lost all its data, a queue was purged, a backup was restored."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.amqp import open_channel
from shared.testing import admin_of, admin_url, database_at
from tests.shared.waits import until
from tests.walk.live import Company, Station, begin, company
from tests.walk.trade import Trade
from tools.servers import Servers, own_rabbitmq, programs
from tools.servers.server import Server


@pytest.fixture(scope="module")
def broker(servers: Servers) -> Iterator[Server]:
    """A RabbitMQ that may be emptied."""
    if servers.rabbitmq is None:
        pytest.skip("the broker was given, and these tests need one of their own")
    with own_rabbitmq() as own:
        yield own


@pytest.fixture
async def live(broker: Server) -> AsyncIterator[Company]:
    """A company in the middle of its business; in the end nothing is missing anywhere."""
    async with company(broker.url) as live:
        await begin(live, "SO-0")
        yield live
        await live.until_quiet()
        for name, station in live.stations.items():
            missing = lambda s=station: s.pool.fetchval("select count(*) from hole")  # noqa: E731
            await until(f"{name} misses nothing", missing, lambda count: count == 0, seconds=60)
        report = await live.check()
        assert report.ok, [finding for finding in report.findings if not finding.ok]


async def waiting(live: Company, broker: Server, name: str) -> int:
    """How many messages wait in a queue; 0 if it does not exist."""
    async with open_channel(broker.url) as channel:
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0


async def test_rabbitmq_loses_everything_while_events_wait(live: Company, broker: Server) -> None:
    trade = Trade(live)  # type: ignore[arg-type]
    await live.stations["accounting"].stop()
    await live.stations["crm"].stop()
    for n in range(1, 4):
        await trade.walk(f"SO-{n}")
    await trade.order("SO-LAST", "1")
    await until("events wait", lambda: waiting(live, broker, "accounting.events"), lambda n: n >= 20, seconds=60)
    for command in ("stop_app", "reset", "start_app"):
        await asyncio.to_thread(broker.ctl, command)
    live.stations["accounting"].start()
    live.stations["crm"].start()
    await trade.walk("SO-AFTER")


async def test_the_queue_of_accounting_is_purged_and_another_deleted(live: Company, broker: Server) -> None:
    trade = Trade(live)  # type: ignore[arg-type]
    for name in ("accounting", "crm"):
        await live.stations[name].stop()
    await trade.walk("SO-1")
    await until("events wait", lambda: waiting(live, broker, "accounting.events"), lambda n: n >= 6, seconds=60)
    async with open_channel(broker.url) as channel:
        await (await channel.get_queue("accounting.events")).purge()
        await channel.queue_delete("crm.events")
    for name in ("accounting", "crm"):
        live.stations[name].start()


async def test_accounting_is_restored_from_an_older_backup(live: Company, tmp_path: Path) -> None:
    """pg_dump and pg_restore as in docs/deployment.md, with the services of accounting stopped meanwhile."""
    if not programs.found_postgres():
        pytest.skip("no PostgreSQL programs on this machine")
    trade, station = Trade(live), live.stations["accounting"]  # type: ignore[arg-type]
    backup = tmp_path / "accounting.dump"
    run("pg_dump", "--format=custom", f"--file={backup}", admin_of(station.url))
    for n in range(1, 4):
        await trade.walk(f"SO-{n}")
    await live.until_quiet()
    vouchers = await station.pool.fetchval("select count(*) from voucher")
    await station.stop()
    station.pool.terminate()
    await restore(station, backup)
    assert await station.pool.fetchval("select count(*) from voucher") < vouchers
    station.start()
    await trade.walk("SO-4")
    await until("the vouchers are there again", lambda: station.pool.fetchval("select count(*) from voucher"),
                lambda count: count > vouchers, seconds=60)


async def restore(station: Station, backup: Path) -> None:
    """Replace a database by what is in its backup."""
    name = station.url.rpartition("/")[2]
    run("dropdb", "--force", f"--maintenance-db={admin_url()}", name)
    run("createdb", f"--maintenance-db={admin_url()}", name)
    run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={database_at(admin_url(), name)}", str(backup))
    await station.reopen()


def run(program: str, *arguments: str) -> None:
    done = subprocess.run([programs.postgres() / program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
