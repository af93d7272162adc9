"""Open items (未清项): which document a movement of receivables, advances and payables belongs to.

What moved is said by the lines of control accounts, so items add up to the accounts whatever an event said; which
document it was is said by the facts of the journal row. What they do not name stands as an item of the event's own
document: a delivery, an advance, a bill; or a payment whose event was posted before events said what they relieve.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from shared.money import ZERO
from shared.refusal import Text

Side = Literal["customer", "supplier"]


class Kind(NamedTuple):
    """A kind of open item: the lines of the accounts that play `roles`; `sign` is 1 where debits make it grow.
    `document` is what its items normally are."""

    side: Side
    roles: tuple[str, ...]
    sign: int
    document: str
    name: Text


KINDS: Mapping[str, Kind] = {
    # Where a pack books what is delivered and not invoiced apart, an invoice only moves it from one to the other.
    "receivable": Kind("customer", ("ar", "unbilled"), 1, "delivery", Text("应收账款", "receivable")),
    "advance": Kind("customer", ("advances",), -1, "payment", Text("预收账款", "advance received")),
    "payable": Kind("supplier", ("payable",), -1, "supplier_invoice", Text("应付账款", "payable")),
    "accrual": Kind("supplier", ("accrued_payable",), -1, "receipt", Text("暂估应付款", "received, not invoiced")),
}
# event -> its own document: what it is, and the text of its facts that is its id.
DOCUMENTS: Mapping[str, tuple[str, str]] = {
    "order.sale_delivered.v1": ("delivery", "delivery_id"),
    "order.receivable_opened.v1": ("delivery", "delivery_id"),
    "order.advance_opened.v1": ("payment", "payment_id"),
    "order.sale_returned.v1": ("sale_return", "return_id"),
    "order.payment_received.v1": ("payment", "payment_id"),
    "order.payment_allocated.v1": ("payment", "payment_id"),
    "order.refund_paid.v1": ("refund", "refund_id"),
    "inventory.goods_received.v1": ("receipt", "receipt_id"),
    "inventory.payable_opened.v1": ("supplier_invoice", "supplier_invoice_id"),
    "inventory.supplier_invoiced.v1": ("supplier_invoice", "supplier_invoice_id"),
    "inventory.supplier_paid.v1": ("supplier_payment", "supplier_payment_id"),
    "inventory.purchase_returned.v1": ("purchase_return", "purchase_return_id"),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much the vouchers of a journal row moved a kind of a party in all, and what the row says.

    `seq` is the last of these vouchers, `on` the day on which it is booked, `business_date` when it happened, `due`
    until when it is to be paid, if the event says so.
    """

    seq: int
    entry: int
    on: date
    business_date: date
    event_type: str | None
    texts: Mapping[str, str]
    settles: Mapping[str, str]
    kind: str
    party: str
    amount: Decimal
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A movement of one item; one that opens it also says what it originally came to, and maybe when it is due."""

    kind: str
    party: str
    document_type: str
    document: str
    seq: int
    on: date
    dated: date
    amount: Decimal
    original: Decimal
    by_type: str
    by_document: str
    due: date | None


def moves(moved: Iterable[Moved]) -> Iterator[Move]:
    """What became of each item; together they are what the lines say."""
    for one in moved:
        yield from _moves(one)


def _moves(one: Moved) -> Iterator[Move]:
    by = document_of(one)
    items = {(KINDS[one.kind].document, document): Decimal(said) for document, said in one.settles.items()}
    left = one.amount - sum(items.values(), ZERO)
    if left:
        items[by] = items.get(by, ZERO) + left
    for item, amount in items.items():
        original = left if item == by else ZERO
        due = one.due if item == by else None
        yield Move(one.kind, one.party, *item, one.seq, one.on, one.business_date, amount, original, *by, due)


def document_of(one: Moved) -> tuple[str, str]:
    """What the event is about; of something else its journal row."""
    kind, text = DOCUMENTS.get(one.event_type or "", ("entry", ""))
    return kind, one.texts.get(text, str(one.entry))


def moved_of(row: Mapping[str, Any]) -> Moved:
    """The value of a row of `store.open_items.load_moved`."""
    facts = row["facts"]
    return Moved(
        row["seq"], row["entry"], row["voucher_date"], row["business_date"], row["event_type"], facts.get("texts", {}),
        facts.get("settles", {}).get(row["kind"], {}), row["kind"], row["party"], row["amount"],
        date.fromisoformat(facts["due"]) if "due" in facts else None,
    )


# -- ageing (账龄) -----------------------------------------------------------------------------------------------------


class Bucket(NamedTuple):
    """Days overdue, from the first on."""

    key: str
    first: int
    name: Text


BUCKETS = (
    Bucket("not_due", -(10**6), Text("未到期", "not due")),
    Bucket("1_30", 1, Text("逾期 1–30 天", "1–30 days overdue")),
    Bucket("31_60", 31, Text("逾期 31–60 天", "31–60 days overdue")),
    Bucket("61_90", 61, Text("逾期 61–90 天", "61–90 days overdue")),
    Bucket("over_90", 91, Text("逾期 90 天以上", "more than 90 days overdue")),
)
AGED: Mapping[Side, str] = {"customer": "receivable", "supplier": "payable"}  # the kind that is due at some time
