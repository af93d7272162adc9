"""Use cases of purchasing: suppliers, purchase orders, their bills, payments to them, returns to them."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from services.inventory import store
from services.inventory.domain.costing import Stocks, changed
from services.inventory.domain.purchasing import matching, opening, ordering, paying, returning, suppliers
from services.inventory.domain.purchasing.values import LineKey, News
from services.inventory.domain.revaluation import cost_adjusted
from services.inventory.handlers import service
from services.inventory.handlers.costs import adjust_costs, save_adjustments
from services.inventory.store import purchasing
from shared.db import Db
from shared.events import Event
from shared.events.inventory import (
    BookSupplierInvoice,
    PaySupplier,
    PlacePurchaseOrder,
    PurchaseOrdered,
    PurchaseReturned,
    RegisterSuppliers,
    ReturnToSupplier,
    SupplierInvoiced,
    SupplierPaid,
    SupplierRegistered,
)
from shared.events.openings import OpenPayables, PayableOpened
from shared.refusal import Refusal


@service.does(RegisterSuppliers)
async def register_suppliers(db: Db, commands: Sequence[RegisterSuppliers]) -> list[Event | Refusal]:
    books = await purchasing.books(db)
    known = await purchasing.known_suppliers(db, (s.supplier_id for command in commands for s in command.suppliers))
    outcomes = suppliers.register(commands, books, known)
    await purchasing.save_suppliers(db, [o for o in outcomes if isinstance(o, SupplierRegistered)])
    return list(outcomes)


@service.does(PlacePurchaseOrder)
async def place_purchase_order(db: Db, commands: Sequence[PlacePurchaseOrder]) -> list[Event | Refusal]:
    known = ordering.Known(
        await purchasing.books(db),
        await purchasing.known_suppliers(db, (command.supplier_id for command in commands)),
        await store.known_products(db, (line.sku for command in commands for line in command.lines)),
        await purchasing.taken_purchases(db, [command.purchase_id for command in commands]),
    )
    outcomes = ordering.order(commands, known)
    await purchasing.save_purchases(db, [o for o in outcomes if isinstance(o, PurchaseOrdered)])
    return list(outcomes)


@service.does(BookSupplierInvoice)
async def book_supplier_invoice(db: Db, commands: Sequence[BookSupplierInvoice]) -> list[Event | Refusal]:
    keys = {LineKey(line.receipt_id, line.line) for command in commands for line in command.lines}
    stock = await store.lock_stock(db, await purchasing.pools_of_receipt_lines(db, keys))
    known = matching.Known(
        await purchasing.books(db),
        await purchasing.lock_suppliers(db, (command.supplier_id for command in commands)),
        await purchasing.taken_supplier_invoices(db, [command.supplier_invoice_id for command in commands]),
        stock,
    )
    booked = matching.book(commands, known, await purchasing.load_matches(db, keys))
    await purchasing.save_supplier_invoices(db, [o for o in booked.outcomes if isinstance(o, SupplierInvoiced)])
    await purchasing.update_matches(db, booked.matches)
    now: Stocks = stock
    events = list[Event | Refusal]()
    for outcome in booked.outcomes:
        events.append(outcome)
        if isinstance(outcome, SupplierInvoiced):
            bill = _Document(f"supplier_invoice:{outcome.supplier_invoice_id}", outcome.invoiced_on, outcome.currency)
            now, adjusted = await _adjust(db, bill, booked.news[outcome.supplier_invoice_id], now)
            events += adjusted
    await store.save_stock(db, changed(stock, now))
    return events


class _Document(NamedTuple):
    """What brings the news."""

    adjustment_id: str
    day: date
    currency: str


async def _adjust(db: Db, document: _Document, news: News, stock: Stocks) -> tuple[Stocks, list[Event]]:
    """The pools at the costs that are known now, and what is said of it; the moves are all saved."""
    if not news:
        return stock, []
    now, lines = await adjust_costs(db, stock, news, document.currency)
    if not lines:
        return now, []
    adjusted = cost_adjusted(document.adjustment_id, document.day, document.currency, lines)
    await save_adjustments(db, [adjusted], now)
    return now, [adjusted]


@service.does(OpenPayables)
async def open_payables(db: Db, commands: Sequence[OpenPayables]) -> list[Event | Refusal]:
    """Bring in what was owed before the books."""
    known = opening.Known(
        await purchasing.books(db),
        await purchasing.lock_suppliers(db, (row.supplier_id for command in commands for row in command.rows)),
        await purchasing.brought_in(db, [command.opening_id for command in commands]),
        await purchasing.taken_supplier_invoices(db, [row.document for command in commands for row in command.rows]),
    )
    outcomes = opening.open_payables(commands, known)
    await purchasing.save_payables(db, [o for o in outcomes if isinstance(o, PayableOpened)])
    return list(outcomes)


@service.does(PaySupplier)
async def pay_supplier(db: Db, commands: Sequence[PaySupplier]) -> list[Event | Refusal]:
    ids = {command.supplier_id for command in commands}
    known = paying.Known(
        await purchasing.books(db),
        await purchasing.lock_suppliers(db, ids),
        await purchasing.taken_supplier_payments(db, [command.supplier_payment_id for command in commands]),
    )
    outcomes = paying.pay(commands, known, await purchasing.load_owed(db, ids))
    await purchasing.save_supplier_payments(db, [o for o in outcomes if isinstance(o, SupplierPaid)])
    return list(outcomes)


@service.does(ReturnToSupplier)
async def return_to_supplier(db: Db, commands: Sequence[ReturnToSupplier]) -> list[Event | Refusal]:
    keys = {LineKey(command.receipt_id, line.line) for command in commands for line in command.lines}
    stock = await store.lock_stock(db, await purchasing.pools_of_receipt_lines(db, keys))
    receipts = await purchasing.load_receipts(db, [command.receipt_id for command in commands])
    await purchasing.lock_suppliers(db, (receipt.supplier_id for receipt in receipts.values()))
    ids = [command.purchase_return_id for command in commands]
    known = returning.Known(
        await store.currency(db), await purchasing.taken_purchase_returns(db, ids), receipts
    )
    state = returning.State(stock, await purchasing.load_matches(db, keys), await purchasing.load_billed(db, keys))
    returned = returning.send_back(commands, known, state)
    await purchasing.save_purchase_returns(db, [o for o in returned.outcomes if isinstance(o, PurchaseReturned)])
    await purchasing.save_credits(db, returned.credits)
    await purchasing.update_matches(db, returned.matches)
    await store.save_moves(db, returned.moves)
    now, events = returned.stock, list[Event | Refusal]()
    for outcome in returned.outcomes:
        events.append(outcome)
        if isinstance(outcome, PurchaseReturned):
            document = _Document(
                f"purchase_return:{outcome.purchase_return_id}", outcome.returned_on, outcome.currency
            )
            now, adjusted = await _adjust(db, document, returned.news[outcome.purchase_return_id], now)
            events += adjusted
    await store.save_stock(db, changed(stock, now))
    return events
