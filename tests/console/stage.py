"""A company that really works, by HTTP: every service with its loops and its door, and the console with its pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter, FastAPI

from services.console import store
from services.console.client import Client
from services.console.domain.roles import ROLES
from services.console.handlers import service as console
from services.console.identity import hashed
from services.console.issuer import Issuer
from services.console.pages import add_pages
from shared.db import Pool, open_pool
from shared.testing import fresh_database
from shared.topology import keep
from tests.shared.front import KEY, app_of, served
from tests.shared.waits import beside
from tests.walk.bus import NAMES, ROOT
from tests.walk.live import Company, Station
from tests.walk.live import company as running_company
from tests.walk.trade import Trade

COMPANY = "C1"
PASSWORD = "a long sentence 1"
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Stage:
    """`url` is the console's; each role has an account of its name, each with the same password."""

    url: str
    live: Company
    trade: Trade
    pool: Pool
    app: FastAPI
    issuer: Issuer


@asynccontextmanager
async def stage(rabbitmq_url: str) -> AsyncIterator[Stage]:
    """Everything runs, the books are open, and there is a product, a supplier and a customer."""
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(running_company(rabbitmq_url))
        urls = {name: await stack.enter_async_context(served(_door(live, name))) for name in NAMES}
        url = await stack.enter_async_context(fresh_database(ROOT / "console"))
        pool = await open_pool(url, size=8)
        stack.callback(pool.terminate)
        keeper = asyncio.create_task(keep(console, rabbitmq_url))
        stack.callback(keeper.cancel)
        station = Station(console, url, pool, rabbitmq_url)
        station.start()
        stack.push_async_callback(station.stop)
        app = app_of(console, APIRouter(), pool)
        issuer = Issuer(PRIVATE, "fenlu", "fenlu")
        add_pages(app, Client(urls, issuer), https=False, zone=ZoneInfo("Asia/Shanghai"), feed_days=400)
        await stack.enter_async_context(beside(app.state.feed.run()))
        await _make_accounts(pool)
        console_url = await stack.enter_async_context(served(app))
        trade = Trade(live)  # type: ignore[arg-type]
        await trade.begin()
        yield Stage(console_url, live, trade, pool, app, issuer)


def _door(live: Company, name: str) -> FastAPI:
    station = live.stations[name]
    return app_of(station.service, import_module(f"services.{name}.api").router, station.pool)


async def _make_accounts(pool: Pool) -> None:
    """One hash for all: to make it takes long, on purpose."""
    password, now = await hashed(PASSWORD), datetime.now(UTC)
    for role, title in ROLES.items():
        assert await store.insert_account(pool, role, COMPANY, title.zh, password, [role], "test", now)
        assert await store.insert_account(pool, f"second.{role}", COMPANY, title.zh, password, [role], "test", now)
