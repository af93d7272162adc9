"""What the order service decides about returns and refunds, as pure functions."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order.domain import refunds, returns
from services.order.domain.values import (
    Company,
    Delivery,
    DeliveryLine,
    Order,
    Owed,
    RefundPart,
    State,
    Uncredited,
)
from shared.events.inventory import GoodsReturned, StockLine
from shared.events.order import IssueCreditNote, PayRefund, RefundPaid
from shared.refusal import Refusal
from tests.order.examples import BOOKS, DAY, by, by_id, order, refused

D = Decimal


# -- returns ----------------------------------------------------------------------------------------------------------


def came_back(return_id: str, *quantities: tuple[int, str]) -> GoodsReturned:
    return GoodsReturned(
        return_id=return_id, shipment_id="D1", order_id="SO-1", returned_on=DAY, warehouse="main", currency="CNY",
        lines=tuple(StockLine(line=n, sku=f"S{n}", quantity=D(q), cost=D(1)) for n, q in quantities), cost=D(1),
    )


def sold(number: int = 1, quantity: str = "3", net: str = "100.00", tax: str = "13.00") -> DeliveryLine:
    return DeliveryLine("D1", number, f"S{number}", D(quantity), D(net), D(tax), D(0), D(0), D(0))


def take_back(
    came: Sequence[GoodsReturned], *lines: DeliveryLine, paid: str = "0", of: Order | None = None
) -> returns.TakenBack:
    gross = sum((v.net + v.tax for v in lines), D(0))
    delivery = Delivery("D1", "SO-1", gross - D(paid), D(0), D(0), False)
    return returns.take_back(came, by_id(of or order(state=State.DELIVERED)), {"D1": delivery},
                             {"D1": {v.line: v for v in lines}})


def test_thirds_of_a_hundred_come_back_as_they_went() -> None:
    taken = take_back([came_back(f"T{n}", (1, "1")) for n in range(3)], sold(), paid="50")
    assert [(r.net, r.tax) for r in taken.outcomes] == [
        (D("33.33"), D("4.33")), (D("33.34"), D("4.34")), (D("33.33"), D("4.33"))
    ]
    [delivery], [line] = taken.deliveries, taken.lines
    assert (delivery.open, delivery.returned_net, delivery.returned_tax) == (D(-50), D("100.00"), D("13.00"))
    assert (delivery.returned_in_full, line.returned) == (True, D(3))
    assert taken.orders == []


@given(
    net=st.decimals(0, 10**6, places=2), tax=st.decimals(0, 10**5, places=2),
    pieces=st.lists(st.decimals("0.001", 1000, places=3), min_size=1, max_size=12),
)
def test_pieces_always_add_up_and_none_is_negative(net: Decimal, tax: Decimal, pieces: list[Decimal]) -> None:
    whole = sold(quantity=str(sum(pieces)), net=str(net), tax=str(tax))
    taken = take_back([came_back(f"T{n}", (1, str(piece))) for n, piece in enumerate(pieces)], whole)
    assert (sum(r.net for r in taken.outcomes), sum(r.tax for r in taken.outcomes)) == (net, tax)
    assert all(r.net >= 0 and r.tax >= 0 and r.gross == r.net + r.tax for r in taken.outcomes)
    assert [(d.open, d.returned_in_full) for d in taken.deliveries] == [(D(0), True)]


def test_a_delivery_is_back_when_every_line_is() -> None:
    taken = take_back([came_back("T1", (1, "3"))], sold(), sold(2, "1", "10.00", "1.30"))
    assert [(d.open, d.returned_in_full) for d in taken.deliveries] == [(D("11.30"), False)]
    assert [line.line for line in taken.lines] == [1]


@pytest.mark.parametrize(("state", "settled", "expected"), [
    (State.SETTLED, True, [(State.DELIVERED, False)]),
    (State.CANCELLED, True, [(State.CANCELLED, False)]),
    (State.CANCELLED, False, []),
    (State.APPROVED, False, []),
])
def test_a_return_opens_a_settled_order_again(
    state: State, settled: bool, expected: list[tuple[State, bool]]
) -> None:
    taken = take_back([came_back("T1", (1, "1"))], sold(), of=order(state=state, settled=settled))
    assert [(o.state, o.settled) for o in taken.orders] == expected


def test_a_credit_note_covers_what_needs_one_and_only_once() -> None:
    def asking(credit_note_id: str, order_id: str = "SO-1") -> IssueCreditNote:
        return by(IssueCreditNote(credit_note_id=credit_note_id, order_id=order_id, issued_on=DAY))

    waiting = [Uncredited("T1", "SO-1", D(10), D("1.30")), Uncredited("T2", "SO-1", D(20), D("2.60"))]
    first, *others = returns.issue_credit_notes(
        [asking("N1"), asking("N1"), asking("N2"), asking("N0"), asking("N3", "SO-9")],
        by_id(order(state=State.DELIVERED)), waiting, {"N0"},
    )
    assert not isinstance(first, Refusal)
    assert (first.returns, first.net, first.tax, first.gross) == (("T1", "T2"), D(30), D("3.90"), D("33.90"))
    assert [refused(o) for o in others] == [
        ("credit_note_id", "duplicate_credit_note", 409), ("order_id", "nothing_to_credit", 409),
        ("credit_note_id", "duplicate_credit_note", 409), ("order_id", "unknown_order", 404),
    ]


# -- refunds ----------------------------------------------------------------------------------------------------------

OWED = [
    Owed("K1", "A", "D1", None, D(50)), Owed("K1", "B", "D2", None, D(30)), Owed("K2", "X", "D9", None, D(99)),
    Owed("K1", None, None, "P1", D(20)), Owed("K1", "A", None, "P2", D(10)),
]


def paying_back(refund_id: str, amount: str, order_id: str | None = None, customer_id: str = "K1",
                currency: str = "CNY") -> PayRefund:
    return by(PayRefund(
        refund_id=refund_id, customer_id=customer_id, order_id=order_id, paid_on=DAY, currency=currency,
        amount=D(amount),
    ))


def pay(*commands: PayRefund, company: Company | None = BOOKS
        ) -> tuple[list[RefundPaid | Refusal], list[RefundPart]]:
    return refunds.pay_refunds(commands, company, {"K1", "K2"}, {"A": "K1", "B": "K1", "X": "K2"}, {"R0"}, OWED)


def sources(parts: Sequence[RefundPart]) -> list[tuple[str, int, str | None, Decimal]]:
    return [(p.refund_id, p.part, p.source.delivery_id or p.source.payment_id, p.amount) for p in parts]


def test_credits_are_paid_back_first_then_advances() -> None:
    outcomes, parts = pay(paying_back("R1", "85"), paying_back("R2", "25"))
    assert sources(parts) == [
        ("R1", 1, "D1", D(50)), ("R1", 2, "D2", D(30)), ("R1", 3, "P1", D(5)), ("R2", 1, "P1", D(15)),
        ("R2", 2, "P2", D(10)),
    ]
    assert [(r.amount, r.from_returns, r.from_advances) for r in outcomes if isinstance(r, RefundPaid)] == [
        (D(85), D(80), D(5)), (D(25), D(0), D(25)),
    ]


def test_a_named_order_gets_only_its_own_money() -> None:
    [paid, too_much], parts = pay(paying_back("R1", "55", "A"), paying_back("R2", "5.01", "A"))
    assert sources(parts) == [("R1", 1, "D1", D(50)), ("R1", 2, "P2", D(5))]
    assert isinstance(paid, RefundPaid)
    assert refused(too_much) == ("amount", "more_than_owed", 422)
    assert isinstance(too_much, Refusal)
    assert too_much.error()["message_en"] == "5.01 is more than the 5 that can be paid back"


@pytest.mark.parametrize(("command", "expected"), [
    (paying_back("R0", "1"), ("refund_id", "duplicate_refund", 409)),
    (paying_back("R1", "1", customer_id="K9"), ("customer_id", "unknown_customer", 422)),
    (paying_back("R1", "1", currency="USD"), ("currency", "other_currency", 422)),
    (paying_back("R1", "1", currency="XXX"), ("currency", "unknown_currency", 422)),
    (paying_back("R1", "1.001"), ("amount", "too_many_decimals", 422)),
    (paying_back("R1", "1", "Z"), ("order_id", "unknown_order", 404)),
    (paying_back("R1", "1", "X"), ("order_id", "order_of_other_customer", 422)),
    (paying_back("R1", "110.01"), ("amount", "more_than_owed", 422)),
])
def test_a_bad_refund_is_refused_naming_the_field(command: PayRefund, expected: tuple[str, str, int]) -> None:
    [outcome], parts = pay(command)
    assert (refused(outcome), parts) == (expected, [])


def test_refunds_need_books_and_ids_of_their_own_within_a_batch() -> None:
    [outcome], _ = pay(paying_back("R1", "1"), company=None)
    assert refused(outcome) == ("company", "unknown_company", 422)
    [_, second], parts = pay(paying_back("R1", "1"), paying_back("R1", "1"))
    assert refused(second) == ("refund_id", "duplicate_refund", 409)
    assert len(parts) == 1
