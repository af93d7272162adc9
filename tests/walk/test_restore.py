"""The disk of PostgreSQL is lost; a base backup and the write-ahead log that was streamed away bring back all of it.

As docs/operations.md says. The services run on meanwhile: they wait for their databases, and go on.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared import testing
from tests.shared.rabbit import own_virtual_host
from tests.walk.live import Company, begin, company
from tests.walk.trade import Trade
from tools.servers import Servers, own_postgres, programs
from tools.servers.native import Postgres


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
    with own_postgres({}) as own:
        monkeypatch.setenv("TEST_DATABASE_URL", own.url)
        monkeypatch.setattr(testing, "_ready", set())
        yield own


@pytest.fixture
async def live(servers: Servers, postgres: Postgres) -> AsyncIterator[Company]:
    """A company in the middle of its business."""
    with own_virtual_host(servers, "restore") as (url, _):
        async with company(url) as live:
            await begin(live, "SO-0")
            yield live


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
            await trade.walk(f"SO-{n}")
        await trade.order("SO-LAST", "1")  # nobody waits until it is heard, or even published
        postgres.kill()
    postgres.cluster.rename(postgres.data / "lost")
    base.rename(postgres.cluster)
    for partial in wal.glob("*.partial"):
        partial.rename(partial.with_suffix(""))
    (postgres.cluster / "recovery.signal").touch()
    postgres.settings |= {"restore_command": f"cp '{wal}/%f' '%p'", "hot_standby": "off"}  # it answers when all is read
    await asyncio.to_thread(postgres.start)
    await trade.walk("SO-AFTER")
    await live.until_quiet()
    report = await live.check()
    assert report.ok, [finding for finding in report.findings if not finding.ok]
    orders = await live.stations["order"].pool.fetch(
        "select subject from event where type = 'order.order_placed.v1' order by subject")
    wanted = ["SO-0", "SO-1", "SO-2", "SO-3", "SO-AFTER", "SO-LAST"]
    assert [row["subject"] for row in orders] == [f"order/{order_id}" for order_id in wanted]
    assert await live.stations["order"].pool.fetchval("select count(*) from went_back") == 0
