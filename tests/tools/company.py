"""A small company for the checker's tests: the three services on real databases, joined without RabbitMQ."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import services.accounting.handlers
import services.inventory.handlers
import services.order.handlers
from shared import log
from shared.db import Pool, open_pool
from shared.events import Command
from shared.events import accounting as acc
from shared.events import inventory as inv
from shared.events import order as ord_
from shared.inbox import sort_out
from shared.service import Service
from shared.testing import ask, fresh_database
from shared.wire import Raw, headers_of

ROOT = Path(services.__path__[0])
SERVICES = {
    "order": services.order.handlers.service,
    "inventory": services.inventory.handlers.service,
    "accounting": services.accounting.handlers.service,
}
DAY = date(2026, 1, 5)


class Company:
    """Asks the services, and carries what they say to each other until nobody says anything more."""

    def __init__(self, pools: dict[str, Pool], name: str) -> None:
        self._pools, self._name = pools, name

    async def do(self, *commands: Command, actor: str = "anna") -> None:
        for command in commands:
            answer = await ask(self._pools[command.owner], SERVICES[command.owner], command, company=self._name,
                               actor=actor)
            assert answer.ok, answer.errors
            await self._settle()

    async def _settle(self) -> None:
        while any([await self._carry(name) for name in SERVICES]):
            pass

    async def _carry(self, source: str) -> bool:
        """Publish what a service said, as its relay would."""
        async with self._pools[source].acquire() as connection:
            await log.place(connection, 1000)
            entries = await log.read_unpublished(connection, source, 1000)
            await log.advance(connection, {e.envelope.company: e.envelope.position or 0 for e in entries})
        raws = [Raw(e.envelope.type, headers_of(e.envelope), e.body, str(e.envelope.id)) for e in entries]
        for name, service in SERVICES.items():
            await _hear(service, self._pools[name], raws)
        return bool(entries)

    async def trade(self) -> None:
        """Orders that end in every way: settled, partly paid and shipped in parts, short, cancelled, rejected."""
        await self.do(
            acc.OpenBooks(name="测试公司", vat_rate=Decimal("0.13"), opened_on=DAY),
            inv.RegisterProducts(products=(inv.NewProduct(sku="A", name="甲"), inv.NewProduct(sku="B", name="乙"))),
            ord_.RegisterCustomers(customers=(ord_.NewCustomer(customer_id="C1", credit_limit=Decimal(10_000)),
                                              ord_.NewCustomer(customer_id="C0", credit_limit=Decimal(0)))),
            inv.OpenStock(opening_id="O1", opened_on=DAY, lines=(_opening("A", 50, "500.01"), _opening("B", 9, "30"))),
            inv.ReceiveGoods(receipt_id="R1", supplier_id="S1", received_on=DAY, lines=(_received("A", 20, "11.5"),)),
            _order("WHOLE", "C1", ("A", 3), ("B", 2)), inv.ShipGoods(shipment_id="S-WHOLE", order_id="WHOLE",
                                                                     shipped_on=DAY),
            ord_.IssueInvoice(invoice_id="I-WHOLE", order_id="WHOLE", issued_on=DAY), _payment("WHOLE", "C1", "113.00"),
            _order("PARTS", "C1", ("A", 3)), _shipment("PARTS", 1), _shipment("PARTS", 2),
            ord_.IssueInvoice(invoice_id="I-PARTS", order_id="PARTS", issued_on=DAY), _payment("PARTS", "C1", "20"),
            _order("OPEN", "C1", ("B", 1)),
            _order("SHORT", "C1", ("B", 100)), _payment("SHORT", "C1", "7.77"),
            _order("STOPPED", "C1", ("A", 4)), _shipment("STOPPED", 1),
            ord_.CancelOrder(order_id="STOPPED", cancelled_on=DAY, reason="changed its mind"),
            _order("REFUSED", "C0", ("A", 1)),
        )
        await self.do(ord_.RejectOrder(order_id="REFUSED", rejected_on=DAY, reason="no credit"), actor="boss")


async def _hear(service: Service, pool: Pool, raws: list[Raw]) -> None:
    heard, rejected = sort_out([raw for raw in raws if raw.routing_key in {event.type for event in service.hears()}])
    if heard or rejected:
        await service.receive(pool, heard, rejected)


@asynccontextmanager
async def traded(*names: str) -> AsyncIterator[dict[str, str]]:
    """Databases with what the companies of these names did; the URL of each service's."""
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(fresh_database(ROOT / name)) for name in SERVICES}
        pools = {name: await open_pool(url, size=3) for name, url in urls.items()}
        for name in names:
            await Company(pools, name).trade()
        for pool in pools.values():
            await pool.close()
        yield urls


def _opening(sku: str, quantity: int, value: str) -> inv.OpeningLine:
    return inv.OpeningLine(sku=sku, quantity=Decimal(quantity), value=Decimal(value))


def _received(sku: str, quantity: int, cost: str) -> inv.ReceiptLine:
    return inv.ReceiptLine(sku=sku, quantity=Decimal(quantity), unit_cost=Decimal(cost))


def _order(order_id: str, customer: str, *lines: tuple[str, int]) -> ord_.PlaceOrder:
    asked = tuple(ord_.AskedLine(sku=sku, quantity=Decimal(n), unit_price=Decimal("19.99")) for sku, n in lines)
    return ord_.PlaceOrder(order_id=order_id, customer_id=customer, ordered_on=DAY, currency="CNY", lines=asked)


def _shipment(order_id: str, pieces: int) -> inv.ShipGoods:
    line = inv.ShipLine(line=1, quantity=Decimal(pieces))
    return inv.ShipGoods(shipment_id=f"S-{order_id}-{pieces}", order_id=order_id, shipped_on=DAY, lines=(line,))


def _payment(order_id: str, customer: str, amount: str) -> ord_.ReceivePayment:
    return ord_.ReceivePayment(payment_id=f"P-{order_id}", customer_id=customer, order_id=order_id, received_on=DAY,
                               currency="CNY", amount=Decimal(amount))
