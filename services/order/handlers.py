"""What the order service does: every use case loads, decides, saves, and returns what happened."""

from collections.abc import Mapping, Sequence

from services.order.domain import fulfilment, openings, ordering, receivables, refunds, returns
from services.order.domain.values import Order
from services.order.store import accounts
from services.order.store import openings as before
from services.order.store import orders as store
from services.order.store import receivables as ledger
from services.order.store import returns as reversals
from services.order.views.subledger import movements
from shared.db import Db
from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.crm import CreditLimitChanged, CustomerRegistered
from shared.events.inventory import (
    GoodsReturned,
    GoodsShipped,
    ProductRegistered,
    ReservationReleased,
    StockReserved,
    StockShort,
)
from shared.events.openings import AdvanceOpened, OpenReceivables, ReceivableOpened
from shared.events.order import (
    ApproveOrder,
    CancelOrder,
    CreditNoteIssued,
    InvoiceIssued,
    IssueCreditNote,
    IssueInvoice,
    OrderPlaced,
    PaymentReceived,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
    RefundPaid,
    RejectOrder,
)
from shared.events.periods import OrderPeriodSealed, OrderSealPeriod
from shared.events.tieout import OrderSubledgerDetailed, OrderSubledgerStated
from shared.refusal import Refusal
from shared.service import Service
from shared.subledger import Subledger

service = Service("order")
subledger = Subledger(OrderSubledgerStated, OrderSubledgerDetailed, movements)
subledger.register(service)

Outcomes = list[Event | Refusal]


# -- what others said -------------------------------------------------------------------------------------------------


@service.on(BooksOpened)
async def open_company(db: Db, books: Sequence[BooksOpened]) -> list[Event]:
    """From now on this company may trade."""
    await accounts.save_company(db, books[0])
    return []


@service.on(ProductRegistered)
async def know_products(db: Db, products: Sequence[ProductRegistered]) -> list[Event]:
    await accounts.save_products(db, [product.sku for product in products])
    return []


@service.on(CustomerRegistered)
async def know_customers(db: Db, customers: Sequence[CustomerRegistered]) -> list[Event]:
    await accounts.insert_customers(db, customers)
    return []


@service.on(CreditLimitChanged)
async def change_credit_limits(db: Db, changes: Sequence[CreditLimitChanged]) -> list[Event]:
    """Counts for orders whose goods are reserved from now on."""
    await accounts.lock_customers(db, {change.customer_id for change in changes})
    await accounts.update_credit_limits(db, changes)
    return []


@service.on(StockShort)
async def mark_short(db: Db, shorts: Sequence[StockShort]) -> list[Event]:
    orders = await store.lock_orders(db, {event.order_id for event in shorts})
    await store.update_orders(db, fulfilment.mark_short(shorts, orders))
    return []


@service.on(StockReserved)
async def check_credit(db: Db, reserved: Sequence[StockReserved]) -> list[Event]:
    """The goods are there: approve the order, or ask a person (审核)."""
    order_ids = {event.order_id for event in reserved}
    customer_ids = await accounts.lock_customers_of(db, order_ids)
    orders = await store.lock_orders(db, order_ids)
    credits = await accounts.load_credits(db, customer_ids)
    changed, outcomes = fulfilment.check_credit(reserved, orders, credits)
    await store.update_orders(db, changed)
    return outcomes


@service.on(GoodsShipped)
async def value_shipments(db: Db, shipments: Sequence[GoodsShipped]) -> list[Event]:
    """Say what the shipments are worth, and pay them from advances (预收) at once."""
    order_ids = {event.order_id for event in shipments}
    customer_ids = await accounts.lock_customers_of(db, order_ids)
    orders = await store.lock_orders(db, order_ids)
    lines = await store.load_lines(db, order_ids)
    advances = await ledger.load_advances(db, customer_ids)
    changed, changed_lines, deliveries = fulfilment.deliver(shipments, orders, lines)
    spent, allocated = receivables.spend_advances(receivables.dues_of(deliveries), advances)
    await store.update_orders(db, changed)
    await store.update_lines(db, changed_lines)
    await ledger.insert_deliveries(db, deliveries)
    await ledger.insert_delivery_lines(db, deliveries)
    if allocated:
        await ledger.update_advances(db, spent)
        await ledger.insert_allocations(db, allocated)
    return [*deliveries, *allocated]


