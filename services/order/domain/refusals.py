"""Why a command is refused, in both languages."""

from shared.events import Command
from shared.refusal import Refusal, Text

TEXTS = {
    "unknown_company": Text("公司 {value} 尚未建账", "company {value} has no books yet"),
    "unknown_customer": Text("客户 {value} 不存在", "there is no customer {value}"),
    "unknown_sku": Text("商品 {value} 不存在", "there is no product {value}"),
    "unknown_order": Text("订单 {value} 不存在", "there is no order {value}"),
    "unknown_currency": Text("币种 {value} 不受支持", "currency {value} is not known"),
    "other_currency": Text("账套币种是 {books}，不能用 {value}", "the books are kept in {books}, not in {value}"),
    "too_many_decimals": Text(
        "{value} 的小数位超过了币种 {currency} 的规定", "{value} has more decimals than {currency} has"
    ),
    "amount_too_large": Text("订单金额过大", "the order's amount is too large"),
    "duplicate_order": Text("订单号 {value} 已被使用", "order {value} exists already"),
    "duplicate_invoice": Text("发票号 {value} 已被使用", "invoice {value} exists already"),
    "duplicate_payment": Text("收款单号 {value} 已被使用", "payment {value} exists already"),
    "duplicate_credit_note": Text("红字发票号 {value} 已被使用", "credit note {value} exists already"),
    "duplicate_refund": Text("退款单号 {value} 已被使用", "refund {value} exists already"),
    "duplicate_opening": Text("期初单 {value} 已导入过", "opening {value} was brought in already"),
    "duplicate_document": Text("单据号 {value} 已被使用", "document {value} exists already"),
    "not_before_books": Text(
        "单据日期 {value} 不早于建账日 {opened_on}", "{value} is not before the books were opened, on {opened_on}"
    ),
    "due_before_document": Text("到期日 {value} 早于单据日期", "{value} is before the day of the document"),
    "not_held": Text("订单 {value} 不在待审核状态", "order {value} does not wait for approval"),
    "self_approval": Text(
        "制单人 {maker} 不能审核自己的订单 {value}", "{maker} placed order {value}, so somebody else must decide"
    ),
    "not_cancellable": Text("订单 {value} 已不能取消", "order {value} cannot be cancelled any more"),
    "nothing_to_invoice": Text("订单 {value} 没有待开票的发货", "order {value} has no delivery without an invoice"),
    "nothing_to_credit": Text(
        "订单 {value} 没有待开红字发票的退货", "order {value} has no return of invoiced goods without a credit note"
    ),
    "more_than_owed": Text(
        "退款 {value} 超过可退金额 {available}", "{value} is more than the {available} that can be paid back"
    ),
    "order_of_other_customer": Text(
        "订单 {value} 不属于客户 {customer}", "order {value} is not an order of customer {customer}"
    ),
}


def refuse(command: Command, field: str, code: str, value: str, status: int = 422, **params: str) -> Refusal:
    """The refusal of a command because of the value of one field."""
    return Refusal(command, field, code, TEXTS[code], {"value": value, **params}, status)
