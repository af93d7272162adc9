"""What the demo will do, and how every order must end: computed from the input alone, before anything is sent.

SYNTHETIC, made by a generator with a fixed seed, because the retail data do not have it: customers' names and credit
limits, which orders go wrong and how, what comes back, and everything about purchasing (`tools.demo.buying`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random

from tools.dataset import Basket, Retail
from tools.demo import buying
from tools.demo.buying import Buying
from tools.demo.orders import (
    DECK,
    EXTRA_PRICE,
    IN_PARTS,
    LATE,
    LATE_PIECES,
    OVER_CREDIT,
    PART_RETURNED,
    SEED,
    SOLD_OUT,
    SOLD_OUT_PIECES,
    SOLD_OUT_STORIES,
    ZERO,
    Line,
    Order,
    Story,
)

COMPANY = "DEMO"
COUNTED = 24  # articles
HALF = sum(DECK.values()) // 2
NOT_FOR_CENTS = IN_PARTS | PART_RETURNED | {Story.PART_PAID}


@dataclass(frozen=True, slots=True)
class Count:
    """A stocktake (盘点): how many pieces more or less than booked are found of each article."""

    count_id: str
    by_queue: bool
    differences: dict[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the demo sends."""

    products: dict[str, str]  # SKU -> name
    limits: dict[str, Decimal]  # customer -> credit limit
    orders: tuple[Order, ...]
    buying: Buying
    counts: tuple[Count, ...]

    @property
    def left(self) -> dict[str, int]:
        """Pieces of every article that must be there in the end."""
        left = dict(_left(self.orders, self.buying))
        for count in self.counts:
            for sku, difference in count.differences.items():
                left[sku] += difference
        return left

    @property
    def last_day(self) -> date:
        """The day of the stocktake and of whatever comes last."""
        return max(max(order.ordered_on for order in self.orders) + timedelta(days=10), self.buying.last_day)


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
    bought = buying.make(orders, categories)
    return Plan(names, _limits(orders), tuple(orders), bought, tuple(_counts(_left(orders, bought))))


def _deal(hand: list[Story], basket: Basket, random: Random) -> Story:
    """The next card that suits the basket; the others stay for the next one."""
    if len(hand) < len(DECK):
        hand.extend(_shuffled(random))
    pieces = sum(line.quantity for line in basket.lines)
    worth = sum(line.quantity * line.unit_price for line in basket.lines)
    chosen = next(
        index for index, story in enumerate(hand)
        if (story not in IN_PARTS | PART_RETURNED or pieces > 1) and (story not in NOT_FOR_CENTS or worth >= 1)
    )
    return hand.pop(chosen)


def _shuffled(random: Random) -> list[Story]:
    """The deck, with every story in its first half: a short demo shows them all, too."""
    more = [story for story, count in DECK.items() for _ in range(count - 1)]
    random.shuffle(more)
    first, second = [*DECK, *more[:HALF - len(DECK)]], more[HALF - len(DECK):]
    random.shuffle(first)
    return first + second


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


def _left(orders: Iterable[Order], bought: Buying) -> Counter[str]:
    """What came in and did not leave, before anybody counts."""
    left = Counter({article.sku: article.opening for article in bought.articles})
    for bought_line in (line for purchase in bought.purchases for line in purchase.lines):
        left[bought_line.sku] += bought_line.quantity - bought_line.sent_back
    for order in orders:
        if order.story is Story.LATE:
            left[LATE] += LATE_PIECES
        for line, out, back in zip(order.lines, order.shipped, order.returned, strict=True):
            left[line.sku] += back - out
    return left


def _counts(left: Counter[str]) -> Iterator[Count]:
    """Two stocktakes of a few articles that are there: a piece is missing, all is right, one or two too many."""
    there = sorted(sku for sku, pieces in left.items() if pieces and sku != SOLD_OUT)
    some = sorted(Random(f"{SEED} counts").sample(there, min(COUNTED, len(there))))
    for n in range(2):
        differences = {sku: (-1, 0, 1, -1, 2)[i % 5] for i, sku in enumerate(some[n::2])}
        if differences:
            yield Count(f"CNT-{n + 1}", n == 1, differences)
