"""A database with nothing but the kernel and the samples' one table, for each test."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import structlog

from shared.db import Pool, open_pool
from shared.testing import admin_url, database_at, fresh_database
from tests.shared.samples import ROOT

# Plain lines: structlog's own default draws every traceback with all local values, which takes seconds.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture
async def database() -> AsyncIterator[str]:
    """The URL of a fresh database."""
    async with fresh_database(ROOT) as url:
        yield url


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on the fresh database."""
    pool = await open_pool(database, size=5)
    yield pool
    pool.terminate()


@pytest.fixture
async def empty_database() -> AsyncIterator[str]:
    """The URL of a database in which nothing was migrated."""
    name = f"test_empty_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(admin_url())
    await admin.execute(f'create database "{name}"')
    yield database_at(admin_url(), name)
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()
