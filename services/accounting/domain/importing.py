"""Sheets of vouchers and of opening balances: what is wrong with their rows, and the drafts that they come to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.accounting.domain.manual import CLOSED as PERIOD_CLOSED
from services.accounting.domain.manual import (
    UNBALANCED,
    ChartAccount,
    Draft,
    control_accounts,
    plain,
    why_not_line,
)
from services.accounting.domain.posting import Terms
from services.accounting.domain.reading import DIMENSIONS
from shared.events.accounting import (
    AskedAmounts,
    AskedVoucherLine,
    AskedVoucherRow,
    ImportOpeningBalances,
    ImportVouchers,
)
from shared.money import ZERO
from shared.refusal import Refusal, Text
from shared.sheets import named

Import = ImportVouchers | ImportOpeningBalances

ONE_SIDE = Text("借方金额和贷方金额须填且只填一个", "there is an amount on one side, debit or credit")
OTHER_CURRENCY = Text("币别 {currency} 不是本位币 {books}，暂不支持外币",
                      "the currency {currency} is not that of the books, {books}; foreign currency is not supported")
NO_ATTACHMENTS = Text("附单据数至少为 1（会计基础工作规范 第五十一条）", "a voucher has at least one attachment")
ONE_LINE = Text("一张凭证至少两行", "a voucher has at least two lines")
TOO_LONG = Text("一张凭证最多 500 行", "a voucher has at most 500 lines")
NO_OPENING_ROLE = Text("没有科目充当期初建账对方科目", "no account plays the role opening_balances")
OPENING = "期初余额"
MOST_LINES = 500  # of a voucher

Chart = Mapping[str, ChartAccount]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The drafts that a sheet comes to, each with its day; or everything that is wrong with it."""

    drafts: tuple[tuple[Draft, date], ...]
    problems: tuple[Refusal, ...]


def vouchers(command: ImportVouchers, chart: Chart, terms: Terms) -> Sheet:
    """A draft per voucher of the sheet."""
    problems = [*_why_not_rows(command, command.rows, chart, terms)]
    drafts = []
    for n, own in enumerate(_split(command.rows), 1):
        problems += _why_not_voucher(command, own, terms)
        first = own[0][1]
        content = {
            "on": first.on.isoformat(), "summary": first.summary, "attachments": first.attachments or 0,
            "lines": _plain([_line(row) for _, row in own], chart),
        }
        drafts.append((Draft(f"{command.import_id}-{n}", "manual", command.actor.name, content, {}), first.on))
    return _sheet(drafts, problems)


def openings(command: ImportOpeningBalances, chart: Chart, terms: Terms) -> Sheet:
    """Drafts on the first open day, each balanced by the opening account. Rows that say zero say nothing."""
    rows = [row for row in command.rows if row.debit or row.credit]
    contra = terms.code("opening_balances")
    if contra is None:
        return Sheet((), (Refusal(command, "rows", "no_opening_account", NO_OPENING_ROLE),))
    problems = [*_why_not_rows(command, command.rows, chart, terms, zero_is_nothing=True)]
    drafts = []
    for n, start in enumerate(range(0, len(rows), MOST_LINES - 1), 1):
        lines = [_line(row) for row in rows[start:start + MOST_LINES - 1]]
        difference = sum((line.amount if line.side == "D" else -line.amount for line in lines), ZERO)
        if difference:
            side = "C" if difference > 0 else "D"
            lines.append(AskedVoucherLine(account=contra, side=side, amount=abs(difference)))
        content = {
            "on": terms.open_from.isoformat(), "summary": OPENING, "attachments": 1, "lines": _plain(lines, chart),
        }
        draft = Draft(f"{command.import_id}-{n}", "manual", command.actor.name, content, {})
        drafts.append((draft, terms.open_from))
    return _sheet(drafts, problems)


def accounts_of(command: Import, terms: Terms) -> list[str]:
    """The accounts that a sheet's drafts name."""
    contra = terms.code("opening_balances")
    return [row.account for row in command.rows] + ([contra] if contra else [])


def _sheet(drafts: Sequence[tuple[Draft, date]], problems: Sequence[Refusal]) -> Sheet:
    return Sheet((), tuple(problems)) if problems else Sheet(tuple(drafts), ())


