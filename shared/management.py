"""RabbitMQ's management API, as far as it is needed. AMQP itself knows neither users nor rights nor disks."""

import base64
import http.client
import json
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

TIMEOUT_SECONDS = 20


class ManagementError(RuntimeError):
    """RabbitMQ's management does not answer, or refuses; the text says what it said, and holds no password."""


class Management:
    """The way to one virtual host: http://USER:PASSWORD@HOST:15672/VIRTUAL_HOST. To look, a user needs the tag
    `monitoring`, to change anything it must be an administrator."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.virtual_host = unquote(parts.path[1:]) or "/"
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port or 15672
        signed = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self.clock: datetime | None = None  # the broker's, in whole seconds, when it answered last
        self._authorization = "Basic " + base64.b64encode(signed.encode()).decode()

    def get(self, *path: str) -> Any:
        """What is there; None if nothing is."""
        return self._ask("GET", path)

    def put(self, *path: str, **body: Any) -> None:
        self._ask("PUT", path, body)

    def post(self, *path: str, **body: Any) -> None:
        self._ask("POST", path, body)

    def delete(self, *path: str) -> bool:
        """False if there was nothing."""
        return self._ask("DELETE", path) is not None

    def _ask(self, method: str, path: tuple[str, ...], body: Any = None) -> Any:
        place = "/api/" + "/".join(quote(part, safe="") for part in path)
        content = None if body is None else json.dumps(body)
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        try:
            with closing(self._kind(self._host, self._port, timeout=TIMEOUT_SECONDS)) as connection:
                connection.request(method, place, content, headers)
                answer = connection.getresponse()
                if date := answer.headers["Date"]:
                    self.clock = parsedate_to_datetime(date)
                text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ManagementError(f"RabbitMQ's management does not answer: {error!r}") from error
        if answer.status == http.HTTPStatus.NOT_FOUND and method in ("GET", "DELETE"):
            return None
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ManagementError(f"RabbitMQ's management refuses {method} {place}: {answer.status} {text[:500]}")
        return json.loads(text) if text.strip() else {}
