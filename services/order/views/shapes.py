"""What others may read about orders, customers and receivables. Amounts are decimal strings in JSON."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from services.order.domain.values import State


class OrderHeader(BaseModel):
    """One order without its lines."""

    order_id: str
    customer_id: str
    ordered_on: date
    currency: str
    warehouse: str
    salesperson: str | None
    maker: str
    approver: str | None
    state: State
    settled: bool
    net: Decimal
    tax: Decimal
    gross: Decimal
    stopped_on: date | None
    stop_reason: str | None


class OrderLine(BaseModel):
    line: int
    sku: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    net: Decimal
    tax: Decimal
    delivered: Decimal
    delivered_net: Decimal
    delivered_tax: Decimal
    returned: Decimal


class DeliveredLine(BaseModel):
    """`line` is the order's; `quantity` is what was delivered with it, `returned` what came back of that."""

    line: int
    sku: str
    quantity: Decimal
    returned: Decimal


class Delivery(BaseModel):
    """`returned` is the gross of what came back; `open` is what no receipt has paid yet, below zero a credit."""

    delivery_id: str
    delivered_on: date
    net: Decimal
    tax: Decimal
    gross: Decimal
    returned: Decimal
    open: Decimal
    invoice_id: str | None
    lines: list[DeliveredLine]


class Return(BaseModel):
    """Goods that came back. With an invoice it needs a credit note, without one it lowered the later invoice."""

    return_id: str
    delivery_id: str
    returned_on: date
    net: Decimal
    tax: Decimal
    gross: Decimal
    invoice_id: str | None
    credit_note_id: str | None


class CreditNote(BaseModel):
    credit_note_id: str
    issued_on: date
    net: Decimal
    tax: Decimal
    gross: Decimal


class Refund(BaseModel):
    """What a refund paid back of this order: credits of its deliveries, and advances that name it."""

    refund_id: str
    paid_on: date
    amount: Decimal
    from_returns: Decimal
    from_advances: Decimal


class Invoice(BaseModel):
    invoice_id: str
    issued_on: date
    net: Decimal
    tax: Decimal
    gross: Decimal


class Payment(BaseModel):
    """What a receipt paid of this order; `advance` is what it keeps for later deliveries of this order."""

    payment_id: str
    received_on: date
    amount: Decimal
    allocated: Decimal
    advance: Decimal


class OrderDetail(OrderHeader):
    """One order with everything that happened to it."""

    lines: list[OrderLine]
    deliveries: list[Delivery]
    returns: list[Return]
    invoices: list[Invoice]
    credit_notes: list[CreditNote]
    payments: list[Payment]
    refunds: list[Refund]


class Customer(BaseModel):
    """exposure = committed + receivable - advances; the credit check compares it with the limit.

    `receivable` is less what returns left in the customer's favour, so it may be below zero.
    """

    customer_id: str
    credit_limit: Decimal
    committed: Decimal
    receivable: Decimal
    advances: Decimal
    exposure: Decimal


class Receivable(BaseModel):
    """balance = open - credits: what a customer owes for deliveries, less what returns left in its favour.

    `deliveries` are those that are not paid in full, also of before the books; `oldest` is the first's day.
    """

    customer_id: str
    open: Decimal
    credits: Decimal
    balance: Decimal
    deliveries: int
    oldest: date | None


class Summary(BaseModel):
    """Counts over everything that happened since the books were opened."""

    orders: dict[State, int]
    deliveries: int
    invoiced: int
    paid: int
    invoices: int
    payments: int
    returns: int
    credit_notes: int
    refunds: int
