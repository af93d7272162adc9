"""The append-only log of what this service said: append in the transaction, place after commit, read by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from uuid_utils.compat import uuid7

from shared.db import Db, columns
from shared.events import Envelope, Event


@dataclass(frozen=True, slots=True)
class Cause:
    """What made a service speak: a heard event or an accepted command; None if it did so by itself."""

    id: UUID | None
    actor: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A placed event as it stands in the log: its envelope and its exact bytes."""

    envelope: Envelope
    body: bytes


def correlation_of(company: str, walk: str) -> UUID:
    """All events of one walk (one order, one receipt ...) share this id, whoever says them."""
    return uuid5(NAMESPACE_OID, f"{company}/{walk}")


async def append(
    db: Db, source: str, events: Sequence[Event], causes: Mapping[int, Cause], now: datetime
) -> list[Event]:
    """Write events into the log, in this transaction, and return them with their envelopes.

    `causes` maps id(event) to its cause. Versions go on gaplessly per (company, subject); two transactions that speak
    of the same aggregate at once collide on the unique key, and the loser is tried again.

    Until the transaction ends nobody can `cut` this company's log. The lock is taken before the first `seq` is given.
    """
    if not events:
        return []
    rows = []
    for event in events:
        cause = causes[id(event)]
        rows.append((
            uuid7(), event.subject, event.type, cause.actor, correlation_of(db.company, event.walk), cause.id,
            cause.traceparent, event.body(),
        ))
    versions = await db.fetch(
        """
        with open as materialized (select pg_advisory_xact_lock_shared(log_lock($1)))
        insert into event (company, id, subject, version, type, time, actor, correlation_id, causation_id, traceparent,
                           body)
        select $1, said.id, said.subject,
               last.version + row_number() over (partition by said.subject order by said.n),
               said.type, $2, said.actor, said.correlation_id, said.causation_id, said.traceparent, said.body
        from open,
             unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::bytea[])
             with ordinality
             as said (id, subject, type, actor, correlation_id, causation_id, traceparent, body, n),
             lateral (select coalesce(max(version), 0) as version from event
                      where company = $1 and subject = said.subject) as last
        order by said.n
        returning id, version
        """,
        db.company, now, *columns(rows, 8),
    )
    version_of = {row["id"]: row["version"] for row in versions}
    return [
        event.said(Envelope(
            id=row[0], source=source, type=event.type, subject=row[1], time=now, company=db.company,
            version=version_of[row[0]], actor=row[3], correlation_id=row[4], causation_id=row[5], traceparent=row[6],
        ))
        for event, row in zip(events, rows, strict=True)
    ]


async def place(connection: Any, limit: int) -> int:
    """Give committed events their gapless position per company, oldest first; returns how many were placed.

    Only the one active relay calls it, so nobody else hands out positions.
    """
    placed = await connection.fetchval(
        """
        with fresh as materialized (
            select ctid, company, seq from event where position is null order by seq limit $1
        ), head as materialized (
            select company, (select coalesce(max(position), 0) from event where company = c.company) as position
            from (select distinct company from fresh) as c
        ), place as (
            select fresh.ctid, head.position + row_number() over (partition by company order by seq) as position
            from fresh join head using (company)
        ), known as (
            insert into relay_cursor (company, published) select company, 0 from head on conflict do nothing
        ), placed as (
            update event set position = place.position from place
            where event.ctid = place.ctid returning 1  -- nobody else changes rows, so they still stand there
        )
        select count(*) from placed
        """,
        limit,
    )
    return int(placed)


async def read_unpublished(
    connection: Any, source: str, limit: int, *, resting: Sequence[str] = ()
) -> list[Entry]:
    """The next placed events of every company behind its cursor, in position order within a company; the companies take
    turns, so that a loud one does not keep the others waiting, and those that are `resting` are left out."""
    rows = await connection.fetch(
        """
        select e.* from relay_cursor c cross join lateral (
            select * from event where company = c.company and position > c.published order by position limit $1
        ) as e
        where c.company <> all ($2::text[])
        order by e.position - c.published, e.company limit $1
        """,
        limit, list(resting),
    )
    return [_entry(row, source) for row in rows]


