"""Reads a sheet into the rows of a command: CSV in UTF-8 (also with BOM) or GB18030, or the first sheet of an XLSX.

Headings are those of the columns in Chinese or English, and the usual others; columns that nobody knows are errors, so
that no figure is lost by a typing error. What cannot be read is named by row and column.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from services.accounting.domain import charting, importing
from shared.refusal import Text
from shared.sheets import OPENING_COLUMNS


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a kind of sheet, other headings that they have, those that are known but not asked for, and those
    that have to be there."""

    columns: Mapping[str, Text]
    others: Mapping[str, str]
    information: AbstractSet[str]
    required: Sequence[str] = ("account",)

    def field(self, heading: str) -> str:
        """Of a heading in either language; '' if nobody knows it."""
        known = {text: name for name, texts in self.columns.items() for text in (texts.zh, texts.en.lower())}
        return known.get(heading.lower()) or self.others.get(heading, "")


VOUCHER_HEADINGS = {
    "制单日期": "on", "凭证日期": "on", "凭证类别": "word", "凭证类别字": "word", "凭证编号": "number",
    "附件数": "attachments", "附单据": "attachments", "科目编码": "account", "借方": "debit", "贷方": "credit",
    "期初借方": "debit", "期初贷方": "credit", "借方余额": "debit", "贷方余额": "credit", "币种": "currency",
    "制单": "maker", "审核": "checker", "记账": "poster", "记账人": "poster", "产品": "product", "存货": "product",
}
# Names and prices follow from others, and who did what is known here.
VOUCHERS = Layout(importing.COLUMNS, VOUCHER_HEADINGS,
                  {"account_name", "rate", "unit_price", "maker", "checker", "poster", "amount"})
CHART_HEADINGS = {
    "科目代码": "account", "编码": "account", "名称": "account_name", "英文名": "account_name_en",
    "科目英文名称": "account_name_en", "类别": "kind", "科目类型": "kind", "方向": "side", "科目方向": "side",
}
CHART = Layout(charting.COLUMNS, CHART_HEADINGS, {"kind"})  # which is that of the account above
OPENING_HEADINGS = {
    "客户": "customer_id", "客户代码": "customer_id", "客户编号": "customer_id", "供应商": "supplier_id",
    "供应商代码": "supplier_id", "供应商编号": "supplier_id", "单据编号": "document", "单号": "document",
    "发票号": "document", "日期": "dated", "业务日期": "dated", "到期日期": "due_on", "余额": "amount",
    "期初余额": "amount", "未收金额": "amount", "未付金额": "amount", "应收余额": "amount", "应付余额": "amount",
    "币种": "currency",
}
SAID_ELSEWHERE = frozenset({"客户名称", "供应商名称", "单据类型", "部门", "业务员", "摘要", "备注", "汇率"})
RECEIVABLES, PAYABLES = (
    Layout({name: text for name, text in OPENING_COLUMNS.items() if name != other},
           {**{heading: name for heading, name in OPENING_HEADINGS.items() if name != other},
            **{heading: heading for heading in SAID_ELSEWHERE}},
           SAID_ELSEWHERE, (party, "document", "dated", "amount"))
    for party, other in (("customer_id", "supplier_id"), ("supplier_id", "customer_id"))
)
SIDES = {"借": "D", "贷": "C", "借方": "D", "贷方": "C", "debit": "D", "credit": "C", "dr": "D", "cr": "C"}
AMOUNTS = {"debit", "credit", "quantity", "amount"}
DAYS = {"on", "dated", "due_on"}
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")

