"""What the tests of crm say, ask and look at."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeVar

from services.crm.handlers import service
from services.crm.views import care, customers
from shared.db import Db, Pool
from shared.events import Actor, Command
from shared.events.accounting import BooksOpened
from shared.events.crm import (
    AddContact,
    ChangeCreditLimit,
    ChangeCustomer,
    FileComplaint,
    LogCommunication,
    NewCustomer,
    RegisterCustomers,
    ResolveComplaint,
)
from shared.events.inventory import ProductRegistered
from shared.events.order import (
    Allocation,
    CreditNoteIssued,
    DeliveredLine,
    InvoiceIssued,
    OrderApproved,
    OrderLine,
    OrderPlaced,
    OrderSettled,
    PaymentAllocated,
    PaymentReceived,
    RefundPaid,
    SaleDelivered,
    SaleReturned,
)
from shared.refusal import Refusal
from shared.testing import ask, deliver

D = Decimal
T = TypeVar("T")
C = TypeVar("C", bound=Command)
CHINA = timezone(timedelta(hours=8))
DAY, LATER = date(2026, 3, 2), date(2026, 3, 9)
NOON = datetime(2026, 3, 2, 12, tzinfo=CHINA)
ALWAYS = datetime(2999, 1, 1, tzinfo=UTC)

# -- commands ---------------------------------------------------------------------------------------------------------


def register(*ids: str, name: str = "华为技术有限公司", limit: str = "1000.00") -> RegisterCustomers:
    new = tuple(NewCustomer(customer_id=i, name=name, credit_limit=D(limit), salesperson="li") for i in ids or ("K1",))
    return RegisterCustomers(customers=new)


def rename(customer_id: str = "K1", **changed: Any) -> ChangeCustomer:
    return ChangeCustomer(**{"customer_id": customer_id, **changed})


def limit(amount: str, customer_id: str = "K1") -> ChangeCreditLimit:
    return ChangeCreditLimit(customer_id=customer_id, credit_limit=D(amount))


def contact(contact_id: str = "P1", **changed: Any) -> AddContact:
    return AddContact(**{
        "contact_id": contact_id, "customer_id": "K1", "name": "张三丰", "title": "采购经理", "phone": "13800138000",
        "email": "san@example.com", **changed,
    })


def talk(communication_id: str = "T1", **changed: Any) -> LogCommunication:
    return LogCommunication(**{
        "communication_id": communication_id, "customer_id": "K1", "channel": "phone", "talked_at": NOON,
        "text": "想要更多的茶", **changed,
    })


def complaint(complaint_id: str = "B1", **changed: Any) -> FileComplaint:
    return FileComplaint(**{
        "complaint_id": complaint_id, "customer_id": "K1", "filed_at": NOON, "due_at": NOON + timedelta(days=2),
        "text": "茶叶受潮了", **changed,
    })


def resolve(complaint_id: str = "B1", **changed: Any) -> ResolveComplaint:
    return ResolveComplaint(**{
        "complaint_id": complaint_id, "resolved_at": NOON + timedelta(days=1), "text": "已换新茶", **changed,
    })


def by(command: C, name: str = "anna") -> C:
    command.asked_by(Actor(name, "C1"))
    return command


# -- events: 100.00 net a piece, 13.00 tax ----------------------------------------------------------------------------


def books(currency: str = "CNY") -> BooksOpened:
    return BooksOpened(
        ledger="main", name="Test", currency=currency, standard="assbe", vat_rate=D("0.13"), opened_on=DAY
    )


def product(sku: str) -> ProductRegistered:
    return ProductRegistered(sku=sku, name=f"茶 {sku}", unit="件")


def placed(order_id: str = "SO-1", quantity: int = 3, on: date = DAY, customer_id: str = "K1") -> OrderPlaced:
    net, tax = D(100 * quantity), D(13 * quantity)
    line = OrderLine(
        line=1, sku="S1", quantity=D(quantity), unit_price=D(100), net=net, tax_rate=D("0.13"), tax=tax, gross=net + tax
    )
    return OrderPlaced(
        order_id=order_id, customer_id=customer_id, ordered_on=on, currency="CNY", warehouse="main", salesperson="li",
        lines=(line,), net=net, tax=tax, gross=net + tax,
    )


def approved(order_id: str = "SO-1") -> OrderApproved:
    return OrderApproved(order_id=order_id, customer_id="K1", approver="credit-policy")


def settled(order_id: str = "SO-1") -> OrderSettled:
    return OrderSettled(order_id=order_id, customer_id="K1")


def _lines(pieces: Sequence[tuple[str, int]]) -> tuple[DeliveredLine, ...]:
    return tuple(
        DeliveredLine(line=i, sku=sku, quantity=D(n), net=D(100 * n), tax=D(13 * n), gross=D(113 * n))
        for i, (sku, n) in enumerate(pieces, start=1)
    )


def delivered(
    delivery_id: str, *pieces: tuple[str, int], order_id: str = "SO-1", on: date = DAY, customer_id: str = "K1"
) -> SaleDelivered:
    n = sum(quantity for _, quantity in pieces)
    return SaleDelivered(
        delivery_id=delivery_id, order_id=order_id, customer_id=customer_id, delivered_on=on, currency="CNY",
        lines=_lines(pieces), net=D(100 * n), tax=D(13 * n), gross=D(113 * n),
    )


def returned(return_id: str, *pieces: tuple[str, int], order_id: str = "SO-1", on: date = LATER) -> SaleReturned:
    n = sum(quantity for _, quantity in pieces)
    return SaleReturned(
        return_id=return_id, delivery_id="D1", order_id=order_id, customer_id="K1", returned_on=on, currency="CNY",
        lines=_lines(pieces), net=D(100 * n), tax=D(13 * n), gross=D(113 * n),
    )


def invoiced(invoice_id: str, pieces: int, order_id: str = "SO-1") -> InvoiceIssued:
    return InvoiceIssued(
        invoice_id=invoice_id, order_id=order_id, customer_id="K1", issued_on=DAY, currency="CNY", deliveries=(),
        net=D(100 * pieces), tax=D(13 * pieces), gross=D(113 * pieces),
    )


def credited(credit_note_id: str, pieces: int, order_id: str = "SO-1") -> CreditNoteIssued:
    return CreditNoteIssued(
        credit_note_id=credit_note_id, order_id=order_id, customer_id="K1", issued_on=LATER, currency="CNY",
        returns=(), net=D(100 * pieces), tax=D(13 * pieces), gross=D(113 * pieces),
    )


def _allocations(paid: dict[str, str]) -> tuple[Allocation, ...]:
    return tuple(Allocation(order_id=o, delivery_id=f"D-{o}", amount=D(amount)) for o, amount in paid.items())


def received(payment_id: str, amount: str, on: date = DAY, **paid: str) -> PaymentReceived:
    allocations = _allocations({key.replace("_", "-"): value for key, value in paid.items()})
    allocated = sum((a.amount for a in allocations), D(0))
    return PaymentReceived(
        payment_id=payment_id, customer_id="K1", received_on=on, currency="CNY", amount=D(amount),
        allocations=allocations, allocated=allocated, unallocated=D(amount) - allocated,
    )


def allocated(payment_id: str, amount: str, order_id: str = "SO-1") -> PaymentAllocated:
    return PaymentAllocated(
        payment_id=payment_id, customer_id="K1", allocated_on=LATER, currency="CNY",
        allocations=_allocations({order_id: amount}), allocated=D(amount),
    )


def refunded(refund_id: str, from_returns: str, from_advances: str = "0") -> RefundPaid:
    return RefundPaid(
        refund_id=refund_id, customer_id="K1", paid_on=LATER, currency="CNY", amount=D(from_returns) + D(from_advances),
        from_returns=D(from_returns), from_advances=D(from_advances),
    )


# -- what is done and seen --------------------------------------------------------------------------------------------


async def open_company(pool: Pool, company: str = "C1") -> None:
    """Books, and the customers K1 and K2."""
    await deliver(pool, service, books(), company=company)
    await done(pool, register("K1", "K2"), company=company)


async def done(pool: Pool, *commands: Command, company: str = "C1", actor: str = "anna") -> None:
    for command in commands:
        answer = await ask(pool, service, command, company=company, actor=actor)
        assert answer.ok, answer.errors


async def view(pool: Pool, read_it: Callable[[Db], Awaitable[T]], company: str = "C1") -> T:
    async with pool.acquire() as connection:
        return await read_it(Db(connection, company))


async def page(pool: Pool, customer_id: str = "K1", company: str = "C1") -> customers.CustomerPage:
    found = await view(pool, lambda db: customers.find_customer(db, customer_id), company)
    assert found is not None
    return found


async def found(pool: Pool, text: str | None = None, after: str | None = None, limit: int = 50) -> list[str]:
    listed = await view(pool, lambda db: customers.list_customers(db, text, "id", after, limit))
    return [customer.customer_id for customer in listed]


async def reminders(
    pool: Pool, until: datetime = ALWAYS, now: datetime = NOON, limit: int = 50, company: str = "C1"
) -> list[care.Reminder]:
    return await view(pool, lambda db: care.reminders(db, until, now, limit), company)


def refused(outcome: object) -> tuple[str, str, int]:
    assert isinstance(outcome, Refusal)
    assert set(outcome.error()) == {"field", "code", "message_zh", "message_en"}
    return outcome.field, outcome.code, outcome.status
