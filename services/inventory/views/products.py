"""Products that are found by a part of their name or number, with what of them is free (可用量)."""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel

from shared.db import Db


class Product(BaseModel):
    """`quantity` is what is there and `available` what no order holds of it, in one warehouse or in all of them."""

    sku: str
    name: str
    unit: str
    quantity: Decimal
    available: Decimal


async def search(
    db: Db, found_in: tuple[str, str] | None, warehouse: str | None, after: str, limit: int
) -> list[Product]:
    """By sku, all or those that have a word between two texts; `after` is the last one of the page before."""
    if found_in is None:
        rows = await db.fetch(
            "select sku from product where company = $1 and sku > $2 order by sku limit $3", db.company, after, limit
        )
    else:
        rows = await db.fetch(
            """
            select distinct sku from product_word where company = $1 and word between $4 and $5 and sku > $2
            order by sku limit $3
            """,
            db.company, after, limit, *found_in,
        )
    return await of(db, [row["sku"] for row in rows], warehouse)


async def of(db: Db, skus: Sequence[str], warehouse: str | None) -> list[Product]:
    """Those of these products that exist, by sku."""
    rows = await db.fetch(
        """
        select p.sku, p.name, p.unit, coalesce(s.quantity, 0) as quantity, coalesce(s.available, 0) as available
        from product p cross join lateral (
            select sum(quantity) as quantity, sum(quantity - reserved) as available from stock
            where company = $1 and sku = p.sku and ($3::text is null or warehouse = $3)
        ) as s
        where p.company = $1 and p.sku = any ($2::text[]) order by p.sku
        """,
        db.company, list(skus), warehouse,
    )
    return [Product(**row) for row in rows]
