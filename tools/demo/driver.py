"""The demo's people and machines: they open the books, bring in stock, and walk every order to its end."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from tools.demo.desk import Desk, StuckError
from tools.demo.doors import Ask
from tools.demo.plan import (
    IN_PARTS,
    LATE,
    LATE_PIECES,
    OPENED_ON,
    OVER_CREDIT,
    PREPAID,
    SOLD_OUT_STORIES,
    VAT_RATE,
    Order,
    Plan,
    StockItem,
    Story,
)

T = TypeVar("T")

AT_ONCE = 48  # orders under way at the same time
PER_COMMAND = 500  # rows in one command of master data or stock
OPEN_BOOKS = Ask("accounting.open_books.v1", "/books", "chief_accountant", {
    "name": "演示商贸有限公司", "currency": "CNY", "standard": "assbe", "vat_rate": str(VAT_RATE),
    "opened_on": OPENED_ON.isoformat(),
})


class Driver:
    """Sends the plan through the doors: each order wholly by HTTP or wholly by queue, decisions of a person by HTTP."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # -- master data and stock (by HTTP) ------------------------------------------------------------------------------

    async def prepare(self, plan: Plan, advance: Callable[[int], None]) -> None:
        """Open the books; bring in products, customers and stock."""
        await self.desk.do(OPEN_BOOKS, "books")
        for n, names in enumerate(_chunks(plan.products.items())):
            body: dict[str, Any] = {"products": [{"sku": sku, "name": name} for sku, name in names]}
            await self.desk.do(Ask("inventory.register_products.v1", "/products", "warehouse", body), f"products-{n}")
            advance(len(names))
        for n, limits in enumerate(_chunks(plan.limits.items())):
            body = {"customers": [{"customer_id": c, "credit_limit": str(limit)} for c, limit in limits]}
            await self.desk.do(Ask("order.register_customers.v1", "/customers", "sales", body), f"customers-{n}")
        await self._open_stock(plan.stock, advance)
        for supplier in sorted({item.supplier_id for item in plan.stock}):
            await self._receive(supplier, [i for i in plan.stock if i.supplier_id == supplier and i.receipt], advance)

    async def _open_stock(self, stock: Sequence[StockItem], advance: Callable[[int], None]) -> None:
        for n, items in enumerate(_chunks(stock)):
            lines = [{"sku": i.sku, "quantity": str(i.opening), "value": str(i.opening_value)} for i in items]
            body = {"opening_id": f"OPEN-{n + 1:03}", "opened_on": OPENED_ON.isoformat(), "lines": lines}
            await self.desk.do(Ask("inventory.open_stock.v1", "/openings", "accountant", body), f"opening-{n}")
            advance(len(items))

    async def _receive(self, supplier: str, stock: Sequence[StockItem], advance: Callable[[int], None]) -> None:
        for n, items in enumerate(_chunks(stock)):
            lines = [{"sku": i.sku, "quantity": str(i.receipt), "unit_cost": str(i.unit_cost)} for i in items]
            receipt = f"GR-{supplier}-{n + 1:03}"
            await self.desk.do(_receipt(receipt, supplier, OPENED_ON.isoformat(), lines), receipt)
            advance(len(items))

    # -- orders -------------------------------------------------------------------------------------------------------

    async def walk_all(self, orders: Sequence[Order], done: Callable[[Order], None]) -> list[str]:
        """Walk every order, some at a time; returns what got stuck."""
        slots = asyncio.Semaphore(AT_ONCE)
        stuck: list[str] = []

        async def walk(order: Order) -> None:
            async with slots:
                try:
                    await self._walk(order)
                except StuckError as error:
                    stuck.append(f"{order.order_id} ({order.story}): {error}")
                done(order)

        async with asyncio.TaskGroup() as group:
            for order in orders:
                group.create_task(walk(order))
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
            await self._fulfil(order)

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

    async def _fulfil(self, order: Order) -> None:
        """Ship, invoice, and take the money, in the order that the story asks for."""
        if order.story is Story.ADVANCE:
            await self._pay(order)
        if order.story in IN_PARTS:
            pieces = order.first_part
            await self._ship(order, 1, pieces)
            if order.story is Story.PARTS:
                rest = [line.quantity - n for line, n in zip(order.lines, pieces, strict=True)]
                await self._ship(order, 2, rest)
            else:
                await self._cancel(order)
        else:
            await self._ship(order, 1, ())
        await self._invoice(order)
        if order.story is not Story.ADVANCE:
            await self._pay(order)

    async def _ship(self, order: Order, part: int, pieces: Sequence[int]) -> None:
        """Ship these pieces of each line (none given: everything), and wait until the delivery has its value."""
        shipment = f"SH-{order.order_id}-{part}"
        lines = [{"line": n, "quantity": str(count)} for n, count in enumerate(pieces, start=1) if count]
        body = {"shipment_id": shipment, "order_id": order.order_id, "shipped_on": order.day(part), "lines": lines}
        ask = Ask("inventory.ship_goods.v1", "/shipments", "warehouse", body)
        await self._ask(order, ask, f"shipped {shipment}")
        await self.desk.wait(order.order_id, f"delivered {shipment}")

    async def _invoice(self, order: Order) -> None:
        invoice = f"INV-{order.order_id}"
        body = {"invoice_id": invoice, "order_id": order.order_id, "issued_on": order.day(3)}
        await self._ask(order, Ask("order.issue_invoice.v1", "/invoices", "accountant", body), f"invoiced {invoice}")

    async def _pay(self, order: Order) -> None:
        payment = f"PAY-{order.order_id}"
        body = {"payment_id": payment, "customer_id": order.customer_id, "order_id": order.order_id,
                "received_on": order.day(0 if order.story in PREPAID else 10), "currency": "CNY",
                "amount": str(order.payment)}
        await self._ask(order, Ask("order.receive_payment.v1", "/payments", "accountant", body), f"paid {payment}")

    async def _cancel(self, order: Order) -> None:
        body = {"order_id": order.order_id, "cancelled_on": order.day(2), "reason": "the customer changed its mind"}
        await self._ask(order, Ask("order.cancel_order.v1", "/cancellations", "sales", body),
                        f"cancelling {order.order_id}", f"cancelled {order.order_id}")
        await self._wait(order, "cancelled")

    async def _receive_late(self, order: Order) -> None:
        """The late article comes, as much as this order needs; whoever waits longest gets it."""
        receipt = f"GR-LATE-{order.order_id}"
        lines = [{"sku": LATE, "quantity": str(LATE_PIECES), "unit_cost": "6.9300"}]
        await self._ask(order, _receipt(receipt, "S-LATE", order.day(1), lines), f"received {receipt}")

    async def _wait(self, order: Order, *words: str) -> None:
        await self.desk.wait(order.order_id, *(f"{word} {order.order_id}" for word in words))

    async def _ask(self, order: Order, ask: Ask, *facts: str) -> None:
        """Ask through this order's door, until one of the facts is known; the first fact names the command's key."""
        key = facts[0].replace(" ", "-")
        await self.desk.do(ask, key, *facts, order_id=order.order_id, by_queue=order.by_queue)


def _receipt(receipt_id: str, supplier_id: str, day: str, lines: list[dict[str, str]]) -> Ask:
    body = {"receipt_id": receipt_id, "supplier_id": supplier_id, "received_on": day, "lines": lines}
    return Ask("inventory.receive_goods.v1", "/receipts", "warehouse", body)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, PER_COMMAND)):
        yield chunk
