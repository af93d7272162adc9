"""A fresh database of webhooks, its HTTP door, and a receiver that answers what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

import services.webhooks
from services.webhooks.api import router
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.testing import fresh_pool
from tests.shared.front import app_of, bearer, client_of


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(Path(services.webhooks.__file__).parent) as fresh:
        yield fresh


@dataclass
class Receiver:
    """Somebody's HTTP server: `answers` are the next statuses, then 200; a hanging one says nothing."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    hanging: bool = False
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:]
                headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines if line)}
                self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
                if self.hanging:
                    await asyncio.sleep(3600)
                status = self.answers.pop(0) if self.answers else 200
                where = f"location: http://127.0.0.1:{self.port}/elsewhere\r\n" if status == 302 else ""
                writer.write(f"HTTP/1.1 {status} x\r\n{where}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def _receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()


receiver = pytest.fixture(_receiver)
other_receiver = pytest.fixture(_receiver)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """May send to this machine."""
    sender = Sender(anywhere=True)
    yield sender
    await sender.close()


@dataclass(frozen=True)
class Desk:
    """Who manages the subscriptions of a company, by HTTP."""

    http: httpx2.AsyncClient

    async def ask(self, method: str, path: str, *, body: Any = None, company: str = "C1", roles: str = "admin") -> Any:
        """(status, JSON)."""
        headers = bearer(roles, company=company)
        content = {"json": body} if body is not None else {"content": b""} if method == "POST" else {}
        if content == {"content": b""}:
            headers["Content-Length"] = "0"
        answer = await self.http.request(method, path, headers=headers, **content)
        return answer.status_code, answer.json() if answer.content else None

    async def subscribe(self, receiver: Receiver, name: str = "S1", *hears: str, company: str = "C1") -> str:
        """Returns the secret."""
        wanted = {"subscription_id": name, "url": receiver.url, "hears": hears or ["order.*"]}
        status, shown = await self.ask("POST", "/subscriptions", body=wanted, company=company)
        assert status == 201, shown
        return str(shown["secret"])

    async def show(self, name: str = "S1") -> dict[str, Any]:
        status, shown = await self.ask("GET", f"/subscriptions/{name}")
        assert status == 200
        return dict(shown)

    async def log(self, name: str = "S1") -> list[dict[str, Any]]:
        _, shown = await self.ask("GET", f"/subscriptions/{name}/deliveries")
        return list(shown)


@pytest.fixture
async def desk(pool: Pool, sender: Sender) -> AsyncIterator[Desk]:
    app = app_of(service, router, pool)
    app.state.sender = sender
    async with client_of(app) as client:
        yield Desk(client)
