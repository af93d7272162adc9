"""The limit that Fenlu is compared with: nothing but aio-pika on uvloop, each in a process of its own."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import ParamSpec, TypeVar

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from shared.wire import Raw

PREFETCH = 1000
ACK_EVERY = 500
UNCONFIRMED = 1000

P = ParamSpec("P")
T = TypeVar("T")


async def in_a_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something in a fresh process, which shares nothing with ours."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return await asyncio.get_running_loop().run_in_executor(processes, partial(work, *args, **kwargs))


def consume(url: str, queue: str, count: int) -> float:
    """Take so many messages; returns how many a second, from the first one on."""
    return uvloop.run(_consume(url, queue, count))


def publish(url: str, exchange: str, messages: Sequence[Raw], user: str) -> float:
    """Publish messages, each confirmed; returns how many a second."""
    return uvloop.run(_publish(url, exchange, messages, user))


async def _consume(url: str, queue: str, count: int) -> float:
    taken, began, done = 0, 0.0, asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        nonlocal taken, began
        began = began or perf_counter()
        taken += 1
        if taken % ACK_EVERY == 0 or taken == count:
            await message.ack(multiple=True)
        if taken == count:
            done.set()

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        await (await channel.get_queue(queue, ensure=False)).consume(take)
        await done.wait()
        return count / (perf_counter() - began)


async def _publish(url: str, exchange: str, messages: Sequence[Raw], user: str) -> float:
    made = [
        (m.routing_key, aio_pika.Message(m.body, headers=dict(m.headers), message_id=m.message_id, user_id=user,
                                         content_type="application/json",
                                         delivery_mode=aio_pika.DeliveryMode.PERSISTENT))
        for m in messages
    ]
    window = asyncio.Semaphore(UNCONFIRMED)
    async with await aio_pika.connect(url) as connection:
        target = await (await connection.channel()).get_exchange(exchange, ensure=False)

        async def publish_one(key: str, message: aio_pika.Message) -> None:
            async with window:
                await target.publish(message, key)

        began = perf_counter()
        await asyncio.gather(*(publish_one(key, message) for key, message in made))
        return len(made) / (perf_counter() - began)
