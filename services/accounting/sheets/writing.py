"""Writes the vouchers of a month in the columns that users of the usual packages know, a page at a time."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

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


async def csv_of(place: Place, period: str) -> AsyncIterator[bytes]:
    """UTF-8 with BOM, by which spreadsheet programs know it."""
    yield _csv_rows([[COLUMNS[name].zh for name in FIELDS]], BOM)
    async for lines in _pages(place, period):
        cells = [_cells(line, place.currency) for line in lines]
        yield _csv_rows([[_safe(name, value) for name, value in row.items()] for row in cells])


async def xlsx_of(place: Place, period: str) -> AsyncIterator[bytes]:
    """A workbook, written to disk row by row, so that no month is too large for the memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vouchers.xlsx"
        workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        sheet = workbook.add_worksheet(period)
        sheet.write_row(0, 0, [COLUMNS[name].zh for name in FIELDS])
        row = 0
        async for lines in _pages(place, period):
            for line in lines:
                row += 1
                for column, (name, value) in enumerate(_cells(line, place.currency).items()):
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


def _csv_rows(rows: list[list[str]], before: str = "") -> bytes:
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


async def _pages(place: Place, period: str) -> AsyncIterator[list[Any]]:
    """The lines of a month's vouchers by word and number."""
    async with place.reading() as db:
        word, number = "", 0
        while rows := await voucher_lines(db, place.ledger, period, (word, number), PAGE):
            yield rows
            word, number = rows[-1]["word"], rows[-1]["number"]
