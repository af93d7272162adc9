"""The demo's plan: the same for everybody, every story with its share, and ends that follow from the input alone."""

from collections import Counter
from decimal import Decimal

import pytest

from tools import dataset
from tools.demo import plan
from tools.demo.plan import DECK, IN_PARTS, Order, Plan, Story


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan.make(dataset.load(500))


def test_the_data_are_cleaned_orders_in_time_order() -> None:
    retail = dataset.load(300)
    days = [basket.ordered_on for basket in retail.baskets]
    assert days == sorted(days)
    assert len({basket.order_id for basket in retail.baskets}) == 300
    for basket in retail.baskets:
        assert basket.lines
        for line in basket.lines:
            assert line.sku in retail.products
            assert 0 < line.quantity <= dataset.MOST_PIECES
            value = line.quantity * line.unit_price
            assert abs(value - round(value, 2)) < Decimal("0.000001")  # the cents that the store received


def test_more_orders_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="has only 3478 orders"):
        dataset.load(3479)


def test_the_plan_is_the_same_every_time(made: Plan) -> None:
    assert plan.make(dataset.load(500)) == made


def test_every_story_has_its_share_and_half_go_by_queue(made: Plan) -> None:
    assert Counter(order.story for order in made.orders) == {story: 5 * count for story, count in DECK.items()}
    assert sum(order.by_queue for order in made.orders) == 250


@pytest.mark.parametrize("story", list(Story), ids=lambda story: story.name)
def test_ends_add_up(made: Plan, story: Story) -> None:
    for order in (order for order in made.orders if order.story is story):
        end = order.end
        assert Decimal(0) <= end.paid <= end.delivered == end.invoiced <= order.gross
        assert end.paid + end.advance == order.payment
        assert end.group in {"delivered", "cancelled", "short"}
        if story in IN_PARTS:
            _is_a_real_part(order)


def _is_a_real_part(order: Order) -> None:
    assert all(0 <= n <= line.quantity for n, line in zip(order.first_part, order.lines, strict=True))
    assert 0 < sum(order.first_part) < sum(line.quantity for line in order.lines)


def test_there_is_stock_for_everything_but_the_sold_out_and_the_late(made: Plan) -> None:
    stocked = {item.sku: item.opening + item.receipt for item in made.stock}
    wanted: Counter[str] = Counter()
    for order in made.orders:
        wanted.update({line.sku: line.quantity for line in order.lines})
    assert {sku for sku in wanted if stocked.get(sku, 0) < wanted[sku]} == {plan.SOLD_OUT, plan.LATE}


def test_only_accounts_without_credit_wait_for_a_person(made: Plan) -> None:
    bought: dict[str, Decimal] = {}
    for order in made.orders:
        bought[order.customer_id] = bought.get(order.customer_id, Decimal(0)) + order.gross
        assert (made.limits[order.customer_id] == 0) == (order.story in plan.OVER_CREDIT)
    assert all(made.limits[customer] == 0 or made.limits[customer] >= total for customer, total in bought.items())
