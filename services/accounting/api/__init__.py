"""The HTTP door of accounting: open books, read vouchers and books, see how they tie."""

from fastapi import APIRouter

from services.accounting.api import tieout, vouchers

router = APIRouter()
router.include_router(vouchers.router)
router.include_router(tieout.router)
