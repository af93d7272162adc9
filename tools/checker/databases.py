"""The databases that the checker reads, and nothing else of the services."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

PRODUCERS = ("order", "inventory", "accounting", "crm")


@dataclass(frozen=True, slots=True)
class Databases:
    """A reading connection to each service's database, and the companies found in any of them."""

    order: Any
    inventory: Any
    accounting: Any
    crm: Any
    companies: tuple[str, ...] = ()

    def producers(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in PRODUCERS]


@asynccontextmanager
async def opened(urls: Mapping[str, str]) -> AsyncIterator[Databases]:
    """Read-only, each database as it stands at one moment."""
    async with AsyncExitStack() as stack:
        connections = {}
        for name in PRODUCERS:
            connection = await asyncpg.connect(urls[name], timeout=10, command_timeout=600)
            stack.push_async_callback(connection.close)
            await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
            connections[name] = connection
        companies = {row["company"] for c in connections.values()
                     for row in await c.fetch("select distinct company from event")}
        companies |= {row["company"] for row in await connections["accounting"].fetch("select company from book")}
        yield Databases(**connections, companies=tuple(sorted(companies)))
