"""The tap shows what is said, filtered, and takes nothing from anybody."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.amqp import EVENTS
from shared.testing import Script, raw
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, desk, settled

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def tap(rabbit: Rabbit, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """Its output, once it listens, under the broker user that operators use."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.tap", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], "RABBITMQ_URL": rabbit.users["tap"]},
    )
    assert process.stdout
    assert process.stderr
    try:
        said = await asyncio.wait_for(process.stderr.readline(), 60)
        assert said.startswith(b"tap: hearing"), said + await process.stderr.read()
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def test_it_shows_what_is_asked_for(rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    await rabbit.queue("test.everything", "#")
    script = Script()
    said = [script.say(approved("SO-1"), company="C2"), script.say(approved("SO-2")), script.say(settled("SO-1")),
            script.say(approved("SO-1"), actor="anna")]
    options = ("--hears", "order.order_approved", "--company", "C1", "--subject", "order/SO-1")
    async with tap(rabbit, *options) as lines, tap(rabbit, *options, "--json") as events:
        await rabbit.publish(EVENTS, *(raw(event) for event in said))
        line = (await asyncio.wait_for(lines.readline(), 30)).decode()
        event = json.loads(await asyncio.wait_for(events.readline(), 30))
    assert line.split()[1:] == ["C1", "order.order_approved.v1", "order/SO-1", "v2", "#3", "anna"]
    assert event["id"] == str(said[-1].envelope.id)
    assert event["data"] == {"order_id": "SO-1", "customer_id": "CU-1", "approver": "credit-policy"}
    assert await rabbit.count("test.everything") == len(said), "everybody else has got all"


async def test_an_unknown_event_is_said(rabbit: Rabbit) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.tap", "--hears", "order.aproved", cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "RABBITMQ_URL": rabbit.users["tap"]},
    )
    _, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"near: " in error
    assert b"order.order_approved" in error
