"""Orders as a list that is narrowed, sorted and paged. Every page reads one index from where the page before ended, or
from the first of the days asked for: a scan begins at the bound that compares two columns, never at that of one."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.order.domain.values import State
from services.order.views.shapes import OrderHeader
from shared.db import Db

Sort = Literal["date", "-date", "gross", "-gross"]
FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)
END = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the list; `number` is the beginning of an order's, `after` the last order of the page before."""

    state: State | None = None
    customers: tuple[str, ...] = ()
    since: date = FIRST
    until: date = LAST
    number: str = ""
    sort: Sort = "-date"
    after: str | None = None
    limit: int = 50


async def list_orders(db: Db, want: Wanted) -> list[OrderHeader]:
    """Newest first unless something else is asked for; by number descending when one is looked for."""
    if want.number:
        rows = await _by_number(db, want)
    elif want.customers:
        rows = await (_of_customers_by_gross if want.sort.endswith("gross") else _of_customers_by_date)(db, want)
    elif want.sort.endswith("gross"):
        rows = await (_by_gross(db, want) if want.state is None else _by_gross_in_state(db, want, want.state))
    else:
        rows = await (_by_date(db, want) if want.state is None else _by_date_in_state(db, want, want.state))
    return [OrderHeader(**row) for row in rows]


async def _by_number(db: Db, want: Wanted) -> list[Any]:
    return await db.fetch(
        """
        select * from sales_order
        where company = $1 and order_id collate "C" >= $2 and order_id collate "C" < $3
          and ($4::text is null or state = $4) and ($5::text[] = '{}' or customer_id = any ($5))
          and ordered_on between $6 and $7
        order by order_id collate "C" desc limit $8
        """,
        db.company, want.number, min(want.after or want.number + END, want.number + END), want.state,
        list(want.customers), want.since, want.until, want.limit,
    )


async def _of_customers_by_date(db: Db, want: Wanted) -> list[Any]:
    """The first of each customer, by the index of their days, and the first of those: one may have a million orders."""
    if want.sort == "date":
        return await db.fetch(
            """
            select o.* from (select distinct unnest($2::text[]) as id) as customer cross join lateral (
                select * from sales_order
                where company = $1 and customer_id = customer.id and ($3::text is null or state = $3)
                  and ordered_on between $4 and $5 and (ordered_on, order_id) > (
                      coalesce((select ordered_on from sales_order where company = $1 and order_id = $6),
                               $4::date), coalesce($6, ''))
                order by ordered_on, order_id limit $7
            ) as o
            order by o.ordered_on, o.order_id limit $7
            """,
            db.company, want.customers, want.state, want.since, want.until, want.after, want.limit,
        )
    return await db.fetch(
        """
        select o.* from (select distinct unnest($2::text[]) as id) as customer cross join lateral (
            select * from sales_order
            where company = $1 and customer_id = customer.id and ($3::text is null or state = $3)
              and ordered_on between $4 and $5 and (ordered_on, order_id) < (
                  coalesce((select ordered_on from sales_order where company = $1 and order_id = $6), $5::date + 1),
                  coalesce($6, ''))
            order by ordered_on desc, order_id desc limit $7
        ) as o
        order by o.ordered_on desc, o.order_id desc limit $7
        """,
        db.company, want.customers, want.state, want.since, want.until, want.after, want.limit,
    )


async def _of_customers_by_gross(db: Db, want: Wanted) -> list[Any]:
    """They are sorted after they are found: an index for it would cost every order something, and few ask for it."""
    return await db.fetch(
        """
        with mine as (
            select o.*, case $6 when 'gross' then o.gross else -o.gross end as place
            from sales_order o
            where o.company = $1 and o.customer_id = any ($2::text[]) and ($3::text is null or o.state = $3)
              and o.ordered_on between $4 and $5
        )
        select * from mine
        where $7::text is null or place > (select place from mine where order_id = $7)
           or (place = (select place from mine where order_id = $7)
               and case $6 when 'gross' then order_id > $7 else order_id < $7 end)
        order by place, case $6 when 'gross' then order_id end, case when $6 <> 'gross' then order_id end desc
        limit $8
        """,
        db.company, want.customers, want.state, want.since, want.until, want.sort, want.after, want.limit,
    )


