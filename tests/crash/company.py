"""A company whose services run here, all pieces but the one under test, and the record of what became of an order."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from aio_pika.abc import AbstractIncomingMessage

from shared import log
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, open_pool
from shared.events import Command
from shared.events.accounting import OpenBooks
from shared.events.crm import RegisterCustomers
from shared.events.inventory import OpenStock, RegisterProducts, ShipGoods
from shared.events.order import CancelOrder, PlaceOrder, ReceivePayment
from shared.healing import Statement
from shared.log import correlation_of
from shared.pace import LONGEST_SECONDS
from shared.relay import Relay
from shared.service import Service
from shared.testing import ask, fresh_database
from shared.wire import Raw, headers_of
from tests.crash.pieces import UNPUBLISHED, Job, Request
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.waits import beside, until
from tools.checker import Report, check

SERVICES = Path(__file__).resolve().parents[2] / "services"
NAMES = ("order", "inventory", "accounting", "crm")
COMPANY = "C1"
DAY = date(2026, 3, 2)
POLL_SECONDS = 0.02
WAIT_SECONDS = 60

Record = dict[str, Any]


class Company:
    """Asks for things, and knows which orders are approved and not yet shipped."""

    def __init__(self, rabbit: Rabbit, urls: dict[str, str], pools: dict[str, Pool]) -> None:
        self.rabbit, self.urls, self.pools = rabbit, urls, pools
        self.services: dict[str, Service] = {n: import_module(f"services.{n}.handlers").service for n in NAMES}
        self.approved: deque[str] = deque()

    @asynccontextmanager
    async def without(self, *sleeping: str) -> AsyncIterator[None]:
        """Run every relay, consumer and queue door but these."""
        pieces: dict[str, Relay | Consumer | QueueDoor] = {}
        for name, service in self.services.items():
            pieces[f"{name} relay"] = Relay(
                name, self.urls[name], self.rabbit.users[name], self.rabbit.name_of(name), poll_seconds=POLL_SECONDS)
            pieces[f"{name} consumer"] = Consumer(
                service, self.pools[name], self.rabbit.users[name], users=self.rabbit.services)
            pieces[f"{name} queue door"] = QueueDoor(
                service, self.pools[name], settings_for(self.rabbit, url=self.rabbit.users[name]))
        async with beside(*(running.run() for name, running in pieces.items() if name not in sleeping)):
            yield

    # -- what it does -------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Books, a product in stock, a customer with credit."""
        for service in self.services.values():
            await self.rabbit.topology(service)
        async with self.without():
            await self.ask(OpenBooks(name="Crash", vat_rate=Decimal("0.13"), opened_on=DAY))
            await self.until_published()
            await until("the books are known", self._knows_the_books, bool, WAIT_SECONDS)
            await self.ask(RegisterProducts.model_validate({"products": [{"sku": "TEA", "name": "茶"}]}))
            await self.ask(RegisterCustomers.model_validate(
                {"customers": [{"customer_id": "K1", "name": "客户", "credit_limit": "100000000"}]}))
            lines = [{"sku": "TEA", "quantity": "100000", "value": "700000"}]
            await self.ask(OpenStock.model_validate({"opening_id": "O1", "opened_on": DAY, "lines": lines}))
            await until("the customer is known", self._knows_the_customer, bool, WAIT_SECONDS)
            await self.until_published()

    async def get_ready(self, name: str, orders: int) -> None:
        """Orders that may be shipped."""
        async with self.without():
            fresh = [f"{name}-ready-{n}" for n in range(orders)]
            for order_id in fresh:
                await self.ask(place(order_id))
            await self.until_ended(dict.fromkeys(fresh, "approved"))
            await self.until_all_heard()
        self.approved.extend(fresh)

    async def ask(self, command: Command) -> None:
        answer = await ask(self.pools[command.owner], self.services[command.owner], command, company=COMPANY)
        assert answer.ok, answer.errors

    async def send(self, command: Command, key: str) -> None:
        """Ask by queue."""
        await self.rabbit.ask(command, key, company=COMPANY)

    async def say_reversed(self, owner: str) -> None:
        """Be the relay of a service, but publish what it has to say backwards."""
        async with self.pools[owner].acquire() as connection:
            await log.place(connection, 100)
            entries = await log.read_unpublished(connection, owner, 100)
            messages = [Raw(e.envelope.type, headers_of(e.envelope), e.body, str(e.envelope.id)) for e in entries]
            await self.rabbit.say_raw(owner, messages[::-1])
            await log.advance(connection, {COMPANY: max(e.envelope.position or 0 for e in entries)})

    async def lose(self, owner: str) -> tuple[int, int]:
        """What a service has to say counts as published, and reaches nobody; from which position to which."""
        async with self.pools[owner].acquire() as connection:
            await log.place(connection, 100)
            lost = [e.envelope.position or 0 for e in await log.read_unpublished(connection, owner, 100)]
            await log.advance(connection, {COMPANY: lost[-1]})
        return lost[0], lost[-1]

    async def notice(self, hearer: str, owner: str) -> None:
        """Let a service compare what it has heard with what another one has said; something is missing."""
        async with self.pools[owner].acquire() as connection:
            (row,) = await log.count_up(connection, [COMPANY])
        stated = Statement(owner, COMPANY, row["position"], row["counts"], datetime.now(UTC), asked_for=True)
        await self.services[hearer].compare(self.pools[hearer], [stated])

    async def listen(self, queue: str, exchange: str, key: str) -> None:
        """From now on a queue of the test's own gets this; what an earlier turn left in it is gone."""
        await self.rabbit.queue(queue)
        await self.rabbit.bind(queue, exchange, key)
        await self.take_all(queue)

    async def take_all(self, queue: str) -> list[AbstractIncomingMessage]:
        """Whatever is in a queue of the test's own."""
        return [*await self.rabbit.take(queue, await self.rabbit.count(queue))]

    async def job(self, piece: str, batch: int, request: Request) -> Job | None:
        """What this piece, which does not run, finds to do; None if its queue is empty."""
        service, _, kind = piece.partition(" ")
        messages = 0
        if kind in ("consumer", "queue door"):
            queue = f"{service}.{'events' if kind == 'consumer' else 'commands'}"
            messages = await self._left_in(queue)
            if not messages:
                return None
        return Job(service, kind, self.urls[service], self.rabbit.users[service], self.rabbit.services,
                   self.rabbit.user, messages, batch, request)

    async def _left_in(self, queue: str) -> int:
        """The messages of a queue, as soon as its dead consumer has given back what it held."""
        seen = await until(f"nobody consumes {queue}", lambda: self._declared(queue), lambda r: r.consumer_count == 0,
                           WAIT_SECONDS)
        return int(seen.message_count)

    async def _declared(self, queue: str) -> Any:
        return (await self.rabbit.channel.declare_queue(queue, passive=True)).declaration_result

    # -- what became of it --------------------------------------------------------------------------------------------

    async def until_published(self, but: str = "") -> None:
        """Until every log is published, but that of the one service whose relay does not run."""
        for name, pool in self.pools.items():
            if name == but:
                continue
            await _until_count(f"{name} has said everything", pool, 0, UNPUBLISHED)

    async def until_state(self, order_id: str, state: str) -> None:
        sql = "select count(*) from sales_order where order_id = $1 and state = $2"
        await _until_count(f"{order_id} is {state}", self.pools["order"], 1, sql, order_id, state)

    async def until_ended(self, orders: Mapping[str, str], but: str = "") -> None:
        """Until each order has the state in which it ends, and all is published."""
        for order_id, state in orders.items():
            await self.until_state(order_id, state)
        await self.until_published(but)

    async def until_all_heard(self) -> None:
        """Until everybody has heard whatever concerns them, nobody misses anything, and every queue is empty."""
        async def behind() -> int:
            await self.until_published()
            return sum([await self._unheard(name) for name in NAMES])

        await until("everybody has heard everything", behind, lambda events: events == 0, WAIT_SECONDS)
        for name, pool in self.pools.items():
            await _until_count(f"{name} misses nothing", pool, 0, "select count(*) from hole")
        for name, kind in product(NAMES, ("events", "commands")):
            await until(f"{name}.{kind} is empty", partial(self._declared, f"{name}.{kind}"),
                        lambda queue: queue.message_count == 0, WAIT_SECONDS)
        for name, pool in self.pools.items():
            await _until_count(f"{name} has said everything again", pool, 0, "select count(*) from say_again")
        await asyncio.sleep(2 * LONGEST_SECONDS)  # what was delivered while a consumer rested is taken by now

    async def _unheard(self, hearer: str) -> int:
        types = [event.type for event in self.services[hearer].hears()]
        said = [await pool.fetchval("select count(*) from event where type = any ($1)", types)
                for pool in self.pools.values()]
        return int(sum(said) - await self.pools[hearer].fetchval("select count(*) from inbox"))

    async def until_said(self, event_type: str, order_id: str) -> None:
        sql = "select count(*) from event where type = $1 and correlation_id = $2"
        pool, walk = self.pools[event_type.partition(".")[0]], correlation_of(COMPANY, f"order/{order_id}")
        await _until_count(f"{event_type} of {order_id}", pool, 1, sql, event_type, walk)

    async def _knows_the_books(self) -> bool:
        return all([await self.pools[n].fetchval("select count(*) from company") for n in ("order", "inventory")])

    async def _knows_the_customer(self) -> bool:
        pool = self.pools["order"]
        return bool(await pool.fetchval("select count(*) from customer") and
                    await pool.fetchval("select count(*) from product"))

    async def record(self, order_id: str) -> Record:
        """All that there is of an order in every service, under a name that is the same for each."""
        walks = [correlation_of(COMPANY, f"{kind}/{order_id}") for kind in ("order", "payment")]
        logs = {name: await pool.fetch(SAID, walks) for name, pool in self.pools.items()}
        ids = [row["id"] for rows in logs.values() for row in rows]
        found: Record = {
            "said": {name: _plain(rows, "id") for name, rows in logs.items()},
            "heard": {name: _plain(await pool.fetch(HEARD, ids)) for name, pool in self.pools.items()},
            "journal": _plain(await self.pools["accounting"].fetch(JOURNAL, ids)),
            "vouchers": _plain(await self.pools["accounting"].fetch(VOUCHERS, ids)),
            "order": _plain(await self.pools["order"].fetch(ORDER, order_id)),
            "page": _plain(await self.pools["crm"].fetch(PAGE, order_id)),
            "asked": {name: await pool.fetchval(ASKED, f"%{order_id}\"%") for name, pool in self.pools.items()},
        }
        renamed: Record = json.loads(json.dumps(found, default=str).replace(order_id, "*"))
        return renamed

    async def clear_rejected(self, service: str, expected: int) -> None:
        """Look at what was rejected, as an operator does: each message once."""
        bodies = [row["body"] for row in await self.pools[service].fetch("delete from rejected returning body")]
        assert len(bodies) == len(set(bodies)) == expected

    async def check(self) -> Report:
        """The independent checker's word on all four databases, and on what the broker has left."""
        parked = 0
        for name in NAMES:
            for kind in ("events", "commands"):
                assert await self._left_in(f"{name}.{kind}") == 0, f"{name}.{kind}"
            parked += await self._left_in(f"{name}.parking")
        return await check(self.urls, parked)


