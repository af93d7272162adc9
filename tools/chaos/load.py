"""The load: people who sell, buy and talk to customers, as long as the run wants more events.

SYNTHETIC. One company with plenty of opening stock; half of the documents go by HTTP, half by queue.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tools.chaos.client import Client, StuckError
from tools.demo.doors import Ask
from tools.demo.orders import VAT_RATE, cents

COMPANY = "CHAOS"
DAY = date(2026, 1, 5)
DAYS = 28  # everything happens in one month, so that voucher numbers meet
SKUS, CUSTOMERS, SUPPLIERS = 60, 40, 12
NEVER_THERE = "X-NEVER"
PIECES, VALUE = 1_000_000, "7000000"  # opening stock of each article
CREDIT_LIMIT = "999999999"
WALKERS = 96


class Gate:
    """Lets the load run as far ahead as the kills allow, so that every kill meets events that are under way."""

    def __init__(self, may_begin: Callable[[], bool]) -> None:
        self._may_begin = may_begin
        self.enough: Callable[[], bool] = lambda: False

    async def another(self) -> bool:
        """True when one more story may begin; False when the run has enough."""
        while not self.enough():
            if self._may_begin():
                return True
            await asyncio.sleep(0.05)
        return False


class Load:
    """Everybody together; what got stuck is remembered and everything else goes on."""

    def __init__(self, client: Client, dice: Random, gate: Gate) -> None:
        self._client, self._dice, self._gate = client, dice, gate
        self._count = 0
        self.stuck: list[str] = []

    async def prepare(self) -> None:
        """Books, articles, customers, suppliers, opening stock."""
        skus = [f"SKU-{n:03}" for n in range(SKUS)]
        customers = [{"customer_id": f"C-{n:03}", "name": f"客户 {n}", "credit_limit": CREDIT_LIMIT}
                     for n in range(CUSTOMERS)]
        books = {"name": "混沌测试有限公司", "currency": "CNY", "standard": "assbe", "vat_rate": str(VAT_RATE),
                 "opened_on": DAY.isoformat()}
        products = [{"sku": sku, "name": sku} for sku in (*skus, NEVER_THERE)]
        suppliers = [{"supplier_id": f"S-{n:02}", "name": f"供应商 {n}"} for n in range(SUPPLIERS)]
        stock = [{"sku": sku, "quantity": str(PIECES), "value": VALUE} for sku in skus]
        for ask in (
            Ask("accounting.open_books.v1", "/books", "chief_accountant", books),
            Ask("inventory.register_products.v1", "/products", "warehouse", {"products": products}),
            Ask("crm.register_customers.v1", "/customers", "sales", {"customers": customers}),
            Ask("inventory.register_suppliers.v1", "/suppliers", "buyer", {"suppliers": suppliers}),
            Ask("inventory.open_stock.v1", "/openings", "accountant",
                {"opening_id": "OPEN", "opened_on": DAY.isoformat(), "lines": stock}),
        ):
            await self._client.do(ask, ask.type, "", "", by_queue=False)

    async def run(self) -> None:
        """Until there is enough and every story that began has ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WALKERS):
                group.create_task(self._walk())

    async def _walk(self) -> None:
        stories = {self._sell: 60, self._sell_and_take_back: 10, self._buy: 20, self._run_short: 5, self._complain: 5}
        while await self._gate.another():
            self._count += 1
            story = self._dice.choices(list(stories), list(stories.values()))[0]
            try:
                await story(f"{self._count:06}", self._dice.random() < 0.5)
            except StuckError as error:
                self.stuck.append(str(error))

    # -- stories ------------------------------------------------------------------------------------------------------

    async def _sell(self, n: str, by_queue: bool) -> None:
        """An order is shipped whole or in two parts, invoiced and paid, before or after."""
        gross, pieces = await self._place(n, by_queue)
        early = self._dice.random() < 0.2
        if early:
            await self._pay(n, gross, by_queue)
        parts = [[p // 2 for p in pieces], [p - p // 2 for p in pieces]] if min(pieces) > 1 else [pieces]
        for part, counts in enumerate(parts, start=1):
            await self._ship(n, part, counts, by_queue)
        await self._invoice(n, by_queue)
        if not early:
            await self._pay(n, gross, by_queue)

    async def _sell_and_take_back(self, n: str, by_queue: bool) -> None:
        """An order is shipped, invoiced, paid; a piece comes back, is credited and refunded."""
        gross, pieces = await self._place(n, by_queue)
        await self._ship(n, 1, pieces, by_queue)
        await self._invoice(n, by_queue)
        await self._pay(n, gross, by_queue)
        back = {"return_id": f"RT-{n}", "shipment_id": f"SH-{n}-1", "returned_on": self._day(),
                "lines": [{"line": 1, "quantity": "1"}]}
        await self._do("inventory.take_back_goods.v1", "/customer-returns", "warehouse", back,
                       "inventory.goods_returned.v1", f"RT-{n}", by_queue)
        await self._client.wait(f"RT-{n}", "order.sale_returned.v1")
        note = {"credit_note_id": f"CN-{n}", "order_id": f"SO-{n}", "issued_on": self._day()}
        await self._do("order.issue_credit_note.v1", "/credit-notes", "accountant", note,
                       "order.credit_note_issued.v1", f"CN-{n}", by_queue)
        refund = {"refund_id": f"RF-{n}", "customer_id": self._customer(n), "order_id": f"SO-{n}",
                  "paid_on": self._day(), "currency": "CNY", "amount": "0.01"}
        await self._do("order.pay_refund.v1", "/refunds", "accountant", refund, "order.refund_paid.v1", f"RF-{n}",
                       by_queue)

    async def _buy(self, n: str, by_queue: bool) -> None:
        """Goods are ordered and come; the bill is late and often says another price; the supplier is paid a little."""
        supplier, sku = f"S-{int(n) % SUPPLIERS:02}", self._sku()
        quantity, cost = self._dice.randint(1, 50), Decimal(self._dice.randint(500, 900)) / 100
        order = {"purchase_id": f"PO-{n}", "supplier_id": supplier, "ordered_on": self._day(),
                 "lines": [{"sku": sku, "quantity": str(quantity), "unit_cost": str(cost)}]}
        await self._do("inventory.place_purchase_order.v1", "/purchase-orders", "buyer", order,
                       "inventory.purchase_ordered.v1", f"PO-{n}", by_queue)
        receipt = {"receipt_id": f"GR-{n}", "supplier_id": supplier, "purchase_id": f"PO-{n}",
                   "received_on": self._day(), "lines": [{"sku": sku, "quantity": str(quantity)}]}
        await self._do("inventory.receive_goods.v1", "/receipts", "warehouse", receipt,
                       "inventory.goods_received.v1", f"GR-{n}", by_queue)
        billed = cost + Decimal(self._dice.randint(-20, 20)) / 100
        bill = {"supplier_invoice_id": f"SI-{n}", "supplier_id": supplier, "invoiced_on": self._day(),
                "currency": "CNY", "lines": [{"receipt_id": f"GR-{n}", "line": 1, "quantity": str(quantity),
                                              "unit_cost": str(billed)}]}
        await self._do("inventory.book_supplier_invoice.v1", "/supplier-invoices", "accountant", bill,
                       "inventory.supplier_invoiced.v1", f"SI-{n}", by_queue)
        pay = {"supplier_payment_id": f"SP-{n}", "supplier_id": supplier, "paid_on": self._day(), "currency": "CNY",
               "amount": "1.00"}
        await self._do("inventory.pay_supplier.v1", "/supplier-payments", "accountant", pay,
                       "inventory.supplier_paid.v1", f"SP-{n}", by_queue)

    async def _run_short(self, n: str, by_queue: bool) -> None:
        """An order for what is not there, given up."""
        await self._order(n, [(NEVER_THERE, 5, Decimal("9.90"))], by_queue)
        await self._client.wait(f"SO-{n}", "inventory.stock_short.v1")
        body = {"order_id": f"SO-{n}", "cancelled_on": self._day(), "reason": "not there"}
        await self._do("order.cancel_order.v1", "/cancellations", "sales", body, "order.order_cancel_requested.v1",
                       f"SO-{n}", by_queue)
        await self._client.wait(f"SO-{n}", "order.order_cancelled.v1")

    async def _complain(self, n: str, _by_queue: bool) -> None:
        """A customer complains and gets an answer (by HTTP)."""
        at = f"{self._day()}T09:00:00Z"
        body = {"complaint_id": f"CP-{n}", "customer_id": self._customer(n), "filed_at": at, "due_at": at, "text": "慢"}
        await self._do("crm.file_complaint.v1", "/complaints", "sales", body, "", f"CP-{n}", False)
        body = {"complaint_id": f"CP-{n}", "resolved_at": at, "text": "好了"}
        await self._do("crm.resolve_complaint.v1", "/complaints/resolutions", "sales", body, "", f"CP-{n}", False)

    # -- steps --------------------------------------------------------------------------------------------------------

    async def _place(self, n: str, by_queue: bool) -> tuple[Decimal, list[int]]:
        """An approved order for one to three articles; returns its gross value and the pieces of each line."""
        skus = self._dice.sample(range(SKUS), self._dice.randint(1, 3))
        lines = [(f"SKU-{sku:03}", self._dice.randint(1, 9), Decimal(self._dice.randint(100, 9999)) / 100)
                 for sku in skus]
        await self._order(n, lines, by_queue)
        await self._client.wait(f"SO-{n}", "order.order_approved.v1")
        nets = [cents(quantity * price) for _, quantity, price in lines]
        return sum((net + cents(net * VAT_RATE) for net in nets), Decimal(0)), [quantity for _, quantity, _ in lines]

    async def _order(self, n: str, lines: list[tuple[str, int, Decimal]], by_queue: bool) -> None:
        body = {"order_id": f"SO-{n}", "customer_id": self._customer(n), "ordered_on": self._day(), "currency": "CNY",
                "lines": [{"sku": s, "quantity": str(q), "unit_price": str(p)} for s, q, p in lines]}
        await self._do("order.place_order.v1", "/orders", "sales", body, "order.order_placed.v1", f"SO-{n}", by_queue)

    async def _ship(self, n: str, part: int, pieces: list[int], by_queue: bool) -> None:
        shipment = f"SH-{n}-{part}"
        body = {"shipment_id": shipment, "order_id": f"SO-{n}", "shipped_on": self._day(),
                "lines": [{"line": line, "quantity": str(count)} for line, count in enumerate(pieces, start=1)]}
        await self._do("inventory.ship_goods.v1", "/shipments", "warehouse", body, "inventory.goods_shipped.v1",
                       shipment, by_queue)
        await self._client.wait(shipment, "order.sale_delivered.v1")

    async def _invoice(self, n: str, by_queue: bool) -> None:
        body = {"invoice_id": f"INV-{n}", "order_id": f"SO-{n}", "issued_on": self._day()}
        await self._do("order.issue_invoice.v1", "/invoices", "accountant", body, "order.invoice_issued.v1",
                       f"INV-{n}", by_queue)

    async def _pay(self, n: str, amount: Decimal, by_queue: bool) -> None:
        body = {"payment_id": f"PAY-{n}", "customer_id": self._customer(n), "order_id": f"SO-{n}",
                "received_on": self._day(), "currency": "CNY", "amount": str(amount)}
        await self._do("order.receive_payment.v1", "/payments", "accountant", body, "order.payment_received.v1",
                       f"PAY-{n}", by_queue)

    def _do(
        self, command: str, path: str, role: str, body: dict[str, Any], outcome: str, document: str, by_queue: bool
    ) -> Awaitable[None]:
        key = f"{command.split('.')[1]}-{document}"
        return self._client.do(Ask(command, path, role, body), key, outcome, document, by_queue=by_queue)

    def _day(self) -> str:
        return (DAY + timedelta(days=self._dice.randrange(DAYS - DAY.day))).isoformat()

    def _sku(self) -> str:
        return f"SKU-{self._dice.randrange(SKUS):03}"

    def _customer(self, n: str) -> str:
        return f"C-{int(n) % CUSTOMERS:03}"
