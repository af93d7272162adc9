"""What is left over: messages that were rejected (also those that the broker parked), and events that wait for an
earlier version. They can be listed and shown, retried and dismissed; who did it, when and why is kept.

Retrying is asked for here and done by the clerk (shared/clerk.py) of whoever serves. Dismissing is done here: the event
counts as heard without any effect, so it is not asked for again as missing, and later versions of its aggregate go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from shared import inbox
from shared.db import Db
from shared.events import Command, DismissMessages, Envelope, Event, RetryMessages
from shared.inbox import Rejected
from shared.refusal import Refusal, Text
from shared.wire import MalformedError, Raw, envelope_in

PAGE = 100
WAITS = "it waits for an earlier version"
HANDLED, LET_GO = "handled", "dismissed"  # outcomes; any other one says what is still wrong

NOT_THERE = Text("没有消息 {id}：既未被拒绝，也不在等待", "there is no message {id}, rejected or waiting")
DISMISSED = Text("消息 {id} 已被放弃", "the message {id} was dismissed already")
EARLIER_FIRST = Text(
    "{subject} 的第 {version} 版尚未处理：请先重试或放弃它，否则它到达时会被拒绝",
    "version {version} of {subject} is not handled yet: retry or dismiss that first, or it is rejected when it comes",
)

Place = Literal["rejected", "pending"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that an operator wants handled again: the interventions that ask, and the message as it came."""

    interventions: tuple[int, ...]
    place: Place
    company: str
    id: UUID
    raw: Raw


# -- to read ----------------------------------------------------------------------------------------------------------


async def listed(
    db: Db, place: Place, *, dismissed: bool = False, search: str = "", before: tuple[datetime, UUID] | None = None,
    limit: int = PAGE,
) -> list[dict[str, Any]]:
    """A page of messages, newest first; `search` is a part of the routing key or of the reason. The company "" stands
    for whoever runs the installation; else one sees the own messages and those that name no company."""
    rows = await db.fetch(
        """
        select place, company, whose, id, routing_key, at, reason, dismissed_at, sender,
               octet_length(body) as bytes
        from leftover
        where place = $1 and ($2 = '' or coalesce(whose, $2) = $2) and (dismissed_at is not null) = $3
          and (position($4 in routing_key) > 0 or position($4 in coalesce(reason, '')) > 0)
          and ($5::timestamptz is null or (at, id) < ($5, $6::uuid))
        order by at desc, id desc limit $7
        """,
        place, db.company, dismissed, search, *(before or (None, None)), limit,
    )
    return [dict(row) for row in rows]


async def shown(db: Db, place: Place, id: UUID) -> dict[str, Any] | None:
    """One message with headers and body, and what operators did about it."""
    row = await db.fetchrow(
        """
        select place, company, whose, id, routing_key, at, reason, dismissed_at, sender, message_id, content_type,
               headers, body
        from leftover where place = $1 and id = $2 and ($3 = '' or coalesce(whose, $3) = $3)
        """,
        place, id, db.company,
    )
    return None if row is None else {**row, "history": await history(db, row["company"], id)}


async def history(db: Db, company: str, id: UUID) -> list[dict[str, Any]]:
    """What operators did about a message, also about one that is mended and gone."""
    rows = await db.fetch(
        """
        select n, what, actor, why, at, done_at, outcome from intervention
        where company = $1 and message_id = $2 order by n
        """,
        company, id,
    )
    return [dict(row) for row in rows]


async def last_outcome(connection: Any, id: UUID) -> str | None:
    """What became of the last thing that an operator asked of a message; None while it is not done."""
    outcome: str | None = await connection.fetchval(
        "select outcome from intervention where message_id = $1 order by n desc limit 1", id
    )
    return outcome


# -- what operators ask for -------------------------------------------------------------------------------------------


async def retry(db: Db, commands: Sequence[RetryMessages]) -> list[Event | Refusal]:
    """The use case of every service: write down what is to be handled once more."""
    refusals: list[Event | Refusal] = []
    for command in commands:
        rows, refusal = await _open_ones(db, command, command.ids)
        if refusal:
            refusals.append(refusal)
        else:
            await _note(db, rows, "retry", command)
    return refusals


async def dismiss(
    db: Db, commands: Sequence[DismissMessages], hears: Mapping[str, str], *, ordered: bool
) -> list[Event | Refusal]:
    """The use case of every service: let messages go. `hears`: producer -> the types heard from it."""
    refusals: list[Event | Refusal] = []
    for command in commands:
        rows, refusal = await _open_ones(db, command, command.ids)
        if refusal is None and ordered:
            refusal = await _earlier(db, command, rows)
        if refusal:
            refusals.append(refusal)
            continue
        for row in rows:
            await _let_go(db, row, hears)
        await _note(db, rows, "dismiss", command)
    return refusals


async def _open_ones(db: Db, command: Command, ids: Sequence[UUID]) -> tuple[list[Any], Refusal | None]:
    """The messages, each aggregate's in the order of its versions; or why there is one among them that is not open."""
    found = await db.fetch(
        """
        select place, company, id, routing_key, sender, message_id, content_type, headers, body, dismissed_at
        from leftover where id = any ($1::uuid[]) and ($2 = '' or coalesce(whose, $2) = $2)
        order by headers -> 'cloudEvents_version', place desc, id
        """,
        list(ids), db.company,
    )
    by_id = {row["id"]: row for row in found}
    for n, id in enumerate(ids):
        row = by_id.get(id)
        if row is None:
            return [], Refusal(command, f"ids.{n}", "not_found", NOT_THERE, {"id": str(id)}, 404)
        if row["dismissed_at"]:
            return [], Refusal(command, f"ids.{n}", "dismissed", DISMISSED, {"id": str(id)}, 409)
    return list(by_id.values()), None


