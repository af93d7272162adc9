"""What was said of the subledger: the difference to what it is now."""

from shared.db import Db
from shared.events.tieout import StatedBalance


async def take_changes(db: Db, whole: bool) -> list[StatedBalance]:
    """The wholes of the roles and what changed since it was stated last (or all), which now counts as stated."""
    rows = await db.fetch(
        """
        with changed as materialized (
            select role, key, coalesce(n.amount, 0) as amount
            from subledger($1) as n full join (
                select role, key, amount from stated_balance where company = $1
            ) as s using (role, key)
            where $2::boolean or key = '' or coalesce(n.amount, 0) <> coalesce(s.amount, 0)
        ), gone as (
            delete from stated_balance s using changed c
            where s.company = $1 and s.role = c.role and s.key = c.key and c.amount = 0
        ), kept as (
            insert into stated_balance (company, role, key, amount)
            select $1, role, key, amount from changed where amount <> 0
            on conflict (company, role, key) do update set amount = excluded.amount
            where stated_balance.amount <> excluded.amount
        )
        select role, key, amount from changed order by role, key
        """,
        db.company, whole,
    )
    return [StatedBalance(role=row["role"], key=row["key"], amount=row["amount"]) for row in rows]
