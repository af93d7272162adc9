"""The demo's plan: the same for everybody, every story with its share, and ends that follow from the input alone."""

from collections import Counter
from decimal import Decimal

import pytest

from tools import dataset
from tools.demo import plan
from tools.demo.orders import DECK, IN_PARTS, OVER_CREDIT, PART_RETURNED, REFUNDED, Order, Story
from tools.demo.plan import Plan


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
    assert sum(DECK.values()) == 100
    assert sum(order.by_queue for order in made.orders) == 250


@pytest.mark.parametrize("story", list(Story), ids=lambda story: story.name)
def test_ends_add_up(made: Plan, story: Story) -> None:
    for order in (order for order in made.orders if order.story is story):
        end = order.end
        assert Decimal(0) <= end.paid <= end.delivered == end.invoiced <= order.gross
        assert end.paid + end.advance == order.payment - order.refund
        assert end.group in {"delivered", "cancelled", "short"}
        if story in IN_PARTS:
            _is_a_real_part(order)


def _is_a_real_part(order: Order) -> None:
    assert all(0 <= n <= line.quantity for n, line in zip(order.first_part, order.lines, strict=True))
    assert 0 < sum(order.first_part) < sum(line.quantity for line in order.lines)


def test_what_comes_back_is_a_part_of_what_was_delivered(made: Plan) -> None:
    returned = [order for order in made.orders if any(order.returned)]
    assert {order.story for order in returned} == PART_RETURNED
    assert len(returned) == 20, "4 % of the orders"
    for order in returned:
        assert all(0 <= back <= line.quantity for back, line in zip(order.returned, order.lines, strict=True))
        assert Decimal(0) < order.end.delivered < order.gross
        assert (order.refund > 0) == (order.story in REFUNDED)


def test_the_first_fifty_orders_tell_every_story(made: Plan) -> None:
    assert {order.story for order in made.orders[:50]} == set(Story)


def test_only_accounts_without_credit_wait_for_a_person(made: Plan) -> None:
    bought: dict[str, Decimal] = {}
    for order in made.orders:
        bought[order.customer_id] = bought.get(order.customer_id, Decimal(0)) + order.gross
        assert (made.limits[order.customer_id] == 0) == (order.story in OVER_CREDIT)
    assert all(made.limits[customer] == 0 or made.limits[customer] >= total for customer, total in bought.items())
