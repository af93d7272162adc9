"""`walk`: whole orders through all services, by queue and by HTTP; what each service and server takes for an order."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from tools import checker
from tools.bench import machine
from tools.bench.books import LIMIT_SECONDS, WrongError
from tools.bench.line import Line
from tools.bench.stage import COMPANY, Stage, stage
from tools.bench.story import VOUCHERS_PER_ORDER
from tools.bench.trade import Walkers, by_http, by_queue, heard, open_shop, until_quiet
from tools.demo import places
from tools.demo.fleet import SERVICES
from tools.servers import Servers

ORDERS, BY_HTTP = 3000, 1500
UNDER_WAY = 200
WARM = 0.2  # of the orders are walked before anything is measured


async def measure(servers: Servers, scale: float) -> list[Line]:
    """By queue and by HTTP, each on fresh databases."""
    return [
        await _walk(servers, "walk", max(60, round(ORDERS * scale))),
        await _walk(servers, "walk-http", max(60, round(BY_HTTP * scale))),
    ]


@dataclass
class Meter:
    """CPU seconds of everything that works, by name, and our own as `driver`."""

    there: Stage
    before: Mapping[str, float] = field(default_factory=dict)

    def start(self) -> None:
        self.before = self._now()

    def per_order(self, orders: int) -> dict[str, float]:
        """Milliseconds of each since the start, divided by orders."""
        return {name: 1000 * (now - self.before[name]) / orders for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        processes = machine.pids(self.there.servers, self.there.fleet)
        return {name: machine.cpu_seconds(pid) for name, pid in processes.items()} | {"driver": time.process_time()}


async def _walk(servers: Servers, part: str, orders: int) -> Line:
    under_way, warm = min(UNDER_WAY, orders // 4), round(WARM * orders)
    async with stage(servers) as there, there.running(*SERVICES):
        await open_shop(there)
        meter, door = Meter(there), by_http if part == "walk-http" else by_queue
        async with door(there) as send:
            walkers = Walkers(send, orders, under_way)
            async with asyncio.timeout(LIMIT_SECONDS), heard(there, walkers.hear):
                await walkers.walk(warm, meter.start)
        await until_quiet(there)
        taken = meter.per_order(orders - warm)
        await _check(there, orders)
        paid, vouchers = await _rates(there, warm, orders - under_way)
    milliseconds = ", ".join(f"{name} {spent:.1f}" for name, spent in taken.items())
    notes = (f"{orders} orders, {under_way} under way", f"CPU ms per order: {milliseconds}",
             f"{walkers.again} commands came too early and were asked again")
    return Line(part, {"orders_per_s": paid, "vouchers_per_s": vouchers}
                | {f"{name}_ms": spent for name, spent in taken.items()}, notes)


async def _check(there: Stage, orders: int) -> None:
    """A fast wrong answer counts for nothing: WrongError unless the independent checker finds all in order."""
    parked = sum((await places.messages(there.servers.rabbitmq_url, ["parking"])).values())
    found = await checker.check(there.urls, parked)
    wrong = [str(finding) for finding in found.findings if not finding.ok]
    async with connected(there) as database:
        vouchers = await database.fetchval("select count(*) from voucher where rule_id <> 'stock-opened'")
    if vouchers != orders * VOUCHERS_PER_ORDER:
        wrong.append(f"{vouchers} vouchers of {orders} orders")
    if wrong:
        raise WrongError("; ".join(wrong))


async def _rates(there: Stage, first: int, last: int) -> tuple[float, float]:
    """Orders and vouchers a second at the end of the pipe, from the posting of one payment to that of another."""
    async with connected(there) as database:
        posted = await database.fetch(
            "select posted_at from voucher where company = $1 and rule_id = 'payment-received' order by seq", COMPANY
        )
        begin, end = posted[first]["posted_at"], posted[last - 1]["posted_at"]
        vouchers = await database.fetchval(
            "select count(*) from voucher where company = $1 and posted_at >= $2 and posted_at < $3",
            COMPANY, begin, end,
        )
    paid = sum(begin <= row["posted_at"] < end for row in posted)
    return paid / _seconds(begin, end), vouchers / _seconds(begin, end)


def _seconds(begin: datetime, end: datetime) -> float:
    if begin == end:
        raise WrongError("all payments were posted in one batch: too few orders to measure")
    return (end - begin).total_seconds()


@asynccontextmanager
async def connected(there: Stage) -> AsyncIterator[Any]:
    """Accounting's database."""
    database = await asyncpg.connect(there.databases["accounting"].owner_url, command_timeout=600)
    try:
        yield database
    finally:
        await database.close()
