"""SQL of webhooks that only reads. Secrets and bodies are not among what is read."""

from typing import Any

from shared.db import Db
from shared.finding import Finding, judged
from shared.refusal import Text

FIGURES = {
    "webhooks_undelivered": "events that a receiver has still to take, of active subscriptions",
    "webhooks_undelivered_age_seconds": "how long the oldest of them has waited",
    "webhooks_failed": "events given up within the last 24 hours",
    "webhooks_disabled": "subscriptions that get nothing more, since their receiver is gone or takes nothing",
}
LATE_SECONDS = 3600.0  # by then two pauses have passed


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


# -- how it goes ------------------------------------------------------------------------------------------------------


async def measure(connection: Any) -> dict[str, float]:
    """The figures of all companies (FIGURES)."""
    row = await connection.fetchrow(
        """
        select coalesce(sum(waits.n), 0)::float as webhooks_undelivered,
               coalesce(extract(epoch from now() - min(waits.oldest)), 0)::float as webhooks_undelivered_age_seconds,
               (select count(*) from delivery where state = 'failed' and due > now() - interval '1 day')::float
                   as webhooks_failed,
               (count(*) filter (where s.state = 'disabled'))::float as webhooks_disabled
        from subscription s left join lateral (
            select count(*) as n, min(made_at) as oldest from delivery d
            where d.company = s.company and d.subscription_id = s.subscription_id and d.state = 'due'
        ) as waits on s.state = 'active'
        """
    )
    return dict(row)


async def look(connection: Any) -> list[Finding]:
    """Whether receivers take what is sent to them, and the first of those that do not."""
    figures = await measure(connection)
    rows = await connection.fetch(
        """
        select s.company || '/' || s.subscription_id as name from subscription s
        where s.state = 'disabled' or s.state = 'active' and exists (
            select from delivery d where d.company = s.company and d.subscription_id = s.subscription_id
            and d.state = 'due' and d.made_at < now() - $1 * interval '1 second'
        ) or (company, subscription_id) in (
            select company, subscription_id from delivery where state = 'failed' and due > now() - interval '1 day'
        ) order by 1 limit 5
        """,
        LATE_SECONDS,
    )
    names = ", ".join(row["name"] for row in rows)
    waiting, age, failed, disabled = (figures[name] for name in FIGURES)
    return [judged(
        "webhooks", names,
        f"{waiting:.0f} 个待推送，最久 {age:.0f} 秒；一天内放弃 {failed:.0f} 个；停用的订阅 {disabled:.0f} 个"
        + (f"：{names}" if names else ""),
        f"{waiting:.0f} to deliver, the oldest for {age:.0f} s; {failed:.0f} given up within a day; "
        f"{disabled:.0f} subscriptions disabled" + (f": {names}" if names else ""),
        Text("看该订阅的 deliveries，联系接收方；好了之后 resume，或 again 重发",
             "see its deliveries, and ask whoever receives them; when it is mended, resume it, or send them again"),
        state="warning",
    )]
