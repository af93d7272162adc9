"""What the tests against Postgres say, ask and look at."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.order import views
from services.order.handlers import service
from shared.db import Db, Pool
from shared.events import Command
from shared.events.accounting import BooksOpened
from shared.events.crm import CreditLimitChanged, CustomerRegistered
from shared.events.inventory import (
    GoodsReturned,
    GoodsShipped,
    ProductRegistered,
    ReleasedLine,
    ReservationReleased,
    ReservedLine,
    ShortLine,
    StockLine,
    StockReserved,
    StockShort,
)
from shared.events.order import (
    AskedLine,
    CancelOrder,
    IssueCreditNote,
    IssueInvoice,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
)
from shared.testing import ask, deliver

D = Decimal
DAY = date(2026, 3, 2)
LATER = date(2026, 3, 9)

# What the tests ask for: 3 × 33.33 = 99.99 net, 13.00 tax, 112.99 gross.
GROSS = D("112.99")


def reserved(order_id: str = "SO-1") -> StockReserved:
    return StockReserved(order_id=order_id, warehouse="main", lines=(ReservedLine(line=1, sku="S1", quantity=D(3)),))


def short(order_id: str = "SO-1") -> StockShort:
    missing = ShortLine(line=1, sku="S1", quantity=D(3), available=D(1))
    return StockShort(order_id=order_id, warehouse="main", lines=(missing,))


def shipped(shipment_id: str, quantity: str = "3", order_id: str = "SO-1", on: date = DAY) -> GoodsShipped:
    return GoodsShipped(
        shipment_id=shipment_id, order_id=order_id, shipped_on=on, warehouse="main", currency="CNY",
        lines=(StockLine(line=1, sku="S1", quantity=D(quantity), cost=D(20)),), cost=D(20),
    )


def returned(
    return_id: str, quantity: str = "3", shipment_id: str = "D1", order_id: str = "SO-1", on: date = LATER
) -> GoodsReturned:
    return GoodsReturned(
        return_id=return_id, shipment_id=shipment_id, order_id=order_id, returned_on=on, warehouse="main",
        currency="CNY", lines=(StockLine(line=1, sku="S1", quantity=D(quantity), cost=D(20)),), cost=D(20),
    )


def released(rest: str, gone: str, order_id: str = "SO-1") -> ReservationReleased:
    line = ReleasedLine(line=1, sku="S1", released=D(rest), shipped=D(gone))
    return ReservationReleased(order_id=order_id, warehouse="main", lines=(line,))


def place(order_id: str = "SO-1", *, quantity: str = "3", price: str = "33.33", **changed: Any) -> PlaceOrder:
    line = AskedLine(sku=changed.pop("sku", "S1"), quantity=D(quantity), unit_price=D(price))
    return PlaceOrder(**{
        "order_id": order_id, "customer_id": "K1", "ordered_on": DAY, "currency": "CNY", "lines": (line,), **changed,
    })


def pay(payment_id: str, amount: str, order_id: str | None = None, **changed: Any) -> ReceivePayment:
    return ReceivePayment(**{
        "payment_id": payment_id, "customer_id": "K1", "order_id": order_id, "received_on": DAY, "currency": "CNY",
        "amount": D(amount), **changed,
    })


def invoice(invoice_id: str, order_id: str = "SO-1") -> IssueInvoice:
    return IssueInvoice(invoice_id=invoice_id, order_id=order_id, issued_on=DAY)


def credit_note(credit_note_id: str, order_id: str = "SO-1") -> IssueCreditNote:
    return IssueCreditNote(credit_note_id=credit_note_id, order_id=order_id, issued_on=LATER)


def refund(refund_id: str, amount: str, order_id: str | None = None, **changed: Any) -> PayRefund:
    return PayRefund(**{
        "refund_id": refund_id, "customer_id": "K1", "order_id": order_id, "paid_on": LATER, "currency": "CNY",
        "amount": D(amount), **changed,
    })


def limit_changed(limit: str, customer_id: str = "K1") -> CreditLimitChanged:
    return CreditLimitChanged(customer_id=customer_id, credit_limit=D(limit), currency="CNY")


def cancel(order_id: str = "SO-1") -> CancelOrder:
    return CancelOrder(order_id=order_id, cancelled_on=LATER, reason="changed mind")


async def open_company(pool: Pool, company: str = "C1", limit: str = "1000.00") -> None:
    """Books, two products and the customers K1 and K2."""
    books = BooksOpened(
        ledger="main", name="Test", currency="CNY", standard="assbe", vat_rate=D("0.13"), opened_on=DAY
    )
    products = [ProductRegistered(sku=sku, name=sku, unit="件") for sku in ("S1", "S2")]
    customers = [CustomerRegistered(customer_id=c, credit_limit=D(limit), currency="CNY") for c in ("K1", "K2")]
    await deliver(pool, service, books, *products, *customers, company=company)


async def done(pool: Pool, *commands: Command, company: str = "C1", actor: str = "anna") -> None:
    for command in commands:
        answer = await ask(pool, service, command, company=company, actor=actor)
        assert answer.ok, answer.errors


async def approved(pool: Pool, *order_ids: str, **changed: Any) -> None:
    """Orders that were placed, and whose goods are reserved."""
    for order_id in order_ids:
        await done(pool, place(order_id, **changed))
    await deliver(pool, service, *[reserved(order_id) for order_id in order_ids])


async def read(pool: Pool, order_id: str = "SO-1", company: str = "C1") -> views.OrderDetail:
    async with pool.acquire() as connection:
        order = await views.find_order(Db(connection, company), order_id)
    assert order is not None
    return order


async def customer(pool: Pool, customer_id: str = "K1", company: str = "C1") -> views.Customer:
    async with pool.acquire() as connection:
        found = await views.find_customer(Db(connection, company), customer_id)
    assert found is not None
    return found
