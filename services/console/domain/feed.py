"""Events in words that fit into a line, and the amount that each is about. What is not here is not for people."""

from collections.abc import Iterable, Mapping
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from shared.events import Event
from shared.refusal import Text

# type -> (the words, the field that holds its amount)
WORDS: dict[str, tuple[Text, str | None]] = {
    "order.order_placed.v1": (Text("下单", "Order placed"), "gross"),
    "order.approval_requested.v1": (Text("待审核", "Approval asked for"), "exposure"),
    "order.order_approved.v1": (Text("订单通过", "Order approved"), None),
    "order.order_rejected.v1": (Text("订单驳回", "Order rejected"), "net"),
    "order.order_cancel_requested.v1": (Text("申请取消", "Cancelling asked for"), None),
    "order.order_cancel_declined.v1": (Text("取消未果", "Too late to cancel"), None),
    "order.order_cancelled.v1": (Text("订单取消", "Order cancelled"), "net"),
    "order.sale_delivered.v1": (Text("交付", "Sale delivered"), "gross"),
    "order.sale_returned.v1": (Text("销售退回", "Sale returned"), "gross"),
    "order.invoice_issued.v1": (Text("开票", "Invoice issued"), "gross"),
    "order.credit_note_issued.v1": (Text("红字发票", "Credit note issued"), "gross"),
    "order.payment_received.v1": (Text("收款", "Payment received"), "amount"),
    "order.payment_allocated.v1": (Text("预收冲抵", "Advance used"), "allocated"),
    "order.receivable_opened.v1": (Text("期初应收", "Opening receivable"), "amount"),
    "order.advance_opened.v1": (Text("期初预收", "Opening advance"), "amount"),
    "order.refund_paid.v1": (Text("退款", "Refund paid"), "amount"),
    "order.order_settled.v1": (Text("订单结清", "Order settled"), None),
    "order.period_sealed.v1": (Text("销售业务录毕", "Sales of the month entered"), None),
    "inventory.product_registered.v1": (Text("商品建档", "Product registered"), None),
    "inventory.supplier_registered.v1": (Text("供应商建档", "Supplier registered"), None),
    "inventory.negative_stock_allowed.v1": (Text("负库存规则", "Negative stock decided"), None),
    "inventory.stock_opened.v1": (Text("期初库存", "Opening stock"), "cost"),
    "inventory.stock_reserved.v1": (Text("库存预留", "Stock reserved"), None),
    "inventory.stock_short.v1": (Text("缺货", "Stock short"), None),
    "inventory.reservation_released.v1": (Text("释放预留", "Reservation released"), None),
    "inventory.goods_shipped.v1": (Text("出库", "Goods shipped"), "cost"),
    "inventory.goods_returned.v1": (Text("退货入库", "Goods taken back"), "cost"),
    "inventory.purchase_ordered.v1": (Text("采购下单", "Purchase ordered"), "net"),
    "inventory.goods_received.v1": (Text("采购入库", "Goods received"), "cost"),
    "inventory.payable_opened.v1": (Text("期初应付", "Opening payable"), "amount"),
    "inventory.supplier_invoiced.v1": (Text("采购发票", "Supplier's invoice"), "gross"),
    "inventory.supplier_paid.v1": (Text("付款", "Supplier paid"), "amount"),
    "inventory.purchase_returned.v1": (Text("采购退货", "Returned to supplier"), "gross"),
    "inventory.cost_adjusted.v1": (Text("成本调整", "Cost adjusted"), "variance"),
    "inventory.stock_counted.v1": (Text("盘点", "Stock counted"), None),
    "inventory.count_approved.v1": (Text("盘点审批", "Count approved"), None),
    "inventory.period_sealed.v1": (Text("库存业务录毕", "Stock of the month entered"), None),
    "crm.customer_registered.v1": (Text("客户建档", "Customer registered"), "credit_limit"),
    "crm.credit_limit_changed.v1": (Text("信用额度", "Credit limit changed"), "credit_limit"),
    "crm.communication_logged.v1": (Text("客户沟通", "Talk with a customer"), None),
    "crm.complaint_filed.v1": (Text("客户投诉", "Complaint filed"), None),
    "crm.complaint_resolved.v1": (Text("投诉解决", "Complaint resolved"), None),
    "accounting.books_opened.v1": (Text("建账", "Books opened"), None),
    "accounting.period_close_requested.v1": (Text("申请结账", "Close asked for"), None),
    "accounting.period_closed.v1": (Text("结账", "Month closed"), None),
    "accounting.voucher_drafted.v1": (Text("填制凭证", "Voucher drafted"), None),
    "accounting.voucher_checked.v1": (Text("审核凭证", "Voucher checked"), None),
    "accounting.voucher_signed.v1": (Text("出纳签字", "Voucher signed"), None),
    "accounting.voucher_posted.v1": (Text("凭证记账", "Voucher posted by hand"), None),
    "accounting.voucher_discarded.v1": (Text("凭证作废", "Voucher discarded"), None),
}
OWNERS = {
    "order": Text("订单", "Order"), "inventory": Text("库存", "Stock"), "accounting": Text("会计", "Accounting"),
    "crm": Text("客户", "Customers"), "webhooks": Text("推送", "Webhooks"), "console": Text("控制台", "Console"),
}


def amount_of(event: Event) -> Decimal | None:
    """The amount in the currency of the books that an event is about, if it is about one."""
    field = WORDS[event.type][1]
    return None if field is None else Decimal(getattr(event, field))


def day_of(event: Event, zone: tzinfo) -> date:
    """The day on which it was said, where the company is."""
    return event.envelope.time.astimezone(zone).date()


def begins(walk: str, rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a story has its beginning: the first version of what it is named after."""
    return any(row["subject"] == walk and row["version"] == 1 for row in rows)


def words(type_: str) -> Text:
    """An event type in words; its name, if there are none."""
    found = WORDS.get(type_)
    return found[0] if found else Text(type_, type_)
