"""Each service can do its own part and nothing else: every forbidden act is refused by the server itself."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.migrate import migrate, migrations_of
from shared.topology import declare
from tests.shared.rabbit import own_virtual_host
from tools.demo import places
from tools.intruder import SERVICES, Foothold, allowed, broker_attempts, database_attempts
from tools.servers import Servers
from tools.servers.users import user_in

ROOT = Path(__file__).parents[2] / "services"
INTRUDERS = ("order", "accounting")
NOWHERE = Foothold("accounting", "", "", "")  # only to name the attempts


@pytest.fixture(scope="module")
async def databases(servers: Servers) -> AsyncIterator[dict[str, places.Database]]:
    """The databases as the demo makes them, migrated by their owners."""
    made = await places.create_databases(servers.database_url)
    for name in INTRUDERS:
        connection = await asyncpg.connect(made[name].owner_url)
        await migrate(connection, migrations_of(ROOT / name))
        await connection.close()
    yield made
    await places.drop_databases(servers.database_url, [database.url for database in made.values()])


@pytest.fixture(scope="module")
async def footholds(servers: Servers, databases: dict[str, places.Database]) -> AsyncIterator[dict[str, Foothold]]:
    """What two services have in hand, on a virtual host whose topology is there."""
    with own_virtual_host(servers, "rights") as (_, users):
        for service in SERVICES:
            await declare(import_module(f"services.{service}.handlers").service, users["topology"])
        found = {}
        for service in INTRUDERS:
            at = Foothold(service, databases[service].url, users[service], "")
            foreign = urlsplit(at.database)._replace(path=urlsplit(databases[at.other].url).path)
            found[service] = replace(at, foreign_database=urlunsplit(foreign))
        yield found


@pytest.mark.parametrize("what", broker_attempts(NOWHERE))
@pytest.mark.parametrize("service", INTRUDERS)
async def test_rabbitmq_refuses(footholds: dict[str, Foothold], service: str, what: str) -> None:
    assert not await allowed(broker_attempts(footholds[service])[what])


@pytest.mark.parametrize(
    ("service", "what"),
    [(name, what) for name in INTRUDERS for what in database_attempts(replace(NOWHERE, service=name))],
)
async def test_postgres_refuses(footholds: dict[str, Foothold], service: str, what: str) -> None:
    assert not await allowed(database_attempts(footholds[service])[what])


@pytest.mark.parametrize("service", INTRUDERS)
async def test_it_can_do_its_own_part(footholds: dict[str, Foothold], service: str) -> None:
    """So what is refused above is not refused because nothing works."""
    at = footholds[service]
    assert user_in(at.broker) == service
    await at.publish("erp.events", f"{service}.something_new.v1")
    await at.publish("erp.events", f"{service}.log_stated.v1")
    await at.publish("erp.again", f"crm.{service}.something_new.v1")
    await at.publish("erp.commands", f"{at.other}.say_again.v1")
    await at.on_queue(f"{service}.events", lambda queue: queue.purge())  # it may read it, so empty it too
    await at.on_queue(f"{service}.parking", lambda queue: queue.get(fail=False))
    await at.sql("insert into relay_cursor (company, published) values ('C', 0); update relay_cursor set published = 1")
    await at.sql("delete from pending")


@pytest.fixture
def shop(servers: Servers, footholds: dict[str, Foothold]) -> Foothold:
    """Another company's system."""
    virtual_host = urlsplit(footholds["order"].broker).path
    return Foothold("shop", "", urlunsplit(urlsplit(servers.users["shop"])._replace(path=virtual_host)), "")


async def test_a_shop_may_ask_and_hear_what_came_of_it(shop: Foothold) -> None:
    await shop.publish("erp.commands", "order.place_order.v1")
    for key in ("order.order_placed.v1", "crm.command_rejected.v1"):
        await shop.declare("shop.mine", key)


@pytest.mark.parametrize("key", ["crm.customer_registered.v1", "accounting.books_opened.v1", "#", "*.*.*"])
async def test_a_shop_hears_nothing_else(shop: Foothold, key: str) -> None:
    assert not await allowed(partial(shop.declare, "shop.mine", key))


@pytest.mark.parametrize(("exchange", "key"), [
    ("erp.commands", "order.say_again.v1"), ("erp.commands", "crm.say_again.v1"), ("erp.again", "crm.order.x.v1"),
    ("erp.events", "order.order_placed.v1"), ("", "order.commands"), ("erp.dead", "order.parking"),
])
async def test_a_shop_says_nothing_else(shop: Foothold, exchange: str, key: str) -> None:
    assert not await allowed(partial(shop.publish, exchange, key))


async def test_a_shop_has_only_queues_of_its_own_name(shop: Foothold) -> None:
    assert not await allowed(partial(shop.declare, "order.mine"))
