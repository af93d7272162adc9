"""The demo's people and machines: they open the books, bring in stock, and walk every order to its end."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from tools.demo import changeover
from tools.demo.buyer import Pace
from tools.demo.buying import LATE_COST, LATE_SUPPLIER, OPENED_ON, Article, Buying
from tools.demo.desk import Desk, Proof, StuckError
from tools.demo.doors import Ask
from tools.demo.orders import (
    LATE,
    LATE_PIECES,
    OVER_CREDIT,
    PREPAID,
    REFUNDED,
    SOLD_OUT_STORIES,
    VAT_RATE,
    Order,
    Story,
)
from tools.demo.plan import Plan

T = TypeVar("T")

AT_ONCE = 48  # orders under way at the same time
PER_COMMAND = 500  # rows in one command of master data or stock
OPEN_BOOKS = Ask("accounting.open_books.v1", "/books", "chief_accountant", {
    "name": "演示商贸有限公司", "currency": "CNY", "standard": "assbe", "vat_rate": str(VAT_RATE),
    "opened_on": OPENED_ON.isoformat(),
})
# What is done for an order once it is approved; of every other story: ship, invoice, pay.
STEPS = {
    Story.PARTS: "ship_part ship_rest invoice pay",
    Story.PART_CANCELLED: "ship_part cancel invoice pay",
    Story.ADVANCE: "pay ship invoice",
    Story.RETURNED: "ship take_back invoice pay",
    Story.RETURNED_INVOICED: "ship invoice take_back credit pay",
    Story.RETURNED_PREPAID: "ship pay take_back refund invoice",
    Story.RETURNED_PAID: "ship invoice pay take_back credit refund",
}


class Driver:
    """Sends the plan through the doors: each order wholly by HTTP or wholly by queue, decisions of a person by HTTP."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._steps: dict[str, Callable[[Order], Coroutine[Any, Any, None]]] = {
            "ship": self._ship_all, "ship_part": self._ship_part, "ship_rest": self._ship_rest,
            "cancel": self._cancel, "invoice": self._invoice, "pay": self._pay, "take_back": self._take_back,
            "credit": self._credit, "refund": self._refund,
        }

    # -- master data and opening stock (by HTTP) ----------------------------------------------------------------------

    async def prepare(self, plan: Plan, advance: Callable[[int], None]) -> None:
        """Open the books; bring in products, customers, suppliers, the little stock that is there, and old debts."""
        await self.desk.do(OPEN_BOOKS, "books")
        for n, names in enumerate(_chunks(plan.products.items())):
            body: dict[str, Any] = {"products": [{"sku": sku, "name": name} for sku, name in names]}
            await self.desk.do(Ask("inventory.register_products.v1", "/products", "warehouse", body), f"products-{n}")
            advance(len(names))
        for n, limits in enumerate(_chunks(plan.limits.items())):
            body = {"customers": [{"customer_id": c, "name": f"演示客户 {c} (synthetic)", "credit_limit": str(limit)}
                                  for c, limit in limits]}
            await self.desk.do(Ask("crm.register_customers.v1", "/customers", "sales", body), f"customers-{n}")
        await self._register_suppliers(plan.buying)
        await self._open_stock([article for article in plan.buying.articles if article.opening], advance)
        await changeover.bring_in(self.desk)

    async def _register_suppliers(self, buying: Buying) -> None:
        suppliers = [{"supplier_id": s, "name": f"演示供应商 {s} (synthetic)"} for s in buying.suppliers]
        ask = Ask("inventory.register_suppliers.v1", "/suppliers", "buyer", {"suppliers": suppliers})
        await self.desk.do(ask, "suppliers")

    async def _open_stock(self, stock: Sequence[Article], advance: Callable[[int], None]) -> None:
        for n, items in enumerate(_chunks(stock)):
            lines = [{"sku": i.sku, "quantity": str(i.opening), "value": str(i.opening_value)} for i in items]
            body = {"opening_id": f"OPEN-{n + 1:03}", "opened_on": OPENED_ON.isoformat(), "lines": lines}
            await self.desk.do(Ask("inventory.open_stock.v1", "/openings", "accountant", body), f"opening-{n}")
            advance(len(items))

    # -- orders -------------------------------------------------------------------------------------------------------

    async def walk_all(self, orders: Sequence[Order], pace: Pace, done: Callable[[Order], None]) -> list[str]:
        """Walk every order once its goods are bought, some at a time; returns what got stuck."""
        slots = asyncio.Semaphore(AT_ONCE)
        stuck: list[str] = []

        async def walk(index: int, order: Order) -> None:
            await pace.may_begin(index)
            async with slots:
                try:
                    await self._walk(order)
                except StuckError as error:
                    stuck.append(f"{order.order_id} ({order.story}): {error}")
            await pace.done()
            done(order)

        async with asyncio.TaskGroup() as group:
            for index, order in enumerate(orders):
                group.create_task(walk(index, order))
        return stuck

    async def _walk(self, order: Order) -> None:
        """One order's story, from its placing to its end."""
        await self._place(order)
        if order.story in OVER_CREDIT:
            await self._hold(order)
        elif order.story in SOLD_OUT_STORIES:
            await self._wait(order, "short")
            if order.story is Story.SHORT_PREPAID:
                await self._pay(order)
            if order.story is Story.SHORT_CANCELLED:
                await self._cancel(order)
        elif order.story is Story.LATE:
            await self._wait(order, "short", "approved")
            await self._receive_late(order)
        if order.end.delivered:
            await self._wait(order, "approved")
            for step in STEPS.get(order.story, "ship invoice pay").split():
                await self._steps[step](order)

    async def _place(self, order: Order) -> None:
        lines = [{"sku": line.sku, "quantity": str(line.quantity), "unit_price": str(line.unit_price)}
                 for line in order.lines]
        body = {"order_id": order.order_id, "customer_id": order.customer_id, "ordered_on": order.day(0),
                "currency": "CNY", "lines": lines}
        await self._ask(order, Ask("order.place_order.v1", "/orders", "sales", body), f"placed {order.order_id}")

    async def _hold(self, order: Order) -> None:
        """The order is over its customer's credit: another person decides, or sales gives it up."""
        await self._wait(order, "held")
        about = {"order_id": order.order_id}
        if order.story is Story.APPROVED:
            await self.desk.do(Ask("order.approve_order.v1", "/approvals", "chief_accountant", about),
                               f"approve-{order.order_id}")
        elif order.story is Story.REJECTED:
            body = about | {"rejected_on": order.day(1), "reason": "over the credit limit"}
            await self.desk.do(Ask("order.reject_order.v1", "/rejections", "chief_accountant", body),
                               f"reject-{order.order_id}")
        else:
            await self._cancel(order)

    async def _ship_all(self, order: Order) -> None:
        await self._ship(order, 1, ())

    async def _ship_part(self, order: Order) -> None:
        await self._ship(order, 1, order.first_part)

    async def _ship_rest(self, order: Order) -> None:
        rest = [line.quantity - n for line, n in zip(order.lines, order.first_part, strict=True)]
        await self._ship(order, 2, rest)

    async def _ship(self, order: Order, part: int, pieces: Sequence[int]) -> None:
        """Ship these pieces of each line (none given: everything), and wait until the delivery has its value."""
        shipment = f"SH-{order.order_id}-{part}"
        body = {"shipment_id": shipment, "order_id": order.order_id, "shipped_on": order.day(part),
                "lines": _pieces(pieces)}
        ask = Ask("inventory.ship_goods.v1", "/shipments", "warehouse", body)
        await self._ask(order, ask, f"shipped {shipment}")
        await self.desk.wait(order.order_id, f"delivered {shipment}")

    async def _invoice(self, order: Order) -> None:
        invoice = f"INV-{order.order_id}"
        day = order.day(6 if order.story in {Story.RETURNED, Story.RETURNED_PREPAID} else 3)
        body = {"invoice_id": invoice, "order_id": order.order_id, "issued_on": day}
        await self._ask(order, Ask("order.issue_invoice.v1", "/invoices", "accountant", body), f"invoiced {invoice}")

    async def _pay(self, order: Order) -> None:
        payment = f"PAY-{order.order_id}"
        after = 0 if order.story in PREPAID else 4 if order.story in REFUNDED else 10
        body = {"payment_id": payment, "customer_id": order.customer_id, "order_id": order.order_id,
                "received_on": order.day(after), "currency": "CNY",
                "amount": str(order.payment)}
        await self._ask(order, Ask("order.receive_payment.v1", "/payments", "accountant", body), f"paid {payment}")

    async def _take_back(self, order: Order) -> None:
        """The customer returns some pieces; wait until they have their value."""
        returned = f"RT-{order.order_id}"
        body = {"return_id": returned, "shipment_id": f"SH-{order.order_id}-1", "returned_on": order.day(5),
                "lines": _pieces(order.returned)}
        ask = Ask("inventory.take_back_goods.v1", "/customer-returns", "warehouse", body)
        await self._ask(order, ask, f"taken-back {returned}")
        await self.desk.wait(order.order_id, f"returned {returned}")

    async def _credit(self, order: Order) -> None:
        note = f"CN-{order.order_id}"
        body = {"credit_note_id": note, "order_id": order.order_id, "issued_on": order.day(6)}
        ask = Ask("order.issue_credit_note.v1", "/credit-notes", "accountant", body)
        await self._ask(order, ask, f"credited {note}")

    async def _refund(self, order: Order) -> None:
        refund = f"RF-{order.order_id}"
        body = {"refund_id": refund, "customer_id": order.customer_id, "order_id": order.order_id,
                "paid_on": order.day(7), "currency": "CNY", "amount": str(order.refund)}
        await self._ask(order, Ask("order.pay_refund.v1", "/refunds", "accountant", body), f"refunded {refund}")

    async def _cancel(self, order: Order) -> None:
        body = {"order_id": order.order_id, "cancelled_on": order.day(2), "reason": "the customer changed its mind"}
        await self._ask(order, Ask("order.cancel_order.v1", "/cancellations", "sales", body),
                        f"cancelling {order.order_id}", f"cancelled {order.order_id}")
        await self._wait(order, "cancelled")

    async def _receive_late(self, order: Order) -> None:
        """The late article comes, as much as this order needs; whoever waits longest gets it."""
        receipt = f"GR-LATE-{order.order_id}"
        lines = [{"sku": LATE, "quantity": str(LATE_PIECES), "unit_cost": str(LATE_COST)}]
        body = {"receipt_id": receipt, "supplier_id": LATE_SUPPLIER, "received_on": order.day(1), "lines": lines}
        await self.desk.do(
            Ask("inventory.receive_goods.v1", "/receipts", "warehouse", body), f"received-{receipt}",
            f"received {receipt}", by_queue=order.by_queue, proof=Proof("inventory", f"/receipts/{receipt}", receipt),
        )

    async def _wait(self, order: Order, *words: str) -> None:
        await self.desk.wait(order.order_id, *(f"{word} {order.order_id}" for word in words))

    async def _ask(self, order: Order, ask: Ask, *facts: str) -> None:
        """Ask through this order's door, until one of the facts is known; the first fact names the command's key."""
        key = facts[0].replace(" ", "-")
        await self.desk.do(ask, key, *facts, order_id=order.order_id, by_queue=order.by_queue)


def _pieces(pieces: Sequence[int]) -> list[dict[str, Any]]:
    return [{"line": n, "quantity": str(count)} for n, count in enumerate(pieces, start=1) if count]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, PER_COMMAND)):
        yield chunk