async def _earlier(db: Db, command: Command, rows: Sequence[Any]) -> Refusal | None:
    """Refuse to let an event go before an earlier version of its aggregate. For one that waits, the earlier one may be
    lost for good; for it only those count that wait too."""
    going: dict[tuple[str, str, str], set[int]] = {}
    for row in rows:
        if (e := _envelope(row)) is None:
            continue
        gone = going.setdefault((e.company, e.source, e.subject), set())
        version = await db.fetchval(
            """
            select case when $5 then (
                select min(version) from pending
                where company = $1 and source = $2 and subject = $3 and version < $4 and version <> all ($6::integer[])
            ) else (
                select min(version) from generate_series(1 + coalesce((
                    select max(version) from inbox where company = $1 and source = $2 and subject = $3
                ), 0), $4 - 1) as version where version <> all ($6::integer[])
            ) end
            """,
            e.company, e.source, e.subject, e.version, row["place"] == "pending", sorted(gone),
        )
        if version is not None:
            params = {"subject": e.subject, "version": str(version)}
            return Refusal(command, "ids", "earlier_first", EARLIER_FIRST, params, 409)
        gone.add(e.version)
    return None


async def _let_go(db: Db, row: Any, hears: Mapping[str, str]) -> None:
    """It stays, as dismissed. An event goes into the inbox, under its position only if its type is one of those that
    are counted (shared/healing.py)."""
    now, envelope = datetime.now(UTC), _envelope(row)
    if row["place"] == "pending":
        await inbox.reject(db.connection, [Rejected(raw_of(row), WAITS, row["company"], row["id"])], now)
    await db.execute(
        "update rejected set dismissed_at = $3 where company = $1 and id = $2", row["company"], row["id"], now
    )
    if envelope is None:
        return
    counted = envelope.type in hears.get(envelope.source, "").split()
    await db.execute(
        """
        insert into inbox (company, event_id, source, subject, version, position) values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing
        """,
        envelope.company, envelope.id, envelope.source, envelope.subject, envelope.version,
        envelope.position if counted else None,
    )


async def _note(
    db: Db, rows: Sequence[Any], what: Literal["retry", "dismiss"], command: RetryMessages | DismissMessages
) -> None:
    await db.execute(
        """
        insert into intervention (company, message_id, what, actor, why, at, done_at, outcome)
        select m.company, m.id, $3, $4, $5, now(), case when $3 = 'dismiss' then now() end,
               case when $3 = 'dismiss' then $6 end
        from unnest($1::text[], $2::uuid[]) as m (company, id)
        """,
        [row["company"] for row in rows], [row["id"] for row in rows], what, command.actor.name, command.why, LET_GO,
    )


# -- what the clerk does ----------------------------------------------------------------------------------------------


async def asked_for(connection: Any, limit: int) -> list[Asked]:
    """What is to be handled once more. A retry whose message is gone (mended or let go meanwhile) ends here."""
    await connection.execute(
        """
        update intervention i set done_at = now(), outcome = 'it was there no more' where i.done_at is null
        and not exists (select from rejected where company = i.company and id = i.message_id and dismissed_at is null)
        and not exists (select from pending where company = i.company and event_id = i.message_id)
        """
    )
    rows = await connection.fetch(
        """
        select i.ns, l.* from (
            select company, message_id, array_agg(n) as ns from intervention where done_at is null
            group by company, message_id order by min(n) limit $1
        ) as i
        join leftover l on l.company = i.company and l.id = i.message_id and l.dismissed_at is null
        order by l.headers -> 'cloudEvents_version', i.ns
        """,
        limit,
    )
    return [Asked(tuple(row["ns"]), row["place"], row["company"], row["id"], raw_of(row)) for row in rows]


async def note_outcome(connection: Any, asked: Asked, reason: str) -> None:
    """Say what became of a retry; a rejected message that was handled after all is here no more."""
    await connection.execute(
        """
        with mended as (
            delete from rejected where $4 = '' and company = $2 and id = $3
        )
        update intervention set done_at = now(), outcome = case
            when $4 <> '' then $4
            when exists (select from pending where company = $2 and event_id = $3)
                then $5
            else $6 end
        where n = any ($1::bigint[]) and done_at is null
        """,
        list(asked.interventions), asked.company, asked.id, reason[:2000].replace("\0", ""), WAITS, HANDLED,
    )


def raw_of(row: Any) -> Raw:
    """The message as it came. It counts as redelivered, so it is not kept twice."""
    return Raw(
        row["routing_key"], row["headers"], row["body"], row["message_id"], redelivered=True, user=row["sender"],
        content_type=row["content_type"],
    )


def _envelope(row: Any) -> Envelope | None:
    """The envelope of an event that its owner sent; only those stand under a company."""
    try:
        return envelope_in(row["headers"]) if row["company"] else None
    except MalformedError:
        return None
