"""Real servers for the whole session: given by DATABASE_URL and RABBITMQ_URL, else in containers, else private ones."""

import inspect
from collections.abc import AsyncIterator, Iterator
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from shared.amqp import open_channel
from tests.shared.rabbit import Rabbit
from tools.servers import Servers
from tools.servers import servers as bring_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and RabbitMQ; `shared.testing` finds them by the two TEST_ variables."""
    with bring_servers() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_DATABASE_URL", running.database_url)
        patch.setenv("TEST_RABBITMQ_URL", running.rabbitmq_url)
        yield running


@pytest.fixture(scope="session")
def admin_url(servers: Servers) -> str:
    """A PostgreSQL user who may create databases."""
    return servers.database_url


@pytest.fixture(scope="session")
def virtual_host(servers: Servers) -> Iterator[str]:
    """The URL of a virtual host that nobody else uses; of a broker that was given, the one that was given."""
    if servers.rabbitmq is None:
        yield servers.rabbitmq_url
        return
    name = f"test-{uuid4().hex[:8]}"
    address = urlsplit(servers.rabbitmq_url)
    servers.rabbitmq.ctl("add_vhost", name)
    servers.rabbitmq.ctl("set_permissions", "-p", name, unquote(address.username or "guest"), ".*", ".*", ".*")
    yield urlunsplit(address._replace(path=f"/{name}"))
    servers.rabbitmq.ctl("delete_vhost", name)


@pytest.fixture(scope="session", autouse=True)
def _servers_where_needed(request: pytest.FixtureRequest) -> None:
    """Start the servers if a collected test is async: only those talk to one, and pure tests alone stay instant."""
    functions = (getattr(item, "function", None) for item in request.session.items)
    if any(inspect.iscoroutinefunction(function) for function in functions):
        request.getfixturevalue("servers")


@pytest.fixture
async def rabbit(virtual_host: str) -> AsyncIterator[Rabbit]:
    """The broker; the queues that a test declares through it are deleted at the end."""
    async with open_channel(virtual_host) as channel:
        rabbit = Rabbit(virtual_host, channel)
        yield rabbit
        await rabbit.clean_up()
