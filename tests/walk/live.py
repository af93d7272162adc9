"""All services in one process with their real loops, on real databases and a real RabbitMQ: relay, consumer, doors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, open_pool
from shared.events import Command
from shared.events.accounting import OpenBooks
from shared.relay import Relay
from shared.service import Service
from shared.settings import Settings
from shared.testing import ask, fresh_database
from shared.topology import keep
from tests.shared.waits import until
from tests.walk.bus import NAMES, ROOT
from tests.walk.trade import Trade
from tools import checker
from tools.servers.users import user_in


class Station:
    """One service of the company: its database, and its loops, which may be stopped and started again."""

    def __init__(self, service: Service, url: str, pool: Pool, rabbitmq_url: str) -> None:
        self.service, self.url, self.pool = service, url, pool
        self._rabbitmq_url = rabbitmq_url
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Relay, consumer and queue door, as `serve` does."""
        # One user for all: a broker that loses all its data loses its users too.
        user = user_in(self._rabbitmq_url)
        users = dict.fromkeys(NAMES, user)
        relay = Relay(self.service.name, self.url, self._rabbitmq_url, user)
        self.service.on_commit = relay.wake
        settings = Settings(
            database_url=SecretStr(self.url), rabbitmq_url=SecretStr(self._rabbitmq_url),
            jwt_public_key_file=Path("unused"), service_users=users,
        )
        loops = (
            relay.run(), Consumer(self.service, self.pool, self._rabbitmq_url, users=users).run(),
            QueueDoor(self.service, self.pool, settings).run(),
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """End the loops; a batch in hand is finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def reopen(self) -> None:
        """Take up another database of the same name."""
        self.pool.terminate()
        self.pool = await open_pool(self.url, size=5)


class Company:
    """Asks services for things while everything runs; has what `tests.walk.trade.Trade` needs."""

    def __init__(self, stations: dict[str, Station]) -> None:
        self.stations = stations

    async def do(self, command: Command, *, company: str = "C1", actor: str = "anna") -> list[dict[str, Any]]:
        """Ask until it is done: a service may not have heard yet what another one said a moment ago."""
        station = self.stations[command.owner]

        async def asked() -> Any:
            return await ask(station.pool, station.service, command, company=company, actor=actor)

        answer = await until(command.type, asked, lambda answer: answer.ok, seconds=60)
        events: list[dict[str, Any]] = answer.events
        return events

    async def open_books(self, company: str = "C1", **changes: Any) -> None:
        await self.do(OpenBooks.model_validate(
            {"name": company, "vat_rate": "0.13", "opened_on": "2017-01-01"} | changes), company=company)

    async def until_quiet(self) -> None:
        """Until everything that was said was heard and published."""
        urls = {name: station.url for name, station in self.stations.items()}
        await until("all is quiet", lambda: checker.backlog(urls), lambda backlog: backlog.quiet, seconds=120)

    async def check(self) -> checker.Report:
        """The independent checker's report."""
        return await checker.check({name: station.url for name, station in self.stations.items()})


async def begin(live: Company, *orders: str) -> None:
    """Stock, and orders that are walked to their end."""
    trade = Trade(live)  # type: ignore[arg-type]
    await trade.begin()
    await trade.receive("R-1", "100", "10")
    for order_id in orders:
        await trade.walk(order_id)
    await live.until_quiet()


@asynccontextmanager
async def company(rabbitmq_url: str) -> AsyncIterator[Company]:
    """All services run, and their topology is kept up."""
    async with AsyncExitStack() as stack:
        stations = {}
        for name in NAMES:
            service = import_module(f"services.{name}.handlers").service
            url = await stack.enter_async_context(fresh_database(ROOT / name))
            stations[name] = Station(service, url, await open_pool(url, size=5), rabbitmq_url)
        keepers = [asyncio.create_task(keep(station.service, rabbitmq_url)) for station in stations.values()]
        try:
            for station in stations.values():
                station.start()
            yield Company(stations)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, *(s.stop() for s in stations.values()), return_exceptions=True)
            for station in stations.values():
                station.pool.terminate()
