"""The two public doors of the services, as another company's system would use them: JSON over HTTP, JSON by queue.

Nothing of the services is imported. Both doors may be tried again with the same idempotency key as often as one likes.
"""

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
import httpx2
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection

COMMANDS_EXCHANGE, EVENTS_EXCHANGE = "erp.commands", "erp.events"
PATIENCE = 180.0  # seconds: a service that was killed is back long before
BUSY = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Ask:
    """One command: what is asked, where its HTTP twin lives, and which role may ask it."""

    type: str
    path: str
    role: str
    body: Mapping[str, Any]

    @property
    def owner(self) -> str:
        return self.type.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command led to: events, or the reasons against it."""

    status: int
    events: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def why(self) -> str:
        """The first reason in words; empty when the command was done."""
        if not self.errors:
            return "" if self.status < 400 else f"HTTP {self.status}"
        error = self.errors[0]
        return f"HTTP {self.status}, {error.get('field')}: {error.get('code')}: {error.get('message')}"


class HttpDoor:
    """HTTP with a token per role. A service that is away for a while is asked again with the same key; its replicas are
    asked in turn."""

    def __init__(self, urls: Mapping[str, Sequence[str]], tokens: Mapping[str, str], *, timeout: float = 30) -> None:
        self._replicas = {service: deque(replicas) for service, replicas in urls.items()}
        self._tokens = tokens
        limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx2.AsyncClient(
            timeout=timeout, limits=limits, headers={"Accept-Language": "en"}, trust_env=False
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, ask: Ask, key: str) -> Answer:
        """Send a command; the answer may be a refusal."""
        headers = {"Authorization": f"Bearer {self._tokens[ask.role]}", "Idempotency-Key": key}
        response = await self._patiently(
            ask.owner, lambda url: self._client.post(url + ask.path, json=dict(ask.body), headers=headers)
        )
        if response.status_code < 400:
            return Answer(response.status_code, events=response.json()["events"])
        return Answer(response.status_code, errors=_errors(response))

    async def read(self, owner: str, path: str, role: str = "accountant", **query: Any) -> Any:
        """Read what a service shows; None when there is no such thing (404)."""
        headers = {"Authorization": f"Bearer {self._tokens[role]}"}
        response = await self._patiently(
            owner, lambda url: self._client.get(url + path, params=query, headers=headers)
        )
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        response.raise_for_status()
        return response.json()

    async def _patiently(
        self, service: str, send: Callable[[str], Awaitable[httpx2.Response]]
    ) -> httpx2.Response:
        deadline, wait = time.monotonic() + PATIENCE, 0.1
        replicas = self._replicas[service]
        while True:
            replicas.rotate()
            try:
                response = await send(replicas[0])
                if response.status_code not in BUSY or time.monotonic() > deadline:
                    return response
            except httpx2.TransportError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, 2.0)


def _errors(response: httpx2.Response) -> list[dict[str, Any]]:
    """The errors of a refusal; an answer of another shape is shown as it is."""
    try:
        errors: list[dict[str, Any]] = response.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return [{"field": "", "code": "unreadable", "message": response.text[:300]}]
    return errors


class QueueDoor:
    """Commands go to one exchange, events are heard from the other with a queue that only this connection sees."""

    def __init__(self, connection: AbstractRobustConnection, user: str, company: str) -> None:
        self._connection, self._user, self._company = connection, user, company
        self._commands: Any = None

    @classmethod
    async def open(cls, url: str, company: str) -> "QueueDoor":
        connection = await aio_pika.connect_robust(url, timeout=20)
        door = cls(connection, unquote(urlsplit(url).username or "guest"), company)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        door._commands = await channel.get_exchange(COMMANDS_EXCHANGE, ensure=False)
        return door

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, ask: Ask, key: str) -> None:
        """Send a command; its outcome will be heard as an event."""
        message = aio_pika.Message(
            json.dumps(dict(ask.body)).encode(),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=key,
            user_id=self._user,
            headers={"cloudEvents_company": self._company},
        )
        await self._commands.publish(message, routing_key=ask.type, mandatory=True, timeout=30)

    async def listen(self, keys: list[str], hear: Callable[[str, dict[str, Any]], None]) -> None:
        """Call `hear(type, body)` for every event of the company; one may come twice or, after a break, not at all."""
        channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=500)
        name = f"{self._user}.{secrets.token_hex(8)}"  # a user may have queues that begin with its name
        queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
        for key in keys:
            await queue.bind(EVENTS_EXCHANGE, key)

        async def on_message(message: AbstractIncomingMessage) -> None:
            if message.headers.get("cloudEvents_company") == self._company:
                hear(message.routing_key or "", json.loads(message.body))

        await queue.consume(on_message, no_ack=True)
