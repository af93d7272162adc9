"""Purchase orders by their day."""

from collections.abc import Sequence
from typing import Any, Literal

from services.inventory.domain.purchasing.ordering import State
from services.inventory.views.purchasing import PurchaseHeader
from shared.db import Db

Sort = Literal["id", "date", "-date"]


async def by_day(
    db: Db, state: State | None, supplier_ids: Sequence[str], sort: Sort, after: str | None, limit: int
) -> list[PurchaseHeader]:
    """`after` is the last one of the page before. The orders of some suppliers are few enough to be sorted."""
    if state is not None and not supplier_ids:
        rows = await _in_state(db, state, sort, after, limit)
    elif sort == "date":
        rows = await _oldest(db, state, supplier_ids, after, limit)
    else:
        rows = await _newest(db, state, supplier_ids, after, limit)
    return [PurchaseHeader(**row) for row in rows]


async def _newest(db: Db, state: State | None, supplier_ids: Sequence[str], after: str | None, limit: int) -> list[Any]:
    return await db.fetch(
        """
        select * from purchase_order
        where company = $1 and ($2::text[] = '{}' or supplier_id = any ($2)) and ($3::text is null or state = $3)
          and (ordered_on, purchase_id) < (
              coalesce((select ordered_on from purchase_order where company = $1 and purchase_id = $4),
                       date 'infinity'), coalesce($4, ''))
        order by ordered_on desc, purchase_id desc limit $5
        """,
        db.company, list(supplier_ids), state, after, limit,
    )


async def _oldest(db: Db, state: State | None, supplier_ids: Sequence[str], after: str | None, limit: int) -> list[Any]:
    return await db.fetch(
        """
        select * from purchase_order
        where company = $1 and ($2::text[] = '{}' or supplier_id = any ($2)) and ($3::text is null or state = $3)
          and (ordered_on, purchase_id) > (
              coalesce((select ordered_on from purchase_order where company = $1 and purchase_id = $4),
                       date '-infinity'), coalesce($4, ''))
        order by ordered_on, purchase_id limit $5
        """,
        db.company, list(supplier_ids), state, after, limit,
    )


async def _in_state(db: Db, state: State, sort: Sort, after: str | None, limit: int) -> list[Any]:
    if sort == "date":
        return await db.fetch(
            """
            select * from purchase_order
            where company = $1 and state = $2 and (ordered_on, purchase_id) > (
                coalesce((select ordered_on from purchase_order where company = $1 and purchase_id = $3),
                         date '-infinity'), coalesce($3, ''))
            order by ordered_on, purchase_id limit $4
            """,
            db.company, state, after, limit,
        )
    return await db.fetch(
        """
        select * from purchase_order
        where company = $1 and state = $2 and (ordered_on, purchase_id) < (
            coalesce((select ordered_on from purchase_order where company = $1 and purchase_id = $3),
                     date 'infinity'), coalesce($3, ''))
        order by ordered_on desc, purchase_id desc limit $4
        """,
        db.company, state, after, limit,
    )
