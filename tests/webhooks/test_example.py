"""The example of a receiver takes what we send, once, and nothing else."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.webhooks.dispatcher import Dispatcher
from services.webhooks.domain import new_secret, sign
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.testing import deliver
from tests.shared.samples import approved
from tests.shared.waits import beside, until
from tests.webhooks.conftest import Desk, Receiver

EXAMPLE = Path(__file__).parents[2] / "examples/python-webhook/receiver.py"


@asynccontextmanager
async def example(secret: str, folder: Path) -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """(what it prints, its port)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), "0", cwd=folder, stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "WEBHOOK_SECRET": secret, "LANG": "C.UTF-8"},
    )
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield process.stdout, int(line.rpartition(b":")[2])
    finally:
        process.kill()
        await process.wait()


async def test_it_takes_events_once_and_forgeries_never(
    desk: Desk, pool: Pool, sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    secret = await desk.subscribe(receiver)
    async with example(secret, tmp_path) as (said, port):
        url = f"http://127.0.0.1:{port}/"
        await pool.execute("update subscription set url = $1", url)
        await deliver(pool, service, approved("SO-1"))
        async with beside(Dispatcher(pool, Sender(anywhere=True)).run()):
            log = await until("it is taken", desk.log, lambda log: log[0]["state"] == "delivered", seconds=30)
            await desk.ask("POST", f"/subscriptions/S1/deliveries/{log[0]['delivery_id']}/again")
            await until("and again", desk.log, lambda log: log[0]["state"] == "delivered", seconds=30)
        line = await asyncio.wait_for(said.readline(), 30)
        assert line.startswith(b'order.order_approved.v1 order/SO-1 {"order_id": "SO-1"')
        body = b'{"type": "t", "subject": "s", "data": {}}'
        now = int(time.time())
        for key, at, status in ((new_secret(b"another" * 4), now, 401), (secret, now - 900, 401), (secret, now, 204)):
            headers = {"webhook-id": "x", "webhook-timestamp": str(at), "webhook-signature": sign([key], "x", at, body)}
            assert (await sender.send(url, headers, body)).status == status
