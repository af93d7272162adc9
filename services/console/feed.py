"""The live feed: whoever looks at it is woken when the database says that a company's feed got longer."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from services.console.client import Client
from shared.db import Pool

AGAIN_SECONDS = 1.0

logger = structlog.get_logger()


class Feed:
    """Listens for the whole process on one connection; replicas each have their own."""

    name = "feed"

    def __init__(self, pool: Pool, client: Client) -> None:
        self.active = False
        self._pool, self._client = pool, client
        self.streams = 0
        self._woken: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def run(self) -> None:
        """Until cancelled; then what the pages had open is closed, too."""
        try:
            while True:
                try:
                    await self._listen()
                except Exception as error:
                    logger.warning("the feed does not listen", error=repr(error)[:300])
                finally:
                    self.active = False
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await self._client.close()

    async def _listen(self) -> None:
        """Until the connection is lost; on the next one everybody looks what was missed."""
        async with self._pool.acquire() as connection:
            lost = asyncio.Event()

            def lose(_: Any) -> None:
                lost.set()

            def hear(*told: Any) -> None:
                self.wake(told[3])  # connection, process, channel, company

            connection.add_termination_listener(lose)
            await connection.add_listener("feed", hear)
            self.active = True
            for company in list(self._woken):
                self.wake(company)
            try:
                await lost.wait()
            finally:  # the pool takes back no connection that somebody listens on
                if not connection.is_closed():
                    connection.remove_termination_listener(lose)
                    await connection.remove_listener("feed", hear)

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Counts the browsers that look on."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    def wake(self, company: str) -> None:
        """Everybody who waits for news of a company."""
        self._woken.pop(company, asyncio.Event()).set()

    async def news(self, company: str, seconds: float) -> None:
        """Wait until there may be news, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken[company].wait()
