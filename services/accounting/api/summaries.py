"""Summary vouchers (汇总凭证) over HTTP: a day's vouchers of one rule as one document, and the vouchers behind it."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from services.accounting.api.ledger import Books, Period
from services.accounting.domain.pack import Word
from services.accounting.views import summaries as views
from services.accounting.views.summaries import FIRST, Place
from shared.http import not_found, problem
from shared.refusal import Text

router = APIRouter()

Rule = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
Cursor = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}:[记收付转备]:[a-z0-9-]{1,64}$")]
BAD_CURSOR = Text("{field} 不是上一页的 next", "{field} is not the `next` of a page")


@router.get("/vouchers/summaries")
async def read_summaries(book: Books, period: Period, after: Cursor = None) -> dict[str, Any]:
    """A month's summary vouchers: per day, word and rule what its vouchers come to per account, a page at a time."""
    return await views.summaries(book, period, _place(after))


def _place(after: str | None) -> Place:
    if after is None:
        return FIRST
    on, word, rule = after.split(":")
    try:
        return Place(date.fromisoformat(on), word, rule)
    except ValueError:
        raise problem(422, "after", "bad_cursor", BAD_CURSOR) from None


@router.get("/vouchers/summaries/{on}/{word}/{rule}")
async def read_behind(
    book: Books, on: date, word: Word, rule: Rule, after: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> dict[str, Any]:
    """The vouchers behind a summary, by number, a page at a time."""
    found = await views.behind(book, Place(on, word, rule), after)
    if not found["vouchers"] and not after:
        raise not_found("summary", f"{on} {word} {rule}")
    return found
