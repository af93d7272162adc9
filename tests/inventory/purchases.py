"""Short ways to write down what purchasing is asked in tests, and what must hold afterwards."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.events.inventory import (
    AskedPurchaseLine,
    BilledLine,
    BookSupplierInvoice,
    CostAdjusted,
    GoodsReceived,
    GoodsShipped,
    NewProduct,
    NewSupplier,
    PaySupplier,
    PlacePurchaseOrder,
    PurchaseReturned,
    ReceiptLine,
    ReceiveGoods,
    RegisterProducts,
    RegisterSuppliers,
    ReturnedToSupplierLine,
    ReturnToSupplier,
    StockOpened,
    SupplierInvoiced,
    SupplierPaid,
)
from shared.events.openings import PayableOpened
from shared.money import ZERO
from shared.testing import ask, deliver, said
from tests.inventory.builders import DAY, D, approved, books, placed, ship

Billed = tuple[str, int, str, str] | tuple[str, int, str, str, str]


def suppliers(*ids: str) -> RegisterSuppliers:
    return RegisterSuppliers(suppliers=tuple(NewSupplier(supplier_id=own, name=f"供应商 {own}") for own in ids))


def purchase(purchase_id: str, *lines: tuple[str, str, str], supplier: str = "S1") -> PlacePurchaseOrder:
    """A purchase order of (sku, quantity, unit cost) lines."""
    own = tuple(AskedPurchaseLine(sku=sku, quantity=D(quantity), unit_cost=D(cost)) for sku, quantity, cost in lines)
    return PlacePurchaseOrder(purchase_id=purchase_id, supplier_id=supplier, ordered_on=DAY, lines=own)


def received(
    receipt_id: str, purchase_id: str | None, *lines: tuple[str, str], supplier: str = "S1", warehouse: str = "main"
) -> ReceiveGoods:
    """A receipt of (sku, quantity) lines, at the cost of the purchase order."""
    own = tuple(ReceiptLine(sku=sku, quantity=D(quantity)) for sku, quantity in lines)
    return ReceiveGoods(
        receipt_id=receipt_id, supplier_id=supplier, purchase_id=purchase_id, received_on=DAY, warehouse=warehouse,
        lines=own,
    )


def bill(
    invoice_id: str, *lines: Billed, supplier: str = "S1", on: date = DAY, currency: str = "CNY"
) -> BookSupplierInvoice:
    """A bill of (receipt, line, quantity, unit cost[, tax]) lines."""
    own = tuple(
        BilledLine(
            receipt_id=line[0], line=line[1], quantity=D(line[2]), unit_cost=D(line[3]),
            tax=D(line[4]) if len(line) == 5 else None,
        )
        for line in lines
    )
    return BookSupplierInvoice(
        supplier_invoice_id=invoice_id, supplier_id=supplier, invoiced_on=on, currency=currency, lines=own
    )


def pay(payment_id: str, amount: str, supplier: str = "S1", currency: str = "CNY") -> PaySupplier:
    return PaySupplier(
        supplier_payment_id=payment_id, supplier_id=supplier, paid_on=DAY, currency=currency, amount=D(amount)
    )


def send_back(return_id: str, receipt_id: str, *lines: tuple[int, str]) -> ReturnToSupplier:
    """A return of (receipt line, quantity) lines."""
    own = tuple(ReturnedToSupplierLine(line=line, quantity=D(quantity)) for line, quantity in lines)
    return ReturnToSupplier(purchase_return_id=return_id, receipt_id=receipt_id, returned_on=DAY, lines=own)


async def begin(pool: Pool, company: str = "C1", currency: str = "CNY") -> None:
    """Books are open; TEA and CUP, S1 and S2 are there."""
    await deliver(pool, service, books(currency), company=company)
    new = RegisterProducts(products=(NewProduct(sku="TEA", name="茶"), NewProduct(sku="CUP", name="杯")))
    assert (await ask(pool, service, new, company=company)).ok
    assert (await ask(pool, service, suppliers("S1", "S2"), company=company)).ok


async def done(pool: Pool, *commands: Command, company: str = "C1") -> list[dict[str, Any]]:
    """What the last of these commands led to, as (type, data); all of them are accepted."""
    events: list[dict[str, Any]] = []
    for command in commands:
        answer = await ask(pool, service, command, company=company)
        assert answer.ok, answer.errors
        events = answer.events
    return [{"type": event["type"].split(".")[1], **event["data"]} for event in events]


async def refused(pool: Pool, command: Command, company: str = "C1") -> tuple[int, str, str]:
    """The status, field and code of the only error; nothing is said."""
    before = len(await said(pool, company))
    answer = await ask(pool, service, command, company=company)
    assert len(await said(pool, company)) == before
    [error] = answer.errors
    assert "{" not in error["message_zh"] + error["message_en"]
    return answer.status, error["field"], error["code"]


async def sell(pool: Pool, order_id: str, quantity: str, sku: str = "TEA", company: str = "C1") -> Decimal:
    """Order, approve and ship at once; the cost."""
    await deliver(pool, service, placed(order_id, (sku, quantity)), approved(order_id), company=company)
    [shipped] = await done(pool, ship(f"SH-{order_id}", order_id), company=company)
    return D(shipped["cost"])


async def stock(pool: Pool, sku: str = "TEA", company: str = "C1") -> tuple[Decimal, Decimal]:
    """Quantity and value of a pool."""
    row = await pool.fetchrow(
        "select quantity, value from stock where company = $1 and sku = $2 and warehouse = 'main'", company, sku
    )
    assert row is not None
    return row["quantity"], row["value"]


async def cost_of_sales(pool: Pool, company: str = "C1") -> Decimal:
    """What the ledger would show: shipped, adjusted, and given to suppliers on top."""
    total = ZERO
    for event in await said(pool, company):
        if isinstance(event, GoodsShipped):
            total += event.cost
        elif isinstance(event, CostAdjusted):
            total += event.consumed
        elif isinstance(event, PurchaseReturned):
            total += event.residual
    return total


async def tie(pool: Pool) -> None:
    """What holds after every story, in every company: each account of purchasing that the events move ends where the
    tables are, nothing is on the variance clearing, and stock is what came in less what went out."""
    for row in await pool.fetch("select company from company"):
        company = row["company"]
        events = await said(pool, company)
        stock = accrued = payable = clearing = ZERO
        for event in events:
            match event:
                case StockOpened():
                    stock += event.cost
                case GoodsReceived():
                    stock += event.cost
                    accrued += event.cost
                case GoodsShipped():
                    stock -= event.cost
                case SupplierInvoiced():
                    accrued -= event.accrued
                    clearing += event.variance
                    payable += event.gross
                    assert event.gross == event.accrued + event.variance + event.tax
                case CostAdjusted():
                    stock += event.stock
                    clearing -= event.variance
                    assert event.variance == event.stock + event.consumed
                case PayableOpened():
                    payable += event.amount
                case SupplierPaid():
                    payable -= event.amount
                    assert event.amount == sum(a.amount for a in event.allocations)
                case PurchaseReturned():
                    stock -= event.stock
                    accrued -= event.accrued
                    payable -= event.gross
                    assert event.stock == event.accrued + event.net + event.residual
        found = await pool.fetchrow(
            """
            select (select coalesce(sum(value), 0) from stock where company = $1) as stock,
                   (select coalesce(sum(accrued), 0) from receipt_match where company = $1) as accrued,
                   (select coalesce(sum(open), 0) from supplier_invoice where company = $1) as payable
            """,
            company,
        )
        assert found is not None
        assert (stock, accrued, payable, clearing) == (found["stock"], found["accrued"], found["payable"], ZERO)
    assert await pool.fetchval("select count(*) from rejected") == 0
