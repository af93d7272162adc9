"""The disk of PostgreSQL is lost; a base backup and the write-ahead log that was streamed away bring back all of it.

As docs/operations.md says. The services run on meanwhile: they wait for their databases, and go on.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from shared import testing
from tests.walk.live import Company, company
from tests.walk.trade import Trade
from tools.servers import Servers, own_postgres, programs
from tools.servers.native import Postgres
from tools.servers.users import make_virtual_host


@contextmanager
def archive(postgres: Postgres, folder: Path) -> Iterator[None]:
    """pg_receivewal, until the server is gone."""
    account = postgres.account
    postgres.program("pg_receivewal", "--create-slot", "--slot=archive", "--dbname", postgres.url)
    process = subprocess.Popen(
        [programs.postgres() / "pg_receivewal", "--synchronous", "--no-loop", "--slot=archive", "--directory", folder,
         "--dbname", f"{postgres.url}?application_name=archive"],
        user=account.uid, group=account.gid, extra_groups=account.groups, cwd=postgres.data,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def postgres(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A PostgreSQL whose log is streamed away; the databases of this test are made there."""
    if not programs.found_postgres():
        pytest.skip("no PostgreSQL programs on this machine")
    if servers.rabbitmq is None:
        pytest.skip("the broker was given, and these queues would be everybody's")
    with own_postgres({}) as own:
        monkeypatch.setenv("TEST_DATABASE_URL", own.url)
        monkeypatch.setattr(testing, "_ready", set())
        yield own


@pytest.fixture
async def live(servers: Servers, postgres: Postgres) -> AsyncIterator[Company]:
    """A company in the middle of its business."""
    assert servers.rabbitmq
    name, address = f"restore-{uuid4().hex[:8]}", urlsplit(servers.rabbitmq_url)
    await asyncio.to_thread(make_virtual_host, servers.rabbitmq, name, servers.users)
    user = unquote(address.username or "guest")
    await asyncio.to_thread(servers.rabbitmq.ctl, "set_permissions", "-p", name, user, ".*", ".*", ".*")
    async with company(urlunsplit(address._replace(path=f"/{name}"))) as live:
        trade = Trade(live)  # type: ignore[arg-type]
        await trade.begin()
        await trade.receive("R-1", "100", "10")
        await walk(trade, "SO-0")
        await live.until_quiet()
        yield live
    await asyncio.to_thread(servers.rabbitmq.ctl, "delete_vhost", name)


async def walk(trade: Trade, order_id: str) -> None:
    await trade.order(order_id, "2")
    await trade.ship(order_id, order_id)
    await trade.invoice(f"INV-{order_id}", order_id)
    await trade.pay(f"PAY-{order_id}", "226", order_id)


@pytest.mark.slow
async def test_the_disk_of_postgres_is_lost_and_nothing_with_it(postgres: Postgres, live: Company) -> None:
    trade, base, wal = Trade(live), postgres.data / "base", postgres.data / "wal"  # type: ignore[arg-type]
    postgres.account.make_folder(wal)
    with archive(postgres, wal):
        await asyncio.to_thread(
            postgres.program, "pg_basebackup", "--checkpoint=fast", "--pgdata", base, "--dbname", postgres.url)
        await asyncio.to_thread(  # from now on a commit waits until the archive has it, too
            postgres.ctl, "-c", "alter system set synchronous_standby_names = 'archive'", "-c",
            "select pg_reload_conf()")
        for n in range(1, 4):
            await walk(trade, f"SO-{n}")
        await trade.order("SO-LAST", "1")  # nobody waits until it is heard, or even published
        postgres.kill()
    postgres.cluster.rename(postgres.data / "lost")
    base.rename(postgres.cluster)
    for partial in wal.glob("*.partial"):
        partial.rename(partial.with_suffix(""))
    (postgres.cluster / "recovery.signal").touch()
    postgres.settings |= {"restore_command": f"cp '{wal}/%f' '%p'", "hot_standby": "off"}  # it answers when all is read
    await asyncio.to_thread(postgres.start)
    await walk(trade, "SO-AFTER")
    await live.until_quiet()
    report = await live.check()
    assert report.ok, [finding for finding in report.findings if not finding.ok]
    orders = await live.stations["order"].pool.fetch(
        "select subject from event where type = 'order.order_placed.v1' order by subject")
    wanted = ["SO-0", "SO-1", "SO-2", "SO-3", "SO-AFTER", "SO-LAST"]
    assert [row["subject"] for row in orders] == [f"order/{order_id}" for order_id in wanted]
    assert await live.stations["order"].pool.fetchval("select count(*) from went_back") == 0
