"""SQL of webhooks that writes. Each function is one statement, so it needs no transaction around it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.webhooks.domain import OVERLAP, Attempt, Next, structured
from shared.db import Db, Pool
from shared.events import Event
from shared.wire import PREFIX, headers_of

LEASE = timedelta(seconds=60)  # far longer than an attempt takes
KEPT = timedelta(days=30)


async def insert_deliveries(db: Db, events: Sequence[Event], now: datetime) -> None:
    """What each subscription wants of these, to be sent at once, in this order. What none wants is not even written."""
    hears = set(await db.fetchval(
        """
        select array(select distinct h from subscription s, unnest(s.hears) as h
                     where s.company = $1 and s.state <> 'disabled')
        """,
        db.company,
    ))
    events = [event for event in events if event.type in hears]
    if not events:
        return
    bodies = [
        structured({name.removeprefix(PREFIX): value for name, value in headers_of(e.envelope).items()}, e.body())
        for e in events
    ]
    await db.execute(
        """
        insert into delivery (company, subscription_id, delivery_id, type, subject, body, state, made_at, due)
        select s.company, s.subscription_id, e.id, e.type, e.subject, e.body, 'due', $6, $6
        from unnest($2::text[], $3::text[], $4::text[], $5::bytea[]) with ordinality as e (id, type, subject, body, nth)
        join subscription s on s.company = $1 and s.state <> 'disabled' and e.type = any (s.hears)
        order by e.nth
        on conflict do nothing
        """,
        db.company, [str(e.envelope.id) for e in events], [e.type for e in events], [e.subject for e in events],
        bodies, now,
    )


async def save_subscription(
    db: Db, subscription_id: str, url: str, hears: Sequence[str], secret: str, made_by: str, now: datetime
) -> bool:
    """Make a subscription, or change where one that exists sends to and what; True if it is new."""
    return bool(await db.fetchval(
        """
        insert into subscription (company, subscription_id, url, hears, secret, state, made_by, made_at)
        values ($1, $2, $3, $4, $5, 'active', $6, $7)
        on conflict (company, subscription_id) do update set url = excluded.url, hears = excluded.hears
        returning secret = $5
        """,
        db.company, subscription_id, url, hears, secret, made_by, now,
    ))


async def set_state(db: Db, subscription_id: str, state: str) -> bool:
    """False if there is no such subscription. What waited while it was disabled goes on too."""
    return bool(await db.fetchval(
        """
        update subscription set state = $3, reason = '' where company = $1 and subscription_id = $2 returning true
        """,
        db.company, subscription_id, state,
    ))


async def renew_secret(db: Db, subscription_id: str, secret: str, now: datetime) -> bool:
    """The secret before signs too for a while. False if there is no such subscription."""
    return bool(await db.fetchval(
        """
        update subscription set previous_secret = secret, previous_until = $4, secret = $3
        where company = $1 and subscription_id = $2 returning true
        """,
        db.company, subscription_id, secret, now + OVERLAP,
    ))


async def delete_subscription(db: Db, subscription_id: str) -> bool:
    """With its deliveries."""
    return bool(await db.fetchval(
        "delete from subscription where company = $1 and subscription_id = $2 returning true",
        db.company, subscription_id,
    ))


async def insert_test(db: Db, subscription_id: str, delivery_id: str, body: bytes, now: datetime) -> bool:
    """A delivery that no event is behind. False if there is no such subscription."""
    return bool(await db.fetchval(
        """
        insert into delivery (company, subscription_id, delivery_id, type, subject, body, state, made_at, due)
        select company, subscription_id, $3, 'webhooks.test.v1', 'test', $4, 'due', $5, $5
        from subscription where company = $1 and subscription_id = $2
        returning true
        """,
        db.company, subscription_id, delivery_id, body, now,
    ))


async def send_again(db: Db, subscription_id: str, delivery_id: str, now: datetime) -> bool:
    """A delivery becomes due at once, with all its attempts before it. False if there is none."""
    return bool(await db.fetchval(
        """
        update delivery set state = 'due', due = $4, attempts = 0
        where company = $1 and subscription_id = $2 and delivery_id = $3 returning true
        """,
        db.company, subscription_id, delivery_id, now,
    ))


# -- the dispatcher ---------------------------------------------------------------------------------------------------


async def due_subscriptions(pool: Pool, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(company, subscription) of those that have something to send."""
    rows = await pool.fetch(
        """
        select company, subscription_id from subscription s
        where state = 'active' and exists (
            select from delivery d
            where d.company = s.company and d.subscription_id = s.subscription_id and d.state = 'due' and d.due <= $1
        )
        limit $2
        """,
        now, limit,
    )
    return [(row["company"], row["subscription_id"]) for row in rows]


async def take(pool: Pool, company: str, subscription_id: str, now: datetime) -> Any:
    """The next delivery of a subscription, which nobody else takes while we have it; None if there is none."""
    return await pool.fetchrow(
        """
        update delivery d set attempts = attempts + 1, due = $4 from subscription s
        where d.company = $1 and d.subscription_id = $2 and d.delivery_id = (
            select delivery_id from delivery
            where company = $1 and subscription_id = $2 and state = 'due' and due <= $3
            order by due, seq limit 1 for update skip locked
        ) and s.company = $1 and s.subscription_id = $2 and s.state = 'active'
        returning d.*, s.url, s.secret, s.previous_secret, s.previous_until, s.delivered_at
        """,
        company, subscription_id, now, now + LEASE,
    )


async def note(pool: Pool, delivery: Any, attempt: Attempt, following: Next, now: datetime) -> None:
    """What came of an attempt; whoever deleted the subscription meanwhile needs to know nothing."""
    await pool.execute(
        """
        with noted as (
            update delivery set state = $4, due = $5, status = $6, error = $7
            where company = $1 and subscription_id = $2 and delivery_id = $3
        )
        update subscription set
            delivered_at = case when $4 = 'delivered' then $8 else delivered_at end,
            state = case when $9 <> '' then 'disabled' else state end,
            reason = case when $9 <> '' then $9 else reason end
        where company = $1 and subscription_id = $2 and ($4 = 'delivered' or $9 <> '')
        """,
        delivery["company"], delivery["subscription_id"], delivery["delivery_id"], following.state, following.due,
        attempt.status, attempt.error, now, following.disable,
    )


async def forget(pool: Pool, now: datetime) -> None:
    """What was done long ago; the events themselves stay in the logs of those who said them."""
    await pool.execute("delete from delivery where state <> 'due' and due < $1", now - KEPT)
