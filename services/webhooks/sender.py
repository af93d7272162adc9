"""One HTTP request to a receiver, which nobody can turn against our own network.

The name is resolved and judged here, and exactly the address that was judged is connected to, so a name that changes
its address in between gains nothing. Redirects are not followed, proxies not used, answers not read.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from services.webhooks.domain import Attempt, is_address, may_be_reached

SECONDS = 15.0


class ForbiddenAddressError(OSError):
    """The receiver is inside our own network."""


class _Guarded(httpcore2.AnyIOBackend):
    """Connects to addresses of the Internet only, unless anything may be reached."""

    def __init__(self, *, anywhere: bool) -> None:
        self.anywhere = anywhere

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,  # noqa: ASYNC109 (the base class has it so)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        address = await self.address_of(host, port)
        return await super().connect_tcp(address, port, timeout, local_address, socket_options)

    async def address_of(self, host: str, port: int | None) -> str:
        """Where to connect to. OSError for a name that nobody knows, or one inside our own network."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not self.anywhere and not all(may_be_reached(address) for address in addresses):
            raise ForbiddenAddressError(f"{host} is not on the Internet")
        return addresses[0]


class Sender:
    """Sends, and never raises for what a receiver does. `anywhere`: also inside our own network, and without TLS."""

    def __init__(self, *, anywhere: bool = False) -> None:
        self._guard = _Guarded(anywhere=anywhere)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), max_connections=100, keepalive_expiry=5,
            network_backend=self._guard,
        )

    async def why_not(self, url: str) -> str:
        """Why an address cannot be sent to; empty if it can, as far as it can be seen now."""
        if not is_address(url, ("https", "http") if self._guard.anywhere else ("https",)):
            return "it must be https://host/path without user, password and fragment"
        try:
            await self._guard.address_of(urlsplit(url).hostname or "", urlsplit(url).port)
        except OSError as error:
            return str(error)
        return ""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """POST it; the receiver has so many seconds for all of it."""
        sent = [*headers.items(), ("User-Agent", "Fenlu-Webhooks/1")]
        try:
            async with asyncio.timeout(SECONDS):
                async with self._pool.stream("POST", url, headers=sent, content=body) as answer:
                    return Attempt(answer.status, "")
        except TimeoutError:
            return Attempt(None, f"no answer within {SECONDS:.0f} s")
        except (OSError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError,
                httpcore2.UnsupportedProtocol, ValueError) as error:
            return Attempt(None, f"{type(error).__name__}: {error}"[:300])

    async def close(self) -> None:
        await self._pool.aclose()
