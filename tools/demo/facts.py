"""What the demo has learned so far, from events that it heard and answers that it got; waiting for the next thing."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

# Event type -> (what is then true, the field that says of what).
WORDS = {
    "order.order_placed.v1": ("placed", "order_id"),
    "order.approval_requested.v1": ("held", "order_id"),
    "order.order_approved.v1": ("approved", "order_id"),
    "order.order_rejected.v1": ("rejected", "order_id"),
    "order.order_cancelled.v1": ("cancelled", "order_id"),
    "order.order_cancel_declined.v1": ("not cancelled", "order_id"),
    "order.order_cancel_requested.v1": ("cancelling", "order_id"),
    "order.sale_delivered.v1": ("delivered", "delivery_id"),
    "order.invoice_issued.v1": ("invoiced", "invoice_id"),
    "order.payment_received.v1": ("paid", "payment_id"),
    "order.sale_returned.v1": ("returned", "return_id"),
    "order.credit_note_issued.v1": ("credited", "credit_note_id"),
    "order.refund_paid.v1": ("refunded", "refund_id"),
    "inventory.stock_short.v1": ("short", "order_id"),
    "inventory.goods_shipped.v1": ("shipped", "shipment_id"),
    "inventory.goods_received.v1": ("received", "receipt_id"),
    "inventory.goods_returned.v1": ("taken-back", "return_id"),
    "inventory.purchase_ordered.v1": ("ordered", "purchase_id"),
    "inventory.supplier_invoiced.v1": ("billed", "supplier_invoice_id"),
    "inventory.supplier_paid.v1": ("supplier-paid", "supplier_payment_id"),
    "inventory.purchase_returned.v1": ("sent-back", "purchase_return_id"),
    "inventory.stock_counted.v1": ("counted", "count_id"),
    "inventory.count_approved.v1": ("count-approved", "count_id"),
    "order.command_rejected.v1": ("refused", "command_id"),
    "inventory.command_rejected.v1": ("refused", "command_id"),
}


class Facts:
    """A set of sentences such as "approved SO-2017-1"; learning one twice changes nothing."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._bells: dict[str, set[asyncio.Event]] = defaultdict(set)

    def learn(self, fact: str, detail: str = "") -> None:
        """Remember a fact and wake those who wait for it."""
        if fact not in self._known:
            self._known[fact] = detail
            for bell in self._bells.pop(fact, ()):
                bell.set()

    def hear(self, event_type: str, body: dict[str, Any]) -> None:
        """Learn from an event."""
        if event_type in WORDS:
            word, name = WORDS[event_type]
            self.learn(f"{word} {body[name]}", f"{body.get('field')}: {body.get('code')}: {body.get('message_en')}")

    def see(self, order: dict[str, Any]) -> None:
        """Learn from an order as the order service shows it."""
        order_id, state = order["order_id"], order["state"]
        self.learn(f"placed {order_id}")
        if state in {"short", "held", "rejected", "cancelled", "cancelling"}:
            self.learn(f"{state} {order_id}")
        if order["approver"]:
            self.learn(f"approved {order_id}")
        for delivery in order["deliveries"]:
            self.learn(f"shipped {delivery['delivery_id']}")
            self.learn(f"delivered {delivery['delivery_id']}")
        for invoice in order["invoices"]:
            self.learn(f"invoiced {invoice['invoice_id']}")
        for payment in order["payments"]:
            self.learn(f"paid {payment['payment_id']}")
        for returned in order["returns"]:
            self.learn(f"taken-back {returned['return_id']}")
            self.learn(f"returned {returned['return_id']}")
        for note in order["credit_notes"]:
            self.learn(f"credited {note['credit_note_id']}")
        for refund in order["refunds"]:
            self.learn(f"refunded {refund['refund_id']}")

    def known(self, facts: Iterable[str]) -> str | None:
        """The first of these that is true."""
        return next((fact for fact in facts if fact in self._known), None)

    def detail(self, fact: str) -> str:
        return self._known[fact]

    async def first_of(self, facts: Iterable[str], seconds: float) -> str | None:
        """Wait until one of these is true; None when the time is up."""
        wanted = list(facts)
        if found := self.known(wanted):
            return found
        bell = asyncio.Event()
        for fact in wanted:
            self._bells[fact].add(bell)
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            return None
        finally:
            for fact in wanted:
                self._bells[fact].discard(bell)
        return self.known(wanted)
