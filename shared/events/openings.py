"""What customers and suppliers owed when the books were opened (期初应收、期初应付), a row per document."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.accounting import Place
from shared.events.base import Asked, Command, Currency, Event, Key
from shared.money import Amount, PositiveAmount

OPENERS = frozenset({"accountant", "chief_accountant"})
MOST_ROWS = 3000  # of a sheet


class OpeningRow(Asked):
    """A document from before the books, for what is still open of it. `row` is its place in the sheet, which errors
    name; a row of zero says nothing."""

    row: Place
    document: Key
    dated: date
    due_on: date | None = None
    amount: Amount
    currency: Currency | None = None


class OpeningReceivable(OpeningRow):
    """Below zero it is an advance that the customer had paid (预收)."""

    customer_id: Key


class OpeningPayable(OpeningRow):
    """Below zero it is what the supplier had been paid too much, or in advance (预付)."""

    supplier_id: Key


class OpenReceivables(Command, owner="order", allowed=OPENERS):
    """Bring in what customers owed, and had paid in advance (a negative amount), when the books were opened: a sheet
    with a row per document. All rows are checked before any is kept.

    录入期初应收：每张未收清的单据一行，金额为未收余额；负数为期初预收。全部行检查无误后才保存。
    """

    opening_id: Key
    rows: Annotated[tuple[OpeningReceivable, ...], Field(min_length=1, max_length=MOST_ROWS)]


class OpenPayables(Command, owner="inventory", allowed=OPENERS):
    """Bring in what suppliers were owed when the books were opened: a sheet with a row per document; a negative amount
    is what a supplier had been paid too much or in advance. All rows are checked before any is kept.

    录入期初应付：每张未付清的单据一行，金额为未付余额；负数为多付或预付。全部行检查无误后才保存。
    """

    opening_id: Key
    rows: Annotated[tuple[OpeningPayable, ...], Field(min_length=1, max_length=MOST_ROWS)]


class ReceivableOpened(Event, owner="order", about=("delivery", "delivery_id")):
    """A customer owed `amount` for a document of before the books. From now on it is a delivery that belongs to no
    order: receipts pay it as any other. `delivery_id` is `opening/` and the document's number, which no shipment has.

    期初应收：客户在建账前的单据尚欠 amount，此后与不属于任何订单的交付一样收款；
    delivery_id 为 opening/ 加单据号，不会与发货单号重复。
    """

    delivery_id: str
    document: str
    opening_id: str
    customer_id: str
    dated: date
    due_on: date | None = None
    currency: str
    amount: PositiveAmount


class AdvanceOpened(Event, owner="order", about=("payment", "payment_id")):
    """A customer had paid `amount` in advance before the books. From now on it is a receipt that names no order:
    deliveries take it, or it is paid back. `payment_id` is the document's number.

    期初预收：客户在建账前已预付 amount，此后与未指定订单的预收款一样冲抵或退还；payment_id 即单据号。
    """

    payment_id: str
    opening_id: str
    customer_id: str
    dated: date
    currency: str
    amount: PositiveAmount


class PayableOpened(Event, owner="inventory", about=("supplier_invoice", "supplier_invoice_id")):
    """A supplier was owed `amount` for a document of before the books; below zero it had been paid too much or in
    advance. From now on it is a bill without lines: payments settle it. `supplier_invoice_id` is the document's number.

    期初应付：建账前的单据尚欠供应商 amount，负数为多付或预付；此后与没有明细的采购发票一样付款；
    supplier_invoice_id 即单据号。
    """

    supplier_invoice_id: str
    opening_id: str
    supplier_id: str
    dated: date
    due_on: date | None = None
    currency: str
    amount: Amount
