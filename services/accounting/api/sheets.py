"""Vouchers of a month, and the chart, as a file in the columns of the usual packages (导出凭证, 导出科目表)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from services.accounting.api.ledger import MONTH, Books
from services.accounting.proofs.place import places
from services.accounting.sheets.writing import Table, chart, csv_of, vouchers, xlsx_of

router = APIRouter()

FORMS = {
    "csv": (csv_of, "text/csv; charset=utf-8"),
    "xlsx": (xlsx_of, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@router.get("/periods/{period}/vouchers.{form}")
async def read_voucher_file(
    book: Books, period: Annotated[str, Path(pattern=MONTH)], form: Literal["csv", "xlsx"], request: Request
) -> StreamingResponse:
    """All vouchers of a month but those of the order backlog (备), a row per line."""
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    return _file(vouchers(place, period), f"vouchers-{period}", form)


@router.get("/accounts.{form}")
async def read_chart_file(book: Books, form: Literal["csv", "xlsx"], request: Request) -> StreamingResponse:
    """The chart (科目表), a row per account, as it may be imported again with more rows."""
    (place,) = await places(request.app.state.pool, book.db.company, book.ledger)
    return _file(chart(place), "accounts", form)


def _file(table: Table, name: str, form: str) -> StreamingResponse:
    write, media_type = FORMS[form]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return StreamingResponse(write(table), media_type=media_type, headers=headers)
