"""Statements (财务报表): layouts as frozen values, what makes them balance, and the figures of their lines."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from services.accounting.domain.pack import Account, Bilingual, Piece, Side

Dimension = Literal["customer", "supplier"]


class LayoutError(ValueError):
    """The text is not a layout; the message names the place."""


class Column(Bilingual):
    key: Literal["closing", "year_opening", "month", "year_to_date", "last_year_to_date"]


class Part(Piece):
    """Accounts by the beginning of their code. With `take` only where they stand on that side, as a whole, or `by` each
    value of a dimension."""

    account: Annotated[str, Field(pattern=r"^[0-9]+$")]
    by: Dimension | None = None
    take: Side | None = None


class StatementLine(Bilingual):
    """A line shows its parts, or a total of lines (minus: taken off), on its side; `within`: it is a part of a line."""

    no: int
    side: Side
    parts: tuple[Part, ...] = ()
    total: tuple[int, ...] = ()
    within: int | None = None

    @property
    def sign(self) -> Literal[1, -1]:
        return 1 if self.side == "D" else -1


class Layout(Piece):
    """One statement. `equal` are two totals that must be the same; `beside` are accounts that it leaves out."""

    form: str
    title: Bilingual
    columns: tuple[Column, ...]
    lines: tuple[StatementLine, ...]
    equal: tuple[int, int] | None = None
    beside: tuple[str, ...] = ()

    @cached_property
    def line(self) -> Mapping[int, StatementLine]:
        return {line.no: line for line in self.lines}

    def weights(self, no: int) -> Mapping[int, int]:
        """How often each line with parts counts in a line (1, or -1 where it is taken off)."""
        line = self.line[no]
        if not line.total:
            return {no: 1}
        found: dict[int, int] = defaultdict(int)
        for other in line.total:
            for leaf, weight in self.weights(abs(other)).items():
                found[leaf] += weight if other > 0 else -weight
        return found

    @cached_property
    def splits(self) -> frozenset[tuple[str, Dimension]]:
        """Which accounts are looked at by the values of which dimension."""
        return frozenset((part.account, part.by) for line in self.lines for part in line.parts if part.by)


class Layouts(Piece):
    """The statements of a standard; `profit` is 本年利润, to which months and years are closed."""

    standard: str
    profit: str
    balance_sheet: Layout
    income: Layout


class Amount(NamedTuple):
    """A signed balance or movement (debit positive) of an account, of one value where its layout asks for values."""

    account: str
    value: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Component:
    """What a line's figure is made of, as signed as the line shows it; `value` is one of `dimension`, if the line looks
    at each of them."""

    account: str
    value: str | None
    amount: Decimal
    dimension: Dimension | None = field(default=None, compare=False)


def parse(text: str) -> Layouts:
    """The layouts that a TOML text says. LayoutError names what is malformed; whether they balance says `flaws`."""
    try:
        return Layouts.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"not TOML: {error}") from error
    except ValidationError as error:
        places = (f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise LayoutError("; ".join(places)) from error


# -- what must hold of a layout ---------------------------------------------------------------------------------------


def flaws(layouts: Layouts, chart: Iterable[Account]) -> list[str]:
    """Why the statements would not balance for some books: each account that takes lines (`chart`) has to count once.

    The balance sheet shows all but memo accounts, so that assets less liabilities and equity is the sum of all
    balances: zero. The income statement's last line is revenue less expense, but for the accounts `beside` it.
    """
    sheet, income = layouts.balance_sheet, layouts.income
    assert sheet.equal, "a balance sheet has two totals"
    whole: dict[int, int] = defaultdict(int)
    for total, sign in zip(sheet.equal, (1, -1), strict=True):
        for no, weight in sheet.weights(total).items():
            whole[no] += sign * weight * sheet.line[no].sign
    profit = {no: -weight * income.line[no].sign for no, weight in income.weights(income.lines[-1].no).items()}
    found = []
    for account in chart:
        if account.kind != "memo":
            found += _counted(sheet, whole, account.code, 1, "balance_sheet")
        if account.kind in ("revenue", "expense"):
            left_out = any(account.code.startswith(code) for code in income.beside)
            found += _counted(income, profit, account.code, 0 if left_out else 1, "income")
    return found


def _counted(layout: Layout, weights: Mapping[int, int], code: str, wanted: int, name: str) -> list[str]:
    times = {"D": 0, "C": 0}
    for no, weight in weights.items():
        for part in layout.line[no].parts:
            if code.startswith(part.account):
                for side in times:
                    times[side] += weight if part.take in (None, side) else 0
    return [
        f"{name}: account {code} counts {count} times instead of {wanted} where it stands on {side}"
        for side, count in times.items() if count != wanted
    ]


# -- figures ----------------------------------------------------------------------------------------------------------


def components(line: StatementLine, amounts: Sequence[Amount]) -> list[Component]:
    """The accounts (and values of a dimension) that make a line's figure; none for a total, or for an empty line."""
    return [
        Component(account, value, line.sign * amount, part.by)
        for part in line.parts for account, value, amount in _taken(part, amounts) if amount
    ]


def _taken(part: Part, amounts: Sequence[Amount]) -> Iterator[tuple[str, str | None, Decimal]]:
    own = [amount for amount in amounts if amount.account.startswith(part.account)]
    if not part.take:
        yield from _summed((amount.account, None, amount.amount) for amount in own)
        return
    groups: dict[str, list[Amount]] = defaultdict(list)
    for amount in own:
        groups[amount.value if part.by else ""].append(amount)
    for value, group in sorted(groups.items()):
        standing = sum((amount.amount for amount in group), Decimal(0))
        if (standing > 0) == (part.take == "D"):
            yield from _summed((amount.account, value if part.by else None, amount.amount) for amount in group)


def _summed(rows: Iterable[tuple[str, str | None, Decimal]]) -> Iterator[tuple[str, str | None, Decimal]]:
    sums: dict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
    for account, value, amount in rows:
        sums[account, value] += amount
    yield from ((account, value, amount) for (account, value), amount in sorted(sums.items(), key=str))


def figures(layout: Layout, amounts: Sequence[Amount]) -> dict[int, Decimal | None]:
    """The figure of every line; None for one for which the chart keeps no account."""
    own = {
        line.no: sum((component.amount for component in components(line, amounts)), Decimal(0))
        for line in layout.lines if not line.total
    }
    found: dict[int, Decimal | None] = {}
    for line in layout.lines:
        if line.total:
            found[line.no] = sum((weight * own[no] for no, weight in layout.weights(line.no).items()), Decimal(0))
        else:
            found[line.no] = own[line.no] if line.parts else None
    return found
