"""Returns from customers, stocktakes, and what a company decided about negative stock."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from shared.db import Db


class ReturnedLine(BaseModel):
    """`line` is the order's."""

    line: int
    sku: str
    quantity: Decimal
    cost: Decimal


class CustomerReturn(BaseModel):
    return_id: str
    shipment_id: str
    order_id: str
    returned_on: date
    warehouse: str
    currency: str
    cost: Decimal
    lines: list[ReturnedLine]


class CountLine(BaseModel):
    line: int
    sku: str
    booked: Decimal
    counted: Decimal
    gain: Decimal
    loss: Decimal


class CountHeader(BaseModel):
    """`approved_by` is null while the differences wait for approval."""

    count_id: str
    counted_on: date
    counted_by: str
    warehouse: str
    currency: str
    gain: Decimal
    loss: Decimal
    approved_on: date | None
    approved_by: str | None


class Count(CountHeader):
    lines: list[CountLine]


class NegativeStock(BaseModel):
    """A decision that counts from a date on."""

    allowed_from: date
    allow: bool


async def customer_return(db: Db, return_id: str) -> CustomerReturn | None:
    head = await db.fetchrow(
        """
        select return_id, shipment_id, order_id, returned_on, warehouse, currency, cost from goods_return
        where company = $1 and return_id = $2
        """,
        db.company, return_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, sku, quantity, value as cost from stock_move
        where company = $1 and document_id = $2 and kind = 'customer_return' order by line
        """,
        db.company, return_id,
    )
    return CustomerReturn(**head, lines=[ReturnedLine(**line) for line in lines])


async def counts(db: Db, *, waiting: bool, after: str | None, limit: int) -> list[CountHeader]:
    """Newest first; `after` is the last one of the page before."""
    rows = await db.fetch(
        """
        select c.count_id, c.counted_on, c.counted_by, c.warehouse, c.currency, c.gain, c.loss,
               a.approved_on, a.approved_by
        from stock_count c left join stock_count_approval a using (company, count_id)
        where c.company = $1 and (a.count_id is null or not $2) and (c.counted_on, c.count_id) < (
            coalesce((select counted_on from stock_count where company = $1 and count_id = $3), date 'infinity'),
            coalesce($3, ''))
        order by c.counted_on desc, c.count_id desc limit $4
        """,
        db.company, waiting, after, limit,
    )
    return [CountHeader(**row) for row in rows]


async def count(db: Db, count_id: str) -> Count | None:
    head = await db.fetchrow(
        """
        select c.count_id, c.counted_on, c.counted_by, c.warehouse, c.currency, c.gain, c.loss,
               a.approved_on, a.approved_by
        from stock_count c left join stock_count_approval a using (company, count_id)
        where c.company = $1 and c.count_id = $2
        """,
        db.company, count_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, sku, booked, counted, gain, loss from stock_count_line
        where company = $1 and count_id = $2 order by line
        """,
        db.company, count_id,
    )
    return Count(**head, lines=[CountLine(**line) for line in lines])


async def negative_stock(db: Db) -> list[NegativeStock]:
    """Every decision, the last one first."""
    rows = await db.fetch(
        "select allowed_from, allow from negative_stock where company = $1 order by said desc", db.company
    )
    return [NegativeStock(**row) for row in rows]
