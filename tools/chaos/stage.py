"""Where the chaos plays: two replicas of every service, and a link of its own between any two parts that talk."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tools.chaos.load import COMPANY
from tools.demo import people, places
from tools.demo.fleet import PRODUCERS, Fleet
from tools.link import Link, link_to
from tools.servers import Servers, users

REPLICAS = 2


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
        created = await places.create_databases(servers.database_url)
        databases = {service: database.url for service, database in created.items()}
        if servers.postgres is None:
            stack.push_async_callback(places.drop_databases, servers.database_url, databases.values())
        if servers.rabbitmq is None:
            stack.push_async_callback(places.remove_queues, servers.rabbitmq_url)
        links: dict[str, Link] = {}
        for service in PRODUCERS:
            links[f"{service}-postgres"] = await stack.enter_async_context(link_to(databases[service]))
            links[f"{service}-rabbitmq"] = await stack.enter_async_context(link_to(servers.users[service]))
        fleet = Fleet(keep=False)
        stack.push_async_callback(asyncio.to_thread, fleet.end)  # in a thread: they end by way of the links
        tokens = _equip(fleet, links, created, servers)
        doors: dict[str, list[str]] = {service: [] for service in PRODUCERS}
        for name, member in fleet.members.items():
            links[f"client-{name}"] = await stack.enter_async_context(link_to(member.url))
            doors[member.service].append(links[f"client-{name}"].url)
        await fleet.prepare()
        await fleet.start()
        if servers.rabbitmq:  # the bystander says again what services said, in their names
            administrator = users.user_in(servers.rabbitmq_url)
            await asyncio.to_thread(servers.rabbitmq.ctl, "set_user_tags", administrator, "impersonator")
        yield Stage(servers, fleet, links, databases, doors, tokens)


def _equip(
    fleet: Fleet, links: dict[str, Link], databases: Mapping[str, places.Database], servers: Servers
) -> dict[str, str]:
    """Give every replica and job its settings; returns a token per role."""
    key_file = fleet.folder / "public-key.pem"
    tokens = people.issue(COMPANY, key_file)
    principals = people.principals(fleet.folder, users.user_in(servers.rabbitmq_url), COMPANY)
    service_users = json.dumps({name: users.user_in(servers.users[name]) for name in PRODUCERS})
    for service in PRODUCERS:
        for replica in range(1, REPLICAS + 1):
            fleet.add(service, {
                "DATABASE_URL": links[f"{service}-postgres"].url, "RABBITMQ_URL": links[f"{service}-rabbitmq"].url,
                "JWT_PUBLIC_KEY_FILE": str(key_file), "JWT_ISSUER": people.ISSUER, "JWT_AUDIENCE": people.AUDIENCE,
                "SERVICE_USERS": service_users,
                "QUEUE_PRINCIPALS_FILE": str(principals),
            }, {
                "migrate": {"DATABASE_URL": databases[service].owner_url},
                "topology": {"RABBITMQ_URL": servers.users["topology"]},
            }, name=f"{service}.{replica}")
    return tokens