def _split(rows: Sequence[AskedVoucherRow]) -> Iterator[list[tuple[int, AskedVoucherRow]]]:
    """Whole vouchers: rows one after the other with the same date, word and number."""
    for _, own in groupby(enumerate(rows), key=lambda item: (item[1].on, item[1].word, item[1].number)):
        yield list(own)


def _why_not_rows(
    command: Import, rows: Sequence[AskedAmounts], chart: Chart, terms: Terms, *, zero_is_nothing: bool = False
) -> Iterator[Refusal]:
    control = control_accounts(terms)
    for index, row in enumerate(rows):
        if not row.debit and not row.credit and zero_is_nothing:
            continue
        if bool(row.debit) == bool(row.credit):
            yield _named(Refusal(command, f"rows.{index}.debit", "one_side", ONE_SIDE), row)
            continue
        if refusal := why_not_line(command, f"rows.{index}", _line(row), chart, control, terms.currency):
            yield _named(refusal, row)


def _why_not_voucher(
    command: ImportVouchers, own: Sequence[tuple[int, AskedVoucherRow]], terms: Terms
) -> Iterator[Refusal]:
    index, first = own[0]

    def refuse(field: str, code: str, text: Text, **params: str) -> Refusal:
        return _named(Refusal(command, f"rows.{index}.{field}", code, text, params), first)

    if first.on < terms.open_from:
        yield refuse("on", "period_closed", PERIOD_CLOSED, on=first.on.isoformat(), first=terms.open_from.isoformat())
    if not first.attachments:
        yield refuse("attachments", "no_attachments", NO_ATTACHMENTS)
    if not 2 <= len(own) <= MOST_LINES:
        yield refuse("number", "lines", ONE_LINE if len(own) < 2 else TOO_LONG)
    difference = sum(((row.debit or ZERO) - (row.credit or ZERO) for _, row in own), ZERO)
    if difference:
        yield refuse("debit", "unbalanced", UNBALANCED, difference=f"{difference:f}")
    for place, row in own:
        if row.currency not in (None, terms.currency):
            params = {"currency": str(row.currency), "books": terms.currency}
            yield _named(Refusal(command, f"rows.{place}.currency", "other_currency", OTHER_CURRENCY, params), row)


def _named(refusal: Refusal, row: AskedAmounts) -> Refusal:
    """The same, beginning with the row of the sheet and the column."""
    return named(refusal, row.row, COLUMNS[refusal.field.rpartition(".")[2]])


def _line(row: AskedAmounts) -> AskedVoucherLine:
    """The row as a line of a voucher; what has no amount, or two, is refused anyway."""
    given: dict[str, Any] = {name: getattr(row, name) for name in (*DIMENSIONS, "quantity")}
    side, amount = ("D", row.debit) if row.debit else ("C", row.credit)
    summary = row.summary if isinstance(row, AskedVoucherRow) else None
    return AskedVoucherLine.model_validate(
        {"account": row.account, "side": side, "amount": amount or Decimal(0), "summary": summary, **given}
    )


def _plain(lines: Sequence[AskedVoucherLine], chart: Chart) -> list[dict[str, Any]]:
    """Of sheets without a fault only; of others nothing is kept."""
    return plain(lines, chart) if all(line.account in chart for line in lines) else []


# Field -> the heading of its column, as accountants know it.
COLUMNS: Mapping[str, Text] = {
    "on": Text("日期", "Date"), "word": Text("凭证字", "Word"), "number": Text("凭证号", "Number"),
    "attachments": Text("附单据数", "Attachments"), "summary": Text("摘要", "Summary"),
    "account": Text("科目代码", "Account"), "account_name": Text("科目名称", "Account name"),
    "debit": Text("借方金额", "Debit"), "credit": Text("贷方金额", "Credit"), "amount": Text("金额", "Amount"),
    "currency": Text("币别", "Currency"), "rate": Text("汇率", "Rate"), "quantity": Text("数量", "Quantity"),
    "unit_price": Text("单价", "Unit price"), "maker": Text("制单人", "Made by"),
    "checker": Text("审核人", "Checked by"), "poster": Text("过账人", "Posted by"),
    "customer": Text("客户", "Customer"), "supplier": Text("供应商", "Supplier"), "product": Text("商品", "Product"),
    "warehouse": Text("仓库", "Warehouse"), "salesperson": Text("业务员", "Salesperson"),
}
