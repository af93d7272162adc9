"""The pieces of a service's process (shared/main.py), each alone in a process that ends when its work is done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import aiormq
import asyncpg
from aiormq.abc import DeliveredMessage
from pydantic import SecretStr

from shared import mender
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import open_pool
from shared.principals import Principal
from shared.relay import Relay
from shared.service import Service
from shared.settings import Settings
from tests.crash.points import Effects
from tests.shared.doors import principals_file
from tests.shared.front import app_of, bearer, client_of

ROLES = ["sales", "warehouse"]

UNPUBLISHED = """
select count(*) from event e left join relay_cursor c using (company)
where e.position is null or e.position > c.published
"""


UNMENDED = "select (select count(*) from say_again) + (select count(*) from hole where not asked)"


class Request(NamedTuple):
    """A command by HTTP."""

    path: str
    key: str
    body: dict[str, Any]


class Job(NamedTuple):
    """What one process has to do: a piece of a service, until `messages` are acknowledged or its log is published."""

    service: str
    piece: str
    database_url: str
    amqp_url: str
    users: dict[str, str]  # service -> its broker user
    client: str  # the broker user whose commands are taken
    messages: int
    batch: int
    request: Request


async def work(job: Job, effects: Effects) -> None:
    """Run the piece until its work is done; raises if it goes wrong."""
    service: Service = import_module(f"services.{job.service}.handlers").service
    await PIECES[job.piece](job, service, effects)


async def _relay(job: Job, service: Service, effects: Effects) -> None:
    connection = await asyncpg.connect(job.database_url)
    done = asyncio.Event()

    async def look(kind: str) -> None:
        if kind == "advance" and not await connection.fetchval(UNPUBLISHED):
            done.set()
            await asyncio.Event().wait()  # else it would look for more to place

    effects.then = look
    if await connection.fetchval(UNPUBLISHED):
        await _beside(Relay(service.name, job.database_url, job.amqp_url, job.users[service.name]).run(), done)


async def _mender(job: Job, service: Service, effects: Effects) -> None:
    """A relay that has nothing to publish: it states how much was said, asks for what is missing, says again."""
    setattr(mender, "STATE_SECONDS", 3600.0)  # noqa: B010  it states once, when it starts, however long this takes
    connection = await asyncpg.connect(job.database_url)
    done = asyncio.Event()

    async def look(kind: str) -> None:
        if kind == "update" and not await connection.fetchval(UNMENDED):
            done.set()
            await asyncio.Event().wait()

    effects.then = look
    if await connection.fetchval(UNMENDED):
        name = job.users[service.name]
        await _beside(Relay(service.name, job.database_url, job.amqp_url, name, batch=job.batch).run(), done)


async def _consumer(job: Job, service: Service, effects: Effects) -> None:
    if job.messages < job.batch:
        _deliver_at_once(job.messages)
    pool = await open_pool(job.database_url, size=2)
    consumer = Consumer(service, pool, job.amqp_url, batch=job.batch, users=job.users)
    await _beside(consumer.run(), _all_acknowledged(job, effects))


async def _queue_door(job: Job, service: Service, effects: Effects) -> None:
    settings = Settings(
        database_url=SecretStr(job.database_url), rabbitmq_url=SecretStr(job.amqp_url),
        jwt_public_key_file=Path("unused"), service_users=job.users,
        queue_principals_file=principals_file({job.client: Principal(companies=("C1",), roles=frozenset(ROLES))}),
    )
    door = QueueDoor(service, await open_pool(job.database_url, size=2), settings)
    await _beside(door.run(), _all_acknowledged(job, effects))


def _deliver_at_once(messages: int) -> None:
    """How many of them make the first batch is chance otherwise, and so would be the number of side effects."""
    consume = aiormq.Channel.basic_consume

    async def consume_all(
        channel: aiormq.Channel, queue: str, callback: Callable[..., Awaitable[Any]], **options: Any
    ) -> Any:
        arrived: list[DeliveredMessage] = []

        async def arrive(message: DeliveredMessage) -> None:
            arrived.append(message)
            if len(arrived) == messages:
                for each in arrived:
                    await callback(each)

        return await consume(channel, queue, arrive, **options)

    setattr(aiormq.Channel, "basic_consume", consume_all)  # noqa: B010  for mypy a method is not to be assigned


def _all_acknowledged(job: Job, effects: Effects) -> asyncio.Event:
    done = asyncio.Event()

    async def look(_kind: str) -> None:
        if effects.acknowledged >= job.messages:
            done.set()

    effects.then = look
    return done


async def _beside(piece: Coroutine[Any, Any, None], done: asyncio.Event) -> None:
    running = asyncio.ensure_future(piece)
    await done.wait()
    running.cancel()


async def _http_door(job: Job, service: Service, _effects: Effects) -> None:
    router = import_module(f"services.{job.service}.api").router
    pool = await open_pool(job.database_url, size=2)
    headers = {**bearer(*ROLES), "Idempotency-Key": job.request.key}
    async with client_of(app_of(service, router, pool)) as client:
        answer = await client.post(job.request.path, json=job.request.body, headers=headers)
    assert answer.status_code == 201, answer.text


PIECES: dict[str, Callable[[Job, Service, Effects], Awaitable[None]]] = {
    "relay": _relay, "mender": _mender, "consumer": _consumer, "queue door": _queue_door, "http door": _http_door,
}
