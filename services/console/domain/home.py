"""What stands on the home page: the figures of a day, and what waits for whom."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from shared.refusal import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """How often an event happened today; `money` says that its amount is what counts."""

    type: str
    title: Text
    money: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits: what to ask which service to count it, at most `most`; where it is worked off.

    `{tonight}` in a parameter is the end of the day. `own` are the fields of a row that name who may not do it, "" if
    the row itself is a name: for them it does not count.
    """

    name: str
    title: Text
    roles: frozenset[str]
    service: str
    path: str
    link: str
    params: Mapping[str, str] = field(default_factory=dict)
    items: str = ""  # the field of the answer that holds them; none if the answer is the list
    own: tuple[str, ...] = ()
    most: int = 50


def waiting(task: Task, answer: Any, name: str) -> tuple[int, bool]:
    """How much waits for a person, and whether there may be more than was asked for."""
    rows = answer if isinstance(answer, list) else (answer or {}).get(task.items, [])
    return sum(name not in {_at(row, path) for path in task.own} for row in rows), len(rows) >= task.most


def _at(row: Any, path: str) -> Any:
    """What stands at `steps.checked` of a row; None if nothing does."""
    for key in path.split(".") if path else ():
        row = row.get(key) if isinstance(row, Mapping) else None
    return row


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


def _drafts(step: str, title: Text, roles: frozenset[str], own: tuple[str, ...] = ()) -> Task:
    return Task(f"drafts-{step}", title, roles, "accounting", "/drafts", f"/vouchers/drafts?step={step}",
                {"step": step}, "drafts", own, most=100)


TASKS = (
    Task("held", Text("待审核的订单", "Orders to approve"), BOOKKEEPERS, "order", "/orders", "/orders?state=held",
         {"state": "held", "limit": "50"}, own=("maker",)),
    Task("to-ship", Text("待发货的订单", "Orders to ship"), frozenset({"warehouse"}), "order", "/orders",
         "/orders?state=approved", {"state": "approved", "limit": "50"}),
    Task("to-receive", Text("未到货的采购订单", "Purchase orders to receive"), frozenset({"warehouse", "buyer"}),
         "inventory", "/purchase-orders", "/purchases?state=open", {"state": "open", "limit": "50"}),
    Task("due", Text("今天要联系的客户", "Customers to see to today"), frozenset({"sales"}), "crm", "/reminders",
         "/customers/due", {"until": "{tonight}", "limit": "50"}),
    Task("short", Text("缺货的订单", "Orders that are short"), frozenset({"sales"}), "order", "/orders",
         "/orders?state=short", {"state": "short", "limit": "50"}),
    Task("lacking", Text("缺的商品", "Products that lack"), frozenset({"buyer"}), "inventory", "/shortages",
         "/stock/low", {"limit": "50"}, "items"),
    Task("counts", Text("待审批的盘点", "Stocktakes to approve"), BOOKKEEPERS, "inventory", "/counts",
         "/stock/counts?waiting=true", {"waiting": "true", "limit": "50"}, own=("counted_by",)),
    Task("to-bill", Text("等待发票的入库", "Receipts to be billed"), BOOKKEEPERS, "inventory", "/match-queue",
         "/purchases/match", {"limit": "50"}, "items"),
    _drafts("checked", Text("待审核的凭证", "Vouchers to check"), BOOKKEEPERS, ("maker", "steps.signed")),
    _drafts("signed", Text("待出纳签字的凭证", "Vouchers to sign"), frozenset({"cashier"}), ("maker", "steps.checked")),
    _drafts("posted", Text("待记账的凭证", "Vouchers to post"), BOOKKEEPERS),
    Task("close", Text("待批准的结账", "Close of a month to approve"), frozenset({"chief_accountant"}), "accounting",
         "/periods", "/books/closing", items="requested_by", own=("",)),
    Task("apart", Text("账账不符", "Subledgers that differ from the ledger"), BOOKKEEPERS | {"auditor"}, "accounting",
         "/tieout", "/books/tieout", items="differences"),
    *(Task(f"rejected-{service}", Text(f"{name}：被拒绝的消息", f"{english}: rejected messages"), OPERATORS, service,
           "/rejected", f"/operation/messages?service={service}", {"limit": "50"}, "items")
      for service, name, english in (("order", "订单", "Order"), ("inventory", "库存", "Stock"),
                                     ("accounting", "会计", "Accounting"), ("crm", "客户", "Customers"),
                                     ("webhooks", "推送", "Webhooks"))),
)


def tasks_for(roles: AbstractSet[str]) -> list[Task]:
    return [task for task in TASKS if roles & task.roles]
