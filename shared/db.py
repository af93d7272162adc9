"""The way to Postgres: the pool with its limits, the codecs, and `Db`, all that a room sees of a connection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import structlog

Pool = asyncpg.Pool

MAX_PAUSE_SECONDS = 5.0
# How long a person's request waits for a connection that others hold; then it is told to come again.
ACQUIRE_SECONDS = 5.0

logger = structlog.get_logger()
logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # its pool tells with tracebacks what we say in a line

# The server or the way to it is away, or two transactions met: the same work may succeed when it is tried again.
# A COMMIT that raised one of these may have happened; the unique keys of inbox and command make the retry safe.
_TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,  # admin shutdown, cannot connect now
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    ConnectionError,
    OSError,
    TimeoutError,
)


def is_transient(error: BaseException) -> bool:
    """True if the same work may succeed later. asyncpg's DataError (a value that does not fit its column) is an
    InterfaceError by class, but trying again never helps it."""
    return isinstance(error, _TRANSIENT) and not isinstance(error, ValueError)


async def patiently(work: Callable[[], Awaitable[None]], service: str) -> None:
    """Try the same work until the database takes it, while the broker keeps the messages that we hold.

    What is not `is_transient` is raised.
    """
    pause = 0.05
    while True:
        try:
            await work()
            return
        except Exception as error:
            if not is_transient(error):
                raise
            logger.warning("holding the messages, trying again", service=service, error=repr(error)[:300])
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class Db:
    """One open transaction (or reading connection) on behalf of one company."""

    connection: Any  # asyncpg.Connection or its pool proxy; they share no type
    company: str

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        row: asyncpg.Record | None = await self.connection.fetchrow(sql, *args)
        return row

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> None:
        await self.connection.execute(sql, *args)


async def _prepare(connection: Any) -> None:
    """JSON columns come and go as Python objects."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_json, decoder=orjson.loads, format="text"
    )


async def _leave_as_it_is(_connection: Any) -> None:
    """What asyncpg would ask before each use of a connection resets what we never set: all of it belongs to a
    transaction, and that is ended."""


def _to_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


async def open_pool(url: str, *, size: int = 10, command_timeout: float = 30) -> Pool:
    """A pool whose every wait has a limit. Raises what asyncpg raises if Postgres is away."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=5,
        command_timeout=command_timeout,
        max_inactive_connection_lifetime=60,
        init=_prepare,
        reset=_leave_as_it_is,
        server_settings={
            "application_name": "fenlu",
            "statement_timeout": f"{round(command_timeout * 1000)}",  # the server ends it even if we are gone
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "60s",
            "jit": "off",  # short statements: compiling costs more than it saves
        },
    )


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as `width` columns, the shape that `unnest($1::…[], $2::…[])` takes; no rows give empty columns."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
