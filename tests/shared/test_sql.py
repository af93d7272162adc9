"""Every SQL text of the product is valid on the migrated database of its service, has as many arguments as it gets, and
may be run by the service's own role."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from shared.testing import fresh_database
from tests.shared.samples import ROOT as KERNEL_ONLY

ROOT = Path(__file__).parents[2]
RUNS_SQL = {"fetch", "fetchrow", "fetchval", "execute", "executemany", "prepare", "cursor"}
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/migrations"))
# Postgres prepares no DDL; these files run some, and pass on what they are given.
NOT_PREPARED = {"shared/db.py", "shared/migrate.py", "shared/testing.py"}


class Statement(NamedTuple):
    """A call that runs SQL. `arguments` is None where some come out of a starred list."""

    place: str
    sql: str | None
    arguments: int | None


def statements(path: Path) -> Iterator[Statement]:
    """Every SQL text of a file, as the calls give it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUNS_SQL:
            sql = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            starred = any(isinstance(argument, ast.Starred) for argument in node.args)
            yield Statement(
                f"{path.relative_to(ROOT)}:{node.lineno}",
                sql if isinstance(sql, str) else None,
                None if starred else len(node.args) - 1,
            )


def files_of(service: Path) -> list[Path]:
    """Where SQL may stand in a service."""
    rooms = [service / "store.py", service / "views.py"]
    return [room for room in rooms if room.exists()] + sorted(
        path for room in ("store", "views") for path in (service / room).rglob("*.py")
    )


async def faults(database: str, found: list[Statement]) -> list[str]:
    """What Postgres or a count of the arguments says against the statements. To explain one needs the same rights as to
    run it."""
    connection = await asyncpg.connect(database)
    wrong = []
    for place, sql, arguments in found:
        if sql is None:
            wrong.append(f"{place}: the SQL is not a literal")
            continue
        try:
            prepared = await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            wrong.append(f"{place}: {error}")
            continue
        wanted = len(prepared.get_parameters())
        try:
            nulls = f"({', '.join(['null'] * wanted)})" if wanted else ""
            await connection.execute(f"explain execute {prepared.get_name()}{nulls}")
        except asyncpg.PostgresError as error:
            wrong.append(f"{place}: {error}")
        if arguments is not None and arguments != wanted:
            wrong.append(f"{place}: {arguments} arguments for {wanted} parameters")
    await connection.close()
    return wrong


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
async def test_the_sql_of_a_service_is_valid(service: Path) -> None:
    found = [statement for path in files_of(service) for statement in statements(path)]
    assert len(found) > 5, f"where is the SQL of {service.name}?"
    async with fresh_database(service) as database:
        assert await faults(database, found) == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_runs_sql_only_in_store_and_views(service: Path) -> None:
    allowed = set(files_of(service))
    elsewhere = [s.place for path in service.rglob("*.py") if path not in allowed for s in statements(path)]
    assert elsewhere == []


async def test_the_sql_of_the_kernel_is_valid() -> None:
    paths = [p for p in (ROOT / "shared").rglob("*.py") if p.relative_to(ROOT).as_posix() not in NOT_PREPARED]
    found = [statement for path in paths for statement in statements(path)]
    assert len(found) > 15
    async with fresh_database(KERNEL_ONLY) as database:
        assert await faults(database, found) == []


async def test_what_is_wrong_with_a_statement_is_found(database: str) -> None:
    """This test can fail: a wrong name, a wrong count and a text that is put together are each seen."""
    assert await faults(database, [
        Statement("a", "select version from inbox where company = $1", 1),
        Statement("b", "select nothing from inbox", 0),
        Statement("c", "select 1 where $1::text = $2", 1),
        Statement("d", None, 0),
        Statement("e", "delete from inbox where company = $1", 1),
        Statement("f", "select company from inbox for update", 0),
    ]) == [
        'b: column "nothing" does not exist',
        "c: 1 arguments for 2 parameters",
        "d: the SQL is not a literal",
        "e: permission denied for table inbox",
        "f: permission denied for table inbox",
    ]
