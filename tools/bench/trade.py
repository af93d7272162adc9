"""Orders walk from placing to payment: a lean driver that sends commands and hears what became of them. SYNTHETIC."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from itertools import count
from secrets import token_hex
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from shared.amqp import COMMANDS, EVENTS
from tools import checker
from tools.bench.books import LIMIT_SECONDS, WrongError
from tools.bench.stage import COMPANY, OPEN_BOOKS, Stage
from tools.bench.story import CUSTOMERS, DAY, GROSS, PIECES, PRICE, SKUS
from tools.demo import places
from tools.demo.doors import Ask, HttpDoor
from tools.servers import users

LINES = 3
STOCK = 10_000_000  # pieces of each article
REJECTED = ("order.command_rejected.v1", "inventory.command_rejected.v1")
DONE = "order.order_settled.v1"
PAUSE = 0.05  # until a command is asked again that came before its service had heard what allows it
ATTEMPTS = 12

Send = Callable[[Ask, str], Coroutine[Any, Any, str]]  # returns why it was refused, if that is known at once


def place(n: int) -> Ask:
    """Order `n`; every document of an order has the order's id."""
    lines = [{"sku": f"SKU-{(n + line) % SKUS:03}", "quantity": str(PIECES), "unit_price": str(PRICE)}
             for line in range(LINES)]
    return Ask("order.place_order.v1", "/orders", "sales", {
        "order_id": name(n), "customer_id": f"C-{n % CUSTOMERS:03}", "ordered_on": DAY.isoformat(), "currency": "CNY",
        "lines": lines,
    })


def _ship(n: int) -> Ask:
    return Ask("inventory.ship_goods.v1", "/shipments", "warehouse",
               {"shipment_id": name(n), "order_id": name(n), "shipped_on": DAY.isoformat()})


def _invoice(n: int) -> Ask:
    return Ask("order.issue_invoice.v1", "/invoices", "accountant",
               {"invoice_id": name(n), "order_id": name(n), "issued_on": DAY.isoformat()})


def _pay(n: int) -> Ask:
    return Ask("order.receive_payment.v1", "/payments", "accountant",
               {"payment_id": name(n), "customer_id": f"C-{n % CUSTOMERS:03}", "order_id": name(n),
                "received_on": DAY.isoformat(), "currency": "CNY", "amount": str(GROSS * LINES)})


# What is heard of an order -> what is asked next.
NEXT: Mapping[str, Callable[[int], Ask]] = {
    "order.order_approved.v1": _ship, "order.sale_delivered.v1": _invoice, "order.invoice_issued.v1": _pay,
}


def name(n: int) -> str:
    return f"SO-{n:07}"


def number(subject: str) -> int:
    """The order that `order/SO-0000012` (or its delivery, invoice, command key) is about."""
    return int(subject.partition("/SO-")[2].partition(".")[0])


class Walkers:
    """Keeps so many orders under way until all are done; a refused command is asked again under another key."""

    def __init__(self, send: Send, total: int, under_way: int) -> None:
        self._send, self._total, self._under_way = send, total, under_way
        self._begun = 0
        self._asked: dict[str, Ask] = {}  # all of them: a few thousand
        self._sending: set[asyncio.Task[str]] = set()
        self._failed: list[BaseException] = []
        self._news = asyncio.Event()
        self.done = self.again = 0

    async def walk(self, milestone: int, reached: Callable[[], None]) -> None:
        """Walk all orders; `reached` is called when so many are done."""
        for _ in range(min(self._under_way, self._total)):
            self._begin_one()
        waiting = True
        while self.done < self._total:
            await self._news.wait()
            self._news.clear()
            if self._failed:
                raise self._failed[0]
            if waiting and self.done >= milestone:
                waiting = False
                reached()

    def hear(self, key: str, subject: str) -> None:
        """An event was said."""
        if key in NEXT:
            self._ask(NEXT[key](number(subject)), 0)
        elif key in REJECTED:
            self._ask_again(subject.partition("/")[2])
        elif key == DONE:
            self.done += 1
            self._begin_one()
        self._news.set()

    def _begin_one(self) -> None:
        if self._begun < self._total:
            self._ask(place(self._begun), 0)
            self._begun += 1

    def _ask(self, ask: Ask, attempt: int) -> None:
        document = next(iter(ask.body.values()))
        key = f"{ask.type.split('.')[1]}/{document}.{attempt}"
        self._asked[key] = ask
        task = asyncio.create_task(self._send(ask, key))
        self._sending.add(task)
        task.add_done_callback(lambda done: self._sent(done, key))

    def _sent(self, task: asyncio.Task[str], key: str) -> None:
        self._sending.discard(task)
        if error := task.exception():
            self._failed.append(error)
            self._news.set()
        elif task.result():
            self._ask_again(key)

    def _ask_again(self, key: str) -> None:
        attempt = int(key.rpartition(".")[2]) + 1
        if attempt > ATTEMPTS:
            self._failed.append(WrongError(f"{key} is refused again and again"))
            self._news.set()
            return
        self.again += 1
        asyncio.get_running_loop().call_later(PAUSE * attempt, self._ask, self._asked[key], attempt)