@service.on(GoodsReturned)
async def value_returns(db: Db, returned: Sequence[GoodsReturned]) -> list[Event]:
    """Say what the goods that came back had been sold for; a settled order is open again."""
    order_ids = {event.order_id for event in returned}
    delivery_ids = {event.shipment_id for event in returned}
    await accounts.lock_customers_of(db, order_ids)
    orders = await store.lock_orders(db, order_ids)
    deliveries = await reversals.load_deliveries(db, delivery_ids)
    lines = await reversals.load_delivery_lines(db, delivery_ids)
    taken = returns.take_back(returned, orders, deliveries, lines)
    await store.update_orders(db, taken.orders)
    await reversals.update_delivery_lines(db, taken.lines)
    await reversals.update_deliveries(db, taken.deliveries)
    await reversals.insert_returns(db, taken.outcomes)
    return [*taken.outcomes, *await _settle(db, orders | {order.order_id: order for order in taken.orders})]


@service.on(ReservationReleased)
async def end_cancellations(db: Db, releases: Sequence[ReservationReleased]) -> list[Event]:
    order_ids = {event.order_id for event in releases}
    orders = await store.lock_orders(db, order_ids)
    lines = await store.load_lines(db, order_ids)
    changed, outcomes = fulfilment.end_cancellations(releases, orders, lines)
    await store.update_orders(db, changed)
    return [*outcomes, *await _settle(db, {order.order_id: order for order in changed})]


# -- what people and machines ask for ---------------------------------------------------------------------------------


@service.does(PlaceOrder)
async def place_orders(db: Db, commands: Sequence[PlaceOrder]) -> Outcomes:
    known = await store.load_for_placing(
        db,
        [command.order_id for command in commands],
        [command.customer_id for command in commands],
        [line.sku for command in commands for line in command.lines],
    )
    outcomes = ordering.place_orders(commands, known.company, known.customers, known.skus, known.ids)
    placed = [(o, c.actor.name) for o, c in zip(outcomes, commands, strict=True) if isinstance(o, OrderPlaced)]
    if placed:
        await store.insert_orders(db, [order for order, _ in placed], [maker for _, maker in placed])
        await store.insert_lines(db, [order for order, _ in placed])
    return [*outcomes]


@service.does(ApproveOrder)
async def approve_orders(db: Db, commands: Sequence[ApproveOrder]) -> Outcomes:
    """Approving commits the customer's credit, so its row is locked too."""
    order_ids = {command.order_id for command in commands}
    await accounts.lock_customers_of(db, order_ids)
    orders = await store.lock_orders(db, order_ids)
    changed, outcomes = ordering.decide_each(commands, orders, ordering.approve)
    await store.update_orders(db, changed)
    return outcomes


@service.does(RejectOrder)
async def reject_orders(db: Db, commands: Sequence[RejectOrder]) -> Outcomes:
    orders = await store.lock_orders(db, {command.order_id for command in commands})
    changed, outcomes = ordering.decide_each(commands, orders, ordering.reject)
    await store.update_orders(db, changed)
    return outcomes


@service.does(CancelOrder)
async def cancel_orders(db: Db, commands: Sequence[CancelOrder]) -> Outcomes:
    """Only asks the warehouse; `end_cancellations` hears its answer."""
    orders = await store.lock_orders(db, {command.order_id for command in commands})
    changed, outcomes = ordering.decide_each(commands, orders, ordering.request_cancel)
    await store.update_orders(db, changed)
    return outcomes


@service.does(IssueInvoice)
async def issue_invoices(db: Db, commands: Sequence[IssueInvoice]) -> Outcomes:
    orders = await store.lock_orders(db, {command.order_id for command in commands})
    uninvoiced = await ledger.load_uninvoiced(db, orders)
    known = await ledger.load_invoice_ids(db, [command.invoice_id for command in commands])
    outcomes = receivables.issue_invoices(commands, orders, uninvoiced, known)
    issued = [o for o in outcomes if isinstance(o, InvoiceIssued)]
    if not issued:
        return [*outcomes]
    await ledger.insert_invoices(db, issued)
    await ledger.update_invoiced(db, issued)
    return [*outcomes, *await _settle(db, {i.order_id: orders[i.order_id] for i in issued})]


