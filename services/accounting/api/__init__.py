"""The HTTP door of accounting: open books, read vouchers, books and statements, prove them, see how they tie."""

from fastapi import APIRouter

from services.accounting.api import books, open_items, policies, proofs, sheets, summaries, tieout, vouchers

router = APIRouter()
router.include_router(books.router)  # routes are tried one after the other: what is asked most comes first
router.include_router(vouchers.router)
router.include_router(policies.router)
router.include_router(proofs.router)
router.include_router(summaries.router)
router.include_router(tieout.router)
router.include_router(open_items.router)
router.include_router(sheets.router)
