"""What stands on the home page: the figures of a day, and what waits for whom."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from shared.refusal import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """How often an event happened today; `money` says that its amount is what counts."""

    type: str
    title: Text
    money: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits: what to ask which service to count it, at most `most`; where it is worked off."""

    name: str
    title: Text
    roles: frozenset[str]
    service: str
    path: str
    link: str
    params: Mapping[str, str] = field(default_factory=dict)
    items: str = ""  # the field of the answer that holds them; none if the answer is the list
    most: int = 50


FIGURES = (
    Figure("order.order_placed.v1", Text("新订单", "Orders placed")),
    Figure("order.sale_delivered.v1", Text("交付", "Delivered")),
    Figure("order.invoice_issued.v1", Text("开票", "Invoiced")),
    Figure("order.payment_received.v1", Text("收款", "Received")),
    Figure("inventory.goods_received.v1", Text("采购入库", "Goods received")),
    Figure("inventory.supplier_paid.v1", Text("付款", "Paid to suppliers")),
)
BOOKKEEPERS = frozenset({"accountant", "chief_accountant"})
OPERATORS = frozenset({"operator", "admin"})
TASKS = (
    Task("held", Text("待审核的订单", "Orders to approve"), BOOKKEEPERS, "order", "/orders", "/orders?state=held",
         {"state": "held", "limit": "50"}),
    Task("to-ship", Text("待发货的订单", "Orders to ship"), frozenset({"warehouse"}), "order", "/orders",
         "/orders?state=approved", {"state": "approved", "limit": "50"}),
    Task("to-receive", Text("未到货的采购订单", "Purchase orders to receive"), frozenset({"warehouse", "buyer"}),
         "inventory", "/purchase-orders", "/purchases?state=open", {"state": "open", "limit": "50"}),
    Task("short", Text("缺货的订单", "Orders that are short"), frozenset({"sales"}), "order", "/orders",
         "/orders?state=short", {"state": "short", "limit": "50"}),
    Task("lacking", Text("缺的商品", "Products that lack"), frozenset({"buyer"}), "inventory", "/shortages",
         "/stock/low", {"limit": "50"}, items="items"),
    Task("counts", Text("待审批的盘点", "Stocktakes to approve"), BOOKKEEPERS, "inventory", "/counts",
         "/stock/counts?waiting=true", {"waiting": "true", "limit": "50"}),
    Task("to-bill", Text("等待发票的入库", "Receipts to be billed"), BOOKKEEPERS, "inventory", "/match-queue",
         "/purchases/match", {"limit": "50"}, items="items"),
    Task("drafts", Text("待处理的手工凭证", "Drafts of vouchers"), BOOKKEEPERS | {"cashier"}, "accounting", "/drafts",
         "/vouchers/drafts", items="drafts", most=100),
    *(Task(f"rejected-{service}", Text(f"{name}：被拒绝的消息", f"{english}: rejected messages"), OPERATORS, service,
           "/rejected", f"/operation/messages?service={service}", {"limit": "50"}, "items")
      for service, name, english in (("order", "订单", "Order"), ("inventory", "库存", "Stock"),
                                     ("accounting", "会计", "Accounting"), ("crm", "客户", "Customers"))),
)


def tasks_for(roles: AbstractSet[str]) -> list[Task]:
    return [task for task in TASKS if roles & task.roles]
