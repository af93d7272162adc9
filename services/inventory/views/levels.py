"""Stock as people look it up: with names, sorted, and what lacks (低库存).

Sorting by quantity or value reads all pools of a company, of which there are as many as products in warehouses and not
more with time; an index on what every movement changes would cost each movement more.
"""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from shared.db import Db

Sort = Literal["sku", "available", "-available", "quantity", "-quantity", "value", "-value"]


class Level(BaseModel):
    """A pool; `waiting` is what orders that are short wait for."""

    sku: str
    name: str
    unit: str
    warehouse: str
    quantity: Decimal
    reserved: Decimal
    available: Decimal
    waiting: Decimal
    value: Decimal


class LevelPage(BaseModel):
    """`next` is the `after` of the next page; null on the last one."""

    items: list[Level]
    next: str | None


async def levels(
    db: Db, found_in: tuple[str, str] | None, warehouse: str | None, sort: Sort, after: str | None, limit: int
) -> LevelPage:
    """From the pool after `after` on: what it was sorted by, its sku and its warehouse."""
    key, after_sku, after_warehouse = _place(after)
    rows = await db.fetch(
        """
        with pool as (
            select case $2 when 'available' then quantity - reserved when '-available' then reserved - quantity
                           when 'quantity' then quantity when '-quantity' then -quantity
                           when 'value' then value when '-value' then -value else 0 end as key,
                   sku, warehouse, quantity, reserved, value
            from stock
            where company = $1 and ($3::text is null or warehouse = $3)
              and ($4::text is null
                   or sku in (select sku from product_word where company = $1 and word between $4 and $5))
        ), page as (
            select * from pool where $6::numeric is null or (key, sku, warehouse) > ($6, $7, $8)
            order by key, sku, warehouse limit $9
        )
        select page.*, p.name, p.unit, quantity - reserved as available,
               (select coalesce(sum(ordered), 0) from fulfilment_line f
                where f.company = $1 and f.sku = page.sku and f.warehouse = page.warehouse and f.waiting is not null)
               as waiting
        from page join product p on p.company = $1 and p.sku = page.sku order by key, page.sku, warehouse
        """,
        db.company, sort, warehouse, *(found_in or (None, None)), key, after_sku, after_warehouse, limit + 1,
    )
    return _page(rows, limit)


async def shortages(db: Db, warehouse: str | None, below: Decimal, after: str | None, limit: int) -> LevelPage:
    """What is free less what is waited for, ascending; also of products that never were in the warehouse."""
    key, after_sku, after_warehouse = _place(after)
    rows = await db.fetch(
        """
        with wanted as (
            select sku, warehouse, sum(ordered) as waiting from fulfilment_line
            where company = $1 and waiting is not null and ($2::text is null or warehouse = $2)
            group by sku, warehouse
        ), pool as (
            select coalesce(s.quantity - s.reserved, 0) - coalesce(w.waiting, 0) as key, sku, warehouse,
                   coalesce(s.quantity, 0) as quantity, coalesce(s.reserved, 0) as reserved,
                   coalesce(s.value, 0) as value, coalesce(w.waiting, 0) as waiting
            from (select * from stock where company = $1 and ($2::text is null or warehouse = $2)) as s
                 full join wanted w using (sku, warehouse)
        ), page as (
            select * from pool
            where (waiting > 0 or quantity - reserved <= $3)
              and ($4::numeric is null or (key, sku, warehouse) > ($4, $5, $6))
            order by key, sku, warehouse limit $7
        )
        select page.*, p.name, p.unit, quantity - reserved as available
        from page join product p on p.company = $1 and p.sku = page.sku order by key, page.sku, warehouse
        """,
        db.company, warehouse, below, key, after_sku, after_warehouse, limit + 1,
    )
    return _page(rows, limit)


def _place(after: str | None) -> tuple[Decimal | None, str, str]:
    if after is None:
        return None, "", ""
    key, sku, warehouse = after.split("/")
    return Decimal(key), sku, warehouse


def _page(rows: list, limit: int) -> LevelPage:  # type: ignore[type-arg]
    last = rows[limit - 1] if len(rows) > limit else None
    return LevelPage(items=[Level(**row) for row in rows[:limit]],
                     next=f"{last['key']:f}/{last['sku']}/{last['warehouse']}" if last else None)
