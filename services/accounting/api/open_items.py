"""The HTTP door of open items (未清项) and their ageing (账龄分析)."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from services.accounting.api.books import BAD_CURSOR, Dimension
from services.accounting.api.ledger import Books
from services.accounting.domain.open_items import Side
from services.accounting.views import open_items as views
from shared.http import problem

router = APIRouter()

Terms = Annotated[int, Query(ge=0, le=3650, description="days from a document to its due date (账期)")]


@router.get("/open-items")
async def read_open_items(
    book: Books, side: Side, party: Dimension = None, as_of: date | None = None, terms_days: Terms = 0,
    after: Annotated[str | None, Query(max_length=2000, description="the `next` of a page, as JSON")] = None,
) -> dict[str, Any]:
    """What customers owe and have paid in advance, or suppliers are owed, per document with all that moved it: now, or
    by what is booked up to a day."""
    return await views.open_items(book, side, party, as_of, terms_days, _place(after))


@router.get("/ageing")
async def read_ageing(
    book: Books, side: Side, as_of: date, terms_days: Terms = 0,
    after: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
) -> dict[str, Any]:
    """Per customer or supplier by how long what is open is overdue at the end of a day, by due date."""
    return await views.ageing(book, side, as_of, terms_days, after)


def _place(after: str | None) -> list[Any] | None:
    if after is None:
        return None
    try:
        party, dated, *rest = orjson.loads(after)
        place = [party, date.fromisoformat(dated), *rest]
    except (orjson.JSONDecodeError, ValueError, TypeError):
        raise problem(422, "after", "bad_cursor", BAD_CURSOR) from None
    if len(place) != len(views.KEY) or not all(isinstance(p, str) and "\0" not in p for p in [party, *rest]):
        raise problem(422, "after", "bad_cursor", BAD_CURSOR)
    return place
