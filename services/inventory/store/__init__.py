"""SQL that writes or locks.

Locks are taken in one order everywhere: stock by (sku, warehouse), then fulfilments by order id, then documents.
Whoever changes what a fulfilment holds has locked all its pools first.
"""

from services.inventory.store.companies import (
    add_companies,
    currency,
    known_products,
    negative_stock,
    save_negative_stock,
    save_products,
)
from services.inventory.store.costs import load_streams, save_adjustments, save_known_costs
from services.inventory.store.counts import load_counts, save_count_approvals, save_counts, taken_counts
from services.inventory.store.documents import (
    save_openings,
    save_receipts,
    save_shipments,
    taken_openings,
    taken_receipts,
    taken_shipments,
)
from services.inventory.store.fulfilments import (
    add_fulfilments,
    approve,
    lock_fulfilments,
    lock_waiting,
    pools_of_orders,
    pools_waited_for,
    pools_waited_with,
    save_fulfilments,
)
from services.inventory.store.returns import load_shipments, pools_of_shipments, save_returns, taken_returns
from services.inventory.store.stock import add_missing_pools, lock_stock, save_moves, save_stock

__all__ = [
    "add_companies",
    "add_fulfilments",
    "add_missing_pools",
    "approve",
    "currency",
    "known_products",
    "load_counts",
    "load_shipments",
    "load_streams",
    "lock_fulfilments",
    "lock_stock",
    "lock_waiting",
    "negative_stock",
    "pools_of_orders",
    "pools_of_shipments",
    "pools_waited_for",
    "pools_waited_with",
    "save_adjustments",
    "save_count_approvals",
    "save_counts",
    "save_fulfilments",
    "save_known_costs",
    "save_moves",
    "save_negative_stock",
    "save_openings",
    "save_products",
    "save_receipts",
    "save_returns",
    "save_shipments",
    "save_stock",
    "taken_counts",
    "taken_openings",
    "taken_receipts",
    "taken_returns",
    "taken_shipments",
]
