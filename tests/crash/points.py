"""Side effects of a process, counted where they leave it: at the n-th one the process ends as if its power was cut.

The libraries' own methods are wrapped, so that the product knows nothing of it. What only reads is not counted: ending
there leaves the same state behind as ending after the effect before.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal, NamedTuple, TypeVar

import aiormq
import asyncpg
from asyncpg import Connection

from shared.amqp import Delivery

ENDED = 9  # the exit code at a point
ON_THE_WIRE_SECONDS = 0.002  # what was handed to the event loop has left the process by then

T = TypeVar("T")
When = Literal["before", "after"]

# The first that is found in a statement says what it does; a statement with none of them reads or locks.
KINDS = {
    "claim": r"pg_try_advisory_lock",
    "begin": r"^begin",
    "commit": r"^commit",
    "rollback": r"^rollback",
    "place": r"update event set position",
    "advance": r"update relay_cursor",
    "insert": r"insert into|post_vouchers",
    "update": r"update \w+( \w+)? set",
    "delete": r"delete from",
}


class Point(NamedTuple):
    """Where a process ends: before or after its n-th side effect."""

    number: int
    when: When


class Effects:
    """Counts side effects, tells each one's kind to `trace`, and ends the process at `point`."""

    def __init__(self, point: Point | None, trace: int) -> None:
        self._point, self._trace = point, trace
        self._count = 0
        self.acknowledged = 0  # messages so far
        self.one_leaves = asyncio.Lock()  # of many messages at once some have left at a point, and others not
        self.then: Callable[[str], Awaitable[None]] = _go_on  # what comes between this effect and the next one

    async def happen(self, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """One side effect, with a point on both of its sides."""
        self._count += 1
        number = self._count
        os.write(self._trace, f"{kind}\n".encode())
        self._end_at(Point(number, "before"))
        result = await effect()
        self._end_at(Point(number, "after"))
        await self.then(kind)
        return result

    def _end_at(self, point: Point) -> None:
        if point == self._point:
            os._exit(ENDED)


async def _go_on(_kind: str) -> None: ...


def kind_of(sql: str) -> str | None:
    """What a statement does to the database; None if it only reads."""
    words = " ".join(sql.lower().split())
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, words)), None)


def install(effects: Effects) -> None:
    """Wrap the ways out of this process: statements, publications, acknowledgements."""
    _wrap(Connection, "_execute", effects, _statement)
    _wrap(Connection, "execute", effects, _bare_statement)
    _wrap(aiormq.Channel, "basic_publish", effects, _publication)
    _wrap(Delivery, "ack", effects, _acknowledgement)


def _wrap(owner: type, name: str, effects: Effects, around: Callable[..., Awaitable[Any]]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await around(effects, lambda: original(self, *args, **kwargs), self, *args, **kwargs)

    setattr(owner, name, wrapped)


async def _statement(
    effects: Effects, run: Callable[[], Awaitable[T]], _connection: asyncpg.Connection, sql: Any, *_: Any, **__: Any
) -> T:
    kind = kind_of(sql if isinstance(sql, str) else sql.query)
    return await (effects.happen(kind, run) if kind else run())


async def _bare_statement(
    effects: Effects, run: Callable[[], Awaitable[T]], connection: asyncpg.Connection, sql: str, *args: Any, **_: Any
) -> T:
    """BEGIN, COMMIT and the like; one with arguments goes through `_execute` too, and is counted there."""
    return await (run() if args else _statement(effects, run, connection, sql))


async def _publication(effects: Effects, run: Callable[[], Awaitable[T]], *_: Any, **__: Any) -> T:
    """Two effects: the message leaves, and later its confirm comes."""

    async def leave() -> asyncio.Future[T]:
        under_way = asyncio.ensure_future(run())
        await asyncio.sleep(ON_THE_WIRE_SECONDS)
        return under_way

    async with effects.one_leaves:
        under_way = await effects.happen("publish", leave)
    return await effects.happen("confirm", lambda: under_way)


async def _acknowledgement(
    effects: Effects, run: Callable[[], Awaitable[T]], message: Delivery, multiple: bool = False
) -> T:
    async def leave() -> T:
        result = await run()
        await asyncio.sleep(ON_THE_WIRE_SECONDS)
        effects.acknowledged = message.tag if multiple else effects.acknowledged + 1
        return result

    return await effects.happen("ack", leave)
