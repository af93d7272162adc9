"""A consumer in a process of its own: `python -m tests.shared.consume_alone DATABASE_URL AMQP_URL`."""

import asyncio
import sys

from shared.consumer import Consumer
from shared.db import open_pool
from tests.shared.samples import listener


async def consume(database_url: str, amqp_url: str) -> None:
    """Until the process is ended."""
    await Consumer(listener(), await open_pool(database_url), amqp_url).run()


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:]))
