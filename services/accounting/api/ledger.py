"""What every door of the books asks for: which ledger, which month, which account."""

from typing import Annotated

from fastapi import Depends, Path, Query

from services.accounting import views
from services.accounting.store import LEDGER
from services.accounting.views.books import Book
from shared.http import Reading, not_found

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
Period = Annotated[str, Query(pattern=MONTH, description="a month, 2025-01")]
NewestPeriod = Annotated[str | None, Query(pattern=MONTH, description="a month; else the newest that has vouchers")]
Code = Annotated[str, Path(pattern=r"^\d{4,20}$", description="an account's code (科目编码)")]
Ledger = Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,32}$", description="which of the company's ledgers (账簿)")]


async def _book(db: Reading, ledger: Ledger = LEDGER) -> Book:
    """The ledger that is read; 404 without books, or if they have no such ledger."""
    book = await views.book(db, ledger)
    if book is None:
        raise not_found(*(("company", db.company) if ledger == LEDGER else ("ledger", ledger)))
    return Book(db, ledger, str(book["currency"]))


Books = Annotated[Book, Depends(_book)]
