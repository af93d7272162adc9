"""The vouchers of a close (期末结转): unpaid VAT, profit and loss, at the end of the year the profit.

A close carries forward balances that were read when its journal row was written and stand in the row's facts: the whole
trial balance of the period, before the close. 财会〔2011〕17号 annex 3103, 3104; 财会〔2016〕22号 for VAT.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.accounting.domain.pack import Bilingual, Kind, Side
from services.accounting.domain.posting import MAIN, Line, Posting, Row, Signed, Terms, UncoveredError, Voucher

VERSION = 1  # of the shape of the facts and of what is made of them; a change of either is a new one, beside this
ROLES = ("vat_transfer", "vat_unpaid", "profit", "retained")
NOTHING = Bilingual(zh="本期没有需要结转的余额", en="the period has no balance to carry forward")
YEAR_END = "12"


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's balance (期末余额): debits less credits."""

    account: str
    kind: Kind
    amount: Decimal


def first_day(period: str) -> date:
    """Of a month, 2025-01."""
    return date.fromisoformat(f"{period}-01")


def next_period(period: str) -> str:
    """The month after."""
    return f"{first_day(period) + timedelta(days=31):%Y-%m}"


def last_day(period: str) -> date:
    """Of a month."""
    return first_day(next_period(period)) - timedelta(days=1)


def row(
    period: str, balances: Iterable[Balance], requested_by: str, approved_by: str,
    beside: Mapping[str, Iterable[Balance]] | None = None,
) -> Row:
    """The journal row that closes a period in the main ledger and in those beside it."""
    facts: dict[str, Any] = {"period": period, "requested_by": requested_by, "balances": _plain(balances)}
    if beside:
        facts["beside"] = {ledger: _plain(own) for ledger, own in beside.items()}
    return Row("close", approved_by, facts, VERSION, None)


def _plain(balances: Iterable[Balance]) -> list[dict[str, str]]:
    return [{"account": b.account, "kind": b.kind, "amount": f"{b.amount:f}"} for b in balances]


def close(row: Row, terms: Terms) -> Posting:
    """What a close comes to. UncoveredError if no account plays one of ROLES."""
    assert row.reader_version == VERSION
    facts = row.facts["balances"] if terms.ledger == MAIN else row.facts["beside"][terms.ledger]
    balances = [Balance(b["account"], b["kind"], Decimal(b["amount"])) for b in facts]
    prior, left = _split(balances, terms.code("prior_year"))
    parts = [
        ("close-vat", 1, "转出未交增值税", _vat(balances, terms)),
        ("close-profit", 1, "结转本期收入", _carry(left, "revenue", "D", terms)),
        ("close-profit", 2, "结转本期成本费用", _carry(left, "expense", "C", terms)),
        ("close-prior-year", 1, "结转以前年度损益调整", _prior_year(prior, terms)),
    ]
    if row.facts["period"].endswith(YEAR_END):
        parts.append(("close-year", 1, "结转本年利润", _year(left, terms)))
    made = tuple(_voucher(rule, part, summary, lines, row, terms) for rule, part, summary, lines in parts if lines)
    return Posting(row, terms, made, None if made else NOTHING)


def owed_vat(balances: Iterable[Balance], terms: Terms) -> Decimal:
    """What 应交增值税 owes at the end of the period: it is carried to 未交增值税; less than zero stays (留抵)."""
    above = account(terms, "vat_transfer")[:-2]
    return -sum((b.amount for b in balances if b.account.startswith(above)), Decimal(0))


def account(terms: Terms, role: str) -> str:
    """The account that plays a role. UncoveredError if none does."""
    found = terms.accounts.get(role)
    if found is None:
        raise UncoveredError(f"role: no account that takes lines plays {role!r}, which closing needs")
    return found.code


def _vat(balances: Sequence[Balance], terms: Terms) -> list[Line]:
    owed = owed_vat(balances, terms)
    if owed <= 0:
        return []
    return [_line(account(terms, "vat_transfer"), "D", owed), _line(account(terms, "vat_unpaid"), "C", owed)]


def _carry(balances: Sequence[Balance], kind: Kind, side: Side, terms: Terms) -> list[Line]:
    """One line per account, against its normal side; one that stands on the other side is carried in red."""
    sign = -1 if side == "D" else 1
    carried = [_line(b.account, side, sign * b.amount) for b in balances if b.kind == kind and b.amount]
    total = sum((line.amount for line in carried), Decimal(0))
    profit = [_line(account(terms, "profit"), "C" if side == "D" else "D", total)] if total else []
    return [*carried, *profit] if side == "D" else [*profit, *carried]


def _split(balances: Iterable[Balance], code: str | None) -> tuple[list[Balance], list[Balance]]:
    """Those of one account, and the others."""
    found: tuple[list[Balance], list[Balance]] = ([], [])
    for balance in balances:
        found[balance.account != code].append(balance)
    return found


def _prior_year(balances: Sequence[Balance], terms: Terms) -> list[Line]:
    """What earlier years were wrong by never meets the profit of this one (CAS 28)."""
    if not balances:
        return []
    (balance,), retained = balances, account(terms, "retained")
    debit, credit = (retained, balance.account) if balance.amount > 0 else (balance.account, retained)
    return [_line(debit, "D", abs(balance.amount)), _line(credit, "C", abs(balance.amount))]


def _year(balances: Sequence[Balance], terms: Terms) -> list[Line]:
    """The profit of the year, with that of this last period, goes to what is undistributed; a loss likewise."""
    code = account(terms, "profit")
    profit = -sum((b.amount for b in balances if b.account == code or b.kind in ("revenue", "expense")), Decimal(0))
    if not profit:
        return []
    retained = account(terms, "retained")
    debit, credit = (code, retained) if profit > 0 else (retained, code)
    return [_line(debit, "D", abs(profit)), _line(credit, "C", abs(profit))]


def _line(code: str, side: Side, amount: Decimal) -> Line:
    return Line(code, False, side, amount, {}, None)


def _voucher(rule: str, part: int, summary: str, lines: Sequence[Line], row: Row, terms: Terms) -> Voucher:
    """A close needs no source document (会计基础工作规范 §51(四)). Who asked made it, who approved checked it."""
    facts: Mapping[str, Any] = row.facts
    on = last_day(facts["period"])
    return Voucher(
        rule=rule, version=VERSION, part=part, word=terms.word(lines), on=on, business_date=on,
        summary=f"{summary} {facts['period']}", lines=tuple(lines),
        signed=Signed(facts["requested_by"], row.actor, row.actor), attachments=0,
    )
