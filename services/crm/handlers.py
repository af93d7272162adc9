"""What crm does: every use case loads, decides, saves, and returns what happened."""

from collections.abc import Sequence

from services.crm.domain import care, customers, trade
from services.crm.store import care as care_store
from services.crm.store import customers as store
from services.crm.store import trade as trade_store
from shared.db import Db
from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.crm import (
    AddContact,
    ChangeCreditLimit,
    ChangeCustomer,
    CreditLimitChanged,
    FileComplaint,
    LogCommunication,
    RegisterCustomers,
    ResolveComplaint,
)
from shared.events.inventory import ProductRegistered
from shared.events.openings import AdvanceOpened, ReceivableOpened
from shared.events.order import (
    ApprovalRequested,
    CreditNoteIssued,
    InvoiceIssued,
    OrderApproved,
    OrderCancelDeclined,
    OrderCancelled,
    OrderCancelRequested,
    OrderPlaced,
    OrderRejected,
    OrderSettled,
    PaymentAllocated,
    PaymentReceived,
    RefundPaid,
    SaleDelivered,
    SaleReturned,
)
from shared.refusal import Refusal
from shared.service import Service

service = Service("crm")

Outcomes = list[Event | Refusal]


# -- what others said -------------------------------------------------------------------------------------------------


@service.on(BooksOpened)
async def open_company(db: Db, books: Sequence[BooksOpened]) -> list[Event]:
    """From now on this company may have customers."""
    await store.save_company(db, books[0].currency)
    return []


@service.on(ProductRegistered)
async def know_products(db: Db, products: Sequence[ProductRegistered]) -> list[Event]:
    await store.save_products(db, products)
    return []


@service.on(
    OrderPlaced, ApprovalRequested, OrderApproved, OrderRejected, OrderCancelRequested, OrderCancelled,
    OrderCancelDeclined, OrderSettled, SaleDelivered, SaleReturned, InvoiceIssued, CreditNoteIssued, PaymentReceived,
    PaymentAllocated, RefundPaid, ReceivableOpened, AdvanceOpened,
)
async def keep_pages(db: Db, events: Sequence[Event]) -> list[Event]:
    """Keep the customers' pages: their orders, documents, accounts, and what they bought."""
    news = trade.read(events)
    await trade_store.insert_documents(db, news.documents)
    await trade_store.add_to_orders(db, news.orders)
    await trade_store.add_to_accounts(db, news.accounts)
    await trade_store.add_to_purchases(db, news.purchases)
    return []


# -- what people and machines ask for ---------------------------------------------------------------------------------


@service.does(RegisterCustomers)
async def register_customers(db: Db, commands: Sequence[RegisterCustomers]) -> Outcomes:
    known = await store.load_for_registering(db, [new.customer_id for c in commands for new in c.customers])
    registered, outcomes = customers.register(commands, known)
    await store.insert_customers(db, registered)
    return outcomes


@service.does(ChangeCustomer)
async def change_customers(db: Db, commands: Sequence[ChangeCustomer]) -> Outcomes:
    before = await store.lock_customers(db, {command.customer_id for command in commands})
    after, refusals = customers.change(commands, before)
    await store.update_customers(db, before, after)
    return [*refusals]


@service.does(ChangeCreditLimit)
async def change_credit_limits(db: Db, commands: Sequence[ChangeCreditLimit]) -> Outcomes:
    known = await store.lock_for_limits(db, {command.customer_id for command in commands})
    outcomes = customers.change_limits(commands, known)
    await store.update_credit_limits(db, [o for o in outcomes if isinstance(o, CreditLimitChanged)])
    return [*outcomes]


@service.does(AddContact)
async def add_contacts(db: Db, commands: Sequence[AddContact]) -> Outcomes:
    known = await care_store.load_for_contacts(
        db, [command.contact_id for command in commands], [command.customer_id for command in commands]
    )
    contacts, refusals = care.add_contacts(commands, known)
    await care_store.insert_contacts(db, contacts)
    return [*refusals]


@service.does(LogCommunication)
async def log_communications(db: Db, commands: Sequence[LogCommunication]) -> Outcomes:
    """Write talks down; one may be the follow-up that an earlier one asked for."""
    customer_ids = {command.customer_id for command in commands}
    await store.lock_customers(db, customer_ids)
    known = await care_store.load_for_communications(
        db, [command.communication_id for command in commands], customer_ids,
        [command.contact_id for command in commands if command.contact_id],
    )
    talks, outcomes = care.log_communications(commands, known)
    await care_store.insert_communications(db, talks)
    await care_store.follow_up(db, {talk.customer_id for talk in talks})
    return outcomes


@service.does(FileComplaint)
async def file_complaints(db: Db, commands: Sequence[FileComplaint]) -> Outcomes:
    known = await care_store.load_for_complaints(
        db, [command.complaint_id for command in commands], [command.customer_id for command in commands],
        [command.order_id for command in commands if command.order_id],
    )
    complaints, outcomes = care.file_complaints(commands, known)
    await care_store.insert_complaints(db, complaints)
    return outcomes


@service.does(ResolveComplaint)
async def resolve_complaints(db: Db, commands: Sequence[ResolveComplaint]) -> Outcomes:
    complaints = await care_store.lock_complaints(db, [command.complaint_id for command in commands])
    resolutions, outcomes = care.resolve_complaints(commands, complaints)
    await care_store.resolve_complaints(db, resolutions)
    return outcomes
