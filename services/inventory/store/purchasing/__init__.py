"""SQL of purchasing that writes or locks. Lock the pools first, then the supplier or the purchase order."""

from services.inventory.store.purchasing.bills import (
    add_matches,
    brought_in,
    load_matches,
    load_owed,
    pools_of_receipt_lines,
    save_payables,
    save_supplier_invoices,
    save_supplier_payments,
    taken_supplier_invoices,
    taken_supplier_payments,
    update_matches,
)
from services.inventory.store.purchasing.orders import (
    books,
    known_suppliers,
    lock_purchases,
    lock_suppliers,
    save_purchases,
    save_suppliers,
    taken_purchases,
    update_purchases,
)
from services.inventory.store.purchasing.returns import (
    load_billed,
    load_receipts,
    save_credits,
    save_purchase_returns,
    taken_purchase_returns,
)

__all__ = [
    "add_matches",
    "books",
    "brought_in",
    "known_suppliers",
    "load_billed",
    "load_matches",
    "load_owed",
    "load_receipts",
    "lock_purchases",
    "lock_suppliers",
    "pools_of_receipt_lines",
    "save_credits",
    "save_payables",
    "save_purchase_returns",
    "save_purchases",
    "save_supplier_invoices",
    "save_supplier_payments",
    "save_suppliers",
    "taken_purchase_returns",
    "taken_purchases",
    "taken_supplier_invoices",
    "taken_supplier_payments",
    "update_matches",
    "update_purchases",
]