async def advance(connection: Any, published: Mapping[str, int]) -> None:
    """Move the cursors to what RabbitMQ has confirmed."""
    await connection.execute(
        """
        update relay_cursor c set published = p.position
        from unnest($1::text[], $2::bigint[]) as p (company, position)
        where c.company = p.company
        """,
        list(published), list(published.values()),
    )


async def read(
    db: Db, source: str, first: int, last: int, types: Sequence[str], limit: int
) -> list[Entry]:
    """A stretch of one company's log, of some types or, if none is named, of all."""
    rows = await db.fetch(
        """
        select * from event
        where company = $1 and position between $2 and $3 and (cardinality($4::text[]) = 0 or type = any ($4))
        order by position limit $5
        """,
        db.company, first, last, list(types), limit,
    )
    return [_entry(row, source) for row in rows]


async def companies(connection: Any) -> list[str]:
    """Every company of which something was said."""
    return [row["company"] for row in await connection.fetch("select company from relay_cursor")]


async def count_up(connection: Any, companies: Sequence[str]) -> list[Any]:
    """How much was said and published of each company: rows of company, position, and counts by type.

    Only what is new since the last time is counted.
    """
    await connection.execute(
        """
        with news as materialized (
            select company, stated, published from relay_cursor where company = any ($1) and stated < published
        ), counted as (
            insert into said as s (company, type, events)
            select n.company, e.type, count(*) from news n
            join event e on e.company = n.company and e.position > n.stated and e.position <= n.published
            group by n.company, e.type
            on conflict (company, type) do update set events = s.events + excluded.events
        )
        update relay_cursor c set stated = n.published from news n where c.company = n.company
        """,
        list(companies),
    )
    rows: list[Any] = await connection.fetch(
        """
        select c.company, c.stated as position, (select jsonb_object_agg(type, events) from said
                                                 where company = c.company) as counts
        from relay_cursor c where c.company = any ($1) and c.stated > 0
        """,
        list(companies),
    )
    return rows


async def stretches(connection: Any) -> list[Any]:
    """What hearers asked to hear again and nobody has finished saying: those that waited longest first."""
    rows: list[Any] = await connection.fetch("select * from say_again order by at limit 20")
    return rows


async def move_on(connection: Any, company: str, hearer: str, began: int, following: int) -> None:
    """A stretch was said again from `began` to before `following`: others have their turn, or it is done. If the hearer
    meanwhile asked from an earlier position on, it begins there."""
    await connection.execute(
        """
        with done as (
            delete from say_again where company = $1 and hearer = $2 and next = $3 and last < $4
        )
        update say_again set next = $4, at = now()
        where company = $1 and hearer = $2 and next = $3 and last >= $4
        """,
        company, hearer, began, following,
    )


def _entry(row: Any, source: str) -> Entry:
    return Entry(
        Envelope(
            id=row["id"], source=source, type=row["type"], subject=row["subject"], time=row["time"],
            company=row["company"], version=row["version"], actor=row["actor"], correlation_id=row["correlation_id"],
            causation_id=row["causation_id"], traceparent=row["traceparent"], position=row["position"],
        ),
        row["body"],
    )


async def went_back(connection: Any) -> list[str]:
    """Companies of which hearers have heard more than this log holds: this database is an older backup."""
    return [row["company"] for row in await connection.fetch("select company from went_back")]


async def unstated(
    connection: Any, subject: str, types: Sequence[str], seconds: float, company: str | None = None
) -> list[str]:
    """Companies (or this one) of which something was said since the last event about `subject`, if that is so many
    seconds ago; events of these `types` do not count."""
    rows = await connection.fetch(
        """
        select c.company from relay_cursor c
        left join lateral (
            select position, time from event where company = c.company and subject = $1 order by version desc limit 1
        ) as last on true
        where ($4::text is null or c.company = $4)
          and (last.time is null or last.time < now() - $3 * interval '1 second' and last.position is not null)
          and exists (
              select from event e
              where e.company = c.company and e.position > coalesce(last.position, 0) and e.type <> all ($2::text[])
          )
        """,
        subject, list(types), seconds, company,
    )
    return [row["company"] for row in rows]
