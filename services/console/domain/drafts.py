"""Lines of a voucher as people type them, an amount in the column of its side, and as accounting takes them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

SIDES = {"D": "debit", "C": "credit"}


def entered(line: Mapping[str, str]) -> dict[str, str]:
    """`{"account": "5602", "debit": "10"}` -> its side and amount; a line with none, or with both, has no amount, which
    accounting says of it."""
    given = [(side, line[column]) for side, column in SIDES.items() if column in line]
    kept = {name: value for name, value in line.items() if name not in SIDES.values()}
    if len(given) == 1:
        kept["side"], kept["amount"] = given[0]
    return kept


def where_typed(errors: Sequence[Mapping[str, str]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """What is wrong with an amount or a side stands in the column in which it was typed, else in the first one; only
    once for a line."""
    found: dict[str, dict[str, Any]] = {}
    for error in errors:
        head, _, name = error["field"].rpartition(".")
        if name in ("amount", "side"):
            typed = fields.get(f"{head}.credit", "").strip() and not fields.get(f"{head}.debit", "").strip()
            name = "credit" if typed else "debit"
        field = f"{head}.{name}" if head else name
        found.setdefault(field, {**error, "field": field})
    return list(found.values())


def sums(fields: Mapping[str, str]) -> dict[str, Decimal]:
    """Debits, credits and their difference of what is typed so far; what is no number yet counts for nothing."""
    debit, credit = (
        sum((_number(value) for name, value in fields.items() if name.startswith("lines.") and name.endswith(column)),
            Decimal(0))
        for column in (".debit", ".credit")
    )
    return {"debit": debit, "credit": credit, "difference": debit - credit}


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and abs(number) < 10**16 else Decimal(0)


def amounts_of(line: Mapping[str, Any]) -> dict[str, str]:
    """A line of a draft: its amount in the column of its side."""
    return {"debit": "", "credit": "", SIDES[line["side"]]: line["amount"]}
