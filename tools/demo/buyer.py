"""The demo's buyer, warehouse keeper and bookkeeper: they buy before others sell, and are billed late."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from tools.demo.buying import REVIEW, Payment
from tools.demo.desk import Desk, Proof, StuckError
from tools.demo.doors import Ask
from tools.demo.plan import Count, Plan
from tools.demo.purchases import Bill, Purchase, Receipt, SentBack

AT_ONCE = 8  # documents under way at the same time
AHEAD = 2  # reviews
MOST_SHIPPED = Decimal("0.7")  # of the orders are done when the first bills come
APPROVED_AFTER = timedelta(days=1)


class Pace:
    """How far the orders are, so that the buyer is a little ahead of them and the bills come late."""

    def __init__(self, orders: int) -> None:
        self._orders, self._done = orders, 0
        self._gates = [asyncio.Event() for _ in range(0, orders, REVIEW)]
        self._changed = asyncio.Condition()

    async def may_begin(self, index: int) -> None:
        """Wait until the goods for this order are bought."""
        await self._gates[index // REVIEW].wait()

    def bought(self, review: int) -> None:
        self._gates[review].set()

    async def done(self) -> None:
        """One more order has come to its end."""
        async with self._changed:
            self._done += 1
            self._changed.notify_all()

    async def wait_done(self, orders: Decimal | int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._done >= min(orders, self._orders))

    async def most_shipped(self) -> None:
        await self.wait_done(self._orders * MOST_SHIPPED)

    @property
    def reviews(self) -> range:
        return range(len(self._gates))


class Buyer:
    """Sends the plan's purchases through the doors: documents of every other purchase by queue."""

    def __init__(self, desk: Desk, plan: Plan, pace: Pace, advance: Callable[[int], None]) -> None:
        self.desk, self.plan, self.pace, self.advance = desk, plan, pace, advance
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.stuck: list[str] = []

    @staticmethod
    def steps(plan: Plan) -> int:
        """How often `advance` will be called: documents of purchases, payments, counts and their approvals."""
        purchases = sum(len(list(purchase.asks())) for purchase in plan.buying.purchases)
        return purchases + len(plan.buying.payments) + 2 * len(plan.counts)

    async def trade(self) -> None:
        """Buy ahead of the orders; return goods and take bills when most is shipped; pay; count what is left."""
        async with asyncio.TaskGroup() as group:
            for review in self.pace.reviews:
                await self.pace.wait_done((review - AHEAD) * REVIEW)
                purchases = [p for p in self.plan.buying.purchases if p.review == review]
                await asyncio.gather(*(self._buy(purchase) for purchase in purchases))
                self.pace.bought(review)
                for purchase in purchases:
                    group.create_task(self._settle(purchase))
        await asyncio.gather(*(self._pay(payment) for payment in self.plan.buying.payments if payment.first))
        late = [p for p in self.plan.buying.purchases if p.sent_back is SentBack.AFTER_BILL]
        await asyncio.gather(*(self._send_back(purchase) for purchase in late))
        await asyncio.gather(*(self._pay(payment) for payment in self.plan.buying.payments if not payment.first))

    async def count(self) -> None:
        """When nothing moves any more: count a few articles. Who counts does not approve."""
        for count in self.plan.counts:
            lines = [
                {"sku": sku, "counted": str(await self._booked(sku) + difference)}
                for sku, difference in count.differences.items()
            ]
            body = {"count_id": count.count_id, "counted_on": self.plan.last_day.isoformat(), "lines": lines}
            path = f"/counts/{count.count_id}"
            await self._ask(Ask("inventory.count_stock.v1", "/counts", "warehouse", body), "counted", count.count_id,
                            path, by_queue=count.by_queue)
            await self._approve(count, path)

    # -- goods --------------------------------------------------------------------------------------------------------

    async def _buy(self, purchase: Purchase) -> None:
        """Order, and take in what comes at once."""
        lines = [{"sku": x.sku, "quantity": str(x.quantity), "unit_cost": str(x.unit_cost)} for x in purchase.lines]
        body = {"purchase_id": purchase.purchase_id, "supplier_id": purchase.supplier_id,
                "ordered_on": purchase.ordered_on.isoformat(), "lines": lines}
        await self._ask(Ask("inventory.place_purchase_order.v1", "/purchase-orders", "buyer", body), "ordered",
                        purchase.purchase_id, f"/purchase-orders/{purchase.purchase_id}", by_queue=purchase.by_queue)
        await self._receive(purchase, purchase.receipts[0])

    async def _receive(self, purchase: Purchase, receipt: Receipt) -> None:
        """At the cost of the purchase order."""
        lines = [{"sku": line.of.sku, "quantity": str(line.quantity)} for line in receipt.lines]
        body = {"receipt_id": receipt.receipt_id, "supplier_id": purchase.supplier_id,
                "purchase_id": purchase.purchase_id, "received_on": receipt.received_on.isoformat(), "lines": lines}
        await self._ask(Ask("inventory.receive_goods.v1", "/receipts", "warehouse", body), "received",
                        receipt.receipt_id, f"/receipts/{receipt.receipt_id}", by_queue=purchase.by_queue)

    async def _send_back(self, purchase: Purchase) -> None:
        lines = [{"line": line.line, "quantity": str(line.of.sent_back)} for line in purchase.returned_lines]
        body = {"purchase_return_id": purchase.return_id, "receipt_id": purchase.receipts[0].receipt_id,
                "returned_on": purchase.returned_on.isoformat(), "lines": lines}
        await self._ask(Ask("inventory.return_to_supplier.v1", "/purchase-returns", "warehouse", body), "sent-back",
                        purchase.return_id, f"/stock/{purchase.returned_lines[0].of.sku}/moves",
                        by_queue=purchase.by_queue)

    async def _booked(self, sku: str) -> int:
        page = await self.desk.http.read("inventory", "/stock", role="warehouse", sku=sku)
        return sum(int(Decimal(pool["quantity"])) for pool in page["items"])

    # -- money --------------------------------------------------------------------------------------------------------

    async def _settle(self, purchase: Purchase) -> None:
        """The second part comes while the orders run; the bills when most of them are done."""
        for receipt in purchase.receipts[1:]:
            await self._receive(purchase, receipt)
        await self.pace.most_shipped()
        if purchase.sent_back is SentBack.BEFORE_BILL:
            await self._send_back(purchase)
        for bill in purchase.bills:
            await self._bill(purchase, bill)

    async def _bill(self, purchase: Purchase, bill: Bill) -> None:
        lines = [{"receipt_id": x.receipt_id, "line": x.line, "quantity": str(x.quantity),
                  "unit_cost": str(x.unit_cost)} for x in bill.lines]
        body = {"supplier_invoice_id": bill.bill_id, "supplier_id": purchase.supplier_id,
                "invoiced_on": bill.invoiced_on.isoformat(), "currency": "CNY", "lines": lines}
        await self._ask(Ask("inventory.book_supplier_invoice.v1", "/supplier-invoices", "accountant", body), "billed",
                        bill.bill_id, f"/supplier-invoices/{bill.bill_id}", by_queue=purchase.by_queue)

    async def _pay(self, payment: Payment) -> None:
        """By HTTP: a payment has no page of its own to look it up."""
        body = {"supplier_payment_id": payment.payment_id, "supplier_id": payment.supplier_id,
                "paid_on": self.plan.buying.last_day.isoformat(), "currency": "CNY", "amount": str(payment.amount)}
        await self._ask(Ask("inventory.pay_supplier.v1", "/supplier-payments", "accountant", body), "supplier-paid",
                        payment.payment_id, "", by_queue=False)

    async def _approve(self, count: Count, path: str) -> None:
        day = self.plan.last_day + APPROVED_AFTER
        body = {"count_id": count.count_id, "approved_on": day.isoformat()}
        await self._ask(Ask("inventory.approve_count.v1", "/counts/approvals", "accountant", body), "count-approved",
                        count.count_id, path, by_queue=False)

    async def _ask(self, ask: Ask, word: str, document: str, path: str, *, by_queue: bool) -> None:
        """Ask; what stays refused is remembered, and everything else goes on."""
        proof = Proof("inventory", path, document) if path else None
        async with self._slots:
            try:
                await self.desk.do(ask, f"{word}-{document}", f"{word} {document}", by_queue=by_queue, proof=proof)
            except StuckError as error:
                self.stuck.append(f"{document}: {error}")
        self.advance(1)
