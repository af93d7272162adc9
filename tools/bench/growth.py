"""`growth`: how much slower posting and reading are with ten million lines in the ledger than with ten thousand.

Real vouchers are posted and copied into every month of two years, into the large ledger a thousand times more often.
The triggers check the copies as they check every posting.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tools.bench import copies
from tools.bench.books import Books, WrongError, books
from tools.bench.line import Line
from tools.bench.size import runs
from tools.bench.stage import COMPANY
from tools.bench.story import EVENTS_PER_ORDER, Teller, messages
from tools.checker import ledger
from tools.checker.databases import Databases
from tools.demo.doors import HttpDoor
from tools.servers import Servers

LINES = 10_000_000
ORDERS, ORDER_LINES = 20, 9  # of what is copied; a basket of the demo's data has nine lines on average
LINES_PER_COPY = ORDERS * (12 + ORDER_LINES)
ENTRIES = 2 + ORDERS * EVENTS_PER_ORDER  # of the journal, with the two of the books' opening
POSTED_ORDERS = 2500
READS = 50  # of each page
PERIOD, ACCOUNT = "2025-06", "1405"
PAGES = {"trial_balance": "/trial-balance", "page": f"/accounts/{ACCOUNT}/ledger"}


async def measure(servers: Servers, scale: float) -> list[Line]:
    """The same is posted to and read from both ledgers by turns."""
    lines = int(os.environ.get("GROWTH_LINES") or max(20_000, LINES * scale))
    async with books(servers) as small:
        teller = Teller()
        await small.take_in(messages(teller.orders(ORDERS, lines=ORDER_LINES)), ORDERS * EVENTS_PER_ORDER)
        await copies.add(small.database, ENTRIES, 0, copies.MONTHS)
        async with _large(small, servers, lines) as large:
            orders = max(200, round(POSTED_ORDERS * scale))
            posting = await _posting(small, large, teller, orders, runs(scale))
            reading = await _reading(small, large)
            await _check(large)
            count = await large.database.fetchval("select count(*) from voucher_line")
    slowdown = {"posting": posting, **reading}
    return [Line("growth", {"growth": min(slowdown.values()), **slowdown}, (f"{count} lines in the large ledger",))]


@asynccontextmanager
async def _large(small: Books, servers: Servers, lines: int) -> AsyncIterator[Books]:
    """Another accounting on a database that begins as the small one, and then gets all the lines."""
    name = urlsplit(small.stage.databases["accounting"].url).path[1:]
    administrator = await asyncpg.connect(servers.database_url)
    await small.database.close()  # a database is copied only while nobody uses it
    try:
        await administrator.execute(f'create database "{name}_large" template "{name}" owner "{name}_owner"')
        url = _at(small.url, f"{name}_large")
        small.database, database = [await asyncpg.connect(one, command_timeout=600) for one in (small.url, url)]
        small.stage.twin("accounting", "large", _at(small.stage.databases["accounting"].url, f"{name}_large"))
        await copies.add(database, ENTRIES, copies.MONTHS, lines // LINES_PER_COPY)
        for one in (small.database, database):
            await copies.tidy(one, servers.database_url)
        yield Books(small.stage, database, url, "large")
        await database.close()
    finally:
        await administrator.execute(f'drop database if exists "{name}_large" with (force)')
        await administrator.close()


async def _posting(small: Books, large: Books, teller: Teller, orders: int, times: int) -> float:
    """How fast the large ledger takes the same events in, compared with the small one."""
    rates: dict[Books, list[float]] = {small: [], large: []}
    for _ in range(times):
        told = messages(teller.orders(orders))
        for one, found in rates.items():
            found.append((await one.post(told, len(told))).vouchers)
    return median(rates[large]) / median(rates[small])


async def _reading(small: Books, large: Books) -> dict[str, float]:
    """How fast each page of the large ledger is read, compared with the small one."""
    there = small.stage
    seconds: dict[tuple[str, str], list[float]] = {}
    async with there.running(small.member, large.member):
        doors = {one.member: HttpDoor({"accounting": [there.member(one.member).url]}, there.tokens)
                 for one in (small, large)}
        for _ in range(READS):
            for page, path in PAGES.items():
                for member, door in doors.items():
                    began = perf_counter()
                    await door.read("accounting", path, period=PERIOD)
                    seconds.setdefault((page, member), []).append(perf_counter() - began)
        for door in doors.values():
            await door.close()
    return {page: median(seconds[page, small.member]) / median(seconds[page, large.member]) for page in PAGES}


async def _check(large: Books) -> None:
    """What was copied is a ledger: WrongError unless it balances, has gapless numbers, and sums that are its lines."""
    alone = Databases(None, None, large.database, None, (COMPANY,))
    for look in (ledger.balance, ledger.numbers, ledger.period_balances):
        if not (finding := await look(alone)).ok:
            raise WrongError(str(finding))


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
