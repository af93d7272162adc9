"""Where the chaos plays: two replicas of every service, and a link of its own between any two parts that talk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product

from tools.chaos.load import COMPANY
from tools.demo import places
from tools.demo.equipment import Equipment
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
        equipment = Equipment(fleet, servers, COMPANY, servers.rabbitmq_url)
        for service, replica in product(PRODUCERS, range(1, REPLICAS + 1)):
            equipment.add(service, created[service], name=f"{service}.{replica}", other={
                "DATABASE_URL": links[f"{service}-postgres"].url, "RABBITMQ_URL": links[f"{service}-rabbitmq"].url})
        doors: dict[str, list[str]] = {service: [] for service in PRODUCERS}
        for name, member in fleet.members.items():
            links[f"client-{name}"] = await stack.enter_async_context(link_to(member.url))
            doors[member.service].append(links[f"client-{name}"].url)
        await fleet.prepare()
        await fleet.start()
        if servers.rabbitmq:  # the bystander says again what services said, in their names
            administrator = users.user_in(servers.rabbitmq_url)
            await asyncio.to_thread(servers.rabbitmq.ctl, "set_user_tags", administrator, "impersonator")
        yield Stage(servers, fleet, links, databases, doors, equipment.tokens)