async def _by_date(db: Db, want: Wanted) -> list[Any]:
    if want.sort == "date":
        return await db.fetch(
            """
            select * from sales_order
            where company = $1 and ordered_on between $4 and $5 and (ordered_on, order_id) > (
                coalesce((select ordered_on from sales_order where company = $1 and order_id = $2),
                         $4::date), coalesce($2, ''))
            order by ordered_on, order_id limit $3
            """,
            db.company, want.after, want.limit, want.since, want.until,
        )
    return await db.fetch(
        """
        select * from sales_order
        where company = $1 and ordered_on between $4 and $5 and (ordered_on, order_id) < (
            coalesce((select ordered_on from sales_order where company = $1 and order_id = $2), $5::date + 1),
            coalesce($2, ''))
        order by ordered_on desc, order_id desc limit $3
        """,
        db.company, want.after, want.limit, want.since, want.until,
    )


async def _by_date_in_state(db: Db, want: Wanted, state: State) -> list[Any]:
    if want.sort == "date":
        return await db.fetch(
            """
            select * from sales_order
            where company = $1 and state = $2 and ordered_on between $5 and $6 and (ordered_on, order_id) > (
                coalesce((select ordered_on from sales_order where company = $1 and order_id = $3),
                         $5::date), coalesce($3, ''))
            order by ordered_on, order_id limit $4
            """,
            db.company, state, want.after, want.limit, want.since, want.until,
        )
    return await db.fetch(
        """
        select * from sales_order
        where company = $1 and state = $2 and ordered_on between $5 and $6 and (ordered_on, order_id) < (
            coalesce((select ordered_on from sales_order where company = $1 and order_id = $3), $6::date + 1),
            coalesce($3, ''))
        order by ordered_on desc, order_id desc limit $4
        """,
        db.company, state, want.after, want.limit, want.since, want.until,
    )


async def _by_gross(db: Db, want: Wanted) -> list[Any]:
    if want.sort == "gross":
        return await db.fetch(
            """
            select * from sales_order
            where company = $1 and ordered_on between $4 and $5 and (gross, order_id) > (
                coalesce((select gross from sales_order where company = $1 and order_id = $2), '-infinity'),
                coalesce($2, ''))
            order by gross, order_id limit $3
            """,
            db.company, want.after, want.limit, want.since, want.until,
        )
    return await db.fetch(
        """
        select * from sales_order
        where company = $1 and ordered_on between $4 and $5 and (gross, order_id) < (
            coalesce((select gross from sales_order where company = $1 and order_id = $2), 'infinity'),
            coalesce($2, ''))
        order by gross desc, order_id desc limit $3
        """,
        db.company, want.after, want.limit, want.since, want.until,
    )


async def _by_gross_in_state(db: Db, want: Wanted, state: State) -> list[Any]:
    if want.sort == "gross":
        return await db.fetch(
            """
            select * from sales_order
            where company = $1 and state = $2 and ordered_on between $5 and $6 and (gross, order_id) > (
                coalesce((select gross from sales_order where company = $1 and order_id = $3), '-infinity'),
                coalesce($3, ''))
            order by gross, order_id limit $4
            """,
            db.company, state, want.after, want.limit, want.since, want.until,
        )
    return await db.fetch(
        """
        select * from sales_order
        where company = $1 and state = $2 and ordered_on between $5 and $6 and (gross, order_id) < (
            coalesce((select gross from sales_order where company = $1 and order_id = $3), 'infinity'),
            coalesce($3, ''))
        order by gross desc, order_id desc limit $4
        """,
        db.company, state, want.after, want.limit, want.since, want.until,
    )
