"""The way to the other services: their public HTTP APIs, with a token of whoever is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from services.console.domain.roles import Person
from services.console.issuer import Issuer

SECONDS, PROBE_SECONDS = 10.0, 3.0
KEPT_SECONDS = 4.0  # a little less than the services keep a connection: none is used as it is being closed


class UnavailableError(Exception):
    """A service does not answer, or is busy."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class RefusedError(Exception):
    """A service refused what was asked. `errors` are {field, code, message} in the asker's language."""

    def __init__(self, status: int, errors: list[dict[str, str]]) -> None:
        super().__init__(str(errors))
        self.status, self.errors = status, errors

    @property
    def by_field(self) -> dict[str, str]:
        return {error["field"]: error["message"] for error in reversed(self.errors)}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, in which language."""

    person: Person
    language: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """The services by name, and connections to them that are used again. Made where a loop runs.

    Nothing is followed, kept or guessed between services: no redirects, cookies or encodings.
    """

    def __init__(self, urls: Mapping[str, str], issuer: Issuer) -> None:
        self._urls, self._issuer = {name: url.rstrip("/") for name, url in urls.items()}, issuer
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=40 * len(urls), keepalive_timeout=KEPT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False)

    @property
    def services(self) -> list[str]:
        return list(self._urls)

    async def get(self, asker: Asker, service: str, path: str, **params: Any) -> Any:
        """What a GET answers; None for a 404. RefusedError or UnavailableError else."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        query = f"?{urlencode(given, doseq=True)}" if given else ""
        reply = await self._send(service, "GET", quote(path) + query, self._headers(asker))
        return None if reply.status == HTTPStatus.NOT_FOUND else self._read(service, reply)

    async def post(self, asker: Asker, service: str, path: str, body: Mapping[str, Any], key: str) -> Any:
        """What a command led to; the same key never does it twice. RefusedError or UnavailableError else."""
        headers = {**self._headers(asker), "Idempotency-Key": key, "Content-Type": "application/json"}
        return self._read(service, await self._send(service, "POST", quote(path), headers, orjson.dumps(body)))

    async def probe(self, service: str, path: str) -> Reply:
        """What nobody needs a token for: /readyz and /metrics."""
        return await self._send(service, "GET", path, {}, seconds=PROBE_SECONDS)

    async def close(self) -> None:
        await self._session.close()

    def _headers(self, asker: Asker) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._issuer.token(asker.person)}", "Accept-Language": asker.language}

    async def _send(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None,
        seconds: float = SECONDS,
    ) -> Reply:
        address, limit = URL(self._urls[service] + path, encoded=True), aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.request(
                method, address, headers=headers, data=body, timeout=limit, allow_redirects=False
            ) as answer:
                return Reply(answer.status, await answer.read())
        except (OSError, aiohttp.ClientError) as error:
            raise UnavailableError(service) from error

    def _read(self, service: str, reply: Reply) -> Any:
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UnavailableError(service)
        content = reply.json()
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise RefusedError(reply.status, content["errors"])
        return content
