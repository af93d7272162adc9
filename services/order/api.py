"""The HTTP door of the order service."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from services.order import views
from services.order.domain.values import State
from services.order.views.listing import FIRST, LAST
from shared.events.base import Key
from shared.events.openings import OpenReceivables
from shared.events.order import (
    ApproveOrder,
    CancelOrder,
    IssueCreditNote,
    IssueInvoice,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
    RejectOrder,
)
from shared.events.periods import OrderSealPeriod
from shared.events.tieout import OrderStateSubledger
from shared.http import Reading, accept, not_found

router = APIRouter()

accept(router, "/orders", PlaceOrder)
accept(router, "/approvals", ApproveOrder)
accept(router, "/rejections", RejectOrder)
accept(router, "/cancellations", CancelOrder)
accept(router, "/invoices", IssueInvoice)
accept(router, "/credit-notes", IssueCreditNote)
accept(router, "/payments", ReceivePayment)
accept(router, "/refunds", PayRefund)
accept(router, "/openings/receivables", OpenReceivables)
accept(router, "/periods/seals", OrderSealPeriod)
accept(router, "/subledger", OrderStateSubledger)

After = Annotated[Key | None, Query(description="the last id of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
Customers = Annotated[Sequence[Key], Query(max_length=50, description="of any of these customers")]
Number = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$", description="the beginning of an order's number")]
Since, Until = Query(description="ordered on this day or later"), Query(description="ordered on this day or before")


@router.get("/orders")
async def list_orders(
    db: Reading, state: State | None = None, customer_id: Customers = (), since: Annotated[date, Since] = FIRST,
    until: Annotated[date, Until] = LAST, number: Number = "", sort: views.Sort = "-date", after: After = None,
    limit: Limit = 50,
) -> list[views.OrderHeader]:
    """Orders, newest first; by number when one is looked for."""
    return await views.list_orders(
        db, views.Wanted(state, tuple(customer_id), since, until, number, sort, after, limit))


@router.get("/orders/{order_id}")
async def show_order(db: Reading, order_id: str) -> views.OrderDetail:
    """One order with its lines, deliveries, returns, invoices, credit notes, receipts and refunds."""
    order = await views.find_order(db, order_id)
    if order is None:
        raise not_found("order_id", order_id)
    return order


@router.get("/customers/{customer_id}")
async def show_customer(db: Reading, customer_id: str) -> views.Customer:
    """A customer's credit limit, exposure, open receivable and advances."""
    customer = await views.find_customer(db, customer_id)
    if customer is None:
        raise not_found("customer_id", customer_id)
    return customer


@router.get("/summary")
async def show_summary(db: Reading) -> views.Summary:
    """Counts over all orders; reads everything, so never poll it."""
    return await views.summarize(db)


@router.get("/receivables")
async def list_receivables(db: Reading, after: After = None, limit: Limit = 100) -> list[views.Receivable]:
    """What every customer owes for deliveries, and what returns left in its favour, by customer."""
    return await views.list_receivables(db, after, limit)
