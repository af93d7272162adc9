"""The HTTP door of inventory."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query

from services.inventory.domain.purchasing.ordering import State
from services.inventory.views import documents as document_views
from services.inventory.views import levels as level_views
from services.inventory.views import products as product_views
from services.inventory.views import purchase_list
from services.inventory.views import purchasing as purchasing_views
from services.inventory.views import stock as stock_views
from shared.events.base import Key
from shared.events.inventory import (
    AllowNegativeStock,
    ApproveCount,
    BookSupplierInvoice,
    CountStock,
    OpenStock,
    PaySupplier,
    PlacePurchaseOrder,
    ReceiveGoods,
    RegisterProducts,
    RegisterSuppliers,
    ReturnToSupplier,
    ShipGoods,
    TakeBackGoods,
)
from shared.events.openings import OpenPayables
from shared.events.periods import InventorySealPeriod
from shared.events.tieout import InventoryStateSubledger
from shared.http import Reading, accept, not_found
from shared.search import search_range

router = APIRouter()

accept(router, "/products", RegisterProducts)
accept(router, "/openings", OpenStock)
accept(router, "/openings/payables", OpenPayables)
accept(router, "/receipts", ReceiveGoods)
accept(router, "/shipments", ShipGoods)
accept(router, "/customer-returns", TakeBackGoods)
accept(router, "/counts", CountStock)
accept(router, "/counts/approvals", ApproveCount)
accept(router, "/policies/negative-stock", AllowNegativeStock)
accept(router, "/suppliers", RegisterSuppliers)
accept(router, "/purchase-orders", PlacePurchaseOrder)
accept(router, "/periods/seals", InventorySealPeriod)
accept(router, "/supplier-invoices", BookSupplierInvoice)
accept(router, "/supplier-payments", PaySupplier)
accept(router, "/purchase-returns", ReturnToSupplier)
accept(router, "/subledger", InventoryStateSubledger)

Limit = Annotated[int, Query(ge=1, le=500)]
# Where a page begins; no key contains a slash, and "/" comes before all of them.
AfterPool = Annotated[str, Query(pattern=r"^[^/]*/[^/]*$", max_length=200, description="`next` of the page before")]
AfterMove = Annotated[str, Query(pattern=r"^[^/]*/\d{1,18}$", max_length=200, description="`next` of the page before")]
AfterAdjustment = Annotated[
    str, Query(pattern=r"^[^/]*/\d{1,18}/[^/]*$", max_length=300, description="`next` of the page before")
]
AfterLine = Annotated[str, Query(pattern=r"^[^/]*/\d{1,9}$", max_length=200, description="`next` of the page before")]
Search = Annotated[str | None, Query(max_length=200, description="any part of the name or of the number")]
Skus = Annotated[Sequence[Key], Query(max_length=500, description="just these, on one page")]
Suppliers = Annotated[Sequence[Key], Query(max_length=500, description="just these")]
AfterKey = Annotated[str | None, Query(pattern=r"^-?\d{1,18}(\.\d{1,8})?/[^/]*/[^/]*$", max_length=250)]
NewestIn = Annotated[Key | None, Query(description="a warehouse: its movements only, newest first")]
AfterId = Annotated[Key | None, Query(description="the last id of the page before")]


@router.get("/stock")
async def stock(
    db: Reading, sku: str | None = None, warehouse: str | None = None, after: AfterPool = "/", limit: Limit = 100
) -> stock_views.StockPage:
    """What is there, what orders hold of it, and what it is worth (库存)."""
    after_sku, after_warehouse = after.split("/")
    return await stock_views.stock(db, sku=sku, warehouse=warehouse, after=(after_sku, after_warehouse), limit=limit)


@router.get("/levels")
async def levels(
    db: Reading, q: Search = None, warehouse: Key | None = None, sort: level_views.Sort = "sku",
    after: AfterKey = None, limit: Limit = 50,
) -> level_views.LevelPage:
    """Stock by product and warehouse with names, as a list that is searched and sorted (库存)."""
    return await level_views.levels(db, search_range(q) if q else None, warehouse, sort, after, limit)


@router.get("/shortages")
async def shortages(
    db: Reading, warehouse: Key | None = None, below: Annotated[Decimal, Query(ge=0, le=10**12)] = Decimal(0),
    after: AfterKey = None, limit: Limit = 50,
) -> level_views.LevelPage:
    """Where less is free than orders wait for, or not more than `below`; what lacks most first (低库存)."""
    return await level_views.shortages(db, warehouse, below, after, limit)


@router.get("/stock/{sku}/moves")
async def moves(
    db: Reading, sku: str, after: AfterMove = "/0", limit: Limit = 100, newest_in: NewestIn = None
) -> stock_views.MovePage:
    """The stock ledger of a product (存货明细账), in the order of valuation; of one warehouse also backwards."""
    warehouse, n = after.split("/")
    if newest_in is not None:
        return await stock_views.moves_backwards(db, sku, newest_in, before=int(n), limit=limit)
    return await stock_views.moves(db, sku, after=(warehouse, int(n)), limit=limit)


@router.get("/stock/{sku}/adjustments")
async def adjustments(
    db: Reading, sku: str, after: AfterAdjustment = "/0/", limit: Limit = 100
) -> stock_views.AdjustmentPage:
    """What costs known late changed of a product's value (成本调整)."""
    warehouse, since, adjustment_id = after.split("/")
    return await stock_views.adjustments(db, sku, after=(warehouse, int(since), adjustment_id), limit=limit)


