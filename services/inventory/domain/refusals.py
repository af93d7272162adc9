"""Why a command is refused, in both languages."""

from shared.events import Command
from shared.refusal import Refusal, Text

TEXTS = {
    "unknown_company": Text("公司 {value} 尚未建账", "company {value} has no books yet"),
    "unknown_sku": Text("商品 {value} 不存在", "there is no product {value}"),
    "unknown_order": Text("订单 {value} 不存在", "there is no order {value}"),
    "unknown_line": Text("订单没有第 {value} 行", "the order has no line {value}"),
    "too_many_decimals": Text(
        "{value} 的小数位超过了币种 {currency} 的规定", "{value} has more decimals than {currency} has"
    ),
    "stock_too_large": Text("商品 {value} 的库存数量或金额过大", "stock of {value} would be too large to count"),
    "duplicate_product": Text("商品 {value} 已存在", "product {value} exists already"),
    "duplicate_opening": Text("期初单号 {value} 已被使用", "opening {value} exists already"),
    "duplicate_receipt": Text("入库单号 {value} 已被使用", "receipt {value} exists already"),
    "duplicate_shipment": Text("发货单号 {value} 已被使用", "shipment {value} exists already"),
    "not_reserved": Text("订单 {value} 缺货，尚未预留库存", "order {value} is short, nothing is reserved for it"),
    "not_approved": Text("订单 {value} 尚未审核，不能发货", "order {value} is not approved, so it cannot be shipped"),
    "already_shipped": Text("订单 {value} 已全部发货", "order {value} is shipped in full"),
    "already_released": Text("订单 {value} 已取消或被驳回", "order {value} was cancelled or rejected"),
    "repeated_line": Text("第 {value} 行重复", "line {value} is named twice"),
    "over_shipped": Text(
        "第 {line} 行只剩 {left} 未发，不能发 {value}", "line {line} has {left} left to ship, not {value}"
    ),
}


def refuse(command: Command, field: str, code: str, value: str, status: int = 422, **params: str) -> Refusal:
    """The refusal of a command because of the value of one field."""
    return Refusal(command, field, code, TEXTS[code], {"value": value, **params}, status)


def unknown_company(command: Command) -> Refusal:
    """The command's company has no books."""
    return refuse(command, "company", "unknown_company", command.actor.company)
