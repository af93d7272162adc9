"""How figures are shown: money as strings with the currency's decimals, a balance with the side on which it stands."""

from collections.abc import Mapping
from decimal import Decimal

from shared import money


def amount(value: Decimal, currency: str) -> str:
    return f"{money.round_money(value, currency):f}"


def balance(value: Decimal, currency: str) -> dict[str, str | None]:
    """A balance and its direction (方向): D 借, C 贷, null 平."""
    return {"balance_side": direction(value), "balance": amount(abs(value), currency)}


def direction(value: Decimal) -> str | None:
    """The side on which a signed balance stands; None is 平, neither side."""
    return "D" if value > 0 else "C" if value < 0 else None


def amounts(values: Mapping[str, Decimal], currency: str) -> dict[str, str]:
    return {name: amount(value, currency) for name, value in values.items()}


def quantity(value: Decimal) -> str:
    """Without the zeros at its end."""
    return f"{value.normalize():f}" if value else "0"


def six_columns(opening: Decimal, debit: Decimal, credit: Decimal) -> dict[str, Decimal]:
    """期初借方/贷方, 本期借方/贷方, 期末借方/贷方."""
    closing = opening + debit - credit
    return {
        "opening_debit": max(opening, money.ZERO), "opening_credit": max(-opening, money.ZERO),
        "debit": debit, "credit": credit,
        "closing_debit": max(closing, money.ZERO), "closing_credit": max(-closing, money.ZERO),
    }
