"""What the demo buys, before it sells: reorder points raise purchase orders, the bills come late, some at other prices.

SYNTHETIC, by a generator with a fixed seed: costs (about 70 % of the shelf price, by category), suppliers, the little
opening stock, reorder points (the most that the plan's orders want between two reviews), what goes back, what the bills
say, who is paid.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tools.demo.orders import CENT, EXTRA_PRICE, LATE, SEED, SOLD_OUT, ZERO, Order, cents
from tools.demo.purchases import LINES_PER_PURCHASE, BoughtLine, Price, Purchase, SentBack

OPENED_ON = date(2017, 1, 1)
REVIEW = 50  # orders between two looks at the reorder points
SUPPLIERS = 12
LATE_SUPPLIER = "S-LATE"
LATE_COST = Decimal("6.9300")
PAID_AFTER = timedelta(days=35)  # after the last receipt


@dataclass(frozen=True, slots=True)
class Article:
    """What is bought and how: `demand` is what the orders want of it, per review."""

    sku: str
    supplier_id: str
    cost: Decimal
    opening: int
    demand: Mapping[int, int]

    @property
    def reorder_point(self) -> int:
        """Once less than this is there or on order, more is bought."""
        return max(self.demand.values())

    @property
    def opening_value(self) -> Decimal:
        return cents(self.cost * self.opening)


@dataclass(frozen=True, slots=True)
class Payment:
    """What a supplier is paid, and what is owed to it in the end; below zero: it owes us."""

    supplier_id: str
    amount: Decimal
    owed: Decimal
    first: bool  # before goods go back, not after

    @property
    def payment_id(self) -> str:
        return f"SP-{self.supplier_id}"


@dataclass(frozen=True, slots=True)
class Buying:
    """Everything about purchasing."""

    articles: tuple[Article, ...]
    purchases: tuple[Purchase, ...]
    payments: tuple[Payment, ...]

    @property
    def suppliers(self) -> list[str]:
        return sorted({article.supplier_id for article in self.articles} | {LATE_SUPPLIER})

    @property
    def last_day(self) -> date:
        """When suppliers are paid."""
        return max((purchase.received_on for purchase in self.purchases), default=OPENED_ON) + PAID_AFTER

    def owed(self) -> dict[str, Decimal]:
        """What every supplier must be owed in the end; the late one never sends a bill."""
        return dict.fromkeys(self.suppliers, ZERO) | {payment.supplier_id: payment.owed for payment in self.payments}


def make(orders: Sequence[Order], categories: Mapping[str, str]) -> Buying:
    """Buy what the orders want, and a little more."""
    articles = tuple(_articles(orders, categories))
    days = [order.ordered_on for order in orders[::REVIEW]]
    purchases = tuple(
        _purchase(index, supplier, review, days[review], lines)
        for index, (review, supplier, lines) in enumerate(_wanted(articles, len(days)))
    )
    return Buying(articles, purchases, tuple(_payments(purchases)))


# -- what is needed when ----------------------------------------------------------------------------------------------


def _articles(orders: Sequence[Order], categories: Mapping[str, str]) -> Iterator[Article]:
    """A small opening stock of some articles; one piece of the sold-out one, and none of the late one."""
    demand: dict[str, Counter[int]] = {}
    price: dict[str, Decimal] = {}
    for index, order in enumerate(orders):
        for line in order.lines:
            demand.setdefault(line.sku, Counter())[index // REVIEW] += line.quantity
            price.setdefault(line.sku, line.unit_price)
    yield Article(SOLD_OUT, "S01", EXTRA_PRICE * Decimal("0.7"), 1, {0: 0})
    for sku in sorted(demand.keys() - {SOLD_OUT, LATE}):
        random = Random(f"{SEED} {categories[sku]}")
        ratio, supplier = Decimal(random.randint(64, 76)) / 100, f"S{random.randint(1, SUPPLIERS):02}"
        opening = max(0, Random(f"{SEED} {sku}").randint(-2, max(demand[sku].values())))
        yield Article(sku, supplier, price[sku] * ratio, opening, demand[sku])


def _wanted(articles: Sequence[Article], reviews: int) -> Iterator[tuple[int, str, list[tuple[Article, int]]]]:
    """At each review and per supplier what is below its reorder point, and how many to buy.

    An article is kept from the review of its first order to that of its last. What is there and on order after a review
    is never less than what the orders until the next one want.
    """
    there = {article.sku: article.opening for article in articles}
    left = {article.sku: sum(article.demand.values()) for article in articles}
    for review in range(reviews):
        buy: dict[str, list[tuple[Article, int]]] = {}
        for article in articles:
            sku = article.sku
            listed = left[sku] < sum(article.demand.values()) or article.demand.get(review)
            if listed and there[sku] < min(article.reorder_point, left[sku]):
                more = min(2 * article.reorder_point, left[sku]) - there[sku]
                more += Random(f"{SEED} {sku} {review}").randint(0, 1)
                there[sku] += more
                buy.setdefault(article.supplier_id, []).append((article, more))
            wanted = article.demand.get(review, 0)
            there[sku] -= wanted
            left[sku] -= wanted
        for supplier, lines in sorted(buy.items()):
            for n in range(0, len(lines), LINES_PER_PURCHASE):
                yield review, supplier, lines[n:n + LINES_PER_PURCHASE]


def _purchase(
    index: int, supplier: str, review: int, day: date, wanted: Sequence[tuple[Article, int]]
) -> Purchase:
    """The purchase order, and everything that will become of it; its place among all decides what."""
    sent_back = {2: SentBack.BEFORE_BILL, 6: SentBack.AFTER_BILL}.get(index % 8, SentBack.NOTHING)
    return Purchase(
        purchase_id=f"PO-{index + 1:04}", supplier_id=supplier, review=review,
        ordered_on=max(OPENED_ON, day - timedelta(days=2)), received_on=day,
        by_queue=index % 2 == 0, in_two=index % 3 == 1 and not sent_back,
        billed=index % 12 != 11, billed_in_two=index % 10 == 3, sent_back=sent_back,
        lines=tuple(_lines(index, wanted, bool(sent_back))),
    )


def _lines(index: int, wanted: Sequence[tuple[Article, int]], sent_back: bool) -> Iterator[BoughtLine]:
    """Each at a cost of its day; a third is billed at another price. What goes back is bought on top."""
    price = {1: Price.HIGHER, 4: Price.LOWER}.get(index % 6, Price.SAME)
    for n, (article, pieces) in enumerate(wanted):
        random = Random(f"{SEED} {index} {article.sku}")
        cost = round(article.cost * random.randint(97, 106) / 100, 4)
        percent = {Price.SAME: 100, Price.HIGHER: random.randint(101, 108), Price.LOWER: random.randint(92, 99)}[price]
        back = random.randint(1, 2) if sent_back and n < 2 else 0
        yield BoughtLine(article.sku, pieces + back, cost, round(cost * percent / 100, 4), back)


# -- what is paid -----------------------------------------------------------------------------------------------------


def _payments(purchases: Iterable[Purchase]) -> Iterator[Payment]:
    """Most suppliers are paid in full, some in part, and one before goods go back, so that it owes us afterwards."""
    billed: dict[str, Decimal] = {}
    credit: dict[str, Decimal] = {}
    for purchase in purchases:
        supplier = purchase.supplier_id
        billed[supplier] = billed.get(supplier, ZERO) + sum((bill.gross for bill in purchase.bills), ZERO)
        credit[supplier] = credit.get(supplier, ZERO) + purchase.credit
    first = next((supplier for supplier in sorted(credit) if credit[supplier]), None)
    for n, supplier in enumerate(sorted(billed)):
        owed = billed[supplier] - credit[supplier]
        if supplier == first:
            yield Payment(supplier, billed[supplier], -credit[supplier], first=True)
        elif owed >= CENT:
            share = Random(f"{SEED} {supplier}").randint(40, 80) if n % 3 == 1 else 100
            amount = max(CENT, cents(owed * share / 100))
            yield Payment(supplier, amount, owed - amount, first=False)
