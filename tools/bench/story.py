"""The story of an order as accounting hears it: six events, which come to six vouchers. SYNTHETIC.

One event has no voucher (the approval) and one has two (the delivery also relieves the backlog), so events a second are
vouchers a second.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from shared.amqp import EVENTS, message, open_channel, publish, raise_unless_refused
from shared.events import Event
from shared.events.inventory import GoodsShipped, StockLine
from shared.events.order import (
    Allocation,
    DeliveredLine,
    InvoiceIssued,
    OrderApproved,
    OrderLine,
    OrderPlaced,
    PaymentReceived,
    SaleDelivered,
)
from shared.testing import Script, raw
from shared.wire import Raw
from tools.bench.stage import COMPANY
from tools.servers import users

EVENTS_PER_ORDER = VOUCHERS_PER_ORDER = 6
SKUS, CUSTOMERS = 200, 200
DAY = date(2026, 1, 15)
PIECES, PRICE, COST, VAT_RATE = Decimal(2), Decimal("50.00"), Decimal("60.00"), Decimal("0.13")
NET, TAX, GROSS = Decimal("100.00"), Decimal("13.00"), Decimal("113.00")  # of each line
AT_ONCE = 500


class Teller:
    """Tells one order after the other, with the envelopes that the producers' logs would give them."""

    def __init__(self) -> None:
        self.script, self._told = Script(), 0

    def orders(self, count: int, *, lines: int = 3) -> list[Event]:
        """The events of the next orders, said by their producers."""
        numbers = range(self._told, self._told + count)
        self._told += count
        return [self.say(event) for n in numbers for event in _order(n, lines)]

    def say(self, event: Event, company: str = COMPANY) -> Event:
        return self.script.say(event, company=company)


def messages(events: Sequence[Event]) -> list[Raw]:
    """What the relays of their owners would publish."""
    return [raw(event) for event in events]


async def send(addresses: users.Urls, told: Sequence[Raw]) -> None:
    """Publish messages, each as the broker user that it names; each user's in their order."""
    async with asyncio.TaskGroup() as group:
        for user in sorted({m.user for m in told if m.user}):
            group.create_task(_send_as(user, addresses[user], [m for m in told if m.user == user]))


async def _send_as(user: str, address: str, told: Sequence[Raw]) -> None:
    async with open_channel(address) as channel:
        exchange = await channel.get_exchange(EVENTS, ensure=False)
        for start in range(0, len(told), AT_ONCE):
            results = await publish(exchange, (
                (m.routing_key, message(m.body, m.headers, m.message_id or "", users.user_in(address)))
                for m in told[start:start + AT_ONCE]
            ))
            raise_unless_refused(results)
            assert not any(results), results


def _order(n: int, lines: int) -> list[Event]:
    """Placed, approved, shipped, delivered, invoiced, paid; all in one month."""
    order_id, customer_id, currency = f"SO-{n:07}", f"C-{n % CUSTOMERS:03}", "CNY"
    skus = [f"SKU-{(n + line) % SKUS:03}" for line in range(lines)]
    net, tax, gross = NET * lines, TAX * lines, GROSS * lines
    ordered = tuple(
        OrderLine(line=i, sku=sku, quantity=PIECES, unit_price=PRICE, net=NET, tax_rate=VAT_RATE, tax=TAX, gross=GROSS)
        for i, sku in enumerate(skus, 1)
    )
    shipped = tuple(StockLine(line=i, sku=sku, quantity=PIECES, cost=COST) for i, sku in enumerate(skus, 1))
    delivered = tuple(
        DeliveredLine(line=i, sku=sku, quantity=PIECES, net=NET, tax=TAX, gross=GROSS) for i, sku in enumerate(skus, 1)
    )
    return [
        OrderPlaced(order_id=order_id, customer_id=customer_id, ordered_on=DAY, currency=currency, warehouse="main",
                    salesperson="li", lines=ordered, net=net, tax=tax, gross=gross),
        OrderApproved(order_id=order_id, customer_id=customer_id, approver="credit-policy"),
        GoodsShipped(shipment_id=order_id, order_id=order_id, shipped_on=DAY, warehouse="main", currency=currency,
                     lines=shipped, cost=COST * lines),
        SaleDelivered(delivery_id=order_id, order_id=order_id, customer_id=customer_id, salesperson="li",
                      delivered_on=DAY, currency=currency, lines=delivered, net=net, tax=tax, gross=gross),
        InvoiceIssued(invoice_id=order_id, order_id=order_id, customer_id=customer_id, issued_on=DAY,
                      currency=currency, deliveries=(order_id,), net=net, tax=tax, gross=gross),
        PaymentReceived(payment_id=order_id, customer_id=customer_id, order_id=order_id, received_on=DAY,
                        currency=currency, amount=gross, allocated=gross, unallocated=Decimal("0.00"),
                        allocations=(Allocation(order_id=order_id, delivery_id=order_id, amount=gross),)),
    ]
