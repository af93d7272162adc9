"""Compares what the order service shows in the end with what every order's input calls for."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tools.demo.doors import HttpDoor
from tools.demo.plan import ZERO, End, Order

READERS = 16


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


def _end(shown: dict[str, Any]) -> End:
    """An order as the API shows it. Paid is what receipts paid of its deliveries."""
    return End(
        state=shown["state"],
        delivered=_sum(shown["deliveries"], "gross"),
        invoiced=_sum(shown["invoices"], "gross"),
        paid=_sum(shown["deliveries"], "gross") - _sum(shown["deliveries"], "open"),
        advance=_sum(shown["payments"], "advance"),
    )


def _sum(rows: Sequence[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), ZERO)


def _words(end: End | None) -> str:
    if end is None:
        return "not there"
    words = f"{end.state}, delivered {end.delivered}, invoiced {end.invoiced}, paid {end.paid}"
    return words + (f", advance {end.advance}" if end.advance else "")
