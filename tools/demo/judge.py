"""Compares what the services show in the end with what the plan calls for."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tools.demo.doors import HttpDoor
from tools.demo.orders import ZERO, End, Order
from tools.demo.plan import Plan

READERS = 16
POOLS_PER_PAGE = 500


async def ends(http: HttpDoor, orders: Sequence[Order]) -> list[End | None]:
    """How every order stands now, as the HTTP API shows it; None for an order that is not there."""
    slots = asyncio.Semaphore(READERS)

    async def read(order: Order) -> End | None:
        async with slots:
            shown = await http.read("order", f"/orders/{order.order_id}", role="sales")
            return None if shown is None else _end(shown)

    return await asyncio.gather(*(read(order) for order in orders))


def wrong(orders: Sequence[Order], found: Sequence[End | None]) -> list[str]:
    """The orders that did not end as they should, in words."""
    return [
        f"{order.order_id} ({order.story}): {_words(end)}; it should be {_words(order.end)}"
        for order, end in zip(orders, found, strict=True) if end != order.end
    ]


async def purchasing(http: HttpDoor, plan: Plan) -> list[str]:
    """The suppliers that are not owed what they should be, the articles of which not as much is there, the stocktakes
    that wait; in words."""
    found = []
    for supplier, owed in plan.buying.owed().items():
        shown = await http.read("inventory", f"/suppliers/{supplier}")
        balance = None if shown is None else Decimal(shown["balance"])
        if balance != owed:
            found.append(f"supplier {supplier}: {balance} is owed; it should be {owed}")
    there = await _stock(http)
    found += [f"stock of {sku}: {there.get(sku, ZERO)}; it should be {pieces}"
              for sku, pieces in plan.left.items() if there.get(sku, ZERO) != pieces]
    for count in plan.counts:
        shown = await http.read("inventory", f"/counts/{count.count_id}")
        if not (shown and shown["approved_by"]):
            found.append(f"stocktake {count.count_id} is not approved")
    return found


async def _stock(http: HttpDoor) -> dict[str, Decimal]:
    """Pieces of every article, page by page."""
    there: dict[str, Decimal] = {}
    after: str | None = "/"
    while after is not None:
        page = await http.read("inventory", "/stock", after=after, limit=POOLS_PER_PAGE)
        for pool in page["items"]:
            there[pool["sku"]] = there.get(pool["sku"], ZERO) + Decimal(pool["quantity"])
        after = page["next"]
    return there


def _end(shown: dict[str, Any]) -> End:
    """An order as the API shows it. Paid is what receipts paid of its deliveries, less refunds."""
    kept = _sum(shown["deliveries"], "gross") - _sum(shown["deliveries"], "returned")
    return End(
        state=shown["state"],
        delivered=kept,
        invoiced=_sum(shown["invoices"], "gross") - _sum(shown["credit_notes"], "gross"),
        paid=kept - _sum(shown["deliveries"], "open"),
        advance=_sum(shown["payments"], "advance"),
    )


def _sum(rows: Sequence[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), ZERO)


def _words(end: End | None) -> str:
    if end is None:
        return "not there"
    words = f"{end.state}, delivered {end.delivered}, invoiced {end.invoiced}, paid {end.paid}"
    return words + (f", advance {end.advance}" if end.advance else "")
