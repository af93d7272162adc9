"""What the order service decides about money, as pure functions."""

from datetime import date
from decimal import Decimal

import pytest

from services.order.domain import receivables
from services.order.domain.values import (
    Advance,
    Company,
    Dues,
    Open,
    State,
    Uninvoiced,
)
from shared.events.order import (
    IssueInvoice,
    PaymentReceived,
    ReceivePayment,
    SaleDelivered,
)
from shared.refusal import Refusal
from tests.order.examples import BOOKS, DAY, by, by_id, order, refused

D = Decimal


# -- money ------------------------------------------------------------------------------------------------------------


def paying(payment_id: str, amount: str, order_id: str | None = None, customer_id: str = "K1", currency: str = "CNY"
           ) -> ReceivePayment:
    return by(ReceivePayment(
        payment_id=payment_id, customer_id=customer_id, order_id=order_id, received_on=DAY, currency=currency,
        amount=D(amount),
    ))


OPEN = [Open("D1", "A", "K1", D(50)), Open("D2", "B", "K1", D(30)), Open("D3", "A", "K1", D(20))]


def receive(*commands: ReceivePayment, company: Company | None = BOOKS) -> list[PaymentReceived | Refusal]:
    return receivables.receive_payments(
        commands, company, {"K1", "K2"}, {"A": "K1", "B": "K1", "X": "K2"}, {"P0"}, OPEN
    )


def allocations(outcome: object) -> list[tuple[str, Decimal]]:
    assert isinstance(outcome, PaymentReceived)
    assert outcome.allocated == sum(a.amount for a in outcome.allocations)
    assert outcome.amount == outcome.allocated + outcome.unallocated
    return [(a.delivery_id, a.amount) for a in outcome.allocations]


def test_money_pays_the_named_order_or_the_oldest_deliveries() -> None:
    named, general, rest = receive(paying("P1", "60", "A"), paying("P2", "35"), paying("P3", "10.50"))
    assert allocations(named) == [("D1", D(50)), ("D3", D(10))]
    assert allocations(general) == [("D2", D(30)), ("D3", D(5))]
    assert allocations(rest) == [("D3", D(5))]
    assert isinstance(rest, PaymentReceived)
    assert rest.unallocated == D("5.50")


def test_a_named_order_keeps_the_rest_of_its_money() -> None:
    [outcome] = receive(paying("P1", "100", "B"))
    assert allocations(outcome) == [("D2", D(30))]
    assert isinstance(outcome, PaymentReceived)
    assert (outcome.order_id, outcome.unallocated) == ("B", D(70))


@pytest.mark.parametrize(("command", "expected"), [
    (paying("P0", "1"), ("payment_id", "duplicate_payment", 409)),
    (paying("P1", "1", customer_id="K9"), ("customer_id", "unknown_customer", 422)),
    (paying("P1", "1", currency="USD"), ("currency", "other_currency", 422)),
    (paying("P1", "1", currency="XXX"), ("currency", "unknown_currency", 422)),
    (paying("P1", "1.001"), ("amount", "too_many_decimals", 422)),
    (paying("P1", "1", "Z"), ("order_id", "unknown_order", 404)),
    (paying("P1", "1", "X"), ("order_id", "order_of_other_customer", 422)),
])
def test_a_bad_receipt_is_refused_naming_the_field(command: ReceivePayment, expected: tuple[str, str, int]) -> None:
    [outcome] = receive(command)
    assert refused(outcome) == expected


def test_receipts_need_books_and_ids_of_their_own_within_a_batch() -> None:
    assert [refused(o) for o in receive(paying("P1", "1"), company=None)] == [("company", "unknown_company", 422)]
    _, second = receive(paying("P1", "1"), paying("P1", "1"))
    assert refused(second) == ("payment_id", "duplicate_payment", 409)


def sale(delivery_id: str, order_id: str, gross: str) -> SaleDelivered:
    return SaleDelivered(
        delivery_id=delivery_id, order_id=order_id, customer_id="K1", delivered_on=DAY, currency="CNY", lines=(),
        net=D(gross), tax=D(0), gross=D(gross),
    )


def test_advances_for_the_order_go_first_then_the_oldest_free_ones() -> None:
    later = date(2026, 3, 9)
    advances = [
        Advance("P1", "K1", None, DAY, D(30)), Advance("P2", "K1", "A", later, D(20)),
        Advance("P3", "K1", "B", later, D(99)), Advance("P4", "K2", None, later, D(99)),
    ]
    spent, events = receivables.spend_advances(
        receivables.dues_of([sale("D1", "A", "25"), sale("D2", "A", "40")]), advances
    )
    assert [(e.payment_id, e.allocations[0].delivery_id, e.allocated, e.allocated_on) for e in events] == [
        ("P2", "D1", D(20), later), ("P1", "D1", D(5), DAY), ("P1", "D2", D(25), DAY),
    ]
    assert {a.payment_id: a.left for a in spent} == {"P1": D(0), "P2": D(0)}


def test_an_invoice_covers_what_has_none_and_only_once() -> None:
    def asking(invoice_id: str, order_id: str = "SO-1") -> IssueInvoice:
        return by(IssueInvoice(invoice_id=invoice_id, order_id=order_id, issued_on=DAY))

    waiting = [Uninvoiced("D1", "SO-1", D(10), D("1.30")), Uninvoiced("D2", "SO-1", D(20), D("2.60"))]
    first, *others = receivables.issue_invoices(
        [asking("F1"), asking("F1"), asking("F2"), asking("F0"), asking("F3", "SO-9")],
        by_id(order(state=State.DELIVERED)), waiting, {"F0"},
    )
    assert not isinstance(first, Refusal)
    assert (first.deliveries, first.net, first.tax, first.gross) == (("D1", "D2"), D(30), D("3.90"), D("33.90"))
    assert [refused(o) for o in others] == [
        ("invoice_id", "duplicate_invoice", 409), ("order_id", "nothing_to_invoice", 409),
        ("invoice_id", "duplicate_invoice", 409), ("order_id", "unknown_order", 404),
    ]


@pytest.mark.parametrize(("state", "settled", "dues", "expected"), [
    (State.DELIVERED, False, Dues(2, 0, 0, D(0)), State.SETTLED),
    (State.CANCELLED, False, Dues(1, 0, 0, D(0)), State.CANCELLED),
    (State.APPROVED, False, Dues(1, 0, 0, D(0)), None),
    (State.CANCELLING, False, Dues(1, 0, 0, D(0)), None),
    (State.DELIVERED, False, Dues(2, 1, 0, D(0)), None),
    (State.DELIVERED, False, Dues(2, 0, 1, D(0)), None),
    (State.DELIVERED, False, Dues(2, 0, 0, D("0.01")), None),
    (State.CANCELLED, False, Dues(0, 0, 0, D(0)), None),
    (State.CANCELLED, True, Dues(1, 0, 0, D(0)), None),
    (State.SETTLED, True, Dues(1, 0, 0, D(0)), None),
])
def test_settled_is_final_invoiced_and_paid(state: State, settled: bool, dues: Dues, expected: State | None) -> None:
    changed, events = receivables.settle(by_id(order(state=state, settled=settled)), {"SO-1": dues})
    assert [(o.state, o.settled) for o in changed] == ([(expected, True)] if expected else [])
    assert len(events) == len(changed)
