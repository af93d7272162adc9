"""The demo's sales orders: the story of each, and how it must end by its input alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from random import Random

SEED = 20170101
VAT_RATE = Decimal("0.13")
CENT = Decimal("0.01")
ZERO = Decimal(0)
# Two articles that the store does not have: one piece of the first was ever there, the second comes late.
SOLD_OUT, LATE = "X-SOLDOUT", "X-LATE"
SOLD_OUT_PIECES, LATE_PIECES = 5, 2
EXTRA_PRICE = Decimal("9.90")


class Story(StrEnum):
    """What happens to an order."""

    WHOLE = "delivered and paid"
    PARTS = "shipped in two parts"
    PART_PAID = "partly paid"
    ADVANCE = "paid in advance"
    LATE = "short, then goods come"
    APPROVED = "over credit, approved"
    REJECTED = "over credit, rejected"
    CANCELLED = "over credit, cancelled"
    PART_CANCELLED = "cancelled after a part"
    SHORT_CANCELLED = "short, cancelled"
    SHORT = "short"
    SHORT_PREPAID = "short, paid in advance"
    RETURNED = "partly returned at once"
    RETURNED_INVOICED = "partly returned after the invoice"
    RETURNED_PREPAID = "paid, partly returned, then invoiced"
    RETURNED_PAID = "partly returned after invoice and payment"


# A hundred cards: every hundred orders have these shares.
DECK = {
    Story.WHOLE: 53, Story.PARTS: 10, Story.PART_PAID: 10, Story.ADVANCE: 5, Story.LATE: 2, Story.APPROVED: 4,
    Story.REJECTED: 2, Story.CANCELLED: 2, Story.PART_CANCELLED: 2, Story.SHORT_CANCELLED: 1, Story.SHORT: 4,
    Story.SHORT_PREPAID: 1, Story.RETURNED: 1, Story.RETURNED_INVOICED: 1, Story.RETURNED_PREPAID: 1,
    Story.RETURNED_PAID: 1,
}
OVER_CREDIT = {Story.APPROVED, Story.REJECTED, Story.CANCELLED}
IN_PARTS = {Story.PARTS, Story.PART_CANCELLED}
PREPAID = {Story.ADVANCE, Story.SHORT_PREPAID}
SOLD_OUT_STORIES = {Story.SHORT, Story.SHORT_PREPAID, Story.SHORT_CANCELLED}
PART_RETURNED = {Story.RETURNED, Story.RETURNED_INVOICED, Story.RETURNED_PREPAID, Story.RETURNED_PAID}
REFUNDED = {Story.RETURNED_PREPAID, Story.RETURNED_PAID}
# The state that the order service must show in the end; every other story ends settled.
STATE = {
    Story.REJECTED: "rejected", Story.CANCELLED: "cancelled", Story.PART_CANCELLED: "cancelled",
    Story.SHORT_CANCELLED: "cancelled", Story.SHORT: "short", Story.SHORT_PREPAID: "short",
    Story.PART_PAID: "delivered",
}


def cents(value: Decimal) -> Decimal:
    """Round half up to cents (四舍五入)."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Line:
    """An order line as it is asked for; net and tax are what it must be worth."""

    sku: str
    quantity: int
    unit_price: Decimal

    @property
    def net(self) -> Decimal:
        return cents(self.quantity * self.unit_price)

    @property
    def tax(self) -> Decimal:
        return cents(self.net * VAT_RATE)


@dataclass(frozen=True, slots=True)
class End:
    """How an order must end; everything less what came back."""

    state: str
    delivered: Decimal  # gross value of what was shipped and kept
    invoiced: Decimal  # less credit notes
    paid: Decimal  # less refunds
    advance: Decimal  # money that waits for a delivery

    @property
    def group(self) -> str:
        """delivered, cancelled (also by rejection) or short."""
        return {"settled": "delivered", "rejected": "cancelled"}.get(self.state, self.state)


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the demo and its story."""

    order_id: str
    customer_id: str
    ordered_on: date
    story: Story
    by_queue: bool
    lines: tuple[Line, ...]

    @property
    def gross(self) -> Decimal:
        return sum((line.net + line.tax for line in self.lines), ZERO)

    @property
    def first_part(self) -> tuple[int, ...]:
        """Pieces of each line in a first part shipment: half of a line, or every other single piece."""
        return tuple(
            line.quantity // 2 if line.quantity > 1 else (index + 1) % 2 for index, line in enumerate(self.lines)
        )

    @property
    def shipped(self) -> tuple[int, ...]:
        """Pieces of each line that leave."""
        if not self.end.delivered:
            return (0,) * len(self.lines)
        return self.first_part if self.story is Story.PART_CANCELLED else tuple(line.quantity for line in self.lines)

    @property
    def returned(self) -> tuple[int, ...]:
        """Pieces of each line that come back: half of the line that is worth most, of a single piece this one."""
        most = max(range(len(self.lines)), key=lambda index: self.lines[index].net)
        return tuple(
            max(1, line.quantity // 2) if self.story in PART_RETURNED and index == most else 0
            for index, line in enumerate(self.lines)
        )

    @property
    def payment(self) -> Decimal:
        """What the customer pays in all; 0 when nothing is to be paid."""
        if self.story in {Story.REJECTED, Story.CANCELLED, Story.SHORT, Story.SHORT_CANCELLED}:
            return ZERO
        if self.story is Story.PART_CANCELLED:
            return self.value_of(self.first_part)
        if self.story is Story.PART_PAID:
            share = Random(f"{SEED} {self.order_id}").randint(20, 80)
            return max(CENT, cents(self.gross * share / 100))
        if self.story in PART_RETURNED - REFUNDED:
            return self.gross - self.value_of(self.returned)
        return self.gross

    @property
    def refund(self) -> Decimal:
        """What the customer gets back."""
        return self.value_of(self.returned) if self.story in REFUNDED else ZERO

    def value_of(self, pieces: Sequence[int]) -> Decimal:
        """Gross value of the first pieces of each line: net and tax of a line by their share, each rounded."""
        return sum(
            (cents(line.net * n / line.quantity) + cents(line.tax * n / line.quantity)
             for line, n in zip(self.lines, pieces, strict=True)), ZERO,
        )

    @property
    def end(self) -> End:
        """Everything that was delivered is invoiced; what was paid for nothing delivered stays an advance."""
        state = STATE.get(self.story, "settled")
        if self.story is Story.PART_CANCELLED:
            return End(state, self.payment, self.payment, self.payment, ZERO)
        if state in {"settled", "delivered"}:
            kept = self.gross - self.value_of(self.returned)
            return End(state, kept, kept, self.payment - self.refund, ZERO)
        return End(state, ZERO, ZERO, ZERO, self.payment)

    def day(self, after: int) -> str:
        """A business date some days after the order."""
        return (self.ordered_on + timedelta(days=after)).isoformat()
