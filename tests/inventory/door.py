"""The HTTP door of inventory in tests, and how a command is posted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from services.inventory.api import router
from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from tests.shared.front import app_of, bearer, client_of

ROLES = ("warehouse", "accountant")


@asynccontextmanager
async def open_client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a token of company C1."""
    async with client_of(app_of(service, router, pool), **bearer(*ROLES), **{"Accept-Language": "en"}) as opened:
        yield opened


async def post(client: httpx2.AsyncClient, path: str, command: Command | dict[str, Any], key: str) -> httpx2.Response:
    body = command.model_dump(mode="json") if isinstance(command, Command) else command
    return await client.post(path, json=body, headers={"Idempotency-Key": key})
