"""What was heard: once, in the order of each aggregate; early events wait, impossible ones are kept with a reason."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog

from shared.db import Db, columns
from shared.events import Event
from shared.wire import MalformedError, Raw, check_sender, decode, envelope_of, headers_of

SAME: Mapping[str, str] = MappingProxyType({})  # every producer's broker user is named as the producer is
NOWHERE = ""  # the company of a message that does not say, or says unreadably, whose it is

logger = structlog.get_logger()


class Heard(NamedTuple):
    """A well-formed message: the event, and the bytes it came in."""

    event: Event
    raw: Raw


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that cannot be handled, and why."""

    raw: Raw
    reason: str
    company: str = NOWHERE
    id: UUID = field(default_factory=uuid4)  # the event's own id where it has one; kept while a batch is tried again


class MetAnotherError(Exception):
    """Another consumer handled an event of the batch at the same time and was faster; all of this is rolled back."""


def sort_out(messages: Iterable[Raw], users: Mapping[str, str] = SAME) -> tuple[list[Heard], list[Rejected]]:
    """Validate in memory: what can be tried, and what no retry can mend. `users`: see `check_sender`.

    An event that cannot be read is kept under its company only if its owner sent it; anybody could write that name.
    """
    heard, rejected = [], []
    for raw in messages:
        try:
            event = decode(raw)
            check_sender(raw, event.owner, users)
            heard.append(Heard(event, raw))
        except MalformedError as error:
            envelope = envelope_of(raw, users)
            rejected.append(Rejected(raw, str(error), envelope.company if envelope else NOWHERE))
    return heard, rejected


async def unheard(db: Db, heard: Sequence[Heard]) -> list[Heard]:
    """Those that were not handled yet, each once, in the given order; whoever handles them has to `enter` them."""
    known = await _known(db, heard)
    by_id = {h.event.envelope.id: h for h in heard}
    return [h for event_id, h in by_id.items() if event_id not in known]


async def enter(db: Db, heard: Sequence[Heard]) -> list[Heard]:
    """Write the event ids down, in this transaction; returns those that were not there before, in the given order.

    Two consumers that hold the same event at once: the second waits for the first one's transaction, then skips it.
    """
    by_id = {h.event.envelope.id: h for h in heard}
    rows = [
        (e.id, e.source, e.subject, e.version, e.position)
        for e in sorted((h.event.envelope for h in by_id.values()), key=lambda e: e.id)
    ]
    new = await db.fetch(
        """
        with mended as (delete from rejected where company = $1 and id = any ($2::uuid[]))
        insert into inbox (company, event_id, source, subject, version, position)
        select $1, h.* from unnest($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::bigint[]) as h
        on conflict do nothing
        returning event_id
        """,
        db.company, *columns(rows, 5),
    )
    entered = {row["event_id"] for row in new}
    return [h for event_id, h in by_id.items() if event_id in entered]


async def enter_all_but(db: Db, heard: Sequence[Heard], refused: Mapping[UUID, str], now: datetime) -> None:
    """Write down what was handled and, with the reason, what was refused: that stays unheard, and may come again."""
    fit = [h for h in heard if h.event.envelope.id not in refused]
    if len(await enter(db, fit)) < len(fit):
        raise MetAnotherError
    if not refused:
        return
    unfit = [
        Rejected(h.raw, refused[e.id], e.company, e.id) for h in heard for e in [h.event.envelope] if e.id in refused
    ]
    for r in unfit:
        logger.warning("event refused", event_id=str(r.id), type=r.raw.routing_key, reason=r.reason)
    await reject(db.connection, unfit, now)


async def enter_in_order(
    db: Db, heard: Sequence[Heard], now: datetime, *, with_waiting: bool = True
) -> list[Heard]:
    """Like `enter`, but an event whose aggregate's earlier version was not handled yet waits in `pending`; returns what
    may be handled now, also from those that waited, each aggregate's events in the order of their versions."""
    known, last, waiting = await _state_of(db, heard)
    await _stop_waiting(db, sorted(known))  # another consumer was faster
    given = [h for h in heard if h.event.envelope.id not in known]
    if not given:
        return []
    waited = {h.event.envelope.id for h in waiting}
    runnable, early = _split_by_version(_chains([*given, *waiting]), last)
    if not with_waiting:
        own = {h.event.envelope.id for h in given}
        runnable = [h for h in runnable if h.event.envelope.id in own]
    await _wait(db, [h for h in early if h.event.envelope.id not in waited], now)
    await _stop_waiting(db, [h.event.envelope.id for h in runnable if h.event.envelope.id in waited])
    return await enter(db, runnable)


def _chains(heard: Sequence[Heard]) -> dict[tuple[str, str], dict[int, Heard]]:
    """Each aggregate's events by version; two events with one version cannot both be true."""
    chains: dict[tuple[str, str], dict[int, Heard]] = defaultdict(dict)
    for h in heard:
        e = h.event.envelope
        if chains[e.source, e.subject].setdefault(e.version, h).event.envelope.id != e.id:
            raise MalformedError(f"version: {e.subject} has another event with version {e.version}")
    return chains


def _split_by_version(
    chains: dict[tuple[str, str], dict[int, Heard]], last: dict[tuple[str, str], int]
) -> tuple[list[Heard], list[Heard]]:
    """What continues each aggregate's handled versions without a hole, and what comes too early."""
    runnable, early = [], []
    for aggregate, versions in chains.items():
        expected = last[aggregate] + 1
        for version in sorted(versions):
            if version > expected:
                early.append(versions[version])
                continue
            if version < expected:
                raise MalformedError(f"version: {aggregate[1]} had another event with version {version} before")
            runnable.append(versions[version])
            expected += 1
    return runnable, early


