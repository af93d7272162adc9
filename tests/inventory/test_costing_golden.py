"""The golden cases of costing as pure streams, and the promise: bills may come whenever they come.

The cases through all services are in tests/walk; their source is docs/decisions/0007-late-costs-by-revaluation.md.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.costing import (
    COUNT,
    CUSTOMER_RETURN,
    PURCHASE_RETURN,
    RECEIPT,
    SHIPMENT,
    Document,
    Move,
    Pool,
    Stock,
    gain_value,
    give_back,
    move_between,
    settlements,
    take_in,
    take_out,
    unit_cost,
)
from services.inventory.domain.revaluation import Known, Stream, adjust, revalue
from shared.money import ZERO, next_share, worth
from tests.inventory.builders import DAY, D

TEA = Pool("TEA", "main")


@dataclass
class Bought:
    """What happened to the quantity of a receipt: still unbilled with its accrual, billed, sent back."""

    quantity: Decimal
    cost: Decimal
    known: Decimal
    unbilled: Decimal
    accrued: Decimal
    net: Decimal = ZERO
    billed: Decimal = ZERO
    credited: Decimal = ZERO
    credited_net: Decimal = ZERO


@dataclass
class Story:
    """A pool, step by step as the handlers take them, and the cost of sales as the ledger would show it."""

    standard_cost: Decimal | None = None
    cost_of_sales: Decimal = ZERO
    moves: list[Known] = field(default_factory=list)
    receipts: dict[int, Bought] = field(default_factory=dict)
    stock: Stock = field(init=False)

    def __post_init__(self) -> None:
        self.stock = Stock(TEA, last_cost=self.standard_cost)

    @property
    def ends(self) -> tuple[Decimal, Decimal, Decimal]:
        """Quantity, value, cost of sales."""
        return self.stock.quantity, self.stock.value, self.cost_of_sales

    def receive(self, quantity: str | Decimal, unit_cost: str | Decimal) -> int:
        cost = worth(D(quantity), D(unit_cost), "CNY")
        n = self._move(RECEIPT, take_in(self.stock, D(quantity), cost, "CNY"), value=cost)
        self.receipts[n] = Bought(D(quantity), cost, cost, D(quantity), cost)
        return n

    def ship(self, quantity: str | Decimal) -> int:
        before = self.stock.value
        n = self._move(SHIPMENT, take_out(self.stock, D(quantity), "CNY"))
        self.cost_of_sales += before - self.stock.value
        return n

    def take_back(self, issue: int, quantity: str | Decimal) -> Decimal:
        issued, earlier = self.moves[issue - 1], [m for m in self.moves if m.origin == issue]
        so_far = sum((m.quantity for m in earlier), D(quantity))
        valued = sum((m.value for m in earlier), ZERO)
        cost = next_share(-issued.value, so_far, -issued.quantity, valued, "CNY")
        self._move(CUSTOMER_RETURN, take_in(self.stock, D(quantity), cost, "CNY"), value=cost, origin=issue)
        self.cost_of_sales -= cost
        return cost

    def send_back(self, receipt: int, quantity: str | Decimal) -> Decimal:
        """Unbilled goods relieve the accrual, billed ones their bill; the claim is what the supplier takes them at."""
        bought = self.receipts[receipt]
        unbilled = min(D(quantity), bought.unbilled)
        claimed = self._relieve(bought, unbilled)
        if D(quantity) > unbilled:
            bought.credited += D(quantity) - unbilled
            net = next_share(bought.net, bought.credited, bought.billed, bought.credited_net, "CNY")
            bought.credited_net += net
            claimed += net
        before = self.stock.value
        self._move(PURCHASE_RETURN, give_back(self.stock, D(quantity), claimed), origin=receipt, claimed=claimed)
        self.cost_of_sales += before - self.stock.value - claimed
        self._news(receipt)
        return before - self.stock.value

    def count(self, quantity: str | Decimal) -> Decimal:
        """Losses and gains go through the ledger, too; here they count as consumed."""
        before, difference = self.stock, D(quantity) - self.stock.quantity
        if difference > 0:
            value = gain_value(before, difference, "CNY")
            self._move(COUNT, take_in(before, difference, value, "CNY"), value=value)
        else:
            self._move(COUNT, take_out(before, -difference, "CNY"))
            value = self.stock.value - before.value
        self.cost_of_sales -= value
        return value

    def bill(self, receipt: int, unit_cost: str | Decimal) -> tuple[Decimal, Decimal]:
        """Everything of the receipt that is not billed and not sent back; what it changes of stock and consumed."""
        bought = self.receipts[receipt]
        quantity, net = bought.unbilled, worth(bought.unbilled, D(unit_cost), "CNY")
        bought.known += net - self._relieve(bought, quantity)
        bought.billed, bought.net = quantity, net
        return self._news(receipt)

    def _relieve(self, bought: Bought, quantity: Decimal) -> Decimal:
        taken = bought.quantity - bought.unbilled + quantity
        share = next_share(bought.cost, taken, bought.quantity, bought.cost - bought.accrued, "CNY")
        bought.unbilled -= quantity
        bought.accrued -= share
        return share

    def _news(self, receipt: int) -> tuple[Decimal, Decimal]:
        stream = Stream(self._before(receipt), tuple(self.moves[receipt - 1:]))
        revalued = revalue(stream, {receipt: self.receipts[receipt].known}, "CNY")
        self.stock, adjustment = adjust(self.stock, revalued)
        for move in revalued.moves:
            self.moves[move.n - 1] = move
        self.cost_of_sales += adjustment.consumed
        return adjustment.stock, adjustment.consumed

    def _before(self, n: int) -> Stock:
        """The pool before a move, as far as it is known now."""
        stock = Stock(TEA, last_cost=self.standard_cost)
        for move in self.moves[: n - 1]:
            quantity = stock.quantity + move.quantity
            if quantity > 0 or move.quantity > 0:
                whole = (move.value_after, quantity) if quantity > 0 else (move.value, move.quantity)
                stock = replace(stock, last_cost=unit_cost(*whole))
            stock = replace(stock, quantity=quantity, value=move.value_after, moves=move.n)
        return stock

    def _move(
        self, kind: str, after: Stock, *, value: Decimal | None = None, origin: int | None = None,
        claimed: Decimal | None = None,
    ) -> int:
        before, document = self.stock, Document(kind, "D", DAY)
        move = move_between(before, after, document, 1, value=value, origin=origin, claimed=claimed)
        for settled in settlements({TEA: before}, [move]).values():
            self.cost_of_sales += settled[0].consumed
        self.moves.append(_known(move))
        self.stock = after
        return after.moves


def _known(move: Move) -> Known:
    """A move as it is known when it is booked."""
    value = move.value if move.claimed is None else -move.claimed
    return Known(
        move.n, move.document.kind, move.quantity, value, move.value_after, move.origin, move.claimed or ZERO
    )


# -- golden cases -----------------------------------------------------------------------------------------------------


def test_g1_receive_and_ship() -> None:
    story = Story()
    story.receive("100", "60")
    story.ship("10")
    assert story.ends == (D(90), D(5400), D(600))


def test_g2_the_bill_costs_more() -> None:
    story = Story()
    story.receive("100", "60")
    story.ship("10")
    assert story.bill(1, "62") == (D(180), D(20))
    assert story.ends == (D(90), D(5580), D(620))


def test_g3_back_to_the_supplier_at_its_receipts_cost() -> None:
    story = Story()
    first = story.receive("10", "100")
    story.receive("5", "110")
    assert story.send_back(first, "5") == D(500)
    assert story.ends == (D(10), D(1050), ZERO)


def test_g4_back_from_the_customer_at_its_issues_cost() -> None:
    story = Story()
    story.receive("10", "60")
    issue = story.ship("10")
    story.receive("100", "70")
    assert story.take_back(issue, "2") == D(120)
    assert story.ends == (D(102), D(7120), D(480))


def test_g5_no_residual_and_returns_add_up_to_the_issue() -> None:
    story = Story()
    story.receive("3", "33.33333333")
    assert [story.moves[story.ship("1") - 1].value for _ in range(3)] == [D("-33.33"), D("-33.33"), D("-33.34")]
    assert story.ends == (ZERO, ZERO, D(100))
    issue = Story()
    issue.receive("3", "33.33333333")
    issue.ship("3")
    assert [issue.take_back(2, "1") for _ in range(3)] == [D("33.33"), D("33.34"), D("33.33")]


def test_g6_negative_stock_is_settled_by_the_next_receipts() -> None:
    story = Story(standard_cost=D(8))
    story.ship("10")
    assert story.ends == (D(-10), D(-80), D(80))
    story.receive("5", "10")
    assert story.ends == (D(-5), D(-40), D(90))
    story.receive("10", "12")
    assert story.ends == (D(5), D(60), D(110))
    story.bill(3, "13")
    assert story.ends == (D(5), D(65), D(115)), "the last receipt cost 10 more, half of which is sold"


def test_g7_everything_is_sold_before_the_bill() -> None:
    story = Story()
    story.receive("10", "100")
    story.ship("10")
    assert story.bill(1, "200") == (ZERO, D(1000))
    assert story.ends == (ZERO, ZERO, D(2000))


def test_g8_half_is_sold_before_the_bill() -> None:
    story = Story()
    story.receive("100", "10")
    story.ship("50")
    assert story.bill(1, "12") == (D(100), D(100))
    assert story.ends == (D(50), D(600), D(600))


def test_g15_a_late_cost_flows_through_the_next_receipt() -> None:
    story = Story()
    story.receive("100", "10")
    story.ship("50")
    story.receive("50", "20")
    story.ship("50")
    assert story.bill(1, "12") == (D(50), D(150))
    assert story.ends == (D(50), D(800), D(1400))


# -- what else the rules say ------------------------------------------------------------------------------------------


def test_what_comes_back_later_has_its_share_of_what_is_known_then() -> None:
    story = Story()
    story.receive("10", "100")
    issue = story.ship("4")
    assert story.take_back(issue, "1") == D(100)
    story.bill(1, "120")
    assert story.ends == (D(7), D(840), D(360))
    assert story.take_back(issue, "1") == D(120)


def test_what_went_back_unbilled_counts_at_the_price_of_the_rest() -> None:
    """Two of ten are sold before four go back: the bill of the other six shows what the two cost."""
    late, first = Story(), Story()
    for story in (late, first):
        story.receive("10", "100")
    first.bill(1, "120")
    for story in (late, first):
        story.ship("2")
        story.send_back(1, "4")
    late.bill(1, "120")
    assert late.ends == first.ends == (D(4), D(480), D(240))


def test_the_last_pieces_take_everything_with_them_and_none_are_worth_less_than_nothing() -> None:
    story = Story()
    story.receive("1", "100")
    story.receive("1", "1")
    story.ship("1")
    assert story.ends == (D(1), D("50.50"), D("50.50"))
    assert story.send_back(1, "1") == D("50.50")
    assert story.ends == (ZERO, ZERO, D(1)), "the supplier gives 100 back for what the pool held at 50.50"

    pool = Stock(TEA, D(3), D(30))
    assert give_back(pool, D(1), D(50)).value == 0
    with pytest.raises(ValueError, match="cannot give"):
        give_back(pool, D(4), D(1))


def test_found_goods_are_worth_what_the_pool_is() -> None:
    assert gain_value(Stock(TEA, D(3), D(100)), D(1), "CNY") == D("33.33")
    assert gain_value(Stock(TEA, ZERO, ZERO, last_cost=D("1.5")), D(3), "CNY") == D("4.50")
    with pytest.raises(ValueError, match="nothing is known"):
        gain_value(Stock(TEA), D(1), "CNY")
    with pytest.raises(ValueError, match="nothing is known"):
        take_out(Stock(TEA), D(1), "CNY")


def test_more_than_is_there_leaves_at_the_average_and_then_at_the_last_known_cost() -> None:
    story = Story()
    story.receive("3", "10")
    story.ship("5")
    assert story.ends == (D(-2), D(-20), D(50))
    story.ship("1")
    assert story.ends == (D(-3), D(-30), D(60))
    story.receive("1", "13")
    assert story.ends == (D(-2), D(-20), D(63))
    story.ship("1")
    assert story.ends == (D(-3), D(-33), D(76)), "the last known cost is that of the last receipt"


# -- the promise ------------------------------------------------------------------------------------------------------

cents = st.integers(1, 5000).map(lambda n: Decimal(n) / 100)
pieces = st.integers(1, 30).map(Decimal)
Step = tuple[str, Decimal, Decimal, Decimal, int]
steps = st.tuples(
    st.sampled_from(["receive", "receive", "ship", "ship", "take back", "send back", "count"]), pieces, cents, cents,
    st.integers(0, 20),
)


def play(plan: list[Step], delays: list[int], *, negative: bool) -> Story:
    """Do the steps; the bill of the i-th receipt comes `delays[i]` steps later, at the price of its step."""
    story, due = Story(standard_cost=D("7.77") if negative else None), dict[int, list[tuple[int, Decimal]]]()
    for place, step in enumerate(plan):
        received = _do(story, step, negative=negative)
        if received is not None:
            delay = delays[len(story.receipts) % len(delays)]
            due.setdefault(min(place + delay, len(plan) - 1), []).append((received, step[3]))
        for receipt, price in due.pop(place, []):
            story.bill(receipt, price)
    return story


def _do(story: Story, step: Step, *, negative: bool) -> int | None:
    """A step as far as it is possible, which depends on quantities only; the place of a receipt."""
    what, quantity, expected, _, which = step
    there = story.stock.quantity
    match what:
        case "receive":
            return story.receive(quantity, expected)
        case "ship" if negative or there > 0:
            story.ship(quantity if negative else min(quantity, there))
        case "take back" if issues := [m for m in story.moves if m.kind == SHIPMENT]:
            issue = issues[which % len(issues)]
            left = -issue.quantity - sum(m.quantity for m in story.moves if m.origin == issue.n)
            if left:
                story.take_back(issue.n, min(quantity, left))
        case "send back" if story.receipts and there > 0:
            n = list(story.receipts)[which % len(story.receipts)]
            # A piece is always kept: goods that all went back before their bill never get one to be equal to.
            left = story.receipts[n].quantity - 1 + sum(m.quantity for m in story.moves if m.origin == n)
            if left:
                story.send_back(n, min(quantity, left, there))
        case "count" if there >= 0 and story.stock.has_cost and there != (found := max(there + which - 10, ZERO)):
            story.count(found)
    return None


@given(st.lists(steps, max_size=25), st.lists(st.integers(0, 25), min_size=1, max_size=8), st.booleans())
def test_bills_may_come_at_any_time(plan: list[Step], delays: list[int], negative: bool) -> None:
    """Pool and cost of sales end as if every bill had come with its goods, and as a replay of everything says."""
    late, first = play(plan, delays, negative=negative), play(plan, [0], negative=negative)
    assert late.ends == first.ends
    again = revalue(Stream(Stock(TEA, last_cost=late.standard_cost), tuple(late.moves)), {}, "CNY")
    assert not again.moves
    assert again.stock.value == late.stock.value
    paid = sum((b.known for b in late.receipts.values()), ZERO) - sum((m.claimed for m in late.moves), ZERO)
    assert late.stock.value + late.cost_of_sales == paid
    assert late.stock.value * late.stock.quantity >= 0
