"""A loop that is told to end ends, whatever comes at the same moment."""

import asyncio
from collections.abc import Callable

import pytest

from shared.amqp import comes_within, keep_going, quietly


@pytest.mark.parametrize("turns", range(6))
def test_a_cancellation_that_comes_together_with_news_is_not_swallowed(turns: int) -> None:
    """`asyncio.wait_for` swallowed it on Python 3.11: the loop went on, and the service did not end on SIGTERM."""

    async def run() -> None:
        news = asyncio.Event()
        task = asyncio.create_task(comes_within(news, 60))
        await asyncio.sleep(0.01)
        news.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait([task], timeout=10)
            assert task.cancelled()

    asyncio.run(run())


def test_a_cancellation_that_is_swallowed_inside_ends_the_loop_all_the_same() -> None:
    async def work(_progress: Callable[[], None]) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # as while a connection is being closed
            raise RuntimeError("something else") from None

    async def run() -> None:
        task = asyncio.create_task(keep_going("test", work))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()

    asyncio.run(run())


def test_a_cancellation_that_comes_while_something_is_closed_is_not_swallowed() -> None:
    """The topology's keeper closes a connection in each turn; told to end just then, it went on for ever."""

    async def run() -> None:
        closing = asyncio.Event()

        async def close() -> None:
            closing.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(quietly(close()))
        await closing.wait()
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()

    asyncio.run(run())


def test_what_a_dead_connection_raises_while_it_is_closed_is_no_cancellation() -> None:
    async def close() -> None:
        raise asyncio.CancelledError  # as aiormq does

    asyncio.run(quietly(close()))
