"""A small company for the checker's tests: the services on real databases, joined without RabbitMQ."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any, TypeVar

from services.accounting.follower import move_open_items
from shared.db import Db, open_pool
from shared.events import Command, crm, openings, periods
from shared.events import accounting as acc
from shared.events import inventory as inv
from shared.events import order as ord_
from shared.testing import fresh_database
from tests.walk.bus import NAMES, ROOT, Bus

DAY = date(2026, 1, 5)
BEFORE = date(2025, 11, 3)
Opened = TypeVar("Opened", bound=openings.OpeningRow)


class Company:
    """Asks the services, and carries what they say to each other until nobody says anything more."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus, self._name = bus, name

    async def do(self, *commands: Command, actor: str = "anna") -> None:
        for command in commands:
            await self._bus.do(command, company=self._name, actor=actor)

    async def trade(self) -> None:
        """Buy, sell, be billed late, take back, send back, pay, count."""
        await self.do(
            acc.OpenBooks(name="测试公司", vat_rate=Decimal("0.13"), opened_on=DAY),
            inv.RegisterProducts(products=tuple(inv.NewProduct(sku=sku, name=sku) for sku in "ABCD")),
            inv.RegisterSuppliers(suppliers=tuple(inv.NewSupplier(supplier_id=s, name=s) for s in ("S1", "S2"))),
            crm.RegisterCustomers(customers=(_customer("C1", 10_000), _customer("C0", 0), _customer("C2", 0))),
            inv.OpenStock(opening_id="O1", opened_on=DAY, lines=(_opening("A", 50, "500.01"), _opening("B", 9, "30"))),
            inv.ReceiveGoods(receipt_id="R1", supplier_id="S1", received_on=DAY, lines=(_received("A", 20, "11.5"),)),
        )
        await self._sell()
        await self._buy()
        await self._take_back()
        await self._open()
        await self._close()
        await self._count()

    async def _sell(self) -> None:
        """Orders that end in every way: settled, partly paid and shipped in parts, short, cancelled, rejected."""
        await self.do(
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

    async def _buy(self) -> None:
        """Two receipts of one order; sold in part; sent back before and after the bill; billed dearer, cheaper, in two
        parts and not at all; paid in part."""
        await self.do(
            inv.PlacePurchaseOrder(purchase_id="PO1", supplier_id="S1", ordered_on=DAY,
                                   lines=(_bought("C", 10, "3.3333"), _bought("D", 7, "5"))),
            _receipt("R2", "S1", "PO1", ("C", 7), ("D", 7)), _receipt("R3", "S1", "PO1", ("C", 3)),
            inv.ReceiveGoods(receipt_id="R4", supplier_id="S2", received_on=DAY, lines=(_received("B", 5, "2"),)),
            _order("LATE", "C1", ("C", 4), ("D", 5)),
            inv.ShipGoods(shipment_id="S-LATE", order_id="LATE", shipped_on=DAY),
            inv.ReturnToSupplier(purchase_return_id="PR1", receipt_id="R3", returned_on=DAY, lines=(_sent_back(1),)),
            _bill("B1", "S1", ("R2", 1, 3, "3.50"), ("R2", 2, 7, "4.8")), _bill("B2", "S1", ("R2", 1, 4, "3.3333")),
            _bill("B3", "S1", ("R1", 1, 20, "12")),
            inv.ReturnToSupplier(purchase_return_id="PR2", receipt_id="R1", returned_on=DAY, lines=(_sent_back(3),)),
            inv.PaySupplier(supplier_payment_id="SP1", supplier_id="S1", paid_on=DAY, currency="CNY",
                            amount=Decimal("100.10")),
        )

    async def _take_back(self) -> None:
        """Before the invoice, and after invoice and payment: only that needs a credit note and a refund."""
        await self.do(
            _taken_back("T-LATE", "S-LATE", 2, 2),
            ord_.IssueInvoice(invoice_id="I-LATE", order_id="LATE", issued_on=DAY),
            _taken_back("T-WHOLE", "S-WHOLE", 1, 1), _taken_back("T-WHOLE-2", "S-WHOLE", 1, 1),
            ord_.IssueCreditNote(credit_note_id="N-WHOLE", order_id="WHOLE", issued_on=DAY),
            ord_.PayRefund(refund_id="F-WHOLE", customer_id="C1", order_id="WHOLE", paid_on=DAY, currency="CNY",
                           amount=Decimal("45.18")),
            ord_.PayRefund(refund_id="F-SHORT", customer_id="C1", order_id="SHORT", paid_on=DAY, currency="CNY",
                           amount=Decimal("1.77")),
        )

    async def _open(self) -> None:
        """What was owed before the books: paid in part, in full, not at all; advances of both sides."""
        await self.do(
            openings.OpenReceivables(opening_id="OR", rows=(
                _opened(openings.OpeningReceivable, "OLD-1", "250", customer_id="C2", due_on=DAY),
                _opened(openings.OpeningReceivable, "OLD-2", "80.50", customer_id="C2"),
                _opened(openings.OpeningReceivable, "OLD-3", "-30", customer_id="C2"))),
            openings.OpenPayables(opening_id="OP", rows=(
                _opened(openings.OpeningPayable, "B-OLD", "70", supplier_id="S2"),
                _opened(openings.OpeningPayable, "B-OLD-2", "-20", supplier_id="S2"),
                _opened(openings.OpeningPayable, "B-OLD-3", "15.25", supplier_id="S1"))),
            ord_.ReceivePayment(payment_id="P-OLD", customer_id="C2", received_on=DAY, currency="CNY",
                                amount=Decimal(300)),
            ord_.PayRefund(refund_id="F-OLD", customer_id="C2", paid_on=DAY, currency="CNY", amount=Decimal(10)),
            inv.PaySupplier(supplier_payment_id="SP-OLD", supplier_id="S2", paid_on=DAY, currency="CNY",
                            amount=Decimal(10)),
        )

    async def _count(self) -> None:
        """One stocktake that is approved by somebody else, and one that waits."""
        await self.do(inv.CountStock(count_id="K1", counted_on=DAY, lines=(_counted("C", 4), _counted("D", 5))))
        await self.do(inv.ApproveCount(count_id="K1", approved_on=DAY), actor="boss")
        await self.do(inv.CountStock(count_id="K2", counted_on=DAY, lines=(_counted("B", 10),)))


    async def _close(self) -> None:
        """Pay the rent, and close the month: neither parts the ledger from what the services know."""
        rent = tuple(acc.AskedVoucherLine(account=account, side=side, amount=Decimal(9))
                     for account, side in (("5602", "D"), ("1002", "C")))
        month = f"{DAY:%Y-%m}"
        await self.do(
            acc.DraftVoucher(draft_id="D1", on=DAY, summary="房租", attachments=1, lines=rent),
            periods.OrderSealPeriod(period=month), periods.InventorySealPeriod(period=month),
        )
        await self.do(acc.CheckVoucher(draft_id="D1"), actor="boss")
        await self.do(acc.SignVoucher(draft_id="D1"), actor="cashier")
        await self.do(acc.PostVoucher(draft_id="D1"), acc.RequestPeriodClose(period=month))
        await self.do(acc.ApprovePeriodClose(period=month), actor="boss")


@asynccontextmanager
async def traded(*names: str) -> AsyncIterator[dict[str, str]]:
    """Databases with what the companies of these names did; the URL of each service's."""
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(fresh_database(ROOT / name)) for name in NAMES}
        pools = {name: await open_pool(url, size=3) for name, url in urls.items()}
        services = {name: import_module(f"services.{name}.handlers").service for name in NAMES}
        for name in names:
            await Company(Bus(services, pools, urls), name).trade()
            await move_open_items(Db(pools["accounting"], name), "main")
        for pool in pools.values():
            await pool.close()
        yield urls