@service.does(ReceivePayment)
async def receive_payments(db: Db, commands: Sequence[ReceivePayment]) -> Outcomes:
    customer_ids = [command.customer_id for command in commands]
    order_ids = [command.order_id for command in commands if command.order_id]
    await accounts.lock_customers(db, customer_ids)
    known = await ledger.load_for_receipts(db, [command.payment_id for command in commands], customer_ids)
    customer_of = await ledger.load_customer_of(db, order_ids)
    payable = await ledger.load_open(db, order_ids, [c.customer_id for c in commands if not c.order_id])
    outcomes = receivables.receive_payments(commands, known.company, known.customers, customer_of, known.ids, payable)
    received = [o for o in outcomes if isinstance(o, PaymentReceived)]
    paid_orders = {a.order_id for payment in received for a in payment.allocations if a.order_id}
    orders = await store.lock_orders(db, paid_orders)
    await ledger.insert_payments(db, received)
    await ledger.insert_allocations(db, received)
    return [*outcomes, *await _settle(db, orders)]


@service.does(OpenReceivables)
async def open_receivables(db: Db, commands: Sequence[OpenReceivables]) -> Outcomes:
    """Bring in what was owed before the books. Receipts that came since pay it at once, as they do deliveries; advances
    that a sheet brought in do not, since it says that both were open."""
    customer_ids = {row.customer_id for command in commands for row in command.rows}
    await accounts.lock_customers(db, customer_ids)
    outcomes = openings.open_receivables(commands, await before.load_known(db, commands))
    owed = [o for o in outcomes if isinstance(o, ReceivableOpened)]
    received = [a for a in await ledger.load_advances(db, [o.customer_id for o in owed]) if not a.opened]
    spent, allocated = receivables.spend_advances(openings.dues_of(owed), received)
    await before.insert_receivables(db, owed)
    await before.insert_advances(db, [o for o in outcomes if isinstance(o, AdvanceOpened)])
    if allocated:
        await ledger.update_advances(db, spent)
        await ledger.insert_allocations(db, allocated)
    return [*outcomes, *allocated]


@service.does(IssueCreditNote)
async def issue_credit_notes(db: Db, commands: Sequence[IssueCreditNote]) -> Outcomes:
    orders = await store.lock_orders(db, {command.order_id for command in commands})
    uncredited = await reversals.load_uncredited(db, orders)
    known = await reversals.load_credit_note_ids(db, [command.credit_note_id for command in commands])
    outcomes = returns.issue_credit_notes(commands, orders, uncredited, known)
    issued = [o for o in outcomes if isinstance(o, CreditNoteIssued)]
    if not issued:
        return [*outcomes]
    await reversals.insert_credit_notes(db, issued)
    await reversals.insert_credited(db, issued)
    return [*outcomes, *await _settle(db, {note.order_id: orders[note.order_id] for note in issued})]


@service.does(PayRefund)
async def pay_refunds(db: Db, commands: Sequence[PayRefund]) -> Outcomes:
    customer_ids = [command.customer_id for command in commands]
    await accounts.lock_customers(db, customer_ids)
    known = await reversals.load_for_refunds(db, [command.refund_id for command in commands], customer_ids)
    customer_of = await ledger.load_customer_of(db, [command.order_id for command in commands if command.order_id])
    owed = await reversals.load_owed(db, customer_ids)
    outcomes, parts = refunds.pay_refunds(commands, known.company, known.customers, customer_of, known.ids, owed)
    orders = await store.lock_orders(db, {p.source.order_id for p in parts if p.source.order_id})
    await reversals.insert_refunds(db, [o for o in outcomes if isinstance(o, RefundPaid)])
    await reversals.insert_refund_parts(db, parts)
    return [*outcomes, *await _settle(db, orders)]


async def _settle(db: Db, orders: Mapping[str, Order]) -> Sequence[Event]:
    """Settle what became settled; the orders are locked."""
    dues = await ledger.load_dues(db, orders)
    settled, outcomes = receivables.settle(orders, dues)
    if settled:
        await store.update_orders(db, settled)
    return outcomes


# -- periods ----------------------------------------------------------------------------------------------------------


@service.does(OrderSealPeriod)
async def seal_periods(_db: Db, commands: Sequence[OrderSealPeriod]) -> list[Event]:
    """The place of the event in the log is all that it says: what stands behind it is late."""
    return [OrderPeriodSealed(period=command.period) for command in commands]
