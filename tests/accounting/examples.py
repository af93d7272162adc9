"""Events and books that the tests of accounting share.

One small sale of 10 × 100.00 with 13% VAT and cost 600.00, of which 2 pieces come back; 100 pieces expected at 60.00
and billed at 62.00; some that go back to the supplier; a stocktake.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from services.accounting import docs, packs
from services.accounting.domain.pack import Pack
from services.accounting.domain.posting import Policies, Terms
from shared.events.accounting import OpenBooks
from shared.events.inventory import (
    AdjustedLine,
    CostAdjusted,
    CountApproved,
    CountLine,
    GoodsReceived,
    GoodsReturned,
    GoodsShipped,
    PaidInvoice,
    PurchaseReturned,
    PurchaseReturnLine,
    ReceivedLine,
    StockCounted,
    StockLine,
    StockOpened,
    SupplierInvoiced,
    SupplierInvoiceLine,
    SupplierPaid,
)
from shared.events.openings import AdvanceOpened, PayableOpened, ReceivableOpened
from shared.events.order import (
    Allocation,
    CancelledLine,
    CreditNoteIssued,
    DeliveredLine,
    InvoiceIssued,
    OrderApproved,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderRejected,
    PaymentAllocated,
    PaymentReceived,
    RefundedPart,
    RefundPaid,
    SaleDelivered,
    SaleReturned,
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
    return docs.sample_terms(pack or assbe())


def policies(pack: Pack | None = None) -> Policies:
    """The same for every day."""
    return Policies(((OPENED, terms(pack)),))


def open_books(currency: str = "CNY", standard: str = "assbe") -> OpenBooks:
    return OpenBooks(name="分录贸易", currency=currency, standard=standard, vat_rate=VAT, opened_on=OPENED)


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


def receivable_opened(document: str = "XS-0871", amount: str = "5650.00", **given: Any) -> ReceivableOpened:
    return ReceivableOpened(**{
        "delivery_id": f"opening/{document}", "document": document, "opening_id": "OP-AR-1", "customer_id": "C-7",
        "dated": date(2024, 11, 20), "currency": "CNY", "amount": money(amount), **given,
    })


def advance_opened() -> AdvanceOpened:
    return AdvanceOpened(
        payment_id="SK-0412", opening_id="OP-AR-1", customer_id="C-7", dated=date(2024, 12, 16), currency="CNY",
        amount=money("800.00"),
    )


def payable_opened(document: str = "CG-0355", amount: str = "3390.00") -> PayableOpened:
    return PayableOpened(
        supplier_invoice_id=document, opening_id="OP-AP-1", supplier_id="S-3", dated=date(2024, 12, 3), currency="CNY",
        amount=money(amount),
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


# -- what comes back from the customer --------------------------------------------------------------------------------


def returned() -> GoodsReturned:
    line = StockLine(line=1, sku="P-1", quantity=Decimal(2), cost=money("120.00"))
    return GoodsReturned(
        return_id="RT-1", shipment_id="SH-1", order_id="SO-1", returned_on=DAY, warehouse="main", currency="CNY",
        lines=(line,), cost=line.cost,
    )


def sale_returned() -> SaleReturned:
    line = DeliveredLine(
        line=1, sku="P-1", quantity=Decimal(2), net=money("200.00"), tax=money("26.00"), gross=money("226.00")
    )
    return SaleReturned(
        return_id="RT-1", delivery_id="SH-1", order_id="SO-1", customer_id="C-7", salesperson="li", returned_on=DAY,
        currency="CNY", lines=(line,), net=line.net, tax=line.tax, gross=line.gross,
    )


def credited() -> CreditNoteIssued:
    return CreditNoteIssued(
        credit_note_id="CN-1", order_id="SO-1", customer_id="C-7", issued_on=DAY, currency="CNY", returns=("RT-1",),
        net=money("200.00"), tax=money("26.00"), gross=money("226.00"),
    )


def refunded(from_returns: str = "226.00", from_advances: str = "50.00") -> RefundPaid:
    taken = (RefundedPart(delivery_id="SH-1", amount=money(from_returns)) if money(from_returns) else None,
             RefundedPart(payment_id="PA-1", amount=money(from_advances)) if money(from_advances) else None)
    return RefundPaid(
        refund_id="RF-1", customer_id="C-7", paid_on=DAY, currency="CNY",
        amount=money(from_returns) + money(from_advances), from_returns=money(from_returns),
        from_advances=money(from_advances), parts=tuple(part for part in taken if part),
    )


# -- the supplier's side ----------------------------------------------------------------------------------------------


def billed() -> SupplierInvoiced:
    """The whole receipt RE-1, at 62.00 instead of 60.00."""
    lines = tuple(
        SupplierInvoiceLine(
            line=n, receipt_id="RE-1", receipt_line=n, sku=f"P-{n}", quantity=Decimal(50), accrued=money("3000.00"),
            variance=money("100.00"), net=money("3100.00"), tax=money("403.00"), gross=money("3503.00"),
        )
        for n in (1, 2)
    )
    return SupplierInvoiced(
        supplier_invoice_id="SI-1", supplier_id="S-3", invoiced_on=DAY, currency="CNY", lines=lines,
        accrued=money("6000.00"), variance=money("200.00"), net=money("6200.00"), tax=money("806.00"),
        gross=money("7006.00"),
    )


def adjusted() -> CostAdjusted:
    """The bill's variance, after 6 of P-1 and 4 of P-2 have been sold."""
    parts = (("P-1", "88.00", "12.00"), ("P-2", "92.00", "8.00"))
    lines = tuple(
        AdjustedLine(line=n, sku=sku, warehouse="main", stock=money(stock), consumed=money(consumed))
        for n, (sku, stock, consumed) in enumerate(parts, 1)
    )
    return CostAdjusted(
        adjustment_id="supplier_invoice:SI-1", adjusted_on=DAY, currency="CNY", lines=lines, stock=money("180.00"),
        consumed=money("20.00"), variance=money("200.00"),
    )


