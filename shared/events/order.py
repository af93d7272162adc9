"""What may be asked of `order`, and what it says: orders, delivery value, invoices, customer receipts."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import MENDERS, Asked, Command, CommandRejected, Currency, Event, Key, Part, Reason, SayAgain
from shared.money import Amount, NonNegativeAmount, PositiveAmount, PositiveQuantity, Rate, UnitPrice

# -- commands ---------------------------------------------------------------------------------------------------------


class AskedLine(Asked):
    sku: Key
    quantity: PositiveQuantity
    unit_price: UnitPrice


class PlaceOrder(Command, owner="order", allowed={"sales"}):
    """Place a sales order; prices are net of VAT.

    下销售订单；价格不含增值税。
    """

    order_id: Key
    customer_id: Key
    ordered_on: date
    currency: Currency
    warehouse: Key = "main"
    salesperson: Key | None = None
    lines: Annotated[tuple[AskedLine, ...], Field(min_length=1, max_length=500)]


class ApproveOrder(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Approve an order that is over its customer's credit limit; never by its maker.

    审核超出客户信用额度的订单；制单人不得审核。
    """

    order_id: Key


class RejectOrder(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Refuse an order that waits for approval.

    审核不通过，拒绝待审核的订单。
    """

    order_id: Key
    rejected_on: date
    reason: Reason


class CancelOrder(Command, owner="order", allowed={"sales"}):
    """Cancel what is not shipped yet of an order.

    取消订单中尚未发货的部分。
    """

    order_id: Key
    cancelled_on: date
    reason: Reason


class IssueInvoice(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Invoice every delivery of an order that has no invoice yet.

    为订单中尚未开票的全部交付开具发票。
    """

    invoice_id: Key
    order_id: Key
    issued_on: date


class ReceivePayment(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Record money received from a customer, for one order or for whatever is open.

    登记客户付来的货款，可指定订单，也可冲抵该客户的未收款。
    """

    payment_id: Key
    customer_id: Key
    order_id: Key | None = None
    received_on: date
    currency: Currency
    amount: PositiveAmount


class IssueCreditNote(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Issue a red invoice over every return of an order whose delivery was invoiced.

    为订单中已开票后退货的部分开具红字发票。
    """

    credit_note_id: Key
    order_id: Key
    issued_on: date


class PayRefund(Command, owner="order", allowed={"accountant", "chief_accountant"}):
    """Pay money back to a customer: what returns left in its favour, then its advances; never more than that.

    向客户退款：先退退货形成的欠款，再退预收；不得多退。
    """

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
    """An order was taken; gross = net + tax, each the sum of the lines.

    接受了一张订单；gross = net + tax，各为明细之和。
    """

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
    """Stock is reserved, but the order goes over the credit limit: a person who is not its maker must decide.

    货已预留，但订单超出信用额度，须由制单人以外的人审核。
    """

    order_id: str
    customer_id: str
    maker: str
    exposure: Amount
    credit_limit: Amount


class OrderApproved(Event, owner="order", about=("order", "order_id")):
    """The order may be shipped; `approver` is a person, or `credit-policy` when it was within the limit.

    订单可以发货；approver 是审核人，额度之内则为 credit-policy。
    """

    order_id: str
    customer_id: str
    approver: str


class OrderRejected(Event, owner="order", about=("order", "order_id")):
    """A person refused the order; `net` leaves the backlog.

    审核未通过；net 移出未交订单。
    """

    order_id: str
    customer_id: str
    rejected_on: date
    currency: str
    reason: str
    salesperson: str | None = None
    net: NonNegativeAmount


class OrderCancelRequested(Event, owner="order", about=("order", "order_id")):
    """Somebody wants the rest of an order cancelled; the warehouse is asked first.

    有人要取消订单的剩余部分；先问仓库。
    """

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
    """What was not shipped is cancelled; `net` (the sum of the lines) leaves the backlog.

    未发货的部分已取消；net（明细之和）移出未交订单。
    """

    order_id: str
    customer_id: str
    cancelled_on: date
    currency: str
    reason: str
    salesperson: str | None = None
    lines: tuple[CancelledLine, ...]
    net: NonNegativeAmount


class OrderCancelDeclined(Event, owner="order", about=("order", "order_id")):
    """Everything had been shipped before the cancellation reached the warehouse.

    取消到达仓库之前，货已全部发出。
    """

    order_id: str
    customer_id: str


class OrderSettled(Event, owner="order", about=("order", "order_id")):
    """Delivered or cancelled in full, invoiced in full, paid in full.

    订单结清：已全部交付或取消，全部开票，全部收款。
    """

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
    """What a shipment is worth to the customer; `delivery_id` is the shipment's id. Relieves the backlog by `net`.

    一次发货对客户的价值；delivery_id 即发货单号，按 net 冲减未交订单。
    """

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
    """An invoice over deliveries of an order; gross = net + tax.

    为订单的交付开具了发票；gross = net + tax。
    """

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
    """Part of a receipt that pays a delivery; `order_id` is '' where it was owed when the books were opened."""

    order_id: str
    delivery_id: str
    amount: PositiveAmount


class PaymentReceived(Event, owner="order", about=("payment", "payment_id")):
    """Money came in: amount = allocated + unallocated; `allocated` is the sum of the allocations.

    收到货款：amount = allocated + unallocated，allocated 为各冲抵之和。
    """

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
    """An advance pays a later delivery.

    预收款冲抵了后来的交付。
    """

    payment_id: str
    customer_id: str
    allocated_on: date
    currency: str
    allocations: tuple[Allocation, ...]
    allocated: PositiveAmount

    @property
    def walk(self) -> str:
        """It happens because a delivery of this order could be paid."""
        return f"order/{self.allocations[0].order_id}" if self.allocations[0].order_id else self.subject


class SaleReturned(Event, owner="order", about=("return", "return_id")):
    """What goods that came back had been sold for, at the original price: the reverse of a part of SaleDelivered.

    退回的货原来的售价：按原价冲回 SaleDelivered 的一部分。
    """

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
    """A red invoice over returns of invoiced deliveries: the reverse of a part of InvoiceIssued.

    为已开票交付的退货开具了红字发票：冲回 InvoiceIssued 的一部分。
    """

    credit_note_id: str
    order_id: str
    customer_id: str
    issued_on: date
    currency: str
    returns: tuple[str, ...]
    net: NonNegativeAmount
    tax: NonNegativeAmount
    gross: NonNegativeAmount


class RefundedPart(Part):
    delivery_id: str | None = None  # whose credit after a return was paid back
    payment_id: str | None = None  # or the receipt of which something was not allocated
    amount: PositiveAmount


class RefundPaid(Event, owner="order", about=("refund", "refund_id")):
    """Money went back: amount = from_returns + from_advances, the sum of the parts.

    已退款：amount = from_returns + from_advances，为 parts 之和。
    """

    refund_id: str
    customer_id: str
    order_id: str | None = None
    paid_on: date
    currency: str
    amount: PositiveAmount
    from_returns: NonNegativeAmount
    from_advances: NonNegativeAmount
    parts: tuple[RefundedPart, ...] = ()  # events from before these were said have none


class OrderCommandRejected(CommandRejected, owner="order", about=("command", "command_id"), name="command_rejected"):
    """A command to `order` that came by queue was refused; names the field.

    经队列发给 order 的命令被拒绝；指出字段和原因。
    """


class OrderSayAgain(SayAgain, owner="order", name="say_again", allowed=MENDERS):
    """Say a stretch of order's log again to one hearer, who missed it or comes late.

    把 order 日志中的一段重新说给一个接收方的队列，供漏听或后来加入的服务和伙伴使用。
    """
