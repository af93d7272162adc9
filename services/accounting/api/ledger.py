"""What every door of the books asks for: which ledger, which month, which account."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from services.accounting import views
from services.accounting.store import LEDGER
from services.accounting.views.books import Book
from shared.http import Reading, not_found

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
Period = Annotated[str, Query(pattern=MONTH, description="a month, 2025-01")]
NewestPeriod = Annotated[str | None, Query(pattern=MONTH, description="a month; else the newest that has vouchers")]
Code = Annotated[str, Path(pattern=r"^\d{4,20}$", description="an account's code (科目编码)")]
Ledger = Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,32}$", description="which of the company's ledgers (账簿)")]


async def _book(request: Request, db: Reading, ledger: Ledger = LEDGER) -> Book:
    """The ledger that is read; 404 without books, or if they have no such ledger."""
    known = _currencies(request)
    currency = known.get((db.company, ledger))
    if currency is None:
        book = await views.book(db, ledger)
        if book is None:
            raise not_found(*(("company", db.company) if ledger == LEDGER else ("ledger", ledger)))
        currency = known[db.company, ledger] = str(book["currency"])
    return Book(db, ledger, currency)


def _currencies(request: Request) -> dict[tuple[str, str], str]:
    """Of the ledgers that were read before: what books are kept in never changes."""
    state = request.app.state
    if not hasattr(state, "currencies"):
        state.currencies = {}
    known: dict[tuple[str, str], str] = state.currencies
    return known


Books = Annotated[Book, Depends(_book)]
