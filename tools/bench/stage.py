"""Where a part plays: fresh databases, declared queues, services that can be started and stopped one by one."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tools.demo import places
from tools.demo.doors import Ask, HttpDoor
from tools.demo.equipment import Equipment
from tools.demo.fleet import SERVICES, Fleet, Member
from tools.servers import Servers

COMPANY = "BENCH"
OPEN_BOOKS = Ask("accounting.open_books.v1", "/books", "chief_accountant", {
    "name": "基准测试有限公司", "currency": "CNY", "standard": "assbe", "vat_rate": "0.13", "opened_on": "2024-01-01",
})


@dataclass(frozen=True)
class Stage:
    """Everything that a part may use."""

    servers: Servers
    fleet: Fleet
    databases: Mapping[str, places.Database]
    tokens: Mapping[str, str]

    @property
    def urls(self) -> dict[str, str]:
        """service -> its database, by the address that the service has."""
        return {service: database.url for service, database in self.databases.items()}

    def member(self, name: str) -> Member:
        """A service, or a twin of one."""
        return self.fleet.members[name]

    def twin(self, service: str, name: str, database_url: str) -> Member:
        """One more process of a service, under another name and on another database."""
        first = self.member(service)
        return self.fleet.add(service, {**first.environment, "DATABASE_URL": database_url}, first.jobs, name=name)

    @asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator[None]:
        """These services, from when they are ready until the block ends."""
        members = [self.member(name) for name in names]
        try:
            await asyncio.gather(*(self.fleet.begin(member) for member in members))
            yield
        finally:
            await asyncio.gather(*(asyncio.to_thread(self.fleet.stop, member) for member in members))

    @asynccontextmanager
    async def door(self) -> AsyncIterator[HttpDoor]:
        """The HTTP door of every service that runs."""
        door = HttpDoor(self.fleet.urls, self.tokens)
        try:
            yield door
        finally:
            await door.close()


@asynccontextmanager
async def stage(servers: Servers, services: Sequence[str] = SERVICES) -> AsyncIterator[Stage]:
    """Prepared services, none of which runs yet; everything is ended and removed afterwards."""
    await places.refuse_if_taken(servers.rabbitmq_url)
    async with AsyncExitStack() as stack:
        databases = await places.create_databases(servers.database_url, {*SERVICES, *services})
        urls = [database.url for database in databases.values()]
        stack.push_async_callback(places.drop_databases, servers.database_url, urls)
        stack.push_async_callback(places.remove_queues, servers.rabbitmq_url)
        fleet = Fleet(keep=False)
        stack.push_async_callback(asyncio.to_thread, fleet.end)
        equipment = Equipment(fleet, servers, COMPANY, servers.users["shop"])
        for service in services:
            equipment.add(service, databases[service])
        await fleet.prepare()
        yield Stage(servers, fleet, databases, equipment.tokens)
