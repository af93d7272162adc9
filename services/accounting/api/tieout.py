"""The HTTP door of tie-out."""

from typing import Any

from fastapi import APIRouter

from services.accounting.api.ledger import Books
from services.accounting.views import tieout as views

router = APIRouter()


@router.get("/tieout")
async def tieout(book: Books) -> dict[str, Any]:
    """Whether the ledger agrees with stock, receivables and payables (账账核对): per role both sides, and for each
    difference the first event that parts the two and what to do."""
    return await views.tieout(book.db, book.ledger)