def settled_negative_stock() -> CostAdjusted:
    """10 were shipped at 8.00 that were not there, then 5 came in at 10.00."""
    line = AdjustedLine(line=1, sku="P-1", warehouse="main", stock=money("-10.00"), consumed=money("10.00"))
    return CostAdjusted(
        adjustment_id="receipt:RE-8", adjusted_on=DAY, currency="CNY", lines=(line,), stock=line.stock,
        consumed=line.consumed, variance=money("0.00"),
    )


def supplier_paid() -> SupplierPaid:
    return SupplierPaid(
        supplier_payment_id="SP-1", supplier_id="S-3", paid_on=DAY, currency="CNY",
        allocations=(PaidInvoice(supplier_invoice_id="SI-1", amount=money("7006.00")),), amount=money("7006.00"),
    )


def sent_back() -> PurchaseReturned:
    """5 that were not billed, and 5 that were, at 62.00; the latter empty their pool, which holds 0.50 more."""
    unbilled = PurchaseReturnLine(
        line=1, receipt_line=1, sku="P-1", quantity=Decimal(5), accrued=money("300.00"), net=money("0.00"),
        tax=money("0.00"), residual=money("0.00"), stock=money("300.00"),
    )
    billed_ = PurchaseReturnLine(
        line=2, receipt_line=2, sku="P-2", quantity=Decimal(5), accrued=money("0.00"), net=money("310.00"),
        tax=money("40.30"), residual=money("0.50"), stock=money("310.50"),
    )
    return PurchaseReturned(
        purchase_return_id="PR-1", receipt_id="RE-2", supplier_id="S-3", returned_on=DAY, warehouse="main",
        currency="CNY", lines=(unbilled, billed_), accrued=money("300.00"), net=money("310.00"), tax=money("40.30"),
        gross=money("350.30"), residual=money("0.50"), stock=money("610.50"),
        credits=(PaidInvoice(supplier_invoice_id="SI-1", amount=money("350.30")),),
    )


# -- stocktakes -------------------------------------------------------------------------------------------------------


def counted() -> StockCounted:
    """3 of P-1 too many, 4 of P-2 too few, 60.00 each."""
    more = CountLine(
        line=1, sku="P-1", booked=Decimal(100), counted=Decimal(103), difference=Decimal(3), gain=money("180.00"),
        loss=money("0.00"),
    )
    fewer = CountLine(
        line=2, sku="P-2", booked=Decimal(50), counted=Decimal(46), difference=Decimal(-4), gain=money("0.00"),
        loss=money("240.00"),
    )
    return StockCounted(
        count_id="CT-1", counted_on=DAY, warehouse="main", currency="CNY", lines=(more, fewer), gain=more.gain,
        loss=fewer.loss,
    )


def count_approved() -> CountApproved:
    return CountApproved(
        count_id="CT-1", approved_on=DAY, currency="CNY", gain=money("180.00"), loss=money("240.00")
    )
