"""Waiting with a limit and a reason, and loops that run beside a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def until(what: str, look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], seconds: float = 15) -> T:
    """Look again and again until it is as wanted; AssertionError that says what was seen last."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not wanted(seen := await look()):
        assert loop.time() < deadline, f"not within {seconds} s: {what}; last seen: {str(seen)[:500]}"
        await asyncio.sleep(0.02)
    return seen


async def until_true(what: str, look: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for something that needs no look into a server."""
    async def now() -> bool:
        return look()

    await until(what, now, bool, seconds)


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run loops while the block runs, then cancel them and wait for their end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
