"""Where the demo's data live: fresh databases of its own, and queues that nobody else uses."""

import secrets
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import asyncpg
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity

from tools.demo.fleet import SERVICES

EXCHANGES = ("erp.events", "erp.commands", "erp.dead")
KINDS = ("events", "commands", "parking")


class TakenError(RuntimeError):
    """The RabbitMQ that was given already serves a Fenlu."""


async def create_databases(admin_url: str) -> dict[str, str]:
    """A fresh database per service, with names that no other run uses; returns their addresses."""
    run = secrets.token_hex(3)
    names = {service: f"fenlu_{service}_{run}" for service in SERVICES}
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for name in names.values():
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()
    return {service: with_database(admin_url, name) for service, name in names.items()}


async def drop_databases(admin_url: str, urls: Iterable[str]) -> None:
    """Remove the demo's own databases."""
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for url in urls:
            await connection.execute(f'drop database if exists "{urlsplit(url).path[1:]}" with (force)')
    finally:
        await connection.close()


def with_database(url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def messages(rabbitmq_url: str, kinds: Iterable[str] = KINDS) -> dict[str, int]:
    """Messages that lie in the services' queues; a queue that does not exist is left out."""
    connection = await aio_pika.connect(rabbitmq_url, timeout=20)
    found = {}
    try:
        for name in (f"{service}.{kind}" for service in SERVICES for kind in kinds):
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
        for service in SERVICES:
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
