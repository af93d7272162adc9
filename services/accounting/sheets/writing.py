"""Writes the vouchers of a month, or the chart, in the columns that users of the usual packages know, page by page."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter

from services.accounting import views
from services.accounting.domain import charting
from services.accounting.domain.importing import COLUMNS
from services.accounting.proofs.place import Place
from services.accounting.views import showing
from services.accounting.views.sheets import voucher_lines

PAGE = 1000  # vouchers read at once
CHUNK = 1 << 16
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
# Columns in their order, and those that hold numbers.
FIELDS = tuple(name for name in COLUMNS if name != "amount")
NUMBERS = frozenset({"number", "attachments", "debit", "credit", "rate", "quantity", "unit_price"})
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet program would take for one


class Table(NamedTuple):
    """What is written: the headings, and pages of rows, which hold a text per heading."""

    name: str
    headings: Sequence[str]
    pages: AsyncIterator[list[dict[str, str]]]


def vouchers(place: Place, period: str) -> Table:
    """The lines of a month's vouchers."""
    return Table(period, [COLUMNS[name].zh for name in FIELDS], _voucher_pages(place, period))


def chart(place: Place) -> Table:
    """The accounts of a ledger."""
    return Table("accounts", [text.zh for text in charting.COLUMNS.values()], _chart_pages(place))


async def csv_of(table: Table) -> AsyncIterator[bytes]:
    """UTF-8 with BOM, by which spreadsheet programs know it."""
    yield _csv_rows([table.headings], BOM)
    async for rows in table.pages:
        yield _csv_rows([[_safe(name, value) for name, value in row.items()] for row in rows])


async def xlsx_of(table: Table) -> AsyncIterator[bytes]:
    """A workbook, written to disk row by row, so that no month is too large for the memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.xlsx"
        workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        sheet = workbook.add_worksheet(table.name)
        sheet.write_row(0, 0, table.headings)
        row = 0
        async for cells in table.pages:
            for line in cells:
                row += 1
                for column, (name, value) in enumerate(line.items()):
                    if value != "":
                        write = sheet.write_number if name in NUMBERS else sheet.write_string
                        write(row, column, Decimal(value) if name in NUMBERS else value)
        workbook.close()
        for chunk in _chunks(path):
            yield chunk


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _csv_rows(rows: Sequence[Sequence[str]], before: str = "") -> bytes:
    text = io.StringIO(before, newline="")
    text.seek(0, io.SEEK_END)
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _safe(name: str, value: str) -> str:
    return f"'{value}" if name not in NUMBERS and value.startswith(FORMULA) else value


def _cells(line: Any, currency: str) -> dict[str, str]:
    """The texts of a line, in the order of FIELDS."""
    amount, quantity = line["amount"], line["quantity"]
    unit_price = f"{showing.quantity(round(amount / quantity, 6))}" if quantity else ""
    found = {
        "on": line["voucher_date"].isoformat(), "word": line["word"], "number": str(line["number"]),
        "attachments": str(line["attachments"]), "summary": line["summary"], "account": line["account"],
        "account_name": line["account_name"],
        "debit": showing.amount(amount, currency) if line["side"] == "D" else "",
        "credit": showing.amount(amount, currency) if line["side"] == "C" else "",
        "currency": line["currency"], "rate": showing.quantity(line["rate"]) if line["rate"] else "1",
        "quantity": "" if quantity is None else showing.quantity(quantity), "unit_price": unit_price,
    }
    return {name: found.get(name, line.get(name) or "") for name in FIELDS}


async def _voucher_pages(place: Place, period: str) -> AsyncIterator[list[dict[str, str]]]:
    """The lines of a month's vouchers by word and number."""
    async with place.reading() as db:
        word, number = "", 0
        while rows := await voucher_lines(db, place.ledger, period, (word, number), PAGE):
            yield [_cells(line, place.currency) for line in rows]
            word, number = rows[-1]["word"], rows[-1]["number"]


async def _chart_pages(place: Place) -> AsyncIterator[list[dict[str, str]]]:
    """One page: a chart is small."""
    async with place.reading() as db:
        yield [
            {"account": row["code"], "account_name": row["zh"], "account_name_en": row["en"],
             "kind": charting.KINDS[row["kind"]].zh, "side": charting.SIDES[row["side"]].zh}
            for row in await views.chart(db, place.ledger)
        ]
