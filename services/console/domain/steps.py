"""What can still be done of an order, and why whoever looks at it may not do some of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.console.domain.roles import Person, unless_own, why_not
from shared.events import Command
from shared.events.inventory import ShipGoods, TakeBackGoods
from shared.events.order import (
    ApproveOrder,
    CancelOrder,
    IssueCreditNote,
    IssueInvoice,
    PayRefund,
    ReceivePayment,
    RejectOrder,
)
from shared.refusal import Text

Facts = Mapping[str, Any]
APPROVES_OTHERS = Text("你是制单人，须由他人审核", "you placed it; somebody else must approve it")


@dataclass(frozen=True, slots=True)
class Step:
    """A form of an order's page. `lines` are those it is about, each with the `left` quantity; `amount` is proposed."""

    name: str
    title: Text
    command: type[Command]
    service: str
    path: str
    number: str = ""  # the field of the document's own number; none if it has none
    letter: str = ""  # what that number ends in: SO-1-D1
    day: str = ""  # the field of its date
    primary: bool = False
    danger: bool = False
    why_not: Text | None = None
    lines: Sequence[Facts] = ()
    amount: Decimal | None = None
    given: Mapping[str, str] = field(default_factory=dict)  # what its command needs besides
    done: int = 0  # so many documents of its kind there are


def steps_of(order: Facts, stock: Facts | None, person: Person) -> list[Step]:
    """In the order in which an order goes its way; what is done, or cannot be done yet, is left out."""
    found = [*_deciding(order, person), *_shipping(order, stock), *_invoicing(order), *_receiving(order),
             *_taking_back(order), *_crediting(order), *_refunding(order), *_cancelling(order)]
    return [step if step.why_not else _judged(step, person) for step in found]


def _judged(step: Step, person: Person) -> Step:
    reason = why_not(person, step.command)
    return step if reason is None else Step(
        step.name, step.title, step.command, step.service, step.path, why_not=reason)


def _deciding(order: Facts, person: Person) -> Iterable[Step]:
    if order["state"] == "held":
        own = None if why_not(person, ApproveOrder) else unless_own(person, order["maker"], APPROVES_OTHERS)
        yield Step("approve", Text("审核通过", "Approve"), ApproveOrder, "order", "/approvals", primary=True,
                   why_not=own)
        yield Step("reject", Text("驳回", "Reject"), RejectOrder, "order", "/rejections", day="rejected_on",
                   danger=True, why_not=own)


def _shipping(order: Facts, stock: Facts | None) -> Iterable[Step]:
    if stock and stock["state"] == "reserved" and stock["approved"]:
        lines = [{**line, "left": left} for line in stock["lines"]
                 if (left := Decimal(line["ordered"]) - Decimal(line["shipped"])) > 0]
        yield Step("ship", Text("发货", "Ship"), ShipGoods, "inventory", "/shipments", "shipment_id", "D", "shipped_on",
                   primary=True, lines=lines, done=len(stock["shipments"]))


def _invoicing(order: Facts) -> Iterable[Step]:
    waiting = [Decimal(one["gross"]) - Decimal(one["returned"]) for one in order["deliveries"]
               if one["invoice_id"] is None and Decimal(one["gross"]) > Decimal(one["returned"])]
    if waiting:
        yield Step("invoice", Text("开票", "Invoice"), IssueInvoice, "order", "/invoices", "invoice_id", "I",
                   "issued_on", primary=True, amount=sum(waiting, Decimal(0)), done=len(order["invoices"]))


def still_to_come(order: Facts) -> Decimal:
    """What the customer still has to pay: open deliveries, and what is still to be delivered less advances."""
    owed = sum((max(Decimal(one["open"]), Decimal(0)) for one in order["deliveries"]), Decimal(0))
    if order["state"] in ("rejected", "cancelled", "cancelling"):
        return owed
    delivered = sum((Decimal(one["gross"]) for one in order["deliveries"]), Decimal(0))
    advances = sum((Decimal(one["advance"]) for one in order["payments"]), Decimal(0))
    return owed + max(Decimal(order["gross"]) - delivered - advances, Decimal(0))


def _receiving(order: Facts) -> Iterable[Step]:
    if (amount := still_to_come(order)) > 0 and order["state"] != "rejected":
        yield Step("receive", Text("收款", "Receive payment"), ReceivePayment, "order", "/payments", "payment_id", "P",
                   "received_on", primary=bool(order["deliveries"]), amount=amount, done=len(order["payments"]),
                   given={"customer_id": order["customer_id"], "currency": order["currency"]})


def _taking_back(order: Facts) -> Iterable[Step]:
    for delivery in order["deliveries"]:
        lines = [{**line, "left": left} for line in delivery["lines"]
                 if (left := Decimal(line["quantity"]) - Decimal(line["returned"])) > 0]
        if lines:
            shipment = delivery["delivery_id"]
            yield Step(f"return-{shipment}", Text(f"退货 {shipment}", f"Return of {shipment}"), TakeBackGoods,
                       "inventory", "/customer-returns", "return_id", "R", "returned_on", lines=lines,
                       given={"shipment_id": shipment}, done=len(order["returns"]))


def _crediting(order: Facts) -> Iterable[Step]:
    waiting = [Decimal(one["gross"]) for one in order["returns"] if one["invoice_id"] and not one["credit_note_id"]]
    if waiting:
        yield Step("credit", Text("红字发票", "Credit note"), IssueCreditNote, "order", "/credit-notes",
                   "credit_note_id", "C", "issued_on", primary=True, amount=sum(waiting, Decimal(0)),
                   done=len(order["credit_notes"]))


def _refunding(order: Facts) -> Iterable[Step]:
    credit = sum((max(-Decimal(one["open"]), Decimal(0)) for one in order["deliveries"]), Decimal(0))
    over = order["state"] in ("rejected", "cancelled", "settled")
    advances = sum((Decimal(one["advance"]) for one in order["payments"]), Decimal(0)) if over else Decimal(0)
    if credit + advances > 0:
        yield Step("refund", Text("退款", "Refund"), PayRefund, "order", "/refunds", "refund_id", "B", "paid_on",
                   amount=credit + advances, done=len(order["refunds"]),
                   given={"customer_id": order["customer_id"], "currency": order["currency"]})


def _cancelling(order: Facts) -> Iterable[Step]:
    if order["state"] in ("placed", "short", "held", "approved"):
        yield Step("cancel", Text("取消剩余部分", "Cancel what is left"), CancelOrder, "order", "/cancellations",
                   day="cancelled_on", danger=True)
