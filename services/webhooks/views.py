"""SQL of webhooks that only reads. Secrets and bodies are not among what is read."""

from typing import Any

from shared.db import Db


async def subscriptions(db: Db, subscription_id: str | None = None) -> list[dict[str, Any]]:
    """All of the company, or one of them, with how much waits."""
    rows = await db.fetch(
        """
        select subscription_id, url, hears, state, reason, made_by, made_at, delivered_at,
               (select count(*) from delivery d
                where d.company = s.company and d.subscription_id = s.subscription_id and d.state = 'due') as waiting
        from subscription s where company = $1 and ($2::text is null or subscription_id = $2) order by subscription_id
        """,
        db.company, subscription_id,
    )
    return [dict(row) for row in rows]


async def deliveries(
    db: Db, subscription_id: str, state: str | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Newest first; `seq` of the last one is the next page's `before`."""
    rows = await db.fetch(
        """
        select seq, delivery_id, type, subject, state, attempts, made_at, due, status, error from delivery
        where company = $1 and subscription_id = $2 and ($3::text is null or state = $3)
          and ($4::bigint is null or seq < $4)
        order by seq desc limit $5
        """,
        db.company, subscription_id, state, before, limit,
    )
    return [dict(row) for row in rows]
