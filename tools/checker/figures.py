"""How often the things happened that no other number of the report counts, and what they came to."""

from tools.checker.databases import Databases
from tools.checker.findings import Figure

# (name, owner, event type, the field that is its amount)
FIGURES = (
    ("期初应收 opening receivables", "order", "order.receivable_opened.v1", "amount"),
    ("期初预收 opening advances", "order", "order.advance_opened.v1", "amount"),
    ("期初应付 opening payables", "inventory", "inventory.payable_opened.v1", "amount"),
    ("采购订单 purchase orders", "inventory", "inventory.purchase_ordered.v1", "net"),
    ("采购入库 receipts", "inventory", "inventory.goods_received.v1", "cost"),
    ("采购发票 supplier bills", "inventory", "inventory.supplier_invoiced.v1", "gross"),
    ("迟到成本: 仍在库 late costs, still here", "inventory", "inventory.cost_adjusted.v1", "stock"),
    ("迟到成本: 已售出 late costs, sold", "inventory", "inventory.cost_adjusted.v1", "consumed"),
    ("供应商付款 payments to suppliers", "inventory", "inventory.supplier_paid.v1", "amount"),
    ("采购退货 returns to suppliers", "inventory", "inventory.purchase_returned.v1", "stock"),
    ("销售退货 returns from customers", "order", "order.sale_returned.v1", "gross"),
    ("红字发票 credit notes", "order", "order.credit_note_issued.v1", "gross"),
    ("退款 refunds", "order", "order.refund_paid.v1", "amount"),
    ("盘盈 found by stocktakes", "inventory", "inventory.stock_counted.v1", "gain"),
    ("盘亏 missed by stocktakes", "inventory", "inventory.stock_counted.v1", "loss"),
)


async def figures(databases: Databases) -> tuple[Figure, ...]:
    """Of all companies together."""
    found = []
    for name, owner, event_type, amount in FIGURES:
        row = await getattr(databases, owner).fetchrow(
            """
            select count(*) as times, coalesce(sum((b ->> $2)::numeric), 0) as amount
            from (select convert_from(body, 'UTF8')::jsonb as b from event where type = $1) as e
            """,
            event_type, amount,
        )
        found.append(Figure(name, row["times"], row["amount"]))
    return tuple(found)
