"""All services in one process on real databases: what one says the others hear, without RabbitMQ in between."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from shared import log
from shared.db import Pool, open_pool
from shared.events import Command, Event
from shared.events.accounting import OpenBooks
from shared.inbox import sort_out
from shared.service import Service
from shared.testing import ask, fresh_database
from shared.wire import Raw, headers_of

ROOT = Path(__file__).resolve().parents[2] / "services"
NAMES = ("order", "inventory", "accounting", "crm")
BATCH = 500


class Bus:
    """Asks services for things and carries their events, until nobody has anything more to say."""

    def __init__(self, services: dict[str, Service], pools: dict[str, Pool], urls: dict[str, str]) -> None:
        self.services, self.pools, self.urls = services, pools, urls

    async def do(self, command: Command, *, company: str = "C1", actor: str = "anna") -> list[dict[str, Any]]:
        """Ask, and let everybody hear what came of it; a refusal fails the test."""
        service, pool = self.services[command.owner], self.pools[command.owner]
        answer = await ask(pool, service, command, company=company, actor=actor)
        assert answer.ok, f"{command.type} was refused: {answer.errors}"
        await self.carry()
        return answer.events

    async def carry(self) -> None:
        """Deliver until all logs are published."""
        while any([await self._publish(name) for name in self.services]):
            pass

    async def _publish(self, name: str) -> bool:
        async with self.pools[name].acquire() as connection:
            await log.place(connection, BATCH)
            entries = await log.read_unpublished(connection, name, BATCH)
            messages = [
                Raw(e.envelope.type, headers_of(e.envelope), e.body, str(e.envelope.id), user=name) for e in entries
            ]
            for hearer, service in self.services.items():
                hears = {event.type for event in service.hears()}
                heard, rejected = sort_out([m for m in messages if m.routing_key in hears])
                assert not rejected, rejected
                if heard:
                    await service.receive(self.pools[hearer], heard)
            # one batch at a time, so the last position of each company is its published front
            await log.advance(connection, {e.envelope.company: e.envelope.position or 0 for e in entries})
        return bool(entries)

    async def open_books(self, company: str = "C1", **changes: Any) -> None:
        """Open a company's books with 13 % VAT."""
        wanted = {"name": company, "vat_rate": Decimal("0.13"), "opened_on": date(2017, 1, 1)} | changes
        await self.do(OpenBooks(**wanted), company=company)

    async def balances(self, company: str = "C1", period: str | None = None) -> dict[str, Decimal]:
        """account -> debits minus credits, of all periods or of one; accounts that stand at zero are left out."""
        rows = await self.pools["accounting"].fetch(
            """
            select account, sum(case side when 'D' then amount else -amount end) as balance from voucher_line
            where company = $1 and ($2::text is null or period = $2) group by account
            """,
            company, period,
        )
        return {row["account"]: row["balance"] for row in rows if row["balance"]}

    async def content(self, company: str = "C1") -> dict[tuple[str | None, ...], tuple[Decimal, Decimal]]:
        """What the ledger comes to, by account and dimensions: (amount, quantity), whatever vouchers it came by."""
        rows = await self.pools["accounting"].fetch(
            """
            select account, customer, supplier, product, warehouse, salesperson,
                   sum(case side when 'D' then amount else -amount end) as amount,
                   coalesce(sum(case side when 'D' then quantity else -quantity end), 0) as quantity
            from voucher_line where company = $1
            group by account, customer, supplier, product, warehouse, salesperson
            """,
            company,
        )
        return {tuple(row.values())[:6]: (row["amount"], row["quantity"]) for row in rows
                if row["amount"] or row["quantity"]}

    async def stock(self, sku: str, company: str = "C1") -> tuple[Decimal, Decimal]:
        """(quantity, value) of a product."""
        row = await self.pools["inventory"].fetchrow(
            "select sum(quantity) as quantity, sum(value) as value from stock where company = $1 and sku = $2",
            company, sku,
        )
        assert row is not None
        return row["quantity"], row["value"]

    async def check(self) -> None:
        """Nothing was rejected, nothing waits, and every voucher stands."""
        for name, pool in self.pools.items():
            assert await pool.fetchval("select count(*) from rejected") == 0, f"{name} rejected something"
            assert await pool.fetchval("select count(*) from pending") == 0, f"{name} waits for something"


@asynccontextmanager
async def open_bus() -> AsyncIterator[Bus]:
    """All services on fresh databases."""
    async with AsyncExitStack() as stack:
        services = {name: import_module(f"services.{name}.handlers").service for name in NAMES}
        urls = {name: await stack.enter_async_context(fresh_database(ROOT / name)) for name in NAMES}
        pools = {name: await open_pool(url, size=5) for name, url in urls.items()}
        for pool in pools.values():
            stack.callback(pool.terminate)
        yield Bus(services, pools, urls)


def events_of(events: list[dict[str, Any]], event_type: type[Event]) -> list[dict[str, Any]]:
    """The data of the events of one type in an answer."""
    return [event["data"] for event in events if event["type"] == event_type.type]