def _customer(customer: str, limit: int) -> crm.NewCustomer:
    return crm.NewCustomer(customer_id=customer, name=f"客户 {customer}", credit_limit=Decimal(limit))


def _opened(row: type[Opened], document: str, amount: str, **given: Any) -> Opened:
    return row(row=2, document=document, dated=BEFORE, amount=Decimal(amount), **given)


def _opening(sku: str, quantity: int, value: str) -> inv.OpeningLine:
    return inv.OpeningLine(sku=sku, quantity=Decimal(quantity), value=Decimal(value))


def _received(sku: str, quantity: int, cost: str) -> inv.ReceiptLine:
    return inv.ReceiptLine(sku=sku, quantity=Decimal(quantity), unit_cost=Decimal(cost))


def _bought(sku: str, quantity: int, cost: str) -> inv.AskedPurchaseLine:
    return inv.AskedPurchaseLine(sku=sku, quantity=Decimal(quantity), unit_cost=Decimal(cost))


def _receipt(receipt_id: str, supplier: str, purchase: str, *lines: tuple[str, int]) -> inv.ReceiveGoods:
    """At the purchase order's cost."""
    brought = tuple(inv.ReceiptLine(sku=sku, quantity=Decimal(n)) for sku, n in lines)
    return inv.ReceiveGoods(receipt_id=receipt_id, supplier_id=supplier, purchase_id=purchase, received_on=DAY,
                            lines=brought)


def _bill(bill: str, supplier: str, *lines: tuple[str, int, int, str]) -> inv.BookSupplierInvoice:
    """Lines of (receipt, line, pieces, price)."""
    billed = tuple(inv.BilledLine(receipt_id=r, line=n, quantity=Decimal(q), unit_cost=Decimal(p))
                   for r, n, q, p in lines)
    return inv.BookSupplierInvoice(supplier_invoice_id=bill, supplier_id=supplier, invoiced_on=DAY, currency="CNY",
                                   lines=billed)


def _sent_back(pieces: int) -> inv.ReturnedToSupplierLine:
    return inv.ReturnedToSupplierLine(line=1, quantity=Decimal(pieces))


def _taken_back(return_id: str, shipment: str, line: int, pieces: int) -> inv.TakeBackGoods:
    return inv.TakeBackGoods(return_id=return_id, shipment_id=shipment, returned_on=DAY,
                             lines=(inv.TakenBackLine(line=line, quantity=Decimal(pieces)),))


def _counted(sku: str, pieces: int) -> inv.CountedLine:
    return inv.CountedLine(sku=sku, counted=Decimal(pieces))


def _order(order_id: str, customer: str, *lines: tuple[str, int]) -> ord_.PlaceOrder:
    asked = tuple(ord_.AskedLine(sku=sku, quantity=Decimal(n), unit_price=Decimal("19.99")) for sku, n in lines)
    return ord_.PlaceOrder(order_id=order_id, customer_id=customer, ordered_on=DAY, currency="CNY", lines=asked)


def _shipment(order_id: str, pieces: int) -> inv.ShipGoods:
    line = inv.ShipLine(line=1, quantity=Decimal(pieces))
    return inv.ShipGoods(shipment_id=f"S-{order_id}-{pieces}", order_id=order_id, shipped_on=DAY, lines=(line,))


def _payment(order_id: str, customer: str, amount: str) -> ord_.ReceivePayment:
    return ord_.ReceivePayment(payment_id=f"P-{order_id}", customer_id=customer, order_id=order_id, received_on=DAY,
                               currency="CNY", amount=Decimal(amount))
