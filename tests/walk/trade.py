"""A small company for walks: one product, one supplier, one customer, and short words for what they do."""

from datetime import date
from typing import Any

from shared.events.crm import RegisterCustomers
from shared.events.inventory import (
    BookSupplierInvoice,
    ReceiveGoods,
    RegisterProducts,
    RegisterSuppliers,
    ReturnToSupplier,
    ShipGoods,
    TakeBackGoods,
)
from shared.events.order import IssueInvoice, PlaceOrder, ReceivePayment
from tests.walk.bus import Bus

DAY = date(2017, 1, 10)


class Trade:
    """What one company does, with ids counted up."""

    def __init__(self, bus: Bus, company: str = "C1") -> None:
        self.bus, self.company = bus, company

    async def begin(self, **product: Any) -> None:
        await self.bus.open_books(self.company)
        await self._do(RegisterProducts.model_validate({"products": [{"sku": "TEA", "name": "茶", **product}]}))
        await self._do(RegisterSuppliers.model_validate({"suppliers": [{"supplier_id": "S1", "name": "供应商"}]}))
        customers = [{"customer_id": "K1", "name": "客户", "credit_limit": "1000000"}]
        await self._do(RegisterCustomers.model_validate({"customers": customers}))

    async def receive(self, receipt_id: str, quantity: str, unit_cost: str, on: date = DAY) -> None:
        lines = [{"sku": "TEA", "quantity": quantity, "unit_cost": unit_cost}]
        await self._do(ReceiveGoods.model_validate(
            {"receipt_id": receipt_id, "supplier_id": "S1", "received_on": on, "lines": lines}))

    async def bill(self, bill_id: str, receipt_id: str, quantity: str, unit_cost: str, on: date = DAY) -> None:
        lines = [{"receipt_id": receipt_id, "line": 1, "quantity": quantity, "unit_cost": unit_cost}]
        await self._do(BookSupplierInvoice.model_validate(
            {"supplier_invoice_id": bill_id, "supplier_id": "S1", "invoiced_on": on, "currency": "CNY",
             "lines": lines}))

    async def order(self, order_id: str, quantity: str, unit_price: str = "100") -> None:
        lines = [{"sku": "TEA", "quantity": quantity, "unit_price": unit_price}]
        await self._do(PlaceOrder.model_validate(
            {"order_id": order_id, "customer_id": "K1", "ordered_on": DAY, "currency": "CNY", "lines": lines}))

    async def ship(self, shipment_id: str, order_id: str, quantity: str | None = None, on: date = DAY) -> None:
        lines = [] if quantity is None else [{"line": 1, "quantity": quantity}]
        await self._do(ShipGoods.model_validate(
            {"shipment_id": shipment_id, "order_id": order_id, "shipped_on": on, "lines": lines}))

    async def sell(self, order_id: str, quantity: str, unit_price: str = "100") -> None:
        """Order and ship at once; the shipment has the order's id."""
        await self.order(order_id, quantity, unit_price)
        await self.ship(order_id, order_id)

    async def invoice(self, invoice_id: str, order_id: str, on: date = DAY) -> None:
        await self._do(IssueInvoice(invoice_id=invoice_id, order_id=order_id, issued_on=on))

    async def pay(self, payment_id: str, amount: str, order_id: str | None = None) -> None:
        await self._do(ReceivePayment.model_validate(
            {"payment_id": payment_id, "customer_id": "K1", "order_id": order_id, "received_on": DAY,
             "currency": "CNY", "amount": amount}))

    async def walk(self, order_id: str) -> None:
        """One order of two pieces at 100, from its placing to its payment."""
        await self.sell(order_id, "2")
        await self.invoice(f"INV-{order_id}", order_id)
        await self.pay(f"PAY-{order_id}", "226", order_id)

    async def take_back(self, return_id: str, shipment_id: str, quantity: str) -> None:
        await self._do(TakeBackGoods.model_validate(
            {"return_id": return_id, "shipment_id": shipment_id, "returned_on": DAY,
             "lines": [{"line": 1, "quantity": quantity}]}))

    async def send_back(self, return_id: str, receipt_id: str, quantity: str) -> None:
        await self._do(ReturnToSupplier.model_validate(
            {"purchase_return_id": return_id, "receipt_id": receipt_id, "returned_on": DAY,
             "lines": [{"line": 1, "quantity": quantity}]}))

    async def _do(self, command: Any) -> None:
        await self.bus.do(command, company=self.company)
