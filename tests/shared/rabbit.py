"""What a test does at RabbitMQ beside the service: declare, publish, take, count; everything is removed at its end."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aio_pika
import aiormq
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq import spec
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from shared.amqp import COMMANDS, EVENTS, open_channel
from shared.events import Command, Event
from shared.service import Service
from shared.testing import raw
from shared.topology import declare
from shared.wire import Raw
from tools.servers import Servers
from tools.servers.users import Urls, make_virtual_host, user_in


@contextmanager
def own_virtual_host(servers: Servers, purpose: str) -> Iterator[tuple[str, Urls]]:
    """A virtual host that nobody else uses: its address for the administrator, and for each user. Skips the test if the
    broker was given, which is not ours to change."""
    if servers.rabbitmq is None:
        pytest.skip("the RabbitMQ was given; it is not ours to make virtual hosts and users in")
    name = f"{purpose}-{uuid4().hex[:8]}"
    users = make_virtual_host(servers.rabbitmq, name, servers.users)
    servers.rabbitmq.ctl("set_permissions", "-p", name, user_in(servers.rabbitmq_url), ".*", ".*", ".*")
    yield urlunsplit(urlsplit(servers.rabbitmq_url)._replace(path=f"/{name}")), users
    servers.rabbitmq.ctl("delete_vhost", name)


class Rabbit:
    """A test's hand at the broker, as its administrator; `users` are the addresses of the deployment's users."""

    def __init__(self, url: str, users: Mapping[str, str], channel: AbstractChannel) -> None:
        self.url, self.users, self.channel = url, users, channel
        self.user = user_in(url)
        self.services = {name: user_in(url) for name, url in users.items()}  # the setting SERVICE_USERS
        self._names: set[str] = set()

    def name_of(self, service: str) -> str:
        """The broker user of a service: of its own name, unless one user does everything at a broker that was given."""
        return self.services[service]

    async def topology(self, service: Service) -> None:
        """Declare a service's queues, as the topology job does."""
        self._names.update(await declare(service, self.url))

    async def queue(self, name: str, *keys: str, arguments: Mapping[str, Any] | None = None) -> str:
        """A queue of the test's own, bound to the events of these keys."""
        queue = await self.channel.declare_queue(name, durable=True, arguments=dict(arguments or {}))
        self._names.add(name)
        exchange = await self.channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
        for key in keys:
            await queue.bind(exchange, key)
        return name

    async def bind(self, name: str, exchange: str, key: str) -> None:
        """Bind a queue to a key more."""
        queue = await self.channel.get_queue(name, ensure=False)
        await queue.bind(exchange, key)

    async def say(self, *events: Event) -> None:
        """Publish events as the relays of their owners do."""
        for owner in sorted({event.owner for event in events}):
            await self.say_raw(owner, [raw(event) for event in events if event.owner == owner])

    async def say_raw(self, owner: str, messages: Sequence[Raw]) -> None:
        """Publish messages as the relay of a service does."""
        async with open_channel(self.users[owner]) as channel:
            await _publish(channel, EVENTS, messages, user_id=self.name_of(owner))

    async def ask(self, command: Command, key: str | None, *, company: str = "C1", **properties: Any) -> None:
        """Send a command to its queue; `properties` replace those of a good sender."""
        message = Raw(command.type, {"cloudEvents_company": company}, command.body(), key)
        await self.publish(COMMANDS, message, **{"user_id": self.user, **properties})

    async def ask_as(self, service: str, command: Command, key: str) -> None:
        """Send a command as a service does, under its own user."""
        message = Raw(command.type, {"cloudEvents_company": "C1"}, command.body(), key)
        async with open_channel(self.users[service]) as channel:
            await _publish(channel, COMMANDS, [message], user_id=self.name_of(service))

    async def publish(self, exchange: str, *messages: Raw, **properties: Any) -> None:
        """Publish and wait for the confirms; the message must be routable."""
        await _publish(self.channel, exchange, messages, **properties)

    async def publish_bare(self, exchange: str, message: Raw) -> None:
        """Publish without a message_id, which aiormq would give to every message that has none."""
        properties = spec.Basic.Properties(user_id=self.user, headers=dict(message.headers))
        frames: list[Any] = [
            spec.Basic.Publish(exchange=exchange, routing_key=message.routing_key),
            ContentHeader(body_size=len(message.body), properties=properties),
            ContentBody(message.body),
        ]
        async with await aio_pika.connect(self.url) as connection:
            channel: Any = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
            await channel.write_queue.put(ChannelFrame.marshall(channel_number=channel.number, frames=frames))
            await channel.basic_qos(prefetch_count=1)  # its answer comes after the broker has read the message

    async def take(self, name: str, count: int) -> Sequence[AbstractIncomingMessage]:
        """The next messages of a queue; fails if there are fewer."""
        queue = await self.channel.get_queue(name, ensure=False)
        taken: list[AbstractIncomingMessage] = []
        try:
            async with asyncio.timeout(15):
                while len(taken) < count:
                    message = await queue.get(no_ack=True, fail=False)
                    if message is None:
                        await asyncio.sleep(0.02)
                    else:
                        taken.append(message)
        except TimeoutError:
            raise AssertionError(f"{name}: {len(taken)} messages of {count} came") from None
        return taken

    async def count(self, name: str) -> int:
        """How many messages are ready in a queue; those a consumer holds do not count."""
        queue = await self.channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0

    async def remove(self, name: str) -> None:
        """Delete a queue with what is in it."""
        await self.channel.queue_delete(name)

    async def clean_up(self) -> None:
        async with open_channel(self.url) as channel:
            for name in self._names:
                await channel.queue_delete(name)


async def _publish(channel: AbstractChannel, exchange: str, messages: Sequence[Raw], **properties: Any) -> None:
    target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
    await asyncio.gather(*(
        target.publish(
            aio_pika.Message(
                m.body, headers=dict(m.headers), message_id=m.message_id,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties,
            ),
            m.routing_key, mandatory=True,
        )
        for m in messages
    ))


async def refused_declaration(url: str, name: str, arguments: Mapping[str, Any]) -> bool:
    """True if the broker has this queue with other arguments."""
    async with open_channel(url) as channel:
        try:
            await channel.declare_queue(name, durable=True, arguments=dict(arguments))
        except aiormq.ChannelPreconditionFailed:
            return True
    return False
