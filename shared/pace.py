"""How the loops that work in batches let batches fill without letting anybody wait who comes alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_SECONDS = 0.1


class Pace:
    """After work a loop rests for as long as the work took: so under load what comes is collected for half of the time,
    which is longer on a busy machine. What comes later is done at once."""

    def __init__(self, longest: float = LONGEST_SECONDS) -> None:
        self._longest = longest
        self._rest = 0.0

    @contextmanager
    def working(self) -> Iterator[None]:
        """This is the work."""
        now = asyncio.get_running_loop().time
        began = now()
        yield
        self._rest = min(now() - began, self._longest)

    async def rest(self) -> None:
        """To be called unless as much waits as can be done at once."""
        await asyncio.sleep(self._rest)
