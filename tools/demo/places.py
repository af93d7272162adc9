"""Where the demo's data live: fresh databases of its own, and queues that nobody else uses."""

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import asyncpg
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity

from tools.demo.fleet import ALL, SERVICES

EXCHANGES = ("erp.events", "erp.again", "erp.commands", "erp.dead")
SERVICE_ROLE = "fenlu_service"  # what the migrations grant to
KINDS = ("events", "commands", "parking")


class TakenError(RuntimeError):
    """The RabbitMQ that was given already serves a Fenlu."""


@dataclass(frozen=True)
class Database:
    """The database of one service, by the address of its owner, who migrates it, and by that of the service."""

    owner_url: str
    url: str


async def create_databases(admin_url: str, services: Iterable[str] = SERVICES) -> dict[str, Database]:
    """A fresh database per service with two roles of its own, under names that no other run uses."""
    run = secrets.token_hex(3)
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        if not await connection.fetchval("select true from pg_roles where rolname = $1", SERVICE_ROLE):
            with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):  # another run was faster
                await connection.execute(f"create role {SERVICE_ROLE} nologin")
        return {
            service: await _create(connection, admin_url, f"fenlu_{service}_{run}") for service in services
        }
    finally:
        await connection.close()


async def _create(connection: asyncpg.Connection, admin_url: str, name: str) -> Database:
    """As deploy/postgres/10-services.sh does it in containers."""
    owner = f"{name}_owner"
    urls = Database(*(_address(admin_url, name, role, secrets.token_hex(16)) for role in (owner, name)))
    for role, url in ((owner, urls.owner_url), (name, urls.url)):
        await connection.execute(f"create role \"{role}\" login password '{urlsplit(url).password}'")
    await connection.execute(f'grant "{owner}" to current_user')
    await connection.execute(f'create database "{name}" owner "{owner}"')
    await connection.execute(f'revoke all on database "{name}" from public')
    await connection.execute(f'grant connect on database "{name}" to "{name}"')
    await connection.execute(f'grant {SERVICE_ROLE} to "{name}"')
    return urls


def _address(admin_url: str, database: str, role: str, password: str) -> str:
    """A role's way to a database on the same server."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}", path=f"/{database}"))


async def drop_databases(admin_url: str, urls: Iterable[str]) -> None:
    """Remove the demo's own databases with their roles."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for name in (urlsplit(url).path[1:] for url in urls):
            await connection.execute(f'drop database if exists "{name}" with (force)')
            await connection.execute(f'drop role if exists "{name}", "{name}_owner"')
    finally:
        await connection.close()


async def messages(rabbitmq_url: str, kinds: Iterable[str] = KINDS) -> dict[str, int]:
    """Messages that lie in the services' queues; a queue that does not exist is left out."""
    connection = await aio_pika.connect(rabbitmq_url, timeout=20)
    found = {}
    try:
        for name in (f"{service}.{kind}" for service in ALL for kind in kinds):
            channel = await connection.channel()
            with suppress(ChannelNotFoundEntity, ChannelClosed):
                queue = await channel.declare_queue(name, passive=True)
                found[name] = queue.declaration_result.message_count or 0
                await channel.close()
    finally:
        await connection.close()
    return found


async def refuse_if_taken(rabbitmq_url: str) -> None:
    """TakenError when the queues exist already: the demo would mix its events with somebody else's."""
    if taken := await messages(rabbitmq_url):
        raise TakenError(
            f"RabbitMQ at {shown(rabbitmq_url)} already has {', '.join(taken)}. Give a virtual host of its own "
            "(RABBITMQ_URL=amqp://user:password@host/demo), or end a demo that was kept: python -m tools.demo down"
        )


async def remove_queues(rabbitmq_url: str) -> None:
    """Remove the demo's queues and exchanges from a RabbitMQ that was there before."""
    connection = await aio_pika.connect(rabbitmq_url, timeout=20)
    try:
        channel = await connection.channel()
        for service in ALL:
            for kind in KINDS:
                await channel.queue_delete(f"{service}.{kind}")
        for exchange in EXCHANGES:
            await channel.exchange_delete(exchange)
    finally:
        await connection.close()


def shown(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}:{parts.port}{parts.path}" if parts.port else f"{parts.scheme}://{host}{parts.path}"