@router.get("/fulfilments/{order_id}")
async def fulfilment(db: Reading, order_id: str) -> stock_views.Fulfilment:
    """What an order gets from stock, and what has been shipped (发货进度)."""
    found = await stock_views.fulfilment(db, order_id)
    if found is None:
        raise not_found("order_id", order_id)
    return found


@router.get("/receipts/{receipt_id}")
async def receipt(db: Reading, receipt_id: str) -> stock_views.Receipt:
    """A receipt (入库单)."""
    found = await stock_views.receipt(db, receipt_id)
    if found is None:
        raise not_found("receipt_id", receipt_id)
    return found


@router.get("/products")
async def search_products(
    db: Reading, q: Search = None, sku: Skus = (), warehouse: Key | None = None, after: AfterId = None,
    limit: Limit = 50,
) -> list[product_views.Product]:
    """Products by sku with what of them is free: all, those found by a part of the name or sku, or those named."""
    if sku:
        return await product_views.of(db, sku, warehouse)
    return await product_views.search(db, search_range(q) if q else None, warehouse, after or "", limit)


@router.get("/products/{sku}")
async def product(db: Reading, sku: str) -> stock_views.Product:
    """A product (商品)."""
    found = await stock_views.product(db, sku)
    if found is None:
        raise not_found("sku", sku)
    return found


@router.get("/customer-returns/{return_id}")
async def customer_return(db: Reading, return_id: str) -> document_views.CustomerReturn:
    """A return from a customer (销售退货单)."""
    found = await document_views.customer_return(db, return_id)
    if found is None:
        raise not_found("return_id", return_id)
    return found


@router.get("/counts")
async def counts(
    db: Reading, waiting: bool = False, after: AfterId = None, limit: Limit = 50
) -> list[document_views.CountHeader]:
    """Stocktakes, newest first; `waiting`: only those whose differences nobody approved yet."""
    return await document_views.counts(db, waiting=waiting, after=after, limit=limit)


@router.get("/counts/{count_id}")
async def count(db: Reading, count_id: str) -> document_views.Count:
    """A stocktake, and who approved it (盘点单)."""
    found = await document_views.count(db, count_id)
    if found is None:
        raise not_found("count_id", count_id)
    return found


@router.get("/policies/negative-stock")
async def negative_stock(db: Reading) -> list[document_views.NegativeStock]:
    """What was decided about negative stock (负库存), the last decision first; none means it is not allowed."""
    return await document_views.negative_stock(db)


# -- purchasing -------------------------------------------------------------------------------------------------------


@router.get("/suppliers")
async def suppliers(
    db: Reading, q: Search = None, supplier_id: Suppliers = (), after: AfterId = None, limit: Limit = 100
) -> list[purchasing_views.Supplier]:
    """Suppliers by id, with what is owed to each (应付余额): all, those found by a part of the name, or those named."""
    if supplier_id:
        return await purchasing_views.suppliers_of(db, supplier_id)
    return await purchasing_views.suppliers(db, search_range(q) if q else None, after, limit)


@router.get("/suppliers/{supplier_id}")
async def supplier(db: Reading, supplier_id: str) -> purchasing_views.SupplierDetail:
    """A supplier with its bills that are not settled (供应商)."""
    found = await purchasing_views.supplier(db, supplier_id)
    if found is None:
        raise not_found("supplier_id", supplier_id)
    return found


@router.get("/purchase-orders")
async def purchases(
    db: Reading, state: State | None = None, supplier_id: Suppliers = (), sort: purchase_list.Sort = "id",
    after: AfterId = None, limit: Limit = 100,
) -> list[purchasing_views.PurchaseHeader]:
    """Purchase orders by id or by day, of all suppliers or of those named."""
    if sort != "id":
        return await purchase_list.by_day(db, state, supplier_id, sort, after, limit)
    return await purchasing_views.purchases(db, state=state, supplier_ids=supplier_id, after=after, limit=limit)


@router.get("/purchase-orders/{purchase_id}")
async def purchase(db: Reading, purchase_id: str) -> purchasing_views.Purchase:
    """A purchase order with what has come in (采购订单)."""
    found = await purchasing_views.purchase(db, purchase_id)
    if found is None:
        raise not_found("purchase_id", purchase_id)
    return found


@router.get("/supplier-invoices/{supplier_invoice_id}")
async def supplier_invoice(db: Reading, supplier_invoice_id: str) -> purchasing_views.SupplierInvoice:
    """A supplier's bill with its lines, payments and returns (采购发票)."""
    found = await purchasing_views.supplier_invoice(db, supplier_invoice_id)
    if found is None:
        raise not_found("supplier_invoice_id", supplier_invoice_id)
    return found


@router.get("/match-queue")
async def match_queue(
    db: Reading, supplier_id: Key | None = None, after: AfterLine = "/0", limit: Limit = 100
) -> purchasing_views.UnbilledPage:
    """What was received and is not billed yet (暂估), oldest first."""
    receipt_id, line = after.split("/")
    return await purchasing_views.match_queue(
        db, supplier_id=supplier_id, after=(receipt_id, int(line)), limit=limit
    )