SAID = """
select id, subject, version, type, convert_from(body, 'UTF8') as body from event where correlation_id = any ($1)
order by subject, version
"""
HEARD = "select source, subject, version from inbox where event_id = any ($1) order by 1, 2, 3"
JOURNAL = """
select event_type, source, facts, none_en from journal where event_id = any ($1) order by event_type, facts::text
"""
VOUCHERS = """
select v.event_type, v.rule_id, v.part, v.word, v.summary, l.line, l.account, l.side, l.amount, l.quantity
from voucher v join voucher_line l using (company, ledger, seq) where v.event_id = any ($1)
order by v.event_type, v.summary, v.rule_id, v.part, l.line
"""
ORDER = """
select o.state, o.gross, l.quantity, l.delivered, l.delivered_net, l.delivered_tax
from sales_order o join order_line l using (company, order_id) where order_id = $1 order by l.line
"""
PAGE = """
select state, quantity, gross, settled_at is null as open, shipped, delivered, returned, invoiced, paid
from customer_order where order_id = $1
"""
ASKED = "select count(*) from command where answer::text like $1"


async def _until_count(what: str, pool: Pool, wanted: int, sql: str, *args: Any) -> None:
    await until(what, lambda: pool.fetchval(sql, *args), lambda found: found == wanted, WAIT_SECONDS)


