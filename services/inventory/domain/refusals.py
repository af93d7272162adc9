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
    "opening_brought_in": Text("期初单 {value} 已导入过", "opening {value} was brought in already"),
    "not_before_books": Text(
        "单据日期 {value} 不早于建账日 {opened_on}", "{value} is not before the books were opened, on {opened_on}"
    ),
    "due_before_document": Text("到期日 {value} 早于单据日期", "{value} is before the day of the document"),
    "duplicate_receipt": Text("入库单号 {value} 已被使用", "receipt {value} exists already"),
    "duplicate_shipment": Text("发货单号 {value} 已被使用", "shipment {value} exists already"),
    "not_reserved": Text("订单 {value} 缺货，尚未预留库存", "order {value} is short, nothing is reserved for it"),
    "not_approved": Text("订单 {value} 尚未审核，不能发货", "order {value} is not approved, so it cannot be shipped"),
    "already_shipped": Text("订单 {value} 已全部发货", "order {value} is shipped in full"),
    "already_released": Text("订单 {value} 已取消或被驳回", "order {value} was cancelled or rejected"),
    "repeated_line": Text("第 {value} 行重复", "line {value} is named twice"),
    "duplicate_supplier": Text("供应商 {value} 已存在", "supplier {value} exists already"),
    "duplicate_purchase": Text("采购订单号 {value} 已被使用", "purchase order {value} exists already"),
    "duplicate_supplier_invoice": Text("采购发票号 {value} 已被使用", "supplier invoice {value} exists already"),
    "duplicate_supplier_payment": Text("付款单号 {value} 已被使用", "supplier payment {value} exists already"),
    "duplicate_purchase_return": Text("采购退货单号 {value} 已被使用", "purchase return {value} exists already"),
    "unknown_supplier": Text("供应商 {value} 不存在", "there is no supplier {value}"),
    "unknown_purchase": Text("采购订单 {value} 不存在", "there is no purchase order {value}"),
    "unknown_receipt": Text("入库单 {value} 不存在", "there is no receipt {value}"),
    "unknown_receipt_line": Text("没有入库单 {value} 的第 {line} 行", "there is no line {line} of receipt {value}"),
    "unknown_cost": Text(
        "商品 {value} 缺少单价，也没有指明采购订单", "{value} has no unit cost, and no purchase order is named"
    ),
    "repeated_sku": Text("商品 {value} 重复", "product {value} is named twice"),
    "not_ordered": Text("采购订单 {purchase} 中没有商品 {value}", "purchase order {purchase} has no product {value}"),
    "order_of_other_supplier": Text(
        "采购订单 {value} 属于供应商 {supplier}", "purchase order {value} is of supplier {supplier}"
    ),
    "order_for_other_warehouse": Text(
        "采购订单 {value} 的收货仓库是 {warehouse}", "purchase order {value} is for warehouse {warehouse}"
    ),
    "receipt_of_other_supplier": Text(
        "入库单 {value} 属于供应商 {supplier}", "receipt {value} is of supplier {supplier}"
    ),
    "other_currency": Text("账簿币种是 {currency}，不是 {value}", "the books are kept in {currency}, not in {value}"),
    "amount_too_large": Text("金额 {value} 过大", "the amount {value} is too large to count"),
    "over_received": Text(
        "商品 {sku} 只剩 {left} 未到货，不能收 {value}", "the order waits for {left} of {sku}, not for {value}"
    ),
    "over_billed": Text(
        "入库单 {receipt} 第 {line} 行只剩 {left} 未开票，不能开 {value}",
        "line {line} of receipt {receipt} has {left} left to bill, not {value}",
    ),
    "more_than_owed": Text("应付余额只有 {owed}，不能付 {value}", "{owed} is owed, not {value}"),
    "over_returned": Text(
        "第 {line} 行只剩 {left} 可退，不能退 {value}", "line {line} has {left} left to return, not {value}"
    ),
    "not_available": Text(
        "商品 {sku} 未被预留的库存只有 {left}，不能退 {value}",
        "{left} of {sku} is there and not reserved, not {value}",
    ),
    "duplicate_return": Text("销售退货单号 {value} 已被使用", "return {value} exists already"),
    "unknown_shipment": Text("发货单 {value} 不存在", "there is no shipment {value}"),
    "not_shipped": Text("发货单没有订单第 {value} 行", "the shipment has no goods of order line {value}"),
    "duplicate_count": Text("盘点单号 {value} 已被使用", "count {value} exists already"),
    "unknown_count": Text("盘点单 {value} 不存在", "there is no count {value}"),
    "already_approved": Text("盘点单 {value} 已审批", "count {value} is approved already"),
    "self_approval": Text(
        "盘点单 {value} 由 {maker} 录入，须由他人审批",
        "count {value} was entered by {maker}: somebody else must approve it",
    ),
    "below_reserved": Text(
        "商品 {sku} 已预留 {reserved}，不能盘为 {value}", "{reserved} of {sku} are reserved, so it cannot be {value}"
    ),
    "found_without_cost": Text(
        "商品 {sku} 从未有过成本，盘盈请先登记期初库存",
        "nothing is known of what {sku} costs: open stock of it instead",
    ),
    "not_in_stock": Text(
        "商品 {value} 库存不足，且不允许负库存", "not enough of {value} is there, and stock may not go negative"
    ),
    "without_cost": Text(
        "商品 {value} 从未有过成本，请先登记期初库存或入库",
        "nothing is known of what {value} costs: open or receive stock of it first",
    ),
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
