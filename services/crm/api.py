"""The HTTP door of crm."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from services.crm.views import care, customers
from shared.events.base import Key
from shared.events.crm import (
    AddContact,
    ChangeCreditLimit,
    ChangeCustomer,
    FileComplaint,
    LogCommunication,
    RegisterCustomers,
    ResolveComplaint,
)
from shared.http import Reading, accept, not_found

router = APIRouter()

accept(router, "/customers", RegisterCustomers)
accept(router, "/customers/changes", ChangeCustomer)
accept(router, "/customers/credit-limits", ChangeCreditLimit)
accept(router, "/contacts", AddContact)
accept(router, "/communications", LogCommunication)
accept(router, "/complaints", FileComplaint)
accept(router, "/complaints/resolutions", ResolveComplaint)

FIRST_YEAR, LAST_YEAR = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)

After = Annotated[Key | None, Query(description="the last id of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
Ids = Annotated[Sequence[Key], Query(max_length=500, description="just these, on one page")]
Search = Annotated[str | None, Query(max_length=200, description="any part of the name or of the id")]
Until = Annotated[
    AwareDatetime, Query(ge=FIRST_YEAR, lt=LAST_YEAR, description="with the time zone in which days are counted")
]


@router.get("/customers")
async def list_customers(
    db: Reading, q: Search = None, customer_id: Ids = (), sort: customers.Sort = "id", after: After = None,
    limit: Limit = 50,
) -> list[customers.Customer]:
    """Customers, all or those that are found by a part of the name or id (客户查询); or those that are named."""
    if customer_id:
        return await customers.customers_of(db, customer_id)
    return await customers.list_customers(db, q, sort, after, limit)


@router.get("/customers/{customer_id}")
async def show_customer(db: Reading, customer_id: Key) -> customers.CustomerPage:
    """All about one customer (客户全景): contacts, complaints, talks, orders, documents, balance, what was bought."""
    customer = await customers.find_customer(db, customer_id)
    if customer is None:
        raise not_found("customer_id", customer_id)
    return customer


@router.get("/communications")
async def list_communications(
    db: Reading, customer_id: Key, after: After = None, limit: Limit = 50
) -> list[care.Communication]:
    """A customer's talks (沟通记录), newest first."""
    return await care.communications_of(db, customer_id, after, limit)


@router.get("/complaints")
async def list_complaints(
    db: Reading, state: Literal["open", "resolved"] | None = None, customer_id: Key | None = None,
    after: After = None, limit: Limit = 50,
) -> list[care.Complaint]:
    """Complaints (投诉): the open ones soonest due first, else newest first."""
    if state == "open":
        return await care.open_complaints(db, customer_id, after, limit)
    return await care.list_complaints(db, customer_id, state == "resolved", after, limit)


@router.get("/reminders")
async def list_reminders(db: Reading, until: Until, limit: Limit = 100) -> list[care.Reminder]:
    """Open complaints and follow-ups that are due until a moment, soonest first (提醒)."""
    return await care.reminders(db, until, datetime.now(UTC), limit)
