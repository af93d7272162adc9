"""The HTTP door of tie-out."""

from typing import Any

from fastapi import APIRouter

from services.accounting.store import LEDGER
from services.accounting.views import tieout as views
from shared.http import Reading

router = APIRouter()


@router.get("/tieout")
async def tieout(db: Reading) -> dict[str, Any]:
    """Whether the ledger agrees with stock, receivables and payables (账账核对): per role both sides, and for each
    difference the first event that parts the two and what to do."""
    return await views.tieout(db, LEDGER)
