"""Which correction the law wants, and what it comes to (会计基础工作规范 §51(五)); pure."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.accounting import packs
from services.accounting.domain.journal import decide
from services.accounting.domain.posting import Posting, Row, Terms
from tests.accounting import examples

KINDS = {"5001": "revenue", "5602": "expense", "6601": "expense", "6001": "revenue"}
RENT = (("5602", "D", "300.00"), ("1002", "C", "300.00"))


def plain(lines: tuple[tuple[str, ...], ...]) -> list[dict[str, Any]]:
    """(account, side, amount[, quantity]) as facts."""
    return [
        {"account": account, "kind": KINDS.get(account, "asset"), "side": side, "amount": amount,
         "dimensions": {"product": "P-1"} if account == "1403" else {}, "quantity": rest[0] if rest else None,
         "summary": None}
        for account, side, amount, *rest in lines
    ]


def correct(
    was: tuple[tuple[str, ...], ...], should: tuple[tuple[str, ...], ...], *, was_on: str = "2025-03-05",
    on: str = "2025-04-20", terms: Terms | None = None,
) -> Posting:
    facts = {
        "draft_id": "D-2", "on": on, "reason": "录错", "lines": plain(should), "maker": "anna", "checker": "zhou",
        "cashier": None,
        "of": {"ledger": "main", "seq": 9, "period": was_on[:7], "word": "记", "number": 7, "on": was_on,
               "lines": plain(was)},
    }
    return decide(Row("correction", "zhou", facts, 1, None), terms or examples.terms())


def shown(posting: Posting) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [(v.rule, [(line.side, line.account, f"{line.amount}") for line in v.lines]) for v in posting.vouchers]


def test_a_voucher_that_should_not_be_there_is_cancelled_in_red() -> None:
    posting = correct(RENT, ())
    assert shown(posting) == [("correct-red", [("D", "5602", "-300.00"), ("C", "1002", "-300.00")])]
    (red,) = posting.vouchers
    assert (red.summary, red.on, red.attachments) == ("注销3月5日记-7号凭证: 录错", date(2025, 4, 20), 0)


def test_a_wrong_account_is_cancelled_in_red_and_said_anew_in_blue() -> None:
    posting = correct(RENT, (("5601", "D", "300.00"), ("1002", "C", "300.00")))
    assert shown(posting) == [
        ("correct-red", [("D", "5602", "-300.00"), ("C", "1002", "-300.00")]),
        ("correct-blue", [("D", "5601", "300.00"), ("C", "1002", "300.00")]),
    ]
    assert [v.summary for v in posting.vouchers] == ["注销3月5日记-7号凭证: 录错", "订正3月5日记-7号凭证: 录错"]


@pytest.mark.parametrize(("amount", "difference"), [("320.00", "20.00"), ("270.00", "-30.00")], ids=["blue", "red"])
def test_wrong_amounts_alone_are_corrected_by_their_difference(amount: str, difference: str) -> None:
    posting = correct(RENT, (("5602", "D", amount), ("1002", "C", amount)))
    assert shown(posting) == [("correct-difference", [("D", "5602", difference), ("C", "1002", difference)])]


def test_only_the_lines_that_differ_are_in_the_difference() -> None:
    was = (("5602", "D", "300.00"), ("1403", "D", "50.00", "5"), ("1002", "C", "350.00"))
    should = (("5602", "D", "290.00"), ("1403", "D", "60.00", "6"), ("1002", "C", "350.00"))
    posting = correct(was, should)
    assert shown(posting) == [("correct-difference", [("D", "5602", "-10.00"), ("D", "1403", "10.00")])]
    material = posting.vouchers[0].lines[1]
    assert (material.quantity, material.dimensions) == (Decimal(1), {"product": "P-1"})


def test_a_wrong_quantity_alone_is_no_difference_of_amounts() -> None:
    was, should = ((("1403", "D", "50.00", quantity), ("1002", "C", "50.00")) for quantity in ("5", "6"))
    posting = correct(was, should)
    assert [v.rule for v in posting.vouchers] == ["correct-red", "correct-blue"]
    assert [v.lines[0].quantity for v in posting.vouchers] == [Decimal(-5), Decimal(6)]


def test_an_earlier_year_is_corrected_in_blue_only() -> None:
    """小企业会计准则 §88: in the accounts of this year."""
    posting = correct(RENT, (("5602", "D", "270.00"), ("1002", "C", "270.00")), was_on="2024-12-31")
    assert shown(posting) == [("correct-prior-year", [("C", "5602", "30.00"), ("D", "1002", "30.00")])]
    assert posting.vouchers[0].summary == "更正2024年12月31日记-7号凭证: 录错"
    cancelled = correct(RENT, (), was_on="2024-12-31")
    assert shown(cancelled) == [("correct-prior-year", [("C", "5602", "300.00"), ("D", "1002", "300.00")])]


def test_profit_and_loss_of_an_earlier_year_has_an_account_of_its_own_where_the_standard_has_one() -> None:
    cas = examples.terms(packs.named("cas", 1))
    was = (("6601", "D", "300.00"), ("1002", "C", "300.00"))
    posting = correct(was, (("6601", "D", "270.00"), ("1002", "C", "270.00")), was_on="2024-12-31", terms=cas)
    assert shown(posting) == [("correct-prior-year", [("C", "6901", "30.00"), ("D", "1002", "30.00")])]
    confused = correct(was, (("6001", "D", "300.00"), ("1002", "C", "300.00")), was_on="2024-12-31", terms=cas)
    assert (shown(confused), confused.none is not None) == ([], True)


def test_the_year_is_that_in_which_the_correction_is_booked() -> None:
    """Drafted in December, posted after December was closed."""
    terms = replace(examples.terms(), open_from=date(2026, 1, 1))
    posting = correct(RENT, (), on="2025-12-30", terms=terms)
    assert [(v.rule, v.on, v.business_date) for v in posting.vouchers] == [
        ("correct-prior-year", date(2026, 1, 1), date(2025, 12, 30)),
    ]


def test_a_correction_that_changes_nothing_comes_to_nothing() -> None:
    posting = correct(RENT, tuple(reversed(RENT)))
    assert (posting.vouchers, posting.none is not None) == ((), True)