async def _known(db: Db, heard: Sequence[Heard]) -> set[UUID]:
    rows = await db.fetch(
        """
        select h.event_id from unnest($2::uuid[]) as h (event_id)
        cross join lateral (select from inbox  -- looked up one by one, whatever is known of a young table
                            where company = $1 and event_id = h.event_id limit 1) as known
        """,
        db.company, [h.event.envelope.id for h in heard],
    )
    return {row["event_id"] for row in rows}


async def _state_of(
    db: Db, heard: Sequence[Heard]
) -> tuple[set[UUID], dict[tuple[str, str], int], list[Heard]]:
    """Which of these were handled, the last handled version of each aggregate, and the events after it that wait."""
    rows = await db.fetch(
        """
        select h.event_id, known.company is not null as known, h.source, h.subject, coalesce(last.version, 0) as last,
               p.event_id as waiting, p.headers, p.body
        from unnest($2::uuid[], $3::text[], $4::text[]) as h (event_id, source, subject)
        left join lateral (select company from inbox where company = $1 and event_id = h.event_id limit 1) as known
                  on true
        left join lateral (select version from inbox  -- in the order of one index, so that no other serves as well
                           where company = $1 and source = h.source and subject = h.subject
                           order by source desc, subject desc, version desc limit 1) as last on true
        left join pending p on p.company = $1 and p.source = h.source and p.subject = h.subject
                            and p.version > coalesce(last.version, 0)
        """,
        db.company, *columns([(e.id, e.source, e.subject) for e in (h.event.envelope for h in heard)], 3),
    )
    known = {row["event_id"] for row in rows if row["known"]}
    last = {(row["source"], row["subject"]): int(row["last"]) for row in rows}
    waiting = {row["waiting"]: row for row in rows if row["waiting"] and row["event_id"] not in known}
    return known, last, [_stored(row) for row in waiting.values()]


def _stored(row: Any) -> Heard:
    raw = Raw(row["headers"]["cloudEvents_type"], row["headers"], row["body"])
    return Heard(decode(raw), raw)


async def _wait(db: Db, early: Sequence[Heard], now: datetime) -> None:
    if not early:
        return
    rows = [
        (e.id, e.source, e.subject, e.version, e.position, headers_of(e), h.raw.body)
        for h in early for e in [h.event.envelope]
    ]
    await db.execute(
        """
        insert into pending (company, event_id, source, subject, version, position, headers, body, since)
        select $1, e.*, $9
        from unnest($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::jsonb[], $8::bytea[]) as e
        on conflict do nothing
        """,
        db.company, *columns(rows, 7), now,
    )


async def _stop_waiting(db: Db, event_ids: Sequence[UUID]) -> None:
    if event_ids:
        await db.execute(
            "delete from pending where company = $1 and event_id = any ($2::uuid[])", db.company, list(event_ids)
        )


async def ready_pending(connection: Any, limit: int) -> list[Heard]:
    """Waiting events whose turn came, or went by, unnoticed (two consumers crossed each other); the idle consumer looks
    for them."""
    rows = await connection.fetch(
        """
        select p.headers, p.body from pending p
        where p.version <= 1 + coalesce((select max(version) from inbox i
            where i.company = p.company and i.source = p.source and i.subject = p.subject), 0)
        order by p.since limit $1
        """,
        limit,
    )
    return [_stored(row) for row in rows]


async def reject(connection: Any, rejected: Sequence[Rejected], now: datetime) -> None:
    """Keep impossible messages with their raw bytes; they wait no more. One that was redelivered, or is said again, is
    not kept twice."""
    rows = []
    for r in rejected:
        digest = sha256(r.raw.routing_key.encode() + b"\0" + (r.raw.message_id or "").encode() + b"\0" + r.raw.body)
        rows.append((r.company, r.id, digest.digest(), r.raw.routing_key.replace("\0", ""), _plain(r.raw.headers),
                     r.raw.body, r.reason[:2000].replace("\0", ""), r.raw.redelivered or r.raw.again,
                     r.raw.user, _short(r.raw.message_id), _short(r.raw.content_type)))
    await connection.execute(
        """
        with tried as (
            delete from pending p using unnest($1::text[], $2::uuid[]) as r (company, id)
            where p.company = r.company and p.event_id = r.id
        )
        insert into rejected (company, id, digest, routing_key, headers, body, reason, at, sender, message_id,
                              content_type)
        select r.company, r.id, r.digest, r.routing_key, r.headers, r.body, r.reason, $12, r.sender, r.message_id,
               r.content_type
        from unnest($1::text[], $2::uuid[], $3::bytea[], $4::text[], $5::jsonb[], $6::bytea[], $7::text[],
                    $8::boolean[], $9::text[], $10::text[], $11::text[])
             as r (company, id, digest, routing_key, headers, body, reason, redelivered, sender, message_id,
                   content_type)
        where not (r.redelivered and exists (select from rejected old where old.digest = r.digest))
        on conflict do nothing
        """,
        *columns(rows, 11), now,
    )


def _short(value: str | None) -> str | None:
    return value and value[:2000].replace("\0", "")


def _plain(headers: Any) -> dict[str, Any]:
    """Headers as JSON can hold them; a NUL cannot stand in jsonb."""
    return {
        str(name).replace("\0", ""): value if isinstance(value, int | bool) else str(value).replace("\0", "")[:2000]
        for name, value in headers.items()
    }