def _plain(rows: Sequence[Any], *left_out: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


def place(order_id: str) -> PlaceOrder:
    lines = [{"sku": "TEA", "quantity": "3", "unit_price": "33.33"}, {"sku": "TEA", "quantity": "1", "unit_price": "9"}]
    return PlaceOrder.model_validate(
        {"order_id": order_id, "customer_id": "K1", "ordered_on": DAY, "currency": "CNY", "lines": lines})


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(order_id=order_id, cancelled_on=DAY, reason="changed their mind")


def pay(order_id: str) -> ReceivePayment:
    return ReceivePayment.model_validate(
        {"payment_id": order_id, "customer_id": "K1", "order_id": order_id, "received_on": DAY, "currency": "CNY",
         "amount": "50.00"})


def ship(order_id: str) -> ShipGoods:
    return ShipGoods.model_validate({"shipment_id": order_id, "order_id": order_id, "shipped_on": DAY, "lines": []})


@asynccontextmanager
async def open_company(rabbit: Rabbit) -> AsyncIterator[Company]:
    """Fresh databases for a company that has not begun."""
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(fresh_database(SERVICES / name)) for name in NAMES}
        pools = {}
        for name, url in urls.items():
            pools[name] = await open_pool(url, size=4)
            stack.callback(pools[name].terminate)
        yield Company(rabbit, urls, pools)