@asynccontextmanager
async def by_queue(there: Stage) -> AsyncIterator[Send]:
    """Commands go out as persistent messages, each confirmed; many wait for their confirms at once."""
    url = there.servers.users["shop"]
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(COMMANDS, ensure=False)

        async def send(ask: Ask, key: str) -> str:
            message = aio_pika.Message(
                json.dumps(ask.body).encode(), content_type="application/json", message_id=key,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT, user_id=users.user_in(url),
                headers={"cloudEvents_company": COMPANY},
            )
            await exchange.publish(message, ask.type)
            return ""

        yield send


@asynccontextmanager
async def by_http(there: Stage) -> AsyncIterator[Send]:
    """Commands go out as requests."""
    async with there.door() as door:

        async def send(ask: Ask, key: str) -> str:
            return (await door.ask(ask, key)).why

        yield send


@asynccontextmanager
async def heard(there: Stage, hear: Callable[[str, str], None]) -> AsyncIterator[None]:
    """Call `hear(type, subject)` for every event that moves an order on; headers only, nothing acknowledged."""
    url = there.servers.users["shop"]
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{users.user_in(url)}.{token_hex(8)}", exclusive=True, auto_delete=True)
        for key in (*NEXT, *REJECTED, DONE):
            await queue.bind(EVENTS, key)

        async def take(message: AbstractIncomingMessage) -> None:
            hear(message.routing_key or "", str(message.headers["cloudEvents_subject"]))

        await queue.consume(take, no_ack=True)
        yield


async def open_shop(there: Stage) -> None:
    """Books, articles with more than enough stock, customers with more than enough credit."""
    skus = [f"SKU-{n:03}" for n in range(SKUS)]
    customers = [{"customer_id": f"C-{n:03}", "name": f"客户 {n}", "credit_limit": "999999999"}
                 for n in range(CUSTOMERS)]
    stock = [{"sku": sku, "quantity": str(STOCK), "value": str(30 * STOCK)} for sku in skus]
    async with there.door() as door:
        for ask in (
            OPEN_BOOKS,
            Ask("inventory.register_products.v1", "/products", "warehouse",
                {"products": [{"sku": sku, "name": sku} for sku in skus]}),
            Ask("crm.register_customers.v1", "/customers", "sales", {"customers": customers}),
            Ask("inventory.open_stock.v1", "/openings", "accountant",
                {"opening_id": "OPEN", "opened_on": DAY.isoformat(), "lines": stock}),
        ):
            await _insist(door, ask)
    await until_quiet(there)


async def until_quiet(there: Stage) -> None:
    """Until all that was said was heard and no queue holds a message."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            waiting = await places.messages(there.servers.rabbitmq_url, ["events", "commands"])
            if not any(waiting.values()) and (await checker.backlog(there.urls)).quiet:
                return
            await asyncio.sleep(0.2)


async def _insist(door: HttpDoor, ask: Ask) -> None:
    """Until it is done: a service may not have heard yet what another one said a moment ago."""
    async with asyncio.timeout(60):
        for attempt in count():
            if not (await door.ask(ask, f"{ask.type}.{attempt}")).why:
                return
            await asyncio.sleep(0.1)
