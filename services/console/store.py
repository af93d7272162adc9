"""SQL of the console that writes. Each function is one statement, so it needs no transaction around it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from shared.db import Db, Pool, columns
from shared.events import Event

# -- the feed ---------------------------------------------------------------------------------------------------------


async def insert_feed(
    db: Db, events: Sequence[Event], amounts: Sequence[Decimal | None], days: Sequence[date], since: datetime
) -> None:
    """What happened, in the order in which it was heard, and the figures of its day; whoever looks on is woken.

    What was said before `since` is only counted. Of what became older in the meantime twice as many rows go as come, so
    the table gets no longer and no batch waits for it."""
    rows = [
        (e.envelope.id, e.type, e.subject, e.walk, e.envelope.version, e.envelope.position, e.envelope.actor,
         e.envelope.time, e.envelope.correlation_id, e.envelope.causation_id, amount, getattr(e, "currency", None),
         e.model_dump(mode="json"), day)
        for e, amount, day in zip(events, amounts, days, strict=True)
    ]
    await db.fetch(
        """
        with told as (
            select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::text[],
                                 $9::timestamptz[], $10::uuid[], $11::uuid[], $12::numeric[], $13::text[], $14::jsonb[],
                                 $15::date[])
            with ordinality as e (event_id, type, subject, walk, version, position, actor, said_at, correlation_id,
                                  causation_id, amount, currency, body, day, nth)
        ), added as (
            insert into feed (company, event_id, type, subject, walk, version, position, actor, said_at, correlation_id,
                              causation_id, amount, currency, body)
            select $1, event_id, type, subject, walk, version, position, actor, said_at, correlation_id, causation_id,
                   amount, currency, body
            from told where said_at >= $16 order by nth
        ), gone as (
            delete from feed where company = $1 and said_at < $16 and seq = any (array(
                select seq from feed where company = $1 order by seq limit $17
            ))
        ), counted as (
            insert into day_figure (company, day, type, events, amount)
            select $1, day, type, count(*), coalesce(sum(amount), 0) from told group by day, type order by day, type
            on conflict (company, day, type) do update
            set events = day_figure.events + excluded.events, amount = day_figure.amount + excluded.amount
        )
        select pg_notify('feed', $1)
        """,
        db.company, *columns(rows, 14), since, 2 * len(rows),
    )


# -- accounts ---------------------------------------------------------------------------------------------------------


async def insert_account(
    pool: Pool, name: str, company: str, display_name: str, password: str, roles: Sequence[str], by: str, now: datetime
) -> bool:
    """False if there is such an account already, in whatever company."""
    return bool(await pool.fetchval(
        """
        insert into account (name, company, display_name, password, roles, state, made_by, made_at, password_at)
        values ($1, $2, $3, $4, $5, 'active', $6, $7, $7) on conflict do nothing returning true
        """,
        name, company, display_name, password, list(roles), by, now,
    ))


async def set_password(pool: Pool, company: str, name: str, password: str, now: datetime) -> bool:
    """Signs the account out everywhere. False if there is none."""
    return bool(await pool.fetchval(
        """
        with out as (delete from session where account = (select name from account where company = $1 and name = $2))
        update account set password = $3, password_at = $4 where company = $1 and name = $2 returning true
        """,
        company, name, password, now,
    ))


async def rehash(pool: Pool, name: str, before: str, after: str) -> None:
    """The same password under the settings of today."""
    await pool.execute("update account set password = $3 where name = $1 and password = $2", name, before, after)


async def set_roles(pool: Pool, company: str, name: str, roles: Sequence[str]) -> bool:
    """False if there is no such account. What is signed in has the new roles with its next request."""
    return bool(await pool.fetchval(
        "update account set roles = $3 where company = $1 and name = $2 returning true", company, name, list(roles)
    ))


async def set_state(pool: Pool, company: str, name: str, state: str) -> bool:
    """`locked` signs out everywhere; `active` lets in again, and forgets the attempts that failed."""
    return bool(await pool.fetchval(
        """
        with out as (delete from session where $3 = 'locked'
                     and account = (select name from account where company = $1 and name = $2)),
             forgotten as (delete from attempt where $3 = 'active' and kind = 'account' and key = $2)
        update account set state = $3 where company = $1 and name = $2 returning true
        """,
        company, name, state,
    ))


# -- sessions and attempts --------------------------------------------------------------------------------------------


async def insert_session(
    pool: Pool, token_hash: bytes, account: str, address: str, now: datetime, expires_at: datetime
) -> None:
    """A new session; those that are over are forgotten by the way."""
    await pool.execute(
        """
        with gone as (delete from session where expires_at < $4),
             old as (delete from attempt where last_at < $4 - interval '2 days')
        insert into session (token_hash, account, address, made_at, seen_at, expires_at) values ($1, $2, $3, $4, $4, $5)
        """,
        token_hash, account, address, now, expires_at,
    )


async def touch_session(pool: Pool, token_hash: bytes, now: datetime) -> None:
    await pool.execute("update session set seen_at = $2 where token_hash = $1", token_hash, now)


async def delete_session(pool: Pool, token_hash: bytes) -> None:
    await pool.execute("delete from session where token_hash = $1", token_hash)


async def claim_attempt(
    pool: Pool, kind: str, key: str, seen: int | None, failures: int, until: datetime, now: datetime
) -> bool:
    """Count an attempt as failed before it is judged, so that many at once get no further than one after the other.
    `seen` is the count that was read, None for none; False if another one was faster."""
    return bool(await pool.fetchval(
        """
        insert into attempt (kind, key, failures, last_at, until) values ($1, $2, $4, $6, $5)
        on conflict (kind, key) do update set failures = $4, last_at = $6, until = $5
        where attempt.failures = $3
        returning true
        """,
        kind, key, seen, failures, until, now,
    ))


async def forget_attempts(pool: Pool, account: str, address: str) -> None:
    """After a sign-in that was right: none failed for the account, and one less from the address."""
    await pool.execute(
        """
        with address as (
            update attempt set failures = greatest(failures - 1, 0) where kind = 'address' and key = $2
        )
        delete from attempt where kind = 'account' and key = $1
        """,
        account, address,
    )


async def write_audit(
    pool: Pool, company: str, account: str, address: str, action: str, object_: str, detail: Mapping[str, Any],
    now: datetime,
) -> None:
    await pool.execute(
        """
        insert into audit (at, company, account, address, action, object, detail) values ($1, $2, $3, $4, $5, $6, $7)
        """,
        now, company, account, address, action, object_, dict(detail),
    )
