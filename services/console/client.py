"""The way to the other services: their public HTTP APIs, with a token of whoever is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from services.console.domain.roles import Person
from services.console.issuer import Issuer

SECONDS = 10.0


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


class Client:
    """One pool of connections per service."""

    def __init__(self, urls: Mapping[str, str], issuer: Issuer) -> None:
        self._issuer = issuer
        limits = httpx2.Limits(max_connections=40, max_keepalive_connections=20)
        self._http = {
            name: httpx2.AsyncClient(base_url=url, timeout=SECONDS, limits=limits, trust_env=False)
            for name, url in urls.items()
        }

    @property
    def services(self) -> list[str]:
        return list(self._http)

    async def get(self, asker: Asker, service: str, path: str, **params: Any) -> Any:
        """What a GET answers; None for a 404. RefusedError or UnavailableError else."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        answer = await self._send(asker, service, "GET", path, params=given)
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        return self._read(service, answer)

    async def post(self, asker: Asker, service: str, path: str, body: Mapping[str, Any], key: str) -> Any:
        """What a command led to; the same key never does it twice. RefusedError or UnavailableError else."""
        answer = await self._send(asker, service, "POST", path, json=body, headers={"Idempotency-Key": key})
        return self._read(service, answer)

    async def probe(self, service: str, path: str) -> httpx2.Response:
        """What nobody needs a token for: /readyz and /metrics."""
        try:
            return await self._http[service].get(path, timeout=3)
        except httpx2.HTTPError as error:
            raise UnavailableError(service) from error

    async def close(self) -> None:
        for http in self._http.values():
            await http.aclose()

    async def _send(self, asker: Asker, service: str, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = {
            "Authorization": f"Bearer {self._issuer.token(asker.person)}", "Accept-Language": asker.language,
            **request.pop("headers", {}),
        }
        try:
            return await self._http[service].request(method, path, headers=headers, **request)
        except httpx2.HTTPError as error:
            raise UnavailableError(service) from error

    def _read(self, service: str, answer: httpx2.Response) -> Any:
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise UnavailableError(service)
        content = answer.json()
        if answer.status_code >= httpx2.codes.BAD_REQUEST:
            raise RefusedError(answer.status_code, content["errors"])
        return content
