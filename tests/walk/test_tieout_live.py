"""Tie-out with everything running: a fault is named within seconds, by itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from services.accounting.handlers.tieout import Comparer
from services.inventory.handlers import subledger as stock_ledger
from services.order.handlers import subledger as sales_ledger
from shared.subledger import Accountant
from shared.testing import as_admin
from tests.shared.waits import beside, until
from tests.walk.live import Company, company
from tests.walk.trade import Trade
from tools.servers import Servers
from tools.servers.users import make_virtual_host


@pytest.fixture
async def live(servers: Servers) -> AsyncIterator[Company]:
    """A company with stock, at a virtual host of its own."""
    if servers.rabbitmq is None:
        pytest.skip("the broker was given, and these queues would be everybody's")
    name, address = f"tieout-{uuid4().hex[:8]}", urlsplit(servers.rabbitmq_url)
    await asyncio.to_thread(make_virtual_host, servers.rabbitmq, name, servers.users)
    user = unquote(address.username or "guest")
    await asyncio.to_thread(servers.rabbitmq.ctl, "set_permissions", "-p", name, user, ".*", ".*", ".*")
    async with company(urlunsplit(address._replace(path=f"/{name}"))) as live, beside(*(o.run() for o in loops(live))):
        trade = Trade(live)  # type: ignore[arg-type]
        await trade.begin()
        await trade.receive("R-1", "100", "10")
        await trade.sell("SO-1", "2")
        yield live
    await asyncio.to_thread(servers.rabbitmq.ctl, "delete_vhost", name)


async def test_a_stock_row_changed_behind_the_services_back_is_named_within_seconds(live: Company) -> None:
    await until("everything agrees", lambda: states(live), lambda found: found == ["agreed"] * 2, seconds=60)
    async with as_admin(live.stations["inventory"].pool, schema_stays=True) as admin:
        await admin.execute("update stock set value = value - 1 where sku = 'TEA'")
    seconds, named = await timed(live)
    assert [(d["role"], d["key"], d["stated"] - d["posted"], d["state"]) for d in named] == [
        ("inventory", "TEA/main", -1, "balance")
    ]
    assert seconds < 15, "from the statement that differed to the answer"
    await live.until_quiet()
    wrong = {finding.name for finding in (await live.check()).findings if not finding.ok}
    assert {"tie_out", "stock"} <= wrong, wrong
    said = "select count(*) from event where type = 'accounting.parting_found.v1'"
    assert await live.stations["accounting"].pool.fetchval(said) == 1


def loops(live: Company) -> list[Any]:
    """What runs beside the doors, in a hurry."""
    order, inventory, accounting = (live.stations[name] for name in ("order", "inventory", "accounting"))
    hurry = {"seconds": 1.0, "idle_seconds": 1.0, "look_seconds": 0.3}
    return [
        Accountant(order.service, order.pool, sales_ledger, **hurry),
        Accountant(inventory.service, inventory.pool, stock_ledger.subledger, **hurry),
        Comparer(accounting.service, accounting.pool),
    ]


async def states(live: Company) -> list[str]:
    """The state of the last statement of each producer, if it holds all that was traded."""
    rows = await live.stations["accounting"].pool.fetch(
        """
        select distinct on (source) source, state from tie_statement
        where exists (select from tie where role = 'inventory' and key = 'TEA/main' and posted = 980)
        order by source, position desc
        """
    )
    return [row["state"] for row in rows]


async def timed(live: Company) -> tuple[float, list[Any]]:
    """What was found, and how long after it was stated."""
    async def look() -> list[Any]:
        rows: list[Any] = await live.stations["accounting"].pool.fetch(
            "select *, extract(epoch from named_at - stated_at)::float as seconds from tie_difference "
            "where state in ('event', 'balance')"
        )
        return rows

    found = await until("the difference is named", look, bool, seconds=60)
    return found[0]["seconds"], found
