"""Short ways to write down what inventory hears and is asked in tests."""

from datetime import date
from decimal import Decimal

from shared.events.accounting import BooksOpened
from shared.events.inventory import (
    OpeningLine,
    OpenStock,
    ReceiptLine,
    ReceiveGoods,
    ShipGoods,
    ShipLine,
    TakeBackGoods,
    TakenBackLine,
)
from shared.events.order import OrderApproved, OrderCancelRequested, OrderLine, OrderPlaced, OrderRejected
from shared.money import ZERO

D = Decimal
DAY = date(2026, 1, 5)


def books(currency: str = "CNY") -> BooksOpened:
    return BooksOpened(
        ledger="main", name="Fenlu", currency=currency, standard="assbe", vat_rate=D("0.13"), opened_on=DAY
    )


def opening(opening_id: str, *lines: tuple[str, str, str]) -> OpenStock:
    """Opening stock of (sku, quantity, value) lines."""
    own = tuple(OpeningLine(sku=sku, quantity=D(quantity), value=D(value)) for sku, quantity, value in lines)
    return OpenStock(opening_id=opening_id, opened_on=DAY, lines=own)


def receipt(receipt_id: str, *lines: tuple[str, str, str], warehouse: str = "main") -> ReceiveGoods:
    """A receipt of (sku, quantity, unit cost) lines."""
    own = tuple(ReceiptLine(sku=sku, quantity=D(quantity), unit_cost=D(cost)) for sku, quantity, cost in lines)
    return ReceiveGoods(receipt_id=receipt_id, supplier_id="S1", received_on=DAY, warehouse=warehouse, lines=own)


def placed(order_id: str, *lines: tuple[str, str]) -> OrderPlaced:
    """An order of (sku, quantity) lines; prices mean nothing to the warehouse."""
    own = tuple(
        OrderLine(line=i, sku=sku, quantity=D(quantity), unit_price=ZERO, net=ZERO, tax_rate=ZERO, tax=ZERO, gross=ZERO)
        for i, (sku, quantity) in enumerate(lines, 1)
    )
    return OrderPlaced(
        order_id=order_id, customer_id="K1", ordered_on=DAY, currency="CNY", warehouse="main", lines=own,
        net=ZERO, tax=ZERO, gross=ZERO,
    )


def approved(order_id: str) -> OrderApproved:
    return OrderApproved(order_id=order_id, customer_id="K1", approver="credit-policy")


def rejected(order_id: str) -> OrderRejected:
    return OrderRejected(
        order_id=order_id, customer_id="K1", rejected_on=DAY, currency="CNY", reason="limit", net=ZERO
    )


def cancelled(order_id: str) -> OrderCancelRequested:
    return OrderCancelRequested(order_id=order_id, customer_id="K1", requested_on=DAY, reason="changed mind")


def ship(shipment_id: str, order_id: str, *lines: tuple[int, str]) -> ShipGoods:
    """A shipment of (order line, quantity) lines; none: all that is left."""
    own = tuple(ShipLine(line=line, quantity=D(quantity)) for line, quantity in lines)
    return ShipGoods(shipment_id=shipment_id, order_id=order_id, shipped_on=DAY, lines=own)


def take_back(return_id: str, shipment_id: str, *lines: tuple[int, str]) -> TakeBackGoods:
    """A customer's return of (order line, quantity) lines."""
    own = tuple(TakenBackLine(line=line, quantity=D(quantity)) for line, quantity in lines)
    return TakeBackGoods(return_id=return_id, shipment_id=shipment_id, returned_on=DAY, lines=own)
