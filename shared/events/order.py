"""What may be asked of `order`, and what it says: orders, delivery value, invoices, customer receipts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import MENDERS, Asked, Command, CommandRejected, Currency, Event, Key, Part, Reason, SayAgain
from shared.money import (
    Amount,
    NonNegativeAmount,
    PositiveAmount,
    PositiveQuantity,
    Rate,
    UnitPrice,
)

# -- commands ---------------------------------------------------------------------------------------------------------


class AskedLine(Asked):
    sku: Key
    quantity: PositiveQuantity
    unit_price: UnitPrice


class PlaceOrder(Command, owner="order", allowed={"sales"}):
    """Place a sales order (下单); prices are net of VAT."""

    order_id: Key
    customer_id: Key
    ordered_on: date
    currency: Currency
    warehouse: Key = "main"
    salesperson: Key | None = None
    lines: Annotated[tuple[AskedLine, ...], Field(min_length=1, max_length=500)]


class ApproveOrder(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Approve an order that is over its customer's credit limit (审核); never by its maker."""

    order_id: Key


class RejectOrder(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Refuse an order that waits for approval."""

    order_id: Key
    rejected_on: date
    reason: Reason


class CancelOrder(Command, owner="order", allowed={"sales"}):
    """Cancel what is not shipped yet of an order (取消)."""

    order_id: Key
    cancelled_on: date
    reason: Reason


class IssueInvoice(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Invoice every delivery of an order that has no invoice yet (开票)."""

    invoice_id: Key
    order_id: Key
    issued_on: date


class ReceivePayment(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Record money received from a customer (收款), for one order or for whatever is open."""

    payment_id: Key
    customer_id: Key
    order_id: Key | None = None
    received_on: date
    currency: Currency
    amount: PositiveAmount


class IssueCreditNote(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Issue a red invoice (红字发票) over every return of an order whose delivery was invoiced."""

    credit_note_id: Key
    order_id: Key
    issued_on: date


class PayRefund(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Pay money back to a customer (退款): what returns left in its favour, then its advances; never more than that."""

    refund_id: Key
    customer_id: Key
    order_id: Key | None = None
    paid_on: date
    currency: Currency
    amount: PositiveAmount


# -- events -----------------------------------------------------------------------------------------------------------


class OrderLine(Part):
    line: int
    sku: str
    quantity: PositiveQuantity
    unit_price: UnitPrice
    net: NonNegativeAmount
    tax_rate: Rate
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class OrderPlaced(Event, owner="order", about=("order", "order_id")):
    """An order was taken; gross = net + tax, each the sum of the lines."""

    order_id: str
    customer_id: str
    ordered_on: date
    currency: str
    warehouse: str
    salesperson: str | None = None
    lines: tuple[OrderLine, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class ApprovalRequested(Event, owner="order", about=("order", "order_id")):
    """Stock is reserved, but the order goes over the credit limit: a person who is not its maker must decide."""

    order_id: str
    customer_id: str
    maker: str
    exposure: Amount
    credit_limit: Amount


class OrderApproved(Event, owner="order", about=("order", "order_id")):
    """The order may be shipped; `approver` is a person, or `credit-policy` when it was within the limit."""

    order_id: str
    customer_id: str
    approver: str


class OrderRejected(Event, owner="order", about=("order", "order_id")):
    """A person refused the order; `net` leaves the backlog."""

    order_id: str
    customer_id: str
    rejected_on: date
    currency: str
    reason: str
    salesperson: str | None = None
    net: NonNegativeAmount


class OrderCancelRequested(Event, owner="order", about=("order", "order_id")):
    order_id: str
    customer_id: str
    requested_on: date
    reason: str


class CancelledLine(Part):
    line: int
    sku: str
    quantity: PositiveQuantity
    net: NonNegativeAmount


class OrderCancelled(Event, owner="order", about=("order", "order_id")):
    """What was not shipped is cancelled; `net` (the sum of the lines) leaves the backlog."""

    order_id: str
    customer_id: str
    cancelled_on: date
    currency: str
    reason: str
    salesperson: str | None = None
    lines: tuple[CancelledLine, ...]
    net: NonNegativeAmount


class OrderCancelDeclined(Event, owner="order", about=("order", "order_id")):
    """Everything had been shipped before the cancellation reached the warehouse."""

    order_id: str
    customer_id: str


class OrderSettled(Event, owner="order", about=("order", "order_id")):
    """Delivered or cancelled in full, invoiced in full, paid in full (结清)."""

    order_id: str
    customer_id: str


class DeliveredLine(Part):
    line: int
    sku: str
    quantity: PositiveQuantity
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class SaleDelivered(Event, owner="order", about=("delivery", "delivery_id")):
    """What a shipment is worth to the customer; `delivery_id` is the shipment's id. Relieves the backlog by `net`."""

    delivery_id: str
    order_id: str
    customer_id: str
    salesperson: str | None = None
    delivered_on: date
    currency: str
    lines: tuple[DeliveredLine, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class InvoiceIssued(Event, owner="order", about=("invoice", "invoice_id")):
    invoice_id: str
    order_id: str
    customer_id: str
    issued_on: date
    currency: str
    deliveries: tuple[str, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class Allocation(Part):
    """Part of a receipt that pays a delivery."""

    order_id: str
    delivery_id: str
    amount: PositiveAmount


class PaymentReceived(Event, owner="order", about=("payment", "payment_id")):
    """Money came in: amount = allocated + unallocated; `allocated` is the sum of the allocations."""

    payment_id: str
    customer_id: str
    order_id: str | None = None
    received_on: date
    currency: str
    amount: PositiveAmount
    allocations: tuple[Allocation, ...]
    allocated: NonNegativeAmount
    unallocated: NonNegativeAmount


class PaymentAllocated(Event, owner="order", about=("payment", "payment_id")):
    """An advance (预收) pays a later delivery."""

    payment_id: str
    customer_id: str
    allocated_on: date
    currency: str
    allocations: tuple[Allocation, ...]
    allocated: PositiveAmount

    @property
    def walk(self) -> str:
        """It happens because a delivery of this order could be paid."""
        return f"order/{self.allocations[0].order_id}"


class SaleReturned(Event, owner="order", about=("return", "return_id")):
    """What goods that came back had been sold for, at the original price: the reverse of a part of SaleDelivered."""

    return_id: str
    delivery_id: str
    order_id: str
    customer_id: str
    salesperson: str | None = None
    returned_on: date
    currency: str
    lines: tuple[DeliveredLine, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class CreditNoteIssued(Event, owner="order", about=("credit_note", "credit_note_id")):
    """A red invoice over returns of invoiced deliveries: the reverse of a part of InvoiceIssued."""

    credit_note_id: str
    order_id: str
    customer_id: str
    issued_on: date
    currency: str
    returns: tuple[str, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class RefundPaid(Event, owner="order", about=("refund", "refund_id")):
    """Money went back: amount = from_returns + from_advances."""

    refund_id: str
    customer_id: str
    order_id: str | None = None
    paid_on: date
    currency: str
    amount: PositiveAmount
    from_returns: NonNegativeAmount
    from_advances: NonNegativeAmount


class OrderCommandRejected(CommandRejected, owner="order", about=("command", "command_id"), name="command_rejected"):
    pass


class OrderSayAgain(SayAgain, owner="order", name="say_again", allowed=MENDERS):
    pass
