"""Real servers for the whole session: given by DATABASE_URL and RABBITMQ_URL, else in containers, else private ones."""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Iterator

import hypothesis
import pytest

from shared.amqp import open_channel
from shared.testing import drop_spare_databases
from tests.shared.rabbit import Rabbit, own_virtual_host
from tools.servers import Servers
from tools.servers import servers as bring_servers
from tools.servers.users import Urls

# Tests assert behaviour, never times: on a busy machine anything may take long.
hypothesis.settings.register_profile("fenlu", deadline=None)
hypothesis.settings.load_profile("fenlu")


def pytest_xdist_auto_num_workers() -> int:
    """Two at once, each with servers of its own; one where a broker is given, since its queues are shared."""
    return 0 if "RABBITMQ_URL" in os.environ else 2


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and RabbitMQ; `shared.testing` finds them by the two TEST_ variables."""
    with bring_servers() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_DATABASE_URL", running.database_url)
        patch.setenv("TEST_RABBITMQ_URL", running.rabbitmq_url)
        yield running
        asyncio.run(drop_spare_databases())


@pytest.fixture(scope="session")
def admin_url(servers: Servers) -> str:
    """A PostgreSQL user who may create databases."""
    return servers.database_url


@pytest.fixture(scope="session")
def virtual_host(servers: Servers) -> Iterator[tuple[str, Urls]]:
    """The URL of a virtual host that nobody else uses, and of each user there; of a broker that was given, its own."""
    if servers.rabbitmq is None:
        yield servers.rabbitmq_url, servers.users
        return
    with own_virtual_host(servers, "kernel") as found:
        yield found


@pytest.fixture(scope="session", autouse=True)
def _servers_where_needed(request: pytest.FixtureRequest) -> None:
    """Start the servers if a collected test is async: only those talk to one, and pure tests alone stay instant."""
    functions = (getattr(item, "function", None) for item in request.session.items)
    if any(inspect.iscoroutinefunction(function) for function in functions):
        request.getfixturevalue("servers")


@pytest.fixture
async def rabbit(virtual_host: tuple[str, Urls]) -> AsyncIterator[Rabbit]:
    """The broker; the queues that a test declares through it are deleted at the end."""
    url, users = virtual_host
    async with open_channel(url) as channel:
        rabbit = Rabbit(url, users, channel)
        yield rabbit
        await rabbit.clean_up()
