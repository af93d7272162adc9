"""A consumer in a process of its own: `python -m tests.shared.consume_alone DATABASE_URL AMQP_URL [MODULE [BATCH]]`;
the module has the `service`, which is the samples' listener if none is named."""

import asyncio
import sys
from importlib import import_module

from shared.consumer import Consumer
from shared.db import open_pool
from tests.shared.samples import listener


async def consume(database_url: str, amqp_url: str, module: str = "", batch: str = "500") -> None:
    """Until the process is ended."""
    service = import_module(module).service if module else listener()
    await Consumer(service, await open_pool(database_url), amqp_url, batch=int(batch)).run()


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:]))
