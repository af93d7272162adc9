"""`latency`: from the answer of place-order to its voucher being readable, with so many orders placed a second."""

import asyncio
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import UUID

from tools.bench.books import LIMIT_SECONDS, WrongError
from tools.bench.line import Line
from tools.bench.stage import COMPANY, stage
from tools.bench.trade import open_shop, place, until_quiet
from tools.bench.walk import connected
from tools.demo.doors import HttpDoor
from tools.demo.fleet import SERVICES
from tools.servers import Servers

ORDERS_PER_S = 50
SECONDS = 30
WARM = 0.2  # of the orders come before anything is measured
LOOK_SECONDS = 0.002


async def measure(servers: Servers, scale: float) -> list[Line]:
    """Orders come at fixed times, whether or not those before are done: waiting is not left out of the figures."""
    orders = max(50, round(ORDERS_PER_S * SECONDS * scale))
    async with stage(servers) as there, there.running(*SERVICES):
        await open_shop(there)
        async with there.door() as door, connected(there) as database:
            began = perf_counter()
            async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as group:
                watcher = group.create_task(_watch(database, orders))
                placed = [group.create_task(_place(door, n, began + n / ORDERS_PER_S)) for n in range(orders)]
            answered, readable = dict(task.result() for task in placed), watcher.result()
        await until_quiet(there)
    late = [1000 * max(0.0, readable[event] - at) for event, at in answered.items()][round(WARM * orders):]
    cuts, seconds = quantiles(late, n=100), max(answered.values()) - began
    return [Line("latency", {"p50_ms": cuts[49], "p99_ms": cuts[98], "orders_per_s": orders / seconds},
                 (f"{orders} orders", f"looked for every {1000 * LOOK_SECONDS:.0f} ms"))]


async def _place(door: HttpDoor, n: int, at: float) -> tuple[UUID, float]:
    """Place an order at its time; returns the event that it led to, and when the answer came."""
    await asyncio.sleep(at - perf_counter())
    answer = await door.ask(place(n), f"place-{n}")
    if answer.why:
        raise WrongError(answer.why)
    return UUID(answer.events[0]["id"]), perf_counter()


async def _watch(database: Any, orders: int) -> dict[UUID, float]:
    """When the voucher of each order was first seen: by one look after the other at the end of the vouchers."""
    seen: dict[UUID, float] = {}
    last = 0
    while len(seen) < orders:
        rows = await database.fetch(
            """
            select seq, event_id, rule_id from voucher where company = $1 and ledger = 'main' and seq > $2 order by seq
            """,
            COMPANY, last,
        )
        now = perf_counter()
        seen |= {row["event_id"]: now for row in rows if row["rule_id"] == "order-placed"}
        last = rows[-1]["seq"] if rows else last
        await asyncio.sleep(LOOK_SECONDS)
    return seen
