"""Posting is pure: what vouchers an event makes, what it refuses, how numbers are given."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.domain.posting import Heads, Line, Signed, UnbalancedError, UncoveredError, Voucher, number
from services.accounting.domain.posting import post as post_event
from services.accounting.domain.reading import UnreadableError
from shared.events import Event
from shared.events.inventory import PurchaseReturned
from shared.events.order import OrderPlaced, SaleDelivered
from shared.testing import Script
from tests.accounting import examples


def post(event: Event) -> Any:
    return post_event(Script().say(event), examples.policies())


def lines(event: Event, part: int = 0) -> list[tuple[str, str, str]]:
    return [(line.side, line.account, str(line.amount)) for line in post(event).vouchers[part].lines]


def movements(vouchers: Sequence[Voucher]) -> dict[str, tuple[Decimal, Decimal]]:
    """account -> (debits, credits) of some vouchers."""
    moved: dict[str, tuple[Decimal, Decimal]] = {}
    for line in (line for voucher in vouchers for line in voucher.lines):
        debit, credit = moved.get(line.account, (Decimal(0), Decimal(0)))
        moved[line.account] = (debit + line.amount, credit) if line.side == "D" else (debit, credit + line.amount)
    return moved


def test_delivery_makes_a_sale_and_relieves_the_backlog() -> None:
    sale, backlog = post(examples.delivered()).vouchers
    assert (sale.word, backlog.word) == ("记", "备")
    assert lines(examples.delivered()) == [
        ("D", "1122", "1130.00"), ("C", "5001", "1000.00"), ("C", "222106", "130.00"),
    ]
    assert lines(examples.delivered(), 1) == [("D", "9001", "-1000.00"), ("C", "9002", "-1000.00")]


def test_shipment_has_a_line_per_item_with_its_quantity() -> None:
    lines = post(examples.shipped()).vouchers[0].lines
    assert [(line.account, line.dimensions, line.quantity) for line in lines] == [
        ("5401", {}, None),
        ("1405", {"product": "P-1", "warehouse": "main"}, Decimal(6)),
        ("1405", {"product": "P-2", "warehouse": "main"}, Decimal(4)),
    ]


def test_quantities_have_the_sign_of_their_line() -> None:
    def pieces(event: Event) -> list[tuple[str, Decimal]]:
        lines = post(event).vouchers[0].lines
        return [(line.side, line.quantity) for line in lines if line.quantity is not None]

    assert pieces(examples.returned()) == [("C", Decimal(-2))]
    assert pieces(examples.sent_back()) == [("D", Decimal(-5)), ("D", Decimal(-5))]
    assert pieces(examples.counted()) == [("D", Decimal(3)), ("C", Decimal(4))]


def test_a_line_may_be_black_in_a_red_rule() -> None:
    assert lines(examples.sent_back()) == [
        ("D", "1405", "-300.00"), ("D", "1405", "-310.50"), ("D", "5401", "0.50"), ("D", "22210102", "-40.30"),
        ("C", "220202", "-300.00"), ("C", "220201", "-350.30"),
    ]


def test_the_variance_of_a_bill_is_cleared_by_the_adjustment() -> None:
    made = [v for event in (examples.billed(), examples.adjusted()) for v in post(event).vouchers]
    moved = movements(made)
    assert moved["140402"] == (Decimal(200), Decimal(200))
    assert moved["1405"] == (Decimal(180), Decimal(0))


def test_backlog_is_zero_after_placing_and_any_end() -> None:
    for end in (examples.rejected(), examples.delivered(), examples.cancelled(net="1000.00")):
        made = [v for event in (examples.placed(), end) for v in post(event).vouchers if v.word == "备"]
        for debit, credit in movements(made).values():
            assert debit == credit == 0


def test_lines_of_zero_are_left_out() -> None:
    assert lines(examples.paid(unallocated="0.00")) == [("D", "1002", "1130.00"), ("C", "1122", "1130.00")]


def test_an_event_of_zeros_has_a_reason() -> None:
    posting = post(examples.placed(net="0.00"))
    assert posting.vouchers == ()
    assert posting.none.en == "every amount is zero, so no value moved"


def test_an_event_that_moves_nothing_has_the_packs_reason() -> None:
    posting = post(examples.approved())
    assert (posting.vouchers, posting.none.zh) == ((), "订单已审核, 尚未交换任何东西")
    assert posting.row.facts["texts"] == {"subject": "order/SO-1"}


def test_an_order_without_a_salesperson_has_no_such_dimension() -> None:
    event = examples.placed().model_copy(update={"salesperson": None})
    assert post(event).vouchers[0].lines[0].dimensions == {"customer": "C-7"}


def test_what_happened_before_the_books_is_booked_on_their_first_day() -> None:
    posting = post(examples.placed(on=date(2024, 12, 30)))
    assert (posting.vouchers[0].on, posting.vouchers[0].period) == (examples.OPENED, "2025-01")
    assert posting.row.facts["on"] == "2024-12-30"


def broken_order(**changes: Any) -> OrderPlaced:
    return examples.placed().model_copy(update=changes)


def broken_line(**changes: Any) -> OrderPlaced:
    order = examples.placed()
    return order.model_copy(update={"lines": (order.lines[0].model_copy(update=changes),)})


def broken_return(**changes: Any) -> PurchaseReturned:
    """A line that contradicts itself, with sums that are those of the lines."""
    event = examples.sent_back()
    lines = (event.lines[0].model_copy(update=changes), event.lines[1])
    return event.model_copy(update={"lines": lines, "stock": sum(line.stock for line in lines)})


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (broken_order(currency="USD"), "currency"),
        (broken_order(gross=Decimal("1130.01")), "gross"),
        (broken_order(net=Decimal("1000.01"), gross=Decimal("1130.01")), "net"),
        (broken_order(tax=Decimal("130.001")), "tax"),
        (broken_line(gross=Decimal("1.00")), "lines.0.gross"),
        (broken_line(tax=Decimal("130.0001")), "lines.0.tax"),
        (examples.shipped().model_copy(update={"cost": Decimal("600.01")}), "cost"),
        (examples.paid().model_copy(update={"amount": Decimal(1)}), "amount"),
        (examples.paid().model_copy(update={"allocations": ()}), "allocated"),
        (examples.refunded().model_copy(update={"from_returns": Decimal(1)}), "amount"),
        (examples.credited().model_copy(update={"tax": Decimal(1)}), "gross"),
        (examples.billed().model_copy(update={"variance": Decimal(1)}), "net"),
        (examples.billed().model_copy(update={"lines": examples.billed().lines[:1]}), "accrued"),
        (examples.adjusted().model_copy(update={"variance": Decimal(1)}), "variance"),
        (examples.adjusted().model_copy(update={"lines": ()}), "stock"),
        (examples.supplier_paid().model_copy(update={"amount": Decimal(1)}), "amount"),
        (examples.sent_back().model_copy(update={"residual": Decimal(1)}), "residual"),
        (broken_return(stock=Decimal(1)), "lines.0.stock"),
        (examples.counted().model_copy(update={"gain": Decimal(1)}), "gain"),
    ],
)
def test_an_event_that_contradicts_itself_is_refused_by_field(event: Event, field: str) -> None:
    with pytest.raises(UnreadableError, match=f"^{field}: ") as error:
        post(event)
    assert error.value.field == field


def test_an_event_that_the_pack_does_not_know_is_refused() -> None:
    pack = examples.assbe()
    older = pack.model_copy(update={"rules": pack.rules[1:]})
    forgetful = type(pack).model_validate(older.model_dump())
    with pytest.raises(UncoveredError, match=r"does not cover order\.order_placed\.v1"):
        post_event(Script().say(examples.placed()), examples.policies(forgetful))


def line(side: Any, amount: str, *, memo: bool = False) -> Line:
    return Line("1002", memo, side, Decimal(amount), {}, None)


@pytest.mark.parametrize(
    "unbalanced",
    [
        (line("D", "1"),),
        (line("D", "1"), line("C", "1.01")),
        (line("D", "1"), line("C", "-1")),
        (line("D", "1"), line("C", "1", memo=True)),
    ],
)
def test_a_voucher_value_refuses_imbalance(unbalanced: tuple[Line, ...]) -> None:
    with pytest.raises(UnbalancedError):
        Voucher("x", 1, 1, "记", examples.DAY, examples.DAY, "x", unbalanced, Signed("x", "y", "z"), 1)


def test_numbers_go_on_per_word_and_month_in_the_order_of_acceptance() -> None:
    script = Script()
    events = [
        examples.placed("SO-1"), examples.delivered("SO-1", "SH-1"), examples.approved("SO-2"),
        examples.delivered("SO-2", "SH-2", on=date(2025, 4, 1)), examples.placed("SO-3"),
    ]
    postings = [post_event(script.say(event), examples.policies()) for event in events]
    given_ = number(postings, Heads(entry=10, seq=20, numbers={("2025-03", "备"): 7}))
    assert [(n.entry, n.seq, n.voucher.period, n.voucher.word, n.number) for n in given_] == [
        (11, 21, "2025-03", "备", 8),
        (12, 22, "2025-03", "记", 1),
        (12, 23, "2025-03", "备", 9),
        (14, 24, "2025-04", "记", 1),
        (14, 25, "2025-04", "备", 1),
        (15, 26, "2025-03", "备", 10),
    ]


cents = st.integers(0, 10**12).map(lambda n: Decimal(n) / 100)


@given(st.lists(st.tuples(cents, cents), min_size=1, max_size=5))
def test_every_delivery_balances(values: list[tuple[Decimal, Decimal]]) -> None:
    parts = tuple(
        {"line": n, "sku": "P", "quantity": 1, "net": net, "tax": tax, "gross": net + tax}
        for n, (net, tax) in enumerate(values, 1)
    )
    net, tax = sum(v[0] for v in values), sum(v[1] for v in values)
    event = SaleDelivered.model_validate({
        "delivery_id": "SH", "order_id": "SO", "customer_id": "C", "delivered_on": examples.DAY, "currency": "CNY",
        "lines": parts, "net": net, "tax": tax, "gross": net + tax,
    })
    for voucher in post(event).vouchers:
        assert sum(line.signed for line in voucher.lines) == 0
