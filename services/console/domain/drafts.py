"""Lines of a voucher as people type them, an amount in the column of its side, and as accounting takes them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.refusal import Text

SIDES = {"D": "debit", "C": "credit"}
DIMENSIONS = {  # 核算项目
    "customer": Text("客户", "Customer"), "supplier": Text("供应商", "Supplier"), "product": Text("商品", "Product"),
    "warehouse": Text("仓库", "Warehouse"), "salesperson": Text("业务员", "Salesperson"),
}


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


def balancing(fields: Mapping[str, str], place: str) -> Decimal:
    """What an amount (`lines.2.credit`) has to be for debits and credits to be equal, whatever its line has now; below
    zero, thus red, if the other side lacks it."""
    line, _, column = place.rpartition(".")
    others = {name: value for name, value in fields.items() if not name.startswith(f"{line}.")}
    difference = sums(others)["difference"]
    return -difference if column == "debit" else difference


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() and abs(number) < 10**16 else Decimal(0)


def as_typed(voucher: Mapping[str, Any]) -> dict[str, str]:
    """The lines of a posted voucher as the fields of a form. A summary that is the voucher's own is left out: a
    correction has another one."""
    fields: dict[str, str] = {}
    for n, line in enumerate(voucher["lines"]):
        at = f"lines.{n}."
        own = line["summary"] if line["summary"] != voucher["summary"] else None
        values = {"account": line["account"], "summary": own, SIDES[line["side"]]: line["amount"],
                  **{name: line[name] for name in DIMENSIONS}}
        fields |= {at + name: str(value) for name, value in values.items() if value}
        if line["quantity"]:
            fields[f"{at}quantity"] = f"{Decimal(line['quantity']).normalize():f}"
    return fields
