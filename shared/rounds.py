"""What works beside a service's doors in rounds: it looks whether its time has come, does what is due, and rests."""

import asyncio
from abc import ABC, abstractmethod

import structlog

from shared.db import is_transient

logger = structlog.get_logger()


class Rounds(ABC):
    """`active` while the last look succeeded. Replicas may all have one: the first to come does what is due."""

    name: str

    def __init__(self, seconds: float) -> None:
        self._pause = seconds
        self.active = False

    @abstractmethod
    async def look(self) -> bool:
        """Do what is due; True if there is more to do at once."""

    async def run(self) -> None:
        """Until cancelled. What fails is tried again in the next round: nothing else waits for it."""
        while True:
            try:
                more = await self.look()
                self.active = True
            except Exception as error:
                self.active = more = False
                if is_transient(error):
                    logger.warning("later", loop=self.name, error=repr(error)[:300])
                else:
                    logger.error("later", loop=self.name, exc_info=error)
            if not more:
                await asyncio.sleep(self._pause)
