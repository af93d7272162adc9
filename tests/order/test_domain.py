"""What the order service decides about orders, as pure functions."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order.domain import fulfilment, ordering
from services.order.domain.values import (
    Company,
    Credit,
    Line,
    Order,
    State,
)
from shared.events.inventory import (
    GoodsShipped,
    ShortLine,
    StockShort,
)
from shared.events.order import (
    ApprovalRequested,
    ApproveOrder,
    AskedLine,
    CancelOrder,
    OrderApproved,
    OrderCancelDeclined,
    OrderCancelled,
    OrderCancelRequested,
    OrderPlaced,
    OrderRejected,
    PlaceOrder,
    RejectOrder,
    SaleDelivered,
)
from shared.refusal import Refusal
from tests.order.examples import BOOKS, DAY, by, by_id, line, order, refused, released, reserved, shipped

D = Decimal


# -- placing ----------------------------------------------------------------------------------------------------------


def placing(order_id: str = "SO-1", *lines: tuple[str, str, str], customer_id: str = "K1", currency: str = "CNY"
            ) -> PlaceOrder:
    return by(PlaceOrder(
        order_id=order_id, customer_id=customer_id, ordered_on=DAY, currency=currency,
        lines=tuple(AskedLine(sku=s, quantity=D(q), unit_price=D(p)) for s, q, p in lines or (("S1", "1", "1"),)),
    ))


def place(*commands: PlaceOrder, company: Company | None = BOOKS, known: frozenset[str] = frozenset()
          ) -> list[OrderPlaced | Refusal]:
    return ordering.place_orders(commands, company, {"K1"}, {"S1", "S2"}, known)


def test_net_and_tax_are_rounded_per_line_and_the_header_is_the_sum() -> None:
    [placed] = place(placing("SO-1", ("S1", "3", "0.335"), ("S2", "1", "0.335")))
    assert isinstance(placed, OrderPlaced)
    assert [(v.net, v.tax, v.gross) for v in placed.lines] == [
        (D("1.01"), D("0.13"), D("1.14")), (D("0.34"), D("0.04"), D("0.38")),
    ]
    assert (placed.net, placed.tax, placed.gross) == (D("1.35"), D("0.17"), D("1.52"))
    assert [v.line for v in placed.lines] == [1, 2]


def test_yen_has_no_decimals() -> None:
    [placed] = place(placing("SO-1", ("S1", "3", "33.5"), currency="JPY"), company=Company("JPY", D("0.1")))
    assert isinstance(placed, OrderPlaced)
    assert (placed.net, placed.tax) == (D("101"), D("10"))


@pytest.mark.parametrize(("command", "expected"), [
    (placing("SO-0"), ("order_id", "duplicate_order", 409)),
    (placing(customer_id="K9"), ("customer_id", "unknown_customer", 422)),
    (placing("SO-1", ("S1", "1", "1"), ("S9", "1", "1")), ("lines.1.sku", "unknown_sku", 422)),
    (placing(currency="XXX"), ("currency", "unknown_currency", 422)),
    (placing(currency="USD"), ("currency", "other_currency", 422)),
    (placing("SO-1", ("S1", "999999999999", "999999999999")), ("lines", "amount_too_large", 422)),
    (placing("SO-1", ("S1", "1", "90000000000"), *[("S2", "1000", "999999999")] * 100),
     ("lines", "amount_too_large", 422)),
])
def test_a_bad_order_is_refused_naming_the_field(command: PlaceOrder, expected: tuple[str, str, int]) -> None:
    [outcome] = place(command, known=frozenset({"SO-0"}))
    assert refused(outcome) == expected


def test_the_largest_amounts_still_fit_their_events() -> None:
    [placed] = place(placing("SO-1", ("S1", "88495575221.123456", "999.99999999")))
    assert isinstance(placed, OrderPlaced)
    assert placed.gross == placed.net + placed.tax < ordering.TOO_LARGE


def test_orders_need_books_and_ids_of_their_own_within_a_batch() -> None:
    assert [refused(o) for o in place(placing(), company=None)] == [("company", "unknown_company", 422)]
    first, second = place(placing("SO-7"), placing("SO-7"))
    assert isinstance(first, OrderPlaced)
    assert refused(second) == ("order_id", "duplicate_order", 409)


# -- credit and approval ----------------------------------------------------------------------------------------------


def credit(limit: str, committed: str = "0", receivable: str = "0", advances: str = "0") -> dict[str, Credit]:
    return {"K1": Credit(D(limit), D(committed), D(receivable), D(advances))}


def test_orders_of_a_batch_use_up_the_credit_one_after_the_other() -> None:
    orders = by_id(order("A", "60"), order("B", "60"), order("C", "40"))
    changed, outcomes = fulfilment.check_credit([reserved("A"), reserved("B"), reserved("C")], orders, credit("100"))
    assert outcomes == [
        OrderApproved(order_id="A", customer_id="K1", approver="credit-policy"),
        ApprovalRequested(order_id="B", customer_id="K1", maker="anna", exposure=D(60), credit_limit=D(100)),
        OrderApproved(order_id="C", customer_id="K1", approver="credit-policy"),
    ]
    assert [(o.state, o.committed) for o in changed] == [
        (State.APPROVED, D(60)), (State.HELD, D(0)), (State.APPROVED, D(40)),
    ]


def test_exposure_is_committed_and_open_less_advances() -> None:
    _, [approved] = fulfilment.check_credit([reserved("A")], by_id(order("A", "60")), credit("100", "30", "30", "20"))
    _, [held] = fulfilment.check_credit([reserved("A")], by_id(order("A", "60")), credit("100", "30", "30", "19.99"))
    assert isinstance(approved, OrderApproved)
    assert isinstance(held, ApprovalRequested)


@pytest.mark.parametrize("state", sorted(set(State) - {State.PLACED, State.SHORT}))
def test_stock_news_move_only_orders_that_wait_for_stock(state: State) -> None:
    orders = by_id(order(state=state))
    short = StockShort(
        order_id="SO-1", warehouse="main", lines=(ShortLine(line=1, sku="S1", quantity=D(1), available=D(0)),)
    )
    assert fulfilment.check_credit([reserved("SO-1")], orders, credit("1000")) == ([], [])
    assert fulfilment.mark_short([short], orders) == []


def test_a_short_order_goes_on_when_the_goods_came() -> None:
    [approved], _ = fulfilment.check_credit([reserved("SO-1")], by_id(order(state=State.SHORT)), credit("1000"))
    assert approved.state == State.APPROVED


def approving(name: str, order_id: str = "SO-1") -> ApproveOrder:
    return by(ApproveOrder(order_id=order_id), name)


def test_the_maker_neither_approves_nor_rejects() -> None:
    orders = by_id(order(state=State.HELD))
    changed, [outcome] = ordering.decide_each([approving("anna")], orders, ordering.approve)
    assert (changed, refused(outcome)) == ([], ("order_id", "self_approval", 403))
    rejecting = by(RejectOrder(order_id="SO-1", rejected_on=DAY, reason="no"), "anna")
    _, [outcome] = ordering.decide_each([rejecting], orders, ordering.reject)
    assert refused(outcome) == ("order_id", "self_approval", 403)


def test_somebody_else_approves_once() -> None:
    orders = by_id(order(state=State.HELD))
    changed, outcomes = ordering.decide_each([approving("bo"), approving("bo"), approving("bo", "SO-9")], orders,
                                             ordering.approve)
    assert outcomes[0] == OrderApproved(order_id="SO-1", customer_id="K1", approver="bo")
    assert [refused(o) for o in outcomes[1:]] == [("order_id", "not_held", 409), ("order_id", "unknown_order", 404)]
    assert [(o.state, o.approver, o.committed) for o in changed] == [(State.APPROVED, "bo", D("113.00"))]


def test_a_rejection_takes_the_whole_net_out_of_the_backlog() -> None:
    rejecting = by(RejectOrder(order_id="SO-1", rejected_on=DAY, reason="no"), "bo")
    [changed], [outcome] = ordering.decide_each([rejecting], by_id(order(state=State.HELD)), ordering.reject)
    assert isinstance(outcome, OrderRejected)
    assert (outcome.net, changed.state) == (D("100.00"), State.REJECTED)


# -- deliveries -------------------------------------------------------------------------------------------------------


def deliver(shipments: Sequence[GoodsShipped], *lines: Line, state: State = State.APPROVED
            ) -> tuple[list[Order], list[Line], list[SaleDelivered]]:
    net, gross = sum((v.net for v in lines), D(0)), sum((v.net + v.tax for v in lines), D(0))
    orders = by_id(order(state=state, net=net, gross=str(gross), committed=gross, approver="bo"))
    orders = {key: replace(o, gross=gross) for key, o in orders.items()}
    return fulfilment.deliver(shipments, orders, {"SO-1": {v.line: v for v in lines}})


def test_thirds_of_a_hundred_add_up() -> None:
    shipments = [shipped(f"D{n}", (1, "1")) for n in range(3)]
    [changed], [done], deliveries = deliver(shipments, line())
    assert [d.net for d in deliveries] == [D("33.33"), D("33.34"), D("33.33")]
    assert [d.tax for d in deliveries] == [D("4.33"), D("4.34"), D("4.33")]
    assert (done.delivered, done.delivered_net, done.delivered_tax) == (D(3), D("100.00"), D("13.00"))
    assert (changed.state, changed.committed) == (State.DELIVERED, D(0))


@given(
    net=st.decimals(0, 10**6, places=2), tax=st.decimals(0, 10**5, places=2),
    pieces=st.lists(st.decimals("0.001", 1000, places=3), min_size=1, max_size=12),
)
def test_pieces_always_add_up_and_none_is_negative(net: Decimal, tax: Decimal, pieces: list[Decimal]) -> None:
    whole = line(quantity=str(sum(pieces)), net=str(net), tax=str(tax))
    [changed], [done], deliveries = deliver(
        [shipped(f"D{n}", (1, str(piece))) for n, piece in enumerate(pieces)], whole
    )
    assert (sum(d.net for d in deliveries), sum(d.tax for d in deliveries)) == (net, tax)
    assert all(d.net >= 0 and d.tax >= 0 and d.gross == d.net + d.tax for d in deliveries)
    assert (changed.committed, changed.state) == (D(0), State.DELIVERED)
    assert (done.delivered_net, done.delivered_tax) == (net, tax)


def test_an_order_is_delivered_when_every_line_is() -> None:
    [changed], lines, [delivery] = deliver([shipped("D1", (1, "3"))], line(), line(2, "1", "10.00", "1.30"))
    assert (changed.state, changed.committed) == (State.APPROVED, D("11.30"))
    assert [v.line for v in lines] == [1]
    assert (delivery.net, delivery.tax, delivery.gross) == (D("100.00"), D("13.00"), D("113.00"))


def test_goods_that_leave_during_a_cancellation_are_still_valued() -> None:
    [changed], _, [delivery] = deliver([shipped("D1", (1, "3"))], line(), state=State.CANCELLING)
    assert (delivery.gross, changed.state) == (D("113.00"), State.CANCELLING)


# -- cancelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_what_can_be_cancelled(state: State) -> None:
    cancelling = by(CancelOrder(order_id="SO-1", cancelled_on=DAY, reason="changed mind"))
    changed, [outcome] = ordering.decide_each([cancelling], by_id(order(state=state)), ordering.request_cancel)
    if state in {State.PLACED, State.SHORT, State.HELD, State.APPROVED}:
        assert isinstance(outcome, OrderCancelRequested)
        assert [(o.state, o.stopped_on, o.stop_reason) for o in changed] == [(State.CANCELLING, DAY, "changed mind")]
    else:
        assert refused(outcome) == ("order_id", "not_cancellable", 409)


def end(*lines: Line, state: State = State.CANCELLING) -> tuple[list[Order], list[object]]:
    orders = by_id(order(state=state, committed=D("79.10"), stopped_on=DAY, stop_reason="r"))
    changed, outcomes = fulfilment.end_cancellations([released()], orders, {"SO-1": {v.line: v for v in lines}})
    return changed, list(outcomes)


def test_the_rest_is_cancelled_by_what_is_not_delivered() -> None:
    part = replace(line(), delivered=D(1), delivered_net=D("33.33"), delivered_tax=D("4.33"))
    full = replace(line(2), delivered=D(3), delivered_net=D("100.00"), delivered_tax=D("13.00"))
    [changed], [outcome] = end(part, full, line(3, "1", "10.00", "1.30"))
    assert isinstance(outcome, OrderCancelled)
    assert [(v.line, v.quantity, v.net) for v in outcome.lines] == [(1, D(2), D("66.67")), (3, D(1), D("10.00"))]
    assert (outcome.net, outcome.cancelled_on, outcome.reason) == (D("76.67"), DAY, "r")
    assert (changed.state, changed.committed) == (State.CANCELLED, D(0))


def test_nothing_left_to_cancel_declines() -> None:
    [changed], [outcome] = end(replace(line(), delivered=D(3), delivered_net=D("100.00"), delivered_tax=D("13.00")))
    assert outcome == OrderCancelDeclined(order_id="SO-1", customer_id="K1")
    assert (changed.state, changed.stopped_on) == (State.DELIVERED, None)


def test_a_rejected_order_needs_no_answer() -> None:
    assert end(line(), state=State.REJECTED) == ([], [])
