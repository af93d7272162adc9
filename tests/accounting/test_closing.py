"""What a close comes to, and what stands against one; both are pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.accounting import packs
from services.accounting.domain import closing, periods
from services.accounting.domain.closing import Balance
from services.accounting.domain.journal import decide
from services.accounting.domain.pack import Kind
from services.accounting.domain.periods import Numbers, State, Tie
from services.accounting.domain.posting import Posting, UncoveredError
from tests.accounting import examples

KINDS: Mapping[str, Kind] = {
    "5001": "revenue", "5301": "revenue", "5401": "expense", "5711": "expense", "3103": "equity",
}


def balances(**of: str) -> list[Balance]:
    """a1405="-5.00" is an account with a credit balance of 5.00."""
    return [
        Balance(name[1:], KINDS.get(name[1:], "liability" if name[1] == "2" else "asset"), Decimal(amount))
        for name, amount in of.items()
    ]


def close(period: str = "2025-03", **of: str) -> Posting:
    return decide(closing.row(period, balances(**of), "anna", "zhou"), examples.terms())


def lines(posting: Posting, rule: str, part: int = 1) -> list[tuple[str, str, str]]:
    (voucher,) = [v for v in posting.vouchers if (v.rule, v.part) == (rule, part)]
    return [(line.side, line.account, str(line.amount)) for line in voucher.lines]


def test_profit_and_loss_go_to_the_profit_of_the_year() -> None:
    posting = close(a1122="1130.00", a5001="-1000.00", a5401="600.00", a5711="20.00")
    assert lines(posting, "close-profit") == [("D", "5001", "1000.00"), ("C", "3103", "1000.00")]
    assert lines(posting, "close-profit", 2) == [
        ("D", "3103", "620.00"), ("C", "5401", "600.00"), ("C", "5711", "20.00"),
    ]
    income = posting.vouchers[0]
    assert (income.on, income.word, income.attachments) == (date(2025, 3, 31), "记", 0)
    assert (income.signed.maker, income.signed.checker, income.summary) == ("anna", "zhou", "结转本期收入 2025-03")


def test_what_stands_on_its_other_side_is_carried_in_red() -> None:
    """More came back than was sold; two accounts that cancel out need no profit line."""
    assert lines(close(a5001="80.00"), "close-profit") == [("D", "5001", "-80.00"), ("C", "3103", "-80.00")]
    assert lines(close(a5001="80.00", a5301="-80.00"), "close-profit") == [
        ("D", "5001", "-80.00"), ("D", "5301", "80.00"),
    ]


def test_unpaid_vat_is_transferred_and_what_may_be_deducted_later_stays() -> None:
    owing = close(a22210101="-130.00", a22210102="100.00", a22210107="10.00", a222102="-10.00", a222106="-5.00")
    assert lines(owing, "close-vat") == [("D", "22210107", "20.00"), ("C", "222102", "20.00")]
    posting = close(a22210101="-130.00", a22210102="806.00")
    assert posting.vouchers == ()
    assert posting.none == closing.NOTHING


@pytest.mark.parametrize(
    ("of", "carried"),
    [
        ({"a3103": "-900.00", "a5001": "-1000.00", "a5401": "600.00"},
         [("D", "3103", "1300.00"), ("C", "310401", "1300.00")]),
        ({"a3103": "100.00", "a5401": "50.00"}, [("D", "310401", "150.00"), ("C", "3103", "150.00")]),
    ],
    ids=["profit", "loss"],
)
def test_the_year_ends_with_its_profit_undistributed(of: dict[str, str], carried: list[tuple[str, str, str]]) -> None:
    assert lines(close("2025-12", **of), "close-year") == carried
    assert "close-year" not in {voucher.rule for voucher in close("2025-11", **of).vouchers}


def test_what_earlier_years_were_wrong_by_never_meets_this_years_profit() -> None:
    balances_ = [Balance("6901", "expense", Decimal("40.00")), Balance("6601", "expense", Decimal("10.00"))]
    terms = examples.terms(packs.named("cas", 1))
    posting = decide(closing.row("2025-12", balances_, "anna", "zhou"), terms)
    assert lines(posting, "close-prior-year") == [("D", "410401", "40.00"), ("C", "6901", "40.00")]
    assert lines(posting, "close-profit", 2) == [("D", "4103", "10.00"), ("C", "6601", "10.00")]
    assert lines(posting, "close-year") == [("D", "410401", "10.00"), ("C", "4103", "10.00")]


def test_a_close_needs_its_roles() -> None:
    terms = examples.terms()
    bare = replace(terms, accounts={role: code for role, code in terms.accounts.items() if role != "profit"})
    with pytest.raises(UncoveredError, match="'profit'"):
        decide(closing.row("2025-03", balances(a5001="-1.00"), "anna", "zhou"), bare)


# -- checks -----------------------------------------------------------------------------------------------------------

GOOD = State(
    period="2025-01", terms=examples.terms(), heard=frozenset({"order", "inventory", "crm", "accounting"}),
    sealed={"order": 9, "inventory": 7}, holes={"order": [(11, 12)]}, older={"order": 0},
    numbers=[Numbers("记", 3, 3)], undelivered=[], drafts=[], balances=balances(a1002="5.00"),
    ties=[Tie("ar", "order", 12, 0), Tie("inventory", "inventory", 7, 0)], difference=Decimal(0),
)


def test_everything_holds() -> None:
    """A hole behind the seal is of a later period."""
    assert {check.status for check in periods.checks(GOOD)} == {"ok"}
    assert periods.failed(GOOD) == []


def test_what_cannot_be_checked_yet_is_not_said_to_be_ok() -> None:
    unstated = replace(GOOD, ties=[Tie("ar", "order", 12, 0), Tie("inventory", "inventory", 0, 0)])
    by_code = {check.code: check.status for check in periods.checks(unstated)}
    assert by_code["subledgers_tied"] == "unavailable"
    assert periods.failed(unstated) == []


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"period": "2025-02"}, "in_order", "2025-01"),
        ({"sealed": {"order": 9}}, "sealed", "inventory"),
        ({"holes": {"order": [(4, 5)]}}, "positions_complete", "order 4-5"),
        ({"older": {"crm": 2}}, "positions_complete", "crm (2)"),
        ({"numbers": [Numbers("记", 2, 3)]}, "numbers_gapless", "记 2/3"),
        ({"undelivered": ["SH-1", "SH-2"]}, "shipments_valued", "SH-1, SH-2"),
        ({"drafts": ["D-1"]}, "no_drafts", "D-1"),
        ({"difference": Decimal("0.01")}, "trial_balance_zero", "0.01"),
        ({"ties": [Tie("ar", "order", 12, 2)]}, "subledgers_tied", "ar (2)"),
        ({"ties": [Tie("ar", "order", 8, 0)]}, "subledgers_tied", "order"),
        ({"balances": balances(a1901="-3.00")}, "clearing_empty", "1901 (-3.00)"),
        ({"balances": balances(a140402="3.00")}, "clearing_empty", "140402 (3.00)"),
    ],
)
def test_what_stands_against_a_close_is_named_with_what_to_do(change: dict[str, object], code: str, named: str) -> None:
    (check,) = periods.failed(replace(GOOD, **change))  # type: ignore[arg-type]
    shown = check.shown()
    assert (shown["code"], shown["status"]) == (code, "failed")
    assert named in shown["todo_zh"]
    assert named in shown["todo_en"]


def test_unmapped_roles_stand_against_a_close() -> None:
    bare = replace(GOOD, terms=replace(GOOD.terms, accounts={}))
    assert [check.code for check in periods.failed(bare)] == ["roles_mapped", "vat_transferred"]


def test_a_producer_that_never_spoke_need_not_seal() -> None:
    assert periods.failed(replace(GOOD, heard=frozenset({"order"}), sealed={"order": 9})) == []
