"""A database with nothing but the kernel and the samples' one table, and a clean RabbitMQ, for each test."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import structlog

from shared.amqp import open_channel
from shared.db import Pool, open_pool
from shared.testing import OWNER, admin_url, database_at, fresh_database, make_roles, owner_of
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT
from tools.servers import Servers
from tools.servers.users import Urls, make_virtual_host

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
    """Its owner's URL of a database in which nothing was migrated."""
    name = f"test_empty_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(admin_url())
    await make_roles(admin)
    await admin.execute(f'create database "{name}" owner {OWNER}')
    yield owner_of(database_at(admin_url(), name))
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


@pytest.fixture(scope="session")
def virtual_host(servers: Servers) -> Iterator[tuple[str, Urls]]:
    """The URL of a virtual host that nobody else uses, and of each user there; of a broker that was given, its own."""
    if servers.rabbitmq is None:
        yield servers.rabbitmq_url, servers.users
        return
    name = f"kernel-{uuid4().hex[:8]}"
    address = urlsplit(servers.rabbitmq_url)
    urls = make_virtual_host(servers.rabbitmq, name, servers.users)
    servers.rabbitmq.ctl("set_permissions", "-p", name, unquote(address.username or "guest"), ".*", ".*", ".*")
    yield urlunsplit(address._replace(path=f"/{name}")), urls
    servers.rabbitmq.ctl("delete_vhost", name)


@pytest.fixture
async def rabbit(virtual_host: tuple[str, Urls]) -> AsyncIterator[Rabbit]:
    """The broker; the queues that a test declares through it are deleted at the end."""
    url, users = virtual_host
    async with open_channel(url) as channel:
        rabbit = Rabbit(url, users, channel)
        yield rabbit
        await rabbit.clean_up()
