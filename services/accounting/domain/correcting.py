"""Corrections of posted vouchers, chosen by the law (会计基础工作规范 §51(五)).

Within the year: a red copy cancels, a blue voucher says it anew; where only amounts are wrong, one voucher says the
difference, in red if they were too high. An earlier year is corrected by one blue voucher in this year.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from services.accounting.domain.manual import CONTROL_ACCOUNT, ELSEWHERE, VERSION, ledger_of, lines_of, voucher
from services.accounting.domain.pack import Bilingual
from services.accounting.domain.posting import Line, Posting, Row, Terms
from shared.refusal import Text

CORRECTED = Text("凭证 {period} {word}-{number} 已更正过，请更正其更正凭证",
                 "voucher {period} {word}-{number} was corrected already; correct its correction")
OF_CLOSE = Text("结账凭证不能更正，请在未结账月份另行处理",
                "the vouchers of a close are not corrected; say what is wrong in an open month")
NOTHING = Bilingual(zh="更正前后没有差别", en="the correction changes nothing")
Method = Literal["red", "red_and_blue", "difference", "prior_year", "nothing"]
Place = tuple[str, str, tuple[tuple[str, str], ...]]  # account, side (empty where both are added up), dimensions


def why_not(of: Mapping[str, Any], control: frozenset[str]) -> tuple[str, Text, str] | None:
    """Why a posted voucher is not corrected by hand: code, text, and the control account if that is why; None if it may
    be. What a control account says is corrected where the business is, or the subledger would part from it."""
    if of["corrected"]:
        return "corrected", CORRECTED, ""
    if of["origin"] == "close":
        return "of_close", OF_CLOSE, ""
    account = next((line["account"] for line in of["lines"] if line["account"] in control), None)
    return ("control_account", CONTROL_ACCOUNT, account) if account else None


def choose(was: Sequence[Line], should: Sequence[Line], was_on: date, on: date) -> Method:
    """How a voucher of `was_on` is corrected on a day."""
    if _sums(was) == _sums(should):
        return "nothing"
    if was_on.year < on.year:
        return "prior_year"
    if not should:
        return "red"
    before, after = _sums(was), _sums(should)
    only_amounts = set(before) == set(after) and _amounts(before) != _amounts(after)
    return "difference" if only_amounts else "red_and_blue"


def correct(row: Row, terms: Terms) -> Posting:
    """The vouchers of a correction. The journal row says what the voucher was and what it should have been."""
    assert row.reader_version == VERSION
    if ledger_of(row.facts) != terms.ledger:
        return Posting(row, terms, (), ELSEWHERE)
    facts, of = row.facts, row.facts["of"]
    was, should = lines_of(of["lines"]), lines_of(facts["lines"])
    was_on, on = date.fromisoformat(of["on"]), max(date.fromisoformat(facts["on"]), terms.open_from)
    named = f"{was_on.month}月{was_on.day}日{of['word']}-{of['number']}号凭证"
    match choose(was, should, was_on, on):
        case "red":
            parts = [("correct-red", f"注销{named}", _red(was))]
        case "red_and_blue":
            parts = [("correct-red", f"注销{named}", _red(was)), ("correct-blue", f"订正{named}", should)]
        case "difference":
            parts = [("correct-difference", f"调整{named}差额", _difference(was, should))]
        case _:
            kinds = {line["account"]: line["kind"] for line in (*of["lines"], *facts["lines"])}
            profit_and_loss = {code for code, kind in kinds.items() if kind in ("revenue", "expense")}
            blue = _prior_year(was, should, profit_and_loss, terms.code("prior_year"))
            parts = [("correct-prior-year", f"更正{was_on.year}年{named}", blue)]
    made = tuple(
        voucher(rule, 1, f"{text}: {facts['reason']}", lines, 0, row, terms) for rule, text, lines in parts if lines
    )
    return Posting(row, terms, made, None if made else NOTHING)


def _sums(lines: Sequence[Line]) -> dict[Place, tuple[Decimal, Decimal]]:
    """Amount and quantity per account, side and dimensions."""
    sums: dict[Place, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for line in lines:
        place = line.account, line.side, tuple(sorted(line.dimensions.items()))
        amount, quantity = sums[place]
        sums[place] = amount + line.amount, quantity + (line.quantity or Decimal(0))
    return dict(sums)


def _amounts(sums: Mapping[Place, tuple[Decimal, Decimal]]) -> dict[Place, Decimal]:
    return {place: amount for place, (amount, _) in sums.items()}


def _red(lines: Sequence[Line]) -> list[Line]:
    return [
        Line(line.account, False, line.side, -line.amount, line.dimensions,
             None if line.quantity is None else -line.quantity)
        for line in lines
    ]


def _difference(was: Sequence[Line], should: Sequence[Line]) -> list[Line]:
    """Amounts that were too high come out red; the quantity of a line goes with its amount."""
    before = _sums(was)
    found = []
    for (account, side, dimensions), (amount, quantity) in _sums(should).items():
        old_amount, old_quantity = before[account, side, dimensions]
        if amount != old_amount:
            found.append(Line(account, False, "D" if side == "D" else "C", amount - old_amount, dict(dimensions),
                              (quantity - old_quantity) or None))
    return found


def _prior_year(
    was: Sequence[Line], should: Sequence[Line], profit_and_loss: set[str], instead: str | None
) -> list[Line]:
    """What is missing, in blue. Where the standard has an account for it (以前年度损益调整) it stands for revenue and
    expenses of the earlier year; 小企业会计准则 §88 has none and corrects in those of this year."""
    change: dict[Place, Decimal] = defaultdict(Decimal)
    for sign, lines in ((-1, was), (1, should)):
        for line in lines:
            moved = instead is not None and line.account in profit_and_loss
            dimensions = () if moved else tuple(sorted(line.dimensions.items()))
            account = instead if moved and instead else line.account
            change[account, "", dimensions] += sign * line.signed
    return [
        Line(account, False, "D" if amount > 0 else "C", abs(amount), dict(dimensions), None)
        for (account, _, dimensions), amount in change.items() if amount
    ]
