"""What the demo will do, and how every order must end: computed from the input alone, before anything is sent.

SYNTHETIC, made by a generator with a fixed seed, because the retail data do not have it: costs (about 70 % of the shelf
price, by category), suppliers, opening stock and receipts, credit limits, and which orders go wrong and how.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from random import Random

from tools.dataset import Basket, Retail

SEED = 20170101
COMPANY = "DEMO"
VAT_RATE = Decimal("0.13")
OPENED_ON = date(2017, 1, 1)
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


# A hundred cards: every hundred orders have these shares.
DECK = {
    Story.WHOLE: 57, Story.PARTS: 10, Story.PART_PAID: 10, Story.ADVANCE: 5, Story.LATE: 2, Story.APPROVED: 4,
    Story.REJECTED: 2, Story.CANCELLED: 2, Story.PART_CANCELLED: 2, Story.SHORT_CANCELLED: 1, Story.SHORT: 4,
    Story.SHORT_PREPAID: 1,
}
OVER_CREDIT = {Story.APPROVED, Story.REJECTED, Story.CANCELLED}
IN_PARTS = {Story.PARTS, Story.PART_CANCELLED}
PREPAID = {Story.ADVANCE, Story.SHORT_PREPAID}
SOLD_OUT_STORIES = {Story.SHORT, Story.SHORT_PREPAID, Story.SHORT_CANCELLED}
# The state that the order service must show in the end; every other story ends settled.
STATE = {
    Story.REJECTED: "rejected", Story.CANCELLED: "cancelled", Story.PART_CANCELLED: "cancelled",
    Story.SHORT_CANCELLED: "cancelled", Story.SHORT: "short", Story.SHORT_PREPAID: "short",
    Story.PART_PAID: "delivered",
}


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
    """How an order must end."""

    state: str
    delivered: Decimal  # gross value of what was shipped
    invoiced: Decimal
    paid: Decimal
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
    def payment(self) -> Decimal:
        """What the customer pays in all; 0 when nothing is to be paid."""
        if self.story in {Story.REJECTED, Story.CANCELLED, Story.SHORT, Story.SHORT_CANCELLED}:
            return ZERO
        if self.story is Story.PART_CANCELLED:
            return self.value_of(self.first_part)
        if self.story is Story.PART_PAID:
            share = Random(f"{SEED} {self.order_id}").randint(20, 80)
            return max(CENT, cents(self.gross * share / 100))
        return self.gross

    def value_of(self, pieces: Sequence[int]) -> Decimal:
        """Gross value of a first shipment of these pieces: net and tax of a line by their share, each rounded."""
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
            return End(state, self.gross, self.gross, self.payment, ZERO)
        return End(state, ZERO, ZERO, ZERO, self.payment)

    def day(self, after: int) -> str:
        """A business date some days after the order."""
        return (self.ordered_on + timedelta(days=after)).isoformat()


@dataclass(frozen=True, slots=True)
class StockItem:
    """Stock to bring in: an opening at its value, and a receipt from a supplier at a slightly different cost."""

    sku: str
    supplier_id: str
    opening: int
    opening_value: Decimal
    receipt: int
    unit_cost: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the demo sends."""

    products: dict[str, str]  # SKU -> name
    limits: dict[str, Decimal]  # customer -> credit limit
    stock: tuple[StockItem, ...]
    orders: tuple[Order, ...]


def cents(value: Decimal) -> Decimal:
    """Round half up to cents (四舍五入)."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def make(retail: Retail) -> Plan:
    """Deal a story to every basket, and bring in what the stories need."""
    random = Random(SEED)
    queued = set(random.sample(range(len(retail.baskets)), len(retail.baskets) // 2))
    hand: list[Story] = []
    orders = []
    for index, basket in enumerate(retail.baskets):
        orders.append(_order(basket, _deal(hand, basket, random), by_queue=index in queued))
    names = {sku: product.name for sku, product in retail.products.items()}
    names |= {SOLD_OUT: "演示商品：缺货 / sold out (synthetic)", LATE: "演示商品：迟到 / comes late (synthetic)"}
    categories = {sku: product.category for sku, product in retail.products.items()}
    return Plan(names, _limits(orders), tuple(_stock(orders, categories)), tuple(orders))


def _deal(hand: list[Story], basket: Basket, random: Random) -> Story:
    """The next card that suits the basket; the others stay for the next one."""
    if len(hand) < len(DECK):
        fresh = [story for story, count in DECK.items() for _ in range(count)]
        random.shuffle(fresh)
        hand.extend(fresh)
    pieces = sum(line.quantity for line in basket.lines)
    worth = sum(line.quantity * line.unit_price for line in basket.lines)
    chosen = next(
        index for index, story in enumerate(hand)
        if (story not in IN_PARTS or (pieces > 1 and worth >= 1)) and (story is not Story.PART_PAID or worth >= 1)
    )
    return hand.pop(chosen)


def _order(basket: Basket, story: Story, *, by_queue: bool) -> Order:
    """An order; one that must wait for a person's approval is placed on the household's account without credit."""
    lines = [Line(line.sku, line.quantity, line.unit_price) for line in basket.lines]
    if story in SOLD_OUT_STORIES:
        lines.append(Line(SOLD_OUT, SOLD_OUT_PIECES, EXTRA_PRICE))
    if story is Story.LATE:
        lines.append(Line(LATE, LATE_PIECES, EXTRA_PRICE))
    customer = f"{basket.customer_id}-NOCREDIT" if story in OVER_CREDIT else basket.customer_id
    return Order(basket.order_id, customer, basket.ordered_on, story, by_queue, tuple(lines))


def _limits(orders: Iterable[Order]) -> dict[str, Decimal]:
    """A limit that the customer's orders together stay within, whatever order they come in; none for -NOCREDIT."""
    bought: dict[str, Decimal] = {}
    for order in orders:
        bought[order.customer_id] = bought.get(order.customer_id, ZERO) + order.gross
    return {
        customer: ZERO if customer.endswith("-NOCREDIT") else _up_to_hundreds(total)
        for customer, total in sorted(bought.items())
    }


def _up_to_hundreds(amount: Decimal) -> Decimal:
    return (amount / 100).quantize(Decimal(1), rounding=ROUND_CEILING) * 100


def _stock(orders: Iterable[Order], categories: dict[str, str]) -> Iterable[StockItem]:
    """Enough of everything but the sold-out and the late article."""
    need: dict[str, int] = {}
    price: dict[str, Decimal] = {}
    for order in orders:
        for line in order.lines:
            need[line.sku] = need.get(line.sku, 0) + line.quantity
            price.setdefault(line.sku, line.unit_price)
    for sku in sorted(need):
        if sku == SOLD_OUT:
            yield StockItem(sku, "S-NONE", 1, cents(EXTRA_PRICE * Decimal("0.7")), 0, ZERO)
        elif sku != LATE:
            yield _item(sku, need[sku], price[sku], categories[sku])


def _item(sku: str, need: int, price: Decimal, category: str) -> StockItem:
    """A little more than what will be sold, half of it there from the start."""
    random = Random(f"{SEED} {category}")
    ratio, supplier = Decimal(random.randint(64, 76)) / 100, f"S{random.randint(1, 12):02}"
    own = Random(f"{SEED} {sku}")
    opening, receipt = need // 2 + own.randint(1, 3), need - need // 2 + own.randint(0, 3)
    dearer = Decimal(own.randint(97, 106)) / 100
    cost = price * ratio
    return StockItem(sku, supplier, opening, cents(cost * opening), receipt, round(cost * dearer, 4))