UNREADABLE = Text("文件不是 CSV（UTF-8、GB18030）或 XLSX", "the file is neither CSV (UTF-8, GB18030) nor XLSX")
NO_HEADING = Text("第一行须为列名，且须有“{zh}”", "the first row holds the headings, among them `{en}`")
UNKNOWN_COLUMN = Text("不认识列“{heading}”", "there is no column `{heading}`")
TWICE = Text("列“{heading}”出现两次", "the column `{heading}` stands there twice")
BAD_DATE = Text("{value} 不是日期（如 2025-01-31）", "{value} is not a date, such as 2025-01-31")
BAD_SIDE = Text("{value} 不是“借”或“贷”", "{value} is neither debit nor credit")
BAD_NUMBER = Text("{value} 不是数字", "{value} is not a number")


class SheetError(Exception):
    """What is wrong with a file, one text per place."""

    def __init__(self, problems: Sequence[Text]) -> None:
        super().__init__("\n".join(f"{text.zh} / {text.en}" for text in problems))
        self.problems = problems


def read(path: Path, layout: Layout = VOUCHERS) -> list[dict[str, Any]]:
    """The rows of a file as a command takes them, each with the number of its `row`. SheetError with all problems."""
    cells = _xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods") else _csv(path.read_bytes())
    names = _headings(next(cells, []), layout)
    rows, problems = [], list[Text]()
    for number, values in enumerate(cells, 2):
        if any(value not in ("", None) for value in values):
            rows.append({"row": number, **_row(number, names, values, layout, problems)})
    if problems:
        raise SheetError(problems)
    return rows


def _headings(values: Sequence[Any], layout: Layout) -> list[str]:
    """The field of each column; '' for one without a heading."""
    names, problems = list[str](), list[Text]()
    for value in values:
        heading = str(value or "").strip()
        name = layout.field(heading)
        if heading and not name:
            problems.append(_filled(UNKNOWN_COLUMN, heading=heading))
        elif name and name in names:
            problems.append(_filled(TWICE, heading=heading))
        names.append(name)
    missing = [layout.columns[name] for name in layout.required if name not in names]
    problems += [_filled(NO_HEADING, zh=text.zh, en=text.en) for text in missing]
    if problems:
        raise SheetError(problems)
    return names


def _row(
    number: int, names: Sequence[str], values: Sequence[Any], layout: Layout, problems: list[Text]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in zip(names, values, strict=False):
        if not name or name in layout.information or value is None or str(value).strip() == "":
            continue
        try:
            found[name] = _value(name, value)
        except _ValueError as error:
            column, why = layout.columns[name], error.args[0]
            problems.append(Text(f"第 {number} 行 {column.zh}：{why.zh}", f"row {number}, {column.en}: {why.en}"))
    return found


class _ValueError(Exception):
    """Why a cell cannot be read: a Text."""


def _value(name: str, value: Any) -> Any:
    if name in DAYS:
        return _date(value)
    text = _text(value)
    if name == "side":
        if text.lower() not in SIDES:
            raise _ValueError(_filled(BAD_SIDE, value=text))
        return SIDES[text.lower()]
    if name in AMOUNTS or name == "attachments":
        try:
            number = Decimal(text.replace(",", "").replace("，", "").replace("¥", "").strip())
        except InvalidOperation:
            raise _ValueError(_filled(BAD_NUMBER, value=text)) from None
        if not number.is_finite() or (name == "attachments" and number != int(number)):
            raise _ValueError(_filled(BAD_NUMBER, value=text))
        return int(number) if name == "attachments" else f"{number:f}"
    return text.removeprefix("'")


def _text(value: Any) -> str:
    """A number in a sheet of a spreadsheet program is a float: 1002.0 is an account, 0.1 an amount."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = _text(value)
    for form in DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 -- a day has no zone
        except ValueError:
            continue
    raise _ValueError(_filled(BAD_DATE, value=text))


def _filled(text: Text, **params: str) -> Text:
    return Text(text.zh.format(**params), text.en.format(**params))


def _csv(content: bytes) -> Iterator[list[Any]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    return iter(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetError([UNREADABLE])


def _xlsx(path: Path) -> Iterator[list[Any]]:
    try:
        rows: list[list[Any]] = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except CalamineError:
        raise SheetError([UNREADABLE]) from None
    return iter(rows)
