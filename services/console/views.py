"""SQL of the console that only reads. Passwords are read only to be compared."""

from datetime import date, datetime
from typing import Any

from shared.db import Pool

FIGURES = {
    "console_sessions": "browsers that are signed in",
    "console_locked": "accounts and addresses that have to wait before they may try to sign in again",
}
PAGE = 50


async def measure(connection: Any) -> dict[str, float]:
    """The figures of all companies (FIGURES)."""
    row = await connection.fetchrow(
        """
        select (select count(*) from session where expires_at > now())::float as console_sessions,
               (select count(*) from attempt where until > now())::float as console_locked
        """
    )
    return dict(row)


# -- the feed ---------------------------------------------------------------------------------------------------------


async def newest(pool: Pool, company: str, limit: int) -> list[dict[str, Any]]:
    """What happened last, newest first."""
    rows = await pool.fetch(
        """
        select seq, event_id, type, subject, actor, said_at, amount::text as amount, currency from feed
        where company = $1 order by seq desc limit $2
        """,
        company, limit,
    )
    return [dict(row) for row in rows]


async def since(pool: Pool, company: str, seq: int, limit: int) -> list[dict[str, Any]]:
    """What happened after a row of the feed, oldest first. One consumer of all replicas writes at a time, so no row
    comes before one that was read; only what an operator retries may, and it stands in the list when that is read."""
    rows = await pool.fetch(
        """
        select seq, event_id, type, subject, actor, said_at, amount::text as amount, currency from feed
        where company = $1 and seq > $2 order by seq limit $3
        """,
        company, seq, limit,
    )
    return [dict(row) for row in rows]


async def walk(pool: Pool, company: str, walk_: str, limit: int = 500) -> list[dict[str, Any]]:
    """The story of an order (order/SO-1) or of anything else, oldest first."""
    rows = await pool.fetch(
        """
        select seq, event_id, type, subject, version, actor, said_at, amount::text as amount, currency from feed
        where company = $1 and walk = $2 order by seq limit $3
        """,
        company, walk_, limit,
    )
    return [dict(row) for row in rows]


async def event(pool: Pool, company: str, event_id: Any) -> dict[str, Any] | None:
    """One event as it was heard."""
    row = await pool.fetchrow(
        """
        select seq, event_id, type, subject, walk, version, position, actor, said_at, correlation_id, causation_id,
               amount::text as amount, currency, body from feed where company = $1 and event_id = $2
        """,
        company, event_id,
    )
    return dict(row) if row else None


async def day_figures(pool: Pool, company: str, first: date, last: date) -> list[dict[str, Any]]:
    """What happened how often, and for how much, on each of these days."""
    rows = await pool.fetch(
        """
        select day, type, events, amount from day_figure where company = $1 and day between $2 and $3 order by day, type
        """,
        company, first, last,
    )
    return [dict(row) for row in rows]


# -- who is there -----------------------------------------------------------------------------------------------------


async def session(pool: Pool, token_hash: bytes) -> dict[str, Any] | None:
    """A session with its account."""
    row = await pool.fetchrow(
        """
        select s.account, s.made_at, s.seen_at, s.expires_at, a.company, a.display_name, a.roles, a.state
        from session s join account a on a.name = s.account where s.token_hash = $1
        """,
        token_hash,
    )
    return dict(row) if row else None


async def account(pool: Pool, name: str) -> dict[str, Any] | None:
    row = await pool.fetchrow(
        """
        select name, company, display_name, password, roles, state, made_by, made_at, password_at
        from account where name = $1
        """,
        name,
    )
    return dict(row) if row else None


async def attempt(pool: Pool, kind: str, key: str) -> dict[str, Any] | None:
    """What failed in a row of late."""
    row = await pool.fetchrow("select failures, last_at, until from attempt where kind = $1 and key = $2", kind, key)
    return dict(row) if row else None


async def accounts(pool: Pool, company: str, after: str = "", limit: int = PAGE) -> list[dict[str, Any]]:
    """The accounts of a company by name, with how many browsers each is signed in at."""
    rows = await pool.fetch(
        """
        select a.name, a.display_name, a.roles, a.state, a.made_by, a.made_at, a.password_at,
               (select count(*) from session s where s.account = a.name and s.expires_at > now()) as sessions,
               (select max(seen_at) from session s where s.account = a.name) as seen_at,
               (select until from attempt t where t.kind = 'account' and t.key = a.name and t.until > now()) as waits
        from account a where a.company = $1 and a.name > $2 order by a.name limit $3
        """,
        company, after, limit,
    )
    return [dict(row) for row in rows]


async def audit(
    pool: Pool, company: str, since: datetime, until: datetime, before: int, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Who did what between two moments, newest first; `before` is the number where the page before ended."""
    rows = await pool.fetch(
        """
        select seq, at, account, address, action, object, detail from audit
        where company = $1 and at >= $2 and at < $3 and seq < $4 order by seq desc limit $5
        """,
        company, since, until, before, limit,
    )
    return [dict(row) for row in rows]


async def audit_of(
    pool: Pool, company: str, account_: str, since: datetime, until: datetime, before: int, limit: int = PAGE
) -> list[dict[str, Any]]:
    """The same of one account."""
    rows = await pool.fetch(
        """
        select seq, at, account, address, action, object, detail from audit
        where company = $1 and account = $2 and at >= $3 and at < $4 and seq < $5 order by seq desc limit $6
        """,
        company, account_, since, until, before, limit,
    )
    return [dict(row) for row in rows]
