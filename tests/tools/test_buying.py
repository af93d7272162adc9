"""What the demo buys: always enough and before it is wanted, billed late and in every way, and what must come of it."""

from collections import Counter
from decimal import Decimal

import pytest

from tools import dataset
from tools.demo import plan
from tools.demo.buying import REVIEW, Buying
from tools.demo.orders import LATE, SOLD_OUT
from tools.demo.plan import Plan
from tools.demo.purchases import Price, Purchase, SentBack


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan.make(dataset.load(500))


@pytest.fixture(scope="module")
def buying(made: Plan) -> Buying:
    return made.buying


def price_of(purchase: Purchase) -> Price:
    """What most lines say; the cheapest articles cost the same after rounding."""
    dearer = sum((line.billed_at > line.unit_cost) - (line.billed_at < line.unit_cost) for line in purchase.lines)
    return Price.HIGHER if dearer > 0 else Price.LOWER if dearer < 0 else Price.SAME


def test_goods_are_bought_before_they_are_wanted(made: Plan) -> None:
    there = Counter({article.sku: article.opening for article in made.buying.articles})
    for review in range(0, len(made.orders), REVIEW):
        for purchase in (p for p in made.buying.purchases if p.review == review // REVIEW):
            there.update({line.sku: line.quantity - line.sent_back for line in purchase.lines})
        for order in made.orders[review:review + REVIEW]:
            there.subtract({line.sku: line.quantity for line in order.lines if line.sku not in {SOLD_OUT, LATE}})
        assert min(there.values()) >= 0
    assert there[SOLD_OUT] == 1


def test_the_opening_stock_is_small(buying: Buying) -> None:
    bought = sum(line.quantity for purchase in buying.purchases for line in purchase.lines)
    assert 0 < sum(article.opening for article in buying.articles) < bought / 4


def test_purchases_are_of_one_supplier_and_go_through_both_doors(buying: Buying) -> None:
    supplier = {article.sku: article.supplier_id for article in buying.articles}
    for purchase in buying.purchases:
        assert {supplier[line.sku] for line in purchase.lines} == {purchase.supplier_id}
        assert len({line.sku for line in purchase.lines}) == len(purchase.lines)
    assert sum(purchase.by_queue for purchase in buying.purchases) == len(buying.purchases) / 2


def test_receipts_bring_what_was_ordered_and_some_come_in_two_parts(buying: Buying) -> None:
    for purchase in buying.purchases:
        brought: Counter[str] = Counter()
        for receipt in purchase.receipts:
            assert receipt.lines
            assert [line.line for line in receipt.lines] == list(range(1, len(receipt.lines) + 1))
            brought.update({line.of.sku: line.quantity for line in receipt.lines})
        assert brought == {line.sku: line.quantity for line in purchase.lines}
    assert 20 < sum(len(purchase.receipts) == 2 for purchase in buying.purchases) < 50


def test_bills_are_for_what_was_kept_and_about_a_third_is_at_another_price(buying: Buying) -> None:
    billed = [purchase for purchase in buying.purchases if purchase.bills]
    for purchase in billed:
        back = sum(line.sent_back for line in purchase.lines) if purchase.sent_back is SentBack.BEFORE_BILL else 0
        pieces = sum(line.quantity for bill in purchase.bills for line in bill.lines)
        assert pieces == sum(line.quantity for line in purchase.lines) - back
        assert all(bill.invoiced_on > purchase.received_on for bill in purchase.bills)
    prices = Counter(price_of(purchase) for purchase in billed)
    assert prices[Price.HIGHER] + prices[Price.LOWER] == pytest.approx(len(billed) / 3, rel=0.2)
    assert min(prices.values()) > 10
    assert any(len(purchase.bills) == 2 for purchase in billed)
    assert 0 < len(buying.purchases) - len(billed) < len(billed) / 8, "a few are left unbilled"


def test_goods_go_back_before_and_after_their_bill(buying: Buying) -> None:
    assert min(Counter(purchase.sent_back for purchase in buying.purchases).values()) > 5
    for purchase in (p for p in buying.purchases if p.sent_back):
        assert purchase.returned_lines
        assert all(0 < line.of.sent_back < line.quantity for line in purchase.returned_lines)
        assert bool(purchase.credit) == (purchase.sent_back is SentBack.AFTER_BILL)


def test_suppliers_are_paid_in_full_or_in_part_and_one_before_its_goods_go_back(buying: Buying) -> None:
    owed = buying.owed()
    assert set(owed) == set(buying.suppliers)
    assert all(payment.amount > 0 for payment in buying.payments)
    assert [payment.first for payment in buying.payments].count(True) == 1
    assert {(value > 0) - (value < 0) for value in owed.values()} == {-1, 0, 1}
    billed = sum((bill.gross for purchase in buying.purchases for bill in purchase.bills), Decimal(0))
    taken_off = sum((purchase.credit for purchase in buying.purchases), Decimal(0))
    assert sum(owed.values()) == billed - taken_off - sum(payment.amount for payment in buying.payments)


def test_stocktakes_find_more_and_less_than_there_is(made: Plan) -> None:
    found = [difference for count in made.counts for difference in count.differences.values()]
    assert {-1, 0, 1, 2} == set(found)
    assert {count.by_queue for count in made.counts} == {True, False}
    assert min(made.left.values()) >= 0
    assert made.last_day > max(purchase.received_on for purchase in made.buying.purchases)


def test_the_smallest_demo_has_a_plan() -> None:
    made = plan.make(dataset.load(1))
    assert len(made.orders) == 1
    assert min(made.left.values()) >= 0
