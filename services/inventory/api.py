"""The HTTP door of inventory."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.inventory import views
from shared.events.inventory import OpenStock, ReceiveGoods, RegisterProducts, ShipGoods
from shared.http import Reading, accept, not_found

router = APIRouter()

accept(router, "/products", RegisterProducts)
accept(router, "/openings", OpenStock)
accept(router, "/receipts", ReceiveGoods)
accept(router, "/shipments", ShipGoods)

Limit = Annotated[int, Query(ge=1, le=500)]
# Where a page begins; no key contains a slash, and "/" comes before all of them.
AfterPool = Annotated[str, Query(pattern=r"^[^/]*/[^/]*$", max_length=200, description="`next` of the page before")]
AfterMove = Annotated[str, Query(pattern=r"^[^/]*/\d{1,18}$", max_length=200, description="`next` of the page before")]


@router.get("/stock")
async def stock(
    db: Reading, sku: str | None = None, warehouse: str | None = None, after: AfterPool = "/", limit: Limit = 100
) -> views.StockPage:
    """What is there, what orders hold of it, and what it is worth (库存)."""
    after_sku, after_warehouse = after.split("/")
    return await views.stock(db, sku=sku, warehouse=warehouse, after=(after_sku, after_warehouse), limit=limit)


@router.get("/stock/{sku}/moves")
async def moves(db: Reading, sku: str, after: AfterMove = "/0", limit: Limit = 100) -> views.MovePage:
    """The stock ledger of a product (存货明细账), in the order of valuation."""
    warehouse, n = after.split("/")
    return await views.moves(db, sku, after=(warehouse, int(n)), limit=limit)


@router.get("/fulfilments/{order_id}")
async def fulfilment(db: Reading, order_id: str) -> views.Fulfilment:
    """What an order gets from stock, and what has been shipped (发货进度)."""
    found = await views.fulfilment(db, order_id)
    if found is None:
        raise not_found("order_id", order_id)
    return found


@router.get("/receipts/{receipt_id}")
async def receipt(db: Reading, receipt_id: str) -> views.Receipt:
    """A receipt (入库单)."""
    found = await views.receipt(db, receipt_id)
    if found is None:
        raise not_found("receipt_id", receipt_id)
    return found


@router.get("/products/{sku}")
async def product(db: Reading, sku: str) -> views.Product:
    """A product (商品)."""
    found = await views.product(db, sku)
    if found is None:
        raise not_found("sku", sku)
    return found
