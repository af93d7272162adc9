"""Messages of a queue, collected as they arrive and taken in batches: what consumer and queue door have in common."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

import structlog

from shared.amqp import GRACE_SECONDS, Delivery, LostChannelError, comes_within, to_its_end
from shared.pace import Pace

T = TypeVar("T")  # what a message becomes

logger = structlog.get_logger()


class Intake(Generic[T]):
    """What a channel has delivered and nobody has taken yet. Each message is read as soon as it arrives, while the
    database works on those before."""

    def __init__(self, limit: int, read: Callable[[Delivery], T]) -> None:
        self.limit, self.read = limit, read
        self._waiting: deque[T] = deque()
        self._news = asyncio.Event()
        self._pace = Pace()
        self._empty = asyncio.Event()
        self._empty.set()
        self.lost = False

    def begin(self) -> None:
        """A new channel: what the old one had delivered comes again."""
        self._waiting.clear()
        self._empty.set()
        self.lost = False

    async def put(self, message: Delivery) -> None:
        """A message was delivered. One that meets a bug in our code comes again, in the end to the parking queue."""
        try:
            self._waiting.append(self.read(message))
        except Exception as error:
            logger.error("reading a message met a bug", routing_key=message.raw.routing_key, exc_info=error)
            self.lose()
            return
        self._empty.clear()
        self._news.set()

    def lose(self) -> None:
        """No message will come any more."""
        self.lost = True
        self._news.set()

    async def comes(self, seconds: float) -> bool:
        """True as soon as something waits, False if nothing came in time. LostChannelError if nothing can come."""
        while not self._waiting:
            if self.lost:
                raise LostChannelError
            self._news.clear()
            if not await comes_within(self._news, seconds):
                return False
        return True

    async def taken(self, work: Callable[[Sequence[T]], Coroutine[Any, Any, None]]) -> None:
        """Let whatever has arrived, up to the limit and in its order, be handled to the end; then let more arrive."""
        with self._pace.working():
            await to_its_end(work(self._take()), GRACE_SECONDS)
        if not self._waiting:
            self._empty.set()
        if len(self._waiting) < self.limit // 2:
            await self._pace.rest()

    async def emptied(self, seconds: float) -> None:
        """Wait until all that was delivered is handled, but not longer than this."""
        if not self._empty.is_set():
            await comes_within(self._empty, seconds)

    def _take(self) -> Sequence[T]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.limit))]
