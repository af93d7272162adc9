"""Stocktakes and their approvals."""

from collections.abc import Mapping, Sequence

from services.inventory.domain.counting import Count
from shared.db import Db, columns
from shared.events.inventory import CountApproved, StockCounted


async def taken_counts(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select count_id from stock_count where company = $1 and count_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["count_id"] for row in rows)


async def load_counts(db: Db, ids: Sequence[str]) -> dict[str, Count]:
    """Counts never change; that one is approved once is seen to by a unique key."""
    rows = await db.fetch(
        """
        select c.count_id, c.counted_by, c.gain, c.loss, a.count_id is not null as approved
        from stock_count c left join stock_count_approval a using (company, count_id)
        where c.company = $1 and c.count_id = any ($2::text[])
        """,
        db.company, ids,
    )
    return {row["count_id"]: Count(**row) for row in rows}


async def save_counts(db: Db, counted: Sequence[StockCounted], counted_by: Mapping[str, str]) -> None:
    """The counts with their lines, and who entered each."""
    heads = [
        (c.count_id, c.counted_on, counted_by[c.count_id], c.warehouse, c.currency, c.gain, c.loss) for c in counted
    ]
    lines = [(c.count_id, x.line, x.sku, x.booked, x.counted, x.gain, x.loss) for c in counted for x in c.lines]
    await db.execute(
        """
        insert into stock_count (company, count_id, counted_on, counted_by, warehouse, currency, gain, loss)
        select $1, c.* from unnest($2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::numeric[],
                                   $8::numeric[]) as c
        """,
        db.company, *columns(heads, 7),
    )
    await db.execute(
        """
        insert into stock_count_line (company, count_id, line, sku, booked, counted, gain, loss)
        select $1, l.* from unnest($2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[],
                                   $8::numeric[]) as l
        """,
        db.company, *columns(lines, 7),
    )


async def save_count_approvals(db: Db, approved: Sequence[CountApproved], approved_by: Mapping[str, str]) -> None:
    await db.execute(
        """
        insert into stock_count_approval (company, count_id, approved_on, approved_by)
        select $1, a.* from unnest($2::text[], $3::date[], $4::text[]) as a
        """,
        db.company, *columns([(a.count_id, a.approved_on, approved_by[a.count_id]) for a in approved], 3),
    )
