"""Where the chaos plays: two replicas of every service, and a link of its own between any two parts that talk."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tools.chaos.load import COMPANY
from tools.demo import people, places
from tools.demo.fleet import SERVICES, Fleet
from tools.link import Link, link_to
from tools.servers import Servers

REPLICAS = 2
ROLES_BY_QUEUE = ["sales", "buyer", "warehouse", "accountant"]


@dataclass(frozen=True)
class Stage:
    """Everything that can be used, and hit. `databases` are the ways past the links, for who looks on."""

    servers: Servers
    fleet: Fleet
    links: dict[str, Link]  # "order-postgres", "order-rabbitmq", "client-order.1" ...
    databases: dict[str, str]
    doors: dict[str, list[str]]  # service -> its replicas, by way of the client's links
    tokens: dict[str, str]


@asynccontextmanager
async def stage(servers: Servers) -> AsyncIterator[Stage]:
    """Fresh databases, declared queues, services that are ready; all of it ended and removed afterwards."""
    await places.refuse_if_taken(servers.rabbitmq_url)
    async with AsyncExitStack() as stack:
        databases = await places.create_databases(servers.database_url)
        if servers.postgres is None:
            stack.push_async_callback(places.drop_databases, servers.database_url, databases.values())
        if servers.rabbitmq is None:
            stack.push_async_callback(places.remove_queues, servers.rabbitmq_url)
        links: dict[str, Link] = {}
        for service in SERVICES:
            links[f"{service}-postgres"] = await stack.enter_async_context(link_to(databases[service]))
            links[f"{service}-rabbitmq"] = await stack.enter_async_context(link_to(servers.rabbitmq_url))
        fleet = Fleet(keep=False)
        stack.push_async_callback(asyncio.to_thread, fleet.end)  # in a thread: they end by way of the links
        tokens = _equip(fleet, links, servers.rabbitmq_url)
        doors: dict[str, list[str]] = {service: [] for service in SERVICES}
        for name, member in fleet.members.items():
            links[f"client-{name}"] = await stack.enter_async_context(link_to(member.url))
            doors[member.service].append(links[f"client-{name}"].url)
        await fleet.prepare()
        await fleet.start()
        yield Stage(servers, fleet, links, databases, doors, tokens)


def _equip(fleet: Fleet, links: dict[str, Link], rabbitmq_url: str) -> dict[str, str]:
    """Give every replica its settings; returns a token per role."""
    key_file = fleet.folder / "public-key.pem"
    tokens = people.issue(COMPANY, key_file)
    user = unquote(urlsplit(rabbitmq_url).username or "guest")
    for service in SERVICES:
        for replica in range(1, REPLICAS + 1):
            fleet.add(service, {
                "DATABASE_URL": links[f"{service}-postgres"].url, "RABBITMQ_URL": links[f"{service}-rabbitmq"].url,
                "JWT_PUBLIC_KEY_FILE": str(key_file), "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
                "QUEUE_PRINCIPALS": json.dumps({user: {"companies": [COMPANY], "roles": ROLES_BY_QUEUE}}),
            }, name=f"{service}.{replica}")
    return tokens
