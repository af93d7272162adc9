"""A purchase of the demo: what is ordered, how it comes in, what goes back, and what its bills must say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from tools.demo.orders import VAT_RATE, ZERO, cents

LINES_PER_PURCHASE = 200
BILL_AFTER = timedelta(days=20)  # the bill is late
SECOND_BILL_AFTER = timedelta(days=25)
SENT_BACK_AFTER = timedelta(days=3)
SENT_BACK_LATE_AFTER = timedelta(days=30)


class Price(StrEnum):
    """What the bill asks for, beside what was expected."""

    SAME = "as ordered"
    HIGHER = "higher"
    LOWER = "lower"


class SentBack(StrEnum):
    """When some pieces go back to the supplier."""

    NOTHING = ""
    BEFORE_BILL = "before the bill"
    AFTER_BILL = "after the bill"


@dataclass(frozen=True, slots=True)
class BoughtLine:
    """Pieces of one article at the cost expected, at the price of the bill; some of them go back."""

    sku: str
    quantity: int
    unit_cost: Decimal
    billed_at: Decimal
    sent_back: int


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """A line of a receipt: pieces of a line of the purchase."""

    line: int
    of: BoughtLine
    quantity: int


@dataclass(frozen=True, slots=True)
class Receipt:
    receipt_id: str
    received_on: date
    lines: tuple[ReceivedLine, ...]


@dataclass(frozen=True, slots=True)
class BilledLine:
    receipt_id: str
    line: int
    quantity: int
    unit_cost: Decimal

    @property
    def net(self) -> Decimal:
        return cents(self.quantity * self.unit_cost)

    @property
    def tax(self) -> Decimal:
        return cents(self.net * VAT_RATE)


@dataclass(frozen=True, slots=True)
class Bill:
    bill_id: str
    invoiced_on: date
    lines: tuple[BilledLine, ...]

    @property
    def gross(self) -> Decimal:
        return sum((line.net + line.tax for line in self.lines), ZERO)


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase order and its story."""

    purchase_id: str
    supplier_id: str
    review: int  # it is raised before the orders of this review begin
    ordered_on: date
    received_on: date
    by_queue: bool
    in_two: bool  # comes in two parts
    billed: bool
    billed_in_two: bool
    sent_back: SentBack
    lines: tuple[BoughtLine, ...]

    @property
    def number(self) -> str:
        return self.purchase_id.removeprefix("PO-")

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """One, or two: then the first brings half of each line, or every other single piece."""
        whole = [line.quantity for line in self.lines]
        first = [n // 2 if n > 1 else index % 2 for index, n in enumerate(whole)]
        if not (self.in_two and any(first)):
            return (self._receipt(1, whole),)
        return self._receipt(1, first), self._receipt(2, [n - m for n, m in zip(whole, first, strict=True)])

    def _receipt(self, part: int, pieces: list[int]) -> Receipt:
        brought = [(line, n) for line, n in zip(self.lines, pieces, strict=True) if n]
        lines = tuple(ReceivedLine(i, line, n) for i, (line, n) in enumerate(brought, start=1))
        return Receipt(f"GR-{self.number}-{part}", self.received_on + timedelta(days=2 * (part - 1)), lines)

    @property
    def bills(self) -> tuple[Bill, ...]:
        """One for everything that was received and kept until then, or two: then the first is for half of each line."""
        if not self.billed:
            return ()
        kept = [
            (receipt.receipt_id, line, line.quantity - (line.of.sent_back if self._back_before_bill else 0))
            for receipt in self.receipts for line in receipt.lines
        ]
        first = [n // 2 if self.billed_in_two else n for _, _, n in kept]
        days = (self.received_on + BILL_AFTER, self.received_on + SECOND_BILL_AFTER)
        bills = []
        for part, pieces in enumerate((first, [n - m for (_, _, n), m in zip(kept, first, strict=True)]), start=1):
            lines = tuple(
                BilledLine(receipt, line.line, n, line.of.billed_at)
                for (receipt, line, _), n in zip(kept, pieces, strict=True) if n
            )
            if lines:
                bills.append(Bill(f"SI-{self.number}-{part}", days[part - 1], lines))
        return tuple(bills)

    @property
    def _back_before_bill(self) -> bool:
        return self.sent_back is SentBack.BEFORE_BILL

    @property
    def return_id(self) -> str:
        return f"PR-{self.number}"

    @property
    def returned_lines(self) -> list[ReceivedLine]:
        """What goes back, of the one receipt."""
        return [line for line in self.receipts[0].lines if line.of.sent_back] if self.sent_back else []

    @property
    def returned_on(self) -> date:
        return self.received_on + (SENT_BACK_AFTER if self._back_before_bill else SENT_BACK_LATE_AFTER)

    @property
    def credit(self) -> Decimal:
        """What the supplier takes off its bill for goods that go back after it."""
        if self._back_before_bill or not self.bills:
            return ZERO
        billed = {line.line: line for line in self.bills[0].lines}
        return sum((_share(billed[line.line], line.of.sent_back) for line in self.returned_lines), ZERO)

    def asks(self) -> Iterator[str]:
        """The ids of all documents, for counting them."""
        yield self.purchase_id
        yield from (receipt.receipt_id for receipt in self.receipts)
        yield from (bill.bill_id for bill in self.bills)
        if self.sent_back:
            yield self.return_id


def _share(line: BilledLine, pieces: int) -> Decimal:
    return cents(line.net * pieces / line.quantity) + cents(line.tax * pieces / line.quantity)
