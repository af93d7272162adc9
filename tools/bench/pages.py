"""`pages`: what a browser loads first, and how long a list page of the console takes beside its bare SQL, with a
million vouchers in the ledger."""

import asyncio
import gzip
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from itertools import product
from statistics import quantiles
from time import perf_counter
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx2
from yarl import URL

from services.accounting import views
from services.accounting.store import LEDGER
from services.accounting.views import listing
from services.accounting.views.books import Book, account_ledger
from services.console import views as sessions
from shared.db import Db, open_pool
from tools.bench import copies
from tools.bench.books import Books, WrongError, books
from tools.bench.line import Line
from tools.bench.stage import COMPANY
from tools.bench.story import EVENTS_PER_ORDER, Teller, messages
from tools.demo.browser import signed_in
from tools.demo.fleet import ROOT
from tools.servers import Servers

VOUCHERS = 1_000_000
ORDERS = 20
READS = 300  # of each page
PERIOD, ACCOUNT = "2025-06", "1405"
NAME = "bench"

Bare = Callable[[Book], Awaitable[Any]]


def _vouchers(word: str = "", order: listing.Order = "-number", after: str | None = None) -> Bare:
    async def bare(book: Book) -> None:
        await listing.periods_with_vouchers(book)
        await listing.vouchers(book, PERIOD, word, None, order, after, 50)

    return bare


async def _ledger(book: Book) -> None:
    await listing.periods_with_vouchers(book)
    await account_ledger(book, ACCOUNT, PERIOD, {}, None)


# The address of a list page -> the SQL without which it cannot be.
LISTS: dict[str, Bare] = {
    f"/vouchers?period={PERIOD}": _vouchers(),
    f"/vouchers?period={PERIOD}&word=备&sort=number": _vouchers("备", "number"),
    f"/vouchers?period={PERIOD}&sort=-date": _vouchers("", "-date"),
    f"/vouchers?period={PERIOD}&after=记:2000": _vouchers("", "-number", "记:2000"),
    f"/books/ledger?period={PERIOD}&account={ACCOUNT}": _ledger,
}


async def measure(servers: Servers, scale: float) -> list[Line]:
    """The same lists are read through the console and from the database by turns."""
    async with books(servers, also=["console"]) as large:
        await large.take_in(messages(Teller().orders(ORDERS, lines=3)), ORDERS * EVENTS_PER_ORDER)
        entries = 2 + ORDERS * EVENTS_PER_ORDER
        each = await large.database.fetchval("select count(*) from voucher")
        await copies.add(large.database, entries, 0, max(copies.MONTHS, round(VOUCHERS * scale / each)))
        await copies.tidy(large.database, servers.database_url)
        count = await large.database.fetchval("select count(*) from voucher")
        there = large.stage
        async with there.running("accounting"), there.running("console"):
            password = await asyncio.to_thread(_password, large)
            with signed_in(there.member("console").url, NAME, password) as browser:
                first = _first_load(browser)
                cookies = dict(browser.cookies)
            found = await _read(large, cookies)
    listed, bare = _p95([page for pages, _ in found.values() for page in pages]), _p95([
        sql for _, bare in found.values() for sql in bare])
    figures = {"first_load_kb": first / 1000, "list_p95_ms": listed, "sql_p95_ms": bare, "ratio": listed / bare}
    each = ", ".join(f"`{path}` {_p95(pages):.1f} : {_p95(bare):.1f}" for path, (pages, bare) in found.items())
    return [Line("pages", figures, (f"{count} vouchers in the ledger", f"each list to its SQL in ms: {each}"))]


def _password(large: Books) -> str:
    """Of a new account at the console that may see all lists."""
    done = subprocess.run(
        [sys.executable, "-m", "services.console", "account", "add", NAME, "--company", COMPANY, "--role",
         "chief_accountant"],
        cwd=ROOT, env=dict(large.stage.member("console").environment), capture_output=True, text=True, check=True,
    )
    return done.stdout.split()[-1]


def _first_load(browser: httpx2.Client) -> int:
    """The bytes on the way of the home page with everything that it names, into an empty browser."""
    home = browser.get("/")
    names = {name.partition("#")[0] for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', home.text)}
    files = [browser.get(name) for name in sorted(names)]
    if wrong := [answer.url for answer in (home, *files) if answer.status_code != httpx2.codes.OK]:
        raise WrongError(f"not there: {wrong}")
    return sum(answer.num_bytes_downloaded for answer in (home, *files))


async def _read(large: Books, cookies: Mapping[str, str]) -> dict[str, tuple[list[float], list[float]]]:
    """Of each list, how long its page took, until the last byte was here, and its SQL, in seconds. The SQL of a page
    begins with whose session it is, and which books are read."""
    base, session = large.stage.member("console").url, sha256(cookies["fenlu"].encode()).digest()
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Accept-Encoding": "gzip"}
    found: dict[str, tuple[list[float], list[float]]] = {path: ([], []) for path in LISTS}
    accounting, console = [
        await open_pool(large.stage.databases[name].url, size=1) for name in ("accounting", "console")
    ]
    # What the reader itself takes is no page's time, so it is the one that takes least: its parser is in C.
    async with (
        accounting.acquire() as connection,
        aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as browser,
    ):
        book = Book(Db(connection, COMPANY), LEDGER, "CNY")
        for n, (path, sql) in product(range(READS + 3), LISTS.items()):
            began = perf_counter()
            async with browser.get(URL(base + quote(path, safe="/?&=-"), encoded=True)) as answer:
                content = await answer.read()
            between = perf_counter()
            await sessions.session(console, session)
            await views.book(book.db)
            await sql(book)
            if n >= 3:  # the first ones fill caches and prepare statements
                pages, bare = found[path]
                pages.append(between - began)
                bare.append(perf_counter() - between)
            if answer.status != HTTPStatus.OK or gzip.decompress(content).count(b"<tr") < 20:
                raise WrongError(f"{path} shows no list: {answer.status}")
    await accounting.close()
    await console.close()
    return found


def _p95(seconds: list[float]) -> float:
    """In milliseconds."""
    return 1000 * quantiles(seconds, n=20)[-1]
