"""The live feed: whoever looks at it is woken when the database says that a company's feed got longer."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from shared.db import Pool

AGAIN_SECONDS = 1.0

logger = structlog.get_logger()


class Feed:
    """Listens for the whole process on one connection; replicas each have their own."""

    name = "feed"

    def __init__(self, pool: Pool) -> None:
        self.active = False
        self._pool = pool
        self.streams = 0
        self._woken: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def run(self) -> None:
        """Until cancelled. When the connection is lost there is another one, and everybody looks what was missed."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await connection.add_listener("feed", lambda *told: self.wake(str(told[3])))
                    self.active = True
                    for company in list(self._woken):
                        self.wake(company)
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await lost.wait()
            except Exception as error:
                logger.warning("the feed does not listen", error=repr(error)[:300])
            finally:
                self.active = False
            await asyncio.sleep(AGAIN_SECONDS)

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
