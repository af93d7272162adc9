"""Suppliers, purchase orders, supplier invoices and payments, returns to suppliers, costs known late."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import Asked, Command, Currency, Event, Key, Name, Part
from shared.money import Amount, NonNegativeAmount, PositiveAmount, PositiveQuantity, UnitPrice

# -- commands ---------------------------------------------------------------------------------------------------------


class NewSupplier(Asked):
    supplier_id: Key
    name: Name


class RegisterSuppliers(Command, owner="inventory", allowed={"buyer", "admin"}):
    """Add suppliers.

    新增供应商档案。
    """

    suppliers: Annotated[tuple[NewSupplier, ...], Field(min_length=1, max_length=1000)]


class AskedPurchaseLine(Asked):
    sku: Key
    quantity: PositiveQuantity
    unit_cost: UnitPrice


class PlacePurchaseOrder(Command, owner="inventory", allowed={"buyer"}):
    """Order goods from a supplier; costs are net of VAT. A product stands in one line only.

    向供应商下采购订单；成本不含增值税，同一商品只占一行。
    """

    purchase_id: Key
    supplier_id: Key
    ordered_on: date
    warehouse: Key = "main"
    lines: Annotated[tuple[AskedPurchaseLine, ...], Field(min_length=1, max_length=500)]


class BilledLine(Asked):
    """Part of a receipt line, at the price of the bill; without `tax` it is taxed at the company's VAT rate."""

    receipt_id: Key
    line: Annotated[int, Field(ge=1)]
    quantity: PositiveQuantity
    unit_cost: UnitPrice
    tax: NonNegativeAmount | None = None


class BookSupplierInvoice(Command, owner="inventory", allowed={"accountant", "chief_accountant"}):
    """Enter a supplier's invoice, matched with order and receipt; its price may be another one.

    录入采购发票，与订单、入库三单匹配；价格可以不同。
    """

    supplier_invoice_id: Key
    supplier_id: Key
    invoiced_on: date
    currency: Currency
    lines: Annotated[tuple[BilledLine, ...], Field(min_length=1, max_length=500)]


class PaySupplier(Command, owner="inventory", allowed={"accountant", "chief_accountant"}):
    """Pay what is owed to a supplier, oldest invoice first; never more than is owed.

    向供应商付款，先付最早的发票；不得多付。
    """

    supplier_payment_id: Key
    supplier_id: Key
    paid_on: date
    currency: Currency
    amount: PositiveAmount


class ReturnedToSupplierLine(Asked):
    line: Annotated[int, Field(ge=1)]
    quantity: PositiveQuantity


class ReturnToSupplier(Command, owner="inventory", allowed={"warehouse"}):
    """Send received goods back; they leave at their receipt's cost.

    把已入库的货退给供应商，按其入库成本出库。
    """

    purchase_return_id: Key
    receipt_id: Key
    returned_on: date
    lines: Annotated[tuple[ReturnedToSupplierLine, ...], Field(min_length=1, max_length=500)]


# -- events -----------------------------------------------------------------------------------------------------------


class SupplierRegistered(Event, owner="inventory", about=("supplier", "supplier_id")):
    """A supplier exists.

    供应商已建档。
    """

    supplier_id: str
    name: str


class PurchaseLine(Part):
    line: int
    sku: str
    quantity: PositiveQuantity
    unit_cost: UnitPrice
    net: NonNegativeAmount


class PurchaseOrdered(Event, owner="inventory", about=("purchase", "purchase_id")):
    """Goods were ordered from a supplier; net = sum of the lines, without VAT.

    已向供应商下采购订单；net 为明细之和，不含税。
    """

    purchase_id: str
    supplier_id: str
    ordered_on: date
    warehouse: str
    currency: str
    lines: tuple[PurchaseLine, ...]
    net: NonNegativeAmount


class SupplierInvoiceLine(Part):
    """net = accrued + variance: what the receipt had been valued at, and what the bill differs by (signed)."""

    line: int
    receipt_id: str
    receipt_line: int
    sku: str
    quantity: PositiveQuantity
    accrued: NonNegativeAmount
    variance: Amount
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class SupplierInvoiced(Event, owner="inventory", about=("supplier_invoice", "supplier_invoice_id")):
    """A bill came; the sums are those of the lines. A variance is followed by CostAdjusted in the same transaction.

    采购发票到了；各合计为明细之和。有价差时，同一事务中接着有 CostAdjusted。
    """

    supplier_invoice_id: str
    supplier_id: str
    invoiced_on: date
    currency: str
    lines: tuple[SupplierInvoiceLine, ...]
    accrued: NonNegativeAmount
    variance: Amount
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class AdjustedLine(Part):
    """A pool's part: `stock` changes what is still here, `consumed` the cost of what has left; both signed."""

    line: int
    sku: str
    warehouse: str
    stock: Amount
    consumed: Amount


class CostAdjusted(Event, owner="inventory", about=("adjustment", "adjustment_id")):
    """Costs known late: (valuation of the movements with what is known now) - (valuation booked).

    variance = stock + consumed: it empties the price-variance clearing; 0 when a receipt settles negative stock.
    `adjustment_id` is the document's that brought the news: `supplier_invoice:<id>`, `receipt:<id>`.

    迟到成本：按现在所知给各次出入库重新计价，减去已入账的计价。
    """

    adjustment_id: str
    adjusted_on: date
    currency: str
    lines: tuple[AdjustedLine, ...]
    stock: Amount
    consumed: Amount
    variance: Amount


class PaidInvoice(Part):
    supplier_invoice_id: str
    amount: Amount  # a bill with too much after a return is used up: negative


class SupplierPaid(Event, owner="inventory", about=("supplier_payment", "supplier_payment_id")):
    """Money went out; amount = sum of the allocations.

    已向供应商付款；amount 为各冲抵之和。
    """

    supplier_payment_id: str
    supplier_id: str
    paid_on: date
    currency: str
    allocations: tuple[PaidInvoice, ...]
    amount: PositiveAmount


class PurchaseReturnLine(Part):
    """Unbilled goods relieve the accrual (`accrued`), billed ones the payable (`net`, `tax`).

    cost = accrued + net; `residual` is what the pool had to give or take on top, because nothing may be left when the
    quantity is zero and a pool is never worth less than nothing; stock = cost + residual leaves 1405.
    """

    line: int
    receipt_line: int
    sku: str
    quantity: PositiveQuantity
    accrued: Amount
    net: Amount
    tax: Amount
    residual: Amount
    stock: Amount


class PurchaseReturned(Event, owner="inventory", about=("purchase_return", "purchase_return_id")):
    """Goods went back to the supplier; the sums are those of the lines; gross = net + tax. `credits` says what of the
    gross comes off which bill.

    货已退给供应商；各合计为明细之和，gross = net + tax；credits 说明冲减哪些采购发票。
    """

    purchase_return_id: str
    receipt_id: str
    supplier_id: str
    returned_on: date
    warehouse: str
    currency: str
    lines: tuple[PurchaseReturnLine, ...]
    accrued: Amount
    net: Amount
    tax: Amount
    gross: Amount
    residual: Amount
    stock: Amount
    credits: tuple[PaidInvoice, ...] = ()  # events from before these were said have none
