"""Money is exact: one rounding rule, shares that add up, no binary floats."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.money import (
    CURRENCY_DECIMALS,
    Amount,
    PositiveQuantity,
    Rate,
    UnitPrice,
    fits,
    minor_unit,
    next_share,
    round_money,
)

QUANTITIES = st.decimals(min_value="0.000001", max_value="99999999", places=6)


@st.composite
def totals(draw: st.DrawFn) -> tuple[Decimal, str]:
    """An amount that a currency can hold, and the currency."""
    currency = draw(st.sampled_from(sorted(CURRENCY_DECIMALS)))
    places = CURRENCY_DECIMALS[currency]
    return draw(st.decimals(min_value="-99999999999", max_value="99999999999", places=places)), currency


@given(totals(), st.lists(QUANTITIES, min_size=1, max_size=20))
def test_the_shares_of_any_pieces_add_up_to_the_total(total: tuple[Decimal, str], pieces: list[Decimal]) -> None:
    amount, currency = total
    whole, so_far, valued = sum(pieces, Decimal(0)), Decimal(0), Decimal(0)
    for piece in pieces:
        so_far += piece
        share = next_share(amount, so_far, whole, valued, currency)
        assert fits(share, currency)
        assert abs(share - amount * piece / whole) <= minor_unit(currency), "a piece is worth about its part"
        valued += share
    assert valued == amount


@pytest.mark.parametrize(("value", "currency", "rounded"), [
    ("0.005", "CNY", "0.01"), ("0.0049", "CNY", "0.00"), ("2.675", "CNY", "2.68"), ("-0.005", "CNY", "-0.01"),
    ("0.5", "JPY", "1"), ("1.5", "JPY", "2"), ("2.5", "JPY", "3"),
])
def test_half_a_minor_unit_is_rounded_away_from_zero(value: str, currency: str, rounded: str) -> None:
    assert str(round_money(Decimal(value), currency)) == rounded


@pytest.mark.parametrize(("value", "currency", "does"), [
    ("1.23", "CNY", True), ("1.230", "CNY", True), ("1.234", "CNY", False), ("1", "JPY", True), ("1.2", "JPY", False),
])
def test_an_amount_fits_a_currency_that_has_its_decimals(value: str, currency: str, does: bool) -> None:
    assert fits(Decimal(value), currency) is does


def test_a_currency_that_no_books_are_kept_in_has_no_minor_unit() -> None:
    with pytest.raises(KeyError):
        minor_unit("XXX")


@pytest.mark.parametrize(("kind", "value"), [
    (Amount, 0.1), (Amount, "NaN"), (Amount, "Infinity"), (Amount, "1.23456"), (Amount, "123456789012345678.9"),
    (UnitPrice, "-1"), (UnitPrice, "0.123456789"), (PositiveQuantity, "0"), (PositiveQuantity, 1.0), (Rate, "1"),
])
def test_what_is_no_exact_amount_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_amounts_come_back_as_they_went() -> None:
    assert TypeAdapter(Amount).validate_json('"12.50"') == Decimal("12.50")
    assert TypeAdapter(Amount).dump_json(Decimal("12.50")) == b'"12.50"'


@pytest.mark.parametrize(("value", "travels"), [
    ("0.00000001", "0.00000001"), ("0E-8", "0.00000000"), ("1E+2", "100"), ("-0.00", "0.00"), ("-1.50", "-1.50"),
    ("10", "10"),
])
def test_a_number_travels_as_digits_and_a_point(value: str, travels: str) -> None:
    assert TypeAdapter(UnitPrice).dump_json(Decimal(value)) == f'"{travels}"'.encode()
