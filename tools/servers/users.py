"""RabbitMQ's users on the brokers that we bring: the deployment's own, with the deployment's own rights.

A broker that is given cannot be told to make users. Then RABBITMQ_USERS says who is there, a JSON object of user ->
address with the rights of deploy/rabbitmq/rights.json; without it the one user of RABBITMQ_URL does everything.
"""

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from tools.servers import server

RIGHTS = Path(__file__).resolve().parents[2] / "deploy/rabbitmq/rights.json"
Urls = Mapping[str, str]


def make(broker: server.Server) -> Urls:
    """Make the users, each with a password of its own; returns user -> address."""
    passwords = {name: server.password() for name in names()}
    users = [{"name": name, "password": password, "tags": []} for name, password in passwords.items()]
    _import(broker, {"users": users, **_rights("/")})
    parts = urlsplit(broker.url)
    return {
        name: urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}"))
        for name, password in passwords.items()
    }


def make_virtual_host(broker: server.Server, name: str, users: Urls) -> Urls:
    """A virtual host more, where the users may do the same; returns their addresses there."""
    _import(broker, _rights(name))
    return {user: urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for user, url in users.items()}


def given(rabbitmq_url: str) -> Urls:
    """The users of a broker that was given."""
    if told := os.environ.get("RABBITMQ_USERS"):
        urls: dict[str, str] = json.loads(told)
        if missing := set(names()) - set(urls):
            raise server.NotStarted(f"RABBITMQ_USERS has no address of {', '.join(sorted(missing))}")
        return urls
    print(f"servers: no RABBITMQ_USERS, so {user_in(rabbitmq_url)!r} does everything at the RabbitMQ that was given, "
          "and nothing shows that each service may do only its own part", file=sys.stderr)
    return dict.fromkeys(names(), rabbitmq_url)


def names() -> list[str]:
    """Everybody who has rights."""
    return [one["user"] for one in _rights("/")["permissions"]]


def user_in(url: str) -> str:
    """The user of an address."""
    return unquote(urlsplit(url).username or "guest")


def _rights(virtual_host: str) -> dict[str, Any]:
    """The deployment's virtual host and rights, under another name of the virtual host."""
    rights: dict[str, Any] = json.loads(RIGHTS.read_text())
    for one in rights["permissions"] + rights["topic_permissions"]:
        one["vhost"] = virtual_host
    return rights | {"vhosts": [{"name": virtual_host}]}


def _import(broker: server.Server, definitions: Mapping[str, Any]) -> None:
    """In one call: each call of rabbitmqctl takes a second, and there are dozens of rights."""
    text = base64.b64encode(json.dumps(definitions).encode()).decode()
    said = broker.ctl("eval", f'rabbit_definitions:import_raw(base64:decode(<<"{text}">>)).')
    if said.strip() != "ok":
        raise server.NotStarted(f"RabbitMQ took over no users: {said}")
