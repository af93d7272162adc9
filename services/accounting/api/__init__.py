"""The HTTP door of accounting: open books, read vouchers, books and statements, prove them."""

from fastapi import APIRouter

from services.accounting.api import books, proofs, vouchers

router = APIRouter()
router.include_router(vouchers.router)
router.include_router(books.router)
router.include_router(proofs.router)
