"""Events and books that the tests of accounting share: one small sale of 10 × 100.00 with 13% VAT, cost 600.00."""

from datetime import date
from decimal import Decimal

from services.accounting import packs
from services.accounting.domain.pack import Pack
from services.accounting.domain.posting import MappedAccount, Terms
from shared.events.accounting import OpenBooks
from shared.events.inventory import GoodsReceived, GoodsShipped, ReceivedLine, StockLine, StockOpened
from shared.events.order import (
    Allocation,
    CancelledLine,
    DeliveredLine,
    InvoiceIssued,
    OrderApproved,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderRejected,
    PaymentAllocated,
    PaymentReceived,
    SaleDelivered,
)

OPENED = date(2025, 1, 1)
DAY = date(2025, 3, 5)
VAT = Decimal("0.13")


def money(value: str) -> Decimal:
    return Decimal(value)


def assbe() -> Pack:
    return packs.named("assbe", 1)


def terms(pack: Pack | None = None) -> Terms:
    """What books in CNY opened on 2025-01-01 decide, by a pack's own role map."""
    pack = pack or assbe()
    accounts = {role: MappedAccount(code, pack.chart[code].kind == "memo") for role, code in pack.roles.items()}
    return Terms("CNY", OPENED, pack, 1, accounts)


def open_books(currency: str = "CNY") -> OpenBooks:
    return OpenBooks(name="分录贸易", currency=currency, vat_rate=VAT, opened_on=OPENED)


def placed(order_id: str = "SO-1", net: str = "1000.00", on: date = DAY, currency: str = "CNY") -> OrderPlaced:
    tax = (money(net) * VAT).quantize(Decimal("0.01"))
    line = OrderLine(
        line=1, sku="P-1", quantity=Decimal(10), unit_price=money(net) / 10, net=money(net), tax_rate=VAT, tax=tax,
        gross=money(net) + tax,
    )
    return OrderPlaced(
        order_id=order_id, customer_id="C-7", ordered_on=on, currency=currency, warehouse="main", salesperson="li",
        lines=(line,), net=line.net, tax=line.tax, gross=line.gross,
    )


def approved(order_id: str = "SO-1") -> OrderApproved:
    return OrderApproved(order_id=order_id, customer_id="C-7", approver="credit-policy")


def rejected(order_id: str = "SO-1", net: str = "1000.00") -> OrderRejected:
    return OrderRejected(
        order_id=order_id, customer_id="C-7", rejected_on=DAY, currency="CNY", reason="超信用", salesperson="li",
        net=money(net),
    )


def cancelled(order_id: str = "SO-1", net: str = "400.00") -> OrderCancelled:
    line = CancelledLine(line=1, sku="P-1", quantity=Decimal(4), net=money(net))
    return OrderCancelled(
        order_id=order_id, customer_id="C-7", cancelled_on=DAY, currency="CNY", reason="客户改单", salesperson="li",
        lines=(line,), net=line.net,
    )


def delivered(order_id: str = "SO-1", delivery_id: str = "SH-1", on: date = DAY) -> SaleDelivered:
    line = DeliveredLine(
        line=1, sku="P-1", quantity=Decimal(10), net=money("1000.00"), tax=money("130.00"), gross=money("1130.00")
    )
    return SaleDelivered(
        delivery_id=delivery_id, order_id=order_id, customer_id="C-7", salesperson="li", delivered_on=on,
        currency="CNY", lines=(line,), net=line.net, tax=line.tax, gross=line.gross,
    )


def shipped(order_id: str = "SO-1", shipment_id: str = "SH-1") -> GoodsShipped:
    lines = (
        StockLine(line=1, sku="P-1", quantity=Decimal(6), cost=money("360.00")),
        StockLine(line=2, sku="P-2", quantity=Decimal(4), cost=money("240.00")),
    )
    return GoodsShipped(
        shipment_id=shipment_id, order_id=order_id, shipped_on=DAY, warehouse="main", currency="CNY", lines=lines,
        cost=money("600.00"),
    )


def opened(opening_id: str = "OP-1") -> StockOpened:
    lines = (
        StockLine(line=1, sku="P-1", quantity=Decimal(100), cost=money("6000.00")),
        StockLine(line=2, sku="P-2", quantity=Decimal("2.5"), cost=money("150.00")),
    )
    return StockOpened(
        opening_id=opening_id, opened_on=OPENED, warehouse="main", currency="CNY", lines=lines, cost=money("6150.00")
    )


def received(receipt_id: str = "RE-1") -> GoodsReceived:
    lines = (
        ReceivedLine(line=1, sku="P-1", quantity=Decimal(50), unit_cost=money("60.00"), cost=money("3000.00")),
        ReceivedLine(line=2, sku="P-2", quantity=Decimal(50), unit_cost=money("60.00"), cost=money("3000.00")),
    )
    return GoodsReceived(
        receipt_id=receipt_id, supplier_id="S-3", received_on=DAY, warehouse="main", currency="CNY", lines=lines,
        cost=money("6000.00"),
    )


def invoiced(invoice_id: str = "IN-1") -> InvoiceIssued:
    return InvoiceIssued(
        invoice_id=invoice_id, order_id="SO-1", customer_id="C-7", issued_on=DAY, currency="CNY", deliveries=("SH-1",),
        net=money("1000.00"), tax=money("130.00"), gross=money("1130.00"),
    )


def paid(payment_id: str = "PA-1", allocated: str = "1130.00", unallocated: str = "50.00") -> PaymentReceived:
    return PaymentReceived(
        payment_id=payment_id, customer_id="C-7", received_on=DAY, currency="CNY",
        amount=money(allocated) + money(unallocated),
        allocations=(Allocation(order_id="SO-1", delivery_id="SH-1", amount=money(allocated)),),
        allocated=money(allocated), unallocated=money(unallocated),
    )


def allocated(payment_id: str = "PA-1") -> PaymentAllocated:
    return PaymentAllocated(
        payment_id=payment_id, customer_id="C-7", allocated_on=DAY, currency="CNY",
        allocations=(Allocation(order_id="SO-2", delivery_id="SH-2", amount=money("50.00")),),
        allocated=money("50.00"),
    )
