"""Forward-only SQL migrations: the kernel's and one service's, each file once, guarded by a lock and checksums.

Decision and reasons: docs/decisions/0002-own-migration-runner.md.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

LOCK = 0x46454E4C  # 'FENL': one migrator per database at a time
KERNEL = Path(__file__).parent / "migrations"


class ChangedMigrationError(Exception):
    """A migration file is not what was applied; write a new one instead of changing an old one."""


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def migrations_of(service_root: Path) -> list[Migration]:
    """The kernel's files, then the service's, each set by name."""
    found = [("shared", f) for f in sorted(KERNEL.glob("*.sql"))]
    found += [(service_root.name, f) for f in sorted((service_root / "migrations").glob("*.sql"))]
    return [Migration(f"{owner}/{f.stem}", f.read_text(encoding="utf-8")) for owner, f in found]


async def migrate(connection: Any, migrations: list[Migration]) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; returns the names applied."""
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(
            """
            create table if not exists migration (
                name text primary key, checksum text not null, at timestamptz not null default now()
            )
            """
        )
        applied = {row["name"]: row["checksum"] for row in await connection.fetch("select * from migration")}
        done = []
        for migration in migrations:
            if migration.name in applied:
                if applied[migration.name] != migration.checksum:
                    raise ChangedMigrationError(f"{migration.name} was applied with another content")
                continue
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into migration (name, checksum) values ($1, $2)", migration.name, migration.checksum
                )
            done.append(migration.name)
        return done
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def changed(connection: Any, migrations: list[Migration]) -> list[str]:
    """Names of migrations that were applied with another content."""
    if await connection.fetchval("select to_regclass('migration')") is None:
        return []
    applied = {row["name"]: row["checksum"] for row in await connection.fetch("select name, checksum from migration")}
    return [m.name for m in migrations if applied.get(m.name, m.checksum) != m.checksum]


async def missing(connection: Any, migrations: list[Migration]) -> list[str]:
    """Names of migrations that are not applied yet; all of them on an empty database."""
    if await connection.fetchval("select to_regclass('migration')") is None:
        return [m.name for m in migrations]
    applied = {row["name"] for row in await connection.fetch("select name from migration")}
    return [m.name for m in migrations if m.name not in applied]
