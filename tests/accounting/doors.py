"""The HTTP door of accounting on a database, asked with real tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from services.accounting.api import router
from services.accounting.handlers import service
from shared.db import Pool
from shared.testing import ask, deliver
from tests.accounting import examples
from tests.shared.front import app_of, bearer, client_of


@asynccontextmanager
async def door(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of company C1's chief accountant, who reads English."""
    app = app_of(service, router, pool)
    async with client_of(app, **bearer("chief_accountant"), **{"Accept-Language": "en"}) as found:
        yield found


async def read(client: httpx2.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def trade(pool: Pool, standard: str = "assbe") -> None:
    """Books, and everything that can happen once, in March 2025."""
    assert (await ask(pool, service, examples.open_books(standard=standard))).ok
    await deliver(
        pool, service, examples.opened(), examples.received(), examples.placed(), examples.approved(),
        examples.shipped(), examples.delivered(), examples.invoiced(), examples.paid(), examples.allocated(),
        examples.returned(), examples.sale_returned(), examples.credited(), examples.refunded(from_advances="0.00"),
        examples.billed(), examples.adjusted(), examples.settled_negative_stock(), examples.supplier_paid(),
        examples.sent_back(), examples.counted(), examples.count_approved(),
    )
