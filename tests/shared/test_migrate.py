"""Migrations: each once, in order, whoever runs them; an applied file never changes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from shared.migrate import ChangedMigrationError, Migration, migrate, migrations_of, missing
from tests.shared.samples import ROOT

FIRST = Migration("test/0001_table", "create table account (n integer)")
SECOND = Migration("test/0002_row", "insert into account values (1); insert into account values (2)")
WRONG = Migration("test/0003_wrong", "insert into account values (3); insert into nowhere values (1)")


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


async def rows(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("select count(*) from account"))


async def test_each_file_is_applied_once_and_in_order(connection: asyncpg.Connection) -> None:
    assert await migrate(connection, [FIRST]) == ["test/0001_table"]
    assert await migrate(connection, [FIRST, SECOND]) == ["test/0002_row"]
    assert await migrate(connection, [FIRST, SECOND]) == []
    assert await rows(connection) == 2


async def test_missing_names_what_is_not_applied(connection: asyncpg.Connection) -> None:
    assert await missing(connection, [FIRST, SECOND]) == ["test/0001_table", "test/0002_row"]
    await migrate(connection, [FIRST])
    assert await missing(connection, [FIRST, SECOND]) == ["test/0002_row"]
    await migrate(connection, [FIRST, SECOND])
    assert await missing(connection, [FIRST, SECOND]) == []


async def test_a_changed_file_is_refused_and_nothing_after_it_is_applied(connection: asyncpg.Connection) -> None:
    await migrate(connection, [FIRST])
    changed = replace(FIRST, sql=FIRST.sql + " -- a harmless comment")
    with pytest.raises(ChangedMigrationError, match="test/0001_table"):
        await migrate(connection, [changed, SECOND])
    assert await rows(connection) == 0
    assert await migrate(connection, [FIRST, SECOND]) == ["test/0002_row"]


async def test_a_file_that_fails_leaves_nothing_and_gives_the_lock_back(
    connection: asyncpg.Connection, empty_database: str
) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(connection, [FIRST, SECOND, WRONG])
    assert await rows(connection) == 2
    other = await asyncpg.connect(empty_database)
    async with asyncio.timeout(10):
        assert await migrate(other, [FIRST, SECOND]) == []
    await other.close()
    assert await missing(connection, [FIRST, SECOND, WRONG]) == ["test/0003_wrong"]


async def test_two_migrators_at_once_apply_each_file_once(empty_database: str) -> None:
    slow = Migration("test/0000_slow", "select pg_sleep(0.2)")
    both = [await asyncpg.connect(empty_database) for _ in range(2)]
    done = await asyncio.gather(*(migrate(connection, [slow, FIRST, SECOND]) for connection in both))
    assert sorted(done, key=len) == [[], ["test/0000_slow", "test/0001_table", "test/0002_row"]]
    assert await rows(both[0]) == 2
    for connection in both:
        await connection.close()


def test_the_kernel_comes_first_and_each_set_in_the_order_of_names(tmp_path: Path) -> None:
    folder = tmp_path / "billing" / "migrations"
    folder.mkdir(parents=True)
    for name in ("0010_late", "0002_early"):
        (folder / f"{name}.sql").write_text("select 1")
    (folder / "notes.txt").write_text("no migration")
    names = [migration.name for migration in migrations_of(tmp_path / "billing")]
    assert names[0] == "shared/0001_kernel"
    assert names[-2:] == ["billing/0002_early", "billing/0010_late"]
    assert migrations_of(ROOT)[-1].name.startswith("sample/")
