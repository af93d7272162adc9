"""Sheets of the chart (科目表): which rows are new accounts, proposed as mappings are; what is wrong with others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.accounting.domain.pack import Kind
from services.accounting.domain.policies import NOTHING, ChartRow, Ledger
from shared.events.policies import AskedAccountRow, ImportAccounts, NewAccount, ProposeMapping
from shared.refusal import Refusal, Text
from shared.sheets import named

MISSING = Text("须填写", "has to be filled in")
DIGITS = Text("科目编码 {account} 须为四位，每级明细加两位",
              "account {account} has four digits, and two more per level")
OTHER_NAME = Text("科目 {account} 已存在，名称为“{here}”，不能改名",
                  "account {account} is in the chart as `{here}`, and is not renamed")
OTHER_SIDE = Text("科目 {account} 的方向随上级科目，为{side_zh}",
                  "account {account} is a {side_en} account, as the one above")
REASON = "导入科目表"

# Field -> the heading of its column, as accountants know it.
COLUMNS: Mapping[str, Text] = {
    "account": Text("科目编码", "Account"), "account_name": Text("科目名称", "Account name"),
    "account_name_en": Text("英文名称", "English name"), "kind": Text("科目类别", "Kind"),
    "side": Text("余额方向", "Balance side"),
}
KINDS: Mapping[Kind, Text] = {
    "asset": Text("资产", "Asset"), "liability": Text("负债", "Liability"), "equity": Text("所有者权益", "Equity"),
    "cost": Text("成本", "Cost"), "revenue": Text("收入", "Revenue"), "expense": Text("费用", "Expense"),
    "memo": Text("备查", "Memorandum"),
}
SIDES: Mapping[str, Text] = {"D": Text("借", "debit"), "C": Text("贷", "credit")}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The proposal that a sheet comes to, with the place of each new account among the rows; or what is wrong."""

    proposed: ProposeMapping
    places: Sequence[int]
    problems: tuple[Refusal, ...]


def read(command: ImportAccounts, ledger: Ledger) -> Sheet:
    """Rows that say what the chart says already say nothing, so a sheet that was written out comes back longer."""
    problems = [*_why_not_rows(command, ledger)]
    places = [place for place, row in enumerate(command.rows)
              if row.account not in ledger.chart and _well_formed(row)]
    if not places and not problems:
        problems.append(Refusal(command, "rows", "nothing", NOTHING))
    proposed = ProposeMapping(
        proposal_id=command.import_id, effective_on=max(ledger.terms.open_from, ledger.since), ledger=command.ledger,
        reason=REASON, accounts=tuple(_account(command.rows[place]) for place in places),
    )
    return Sheet(proposed.asked_by(command.actor), places, tuple(problems))


def told(command: ImportAccounts, sheet: Sheet, against: Refusal) -> Refusal:
    """What is wrong with the proposal, said of the sheet: its row and column."""
    path, account = against.field.split("."), against.params.get("account")
    if path[0] == "proposal_id":
        return replace(against, command=command, field="import_id")
    if len(path) > 1:
        place = sheet.places[int(path[1])]
    else:  # an account that must not get any below it: the first row that would be one
        place = next(place for place in sheet.places if command.rows[place].account[:-2] == account)
    return _named(replace(against, command=command), command.rows[place], place, "account")


def _why_not_rows(command: ImportAccounts, ledger: Ledger) -> Iterator[Refusal]:
    for place, row in enumerate(command.rows):
        def refuse(
            column: str, code: str, text: Text, row: AskedAccountRow = row, place: int = place, **params: str
        ) -> Refusal:
            return _named(Refusal(command, "", code, text, {"account": row.account, **params}), row, place, column)

        here, side = ledger.chart.get(row.account), _side(row.account, ledger.chart)
        if row.account_name is None:
            yield refuse("account_name", "missing", MISSING)
        elif here and row.account_name != here.zh:
            yield refuse("account_name", "other_name", OTHER_NAME, here=here.zh)
        if here and row.account_name_en not in (None, here.en):
            yield refuse("account_name_en", "other_name", OTHER_NAME, here=here.en)
        if not _well_formed(row):
            yield refuse("account", "digits", DIGITS)
        elif row.side and side not in (None, row.side):
            yield refuse("side", "other_side", OTHER_SIDE, side_zh=SIDES[side].zh, side_en=SIDES[side].en)


def _well_formed(row: AskedAccountRow) -> bool:
    return len(row.account) % 2 == 0


def _side(account: str, chart: Mapping[str, ChartRow]) -> str | None:
    """That of the account, or of the nearest one above it in the chart."""
    while account and account not in chart:
        account = account[:-2]
    return chart[account].side if account else None


def _account(row: AskedAccountRow) -> NewAccount:
    name = row.account_name or row.account  # one without a name is refused
    return NewAccount(code=row.account, zh=name, en=row.account_name_en or name)


def _named(refusal: Refusal, row: AskedAccountRow, place: int, column: str) -> Refusal:
    """The same, beginning with the row of the sheet and the column."""
    return replace(named(refusal, row.row, COLUMNS[column]), field=f"rows.{place}.{column}")
