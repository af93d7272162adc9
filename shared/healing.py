"""How a hearer notices that something was said and not heard; what it then asks for, and who says it again.

A producer states, per company, a position of its log and how many events of each type were said up to it. A statement
travels behind those events, so a hearer that has fewer of its types has lost some: its queue was purged or deleted, the
broker lost its data, or its own database is an older backup. It writes the `hole` down; its relay asks the producer to
say that stretch again, and the producer's relay does, to this hearer alone. What was heard before is dropped as ever.

A hearer that has heard more than a producer's log holds proves that the producer's database is the older backup.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.db import Db, columns
from shared.events import Event, SayAgain
from shared.inbox import Rejected
from shared.refusal import Refusal, Text
from shared.wire import MalformedError, Raw, attributes_of, parse_json, time_of

SUFFIX = ".log_stated.v1"  # after the producer's name: the routing key of its statements
SHORTEST, LONGEST = 2.0, 300.0  # seconds until a hole is asked for again; they double

WENT_BACK = Text(
    "日志只到 {head}，{hearer} 却已收到 {heard}：本数据库比它说过的旧，须恢复更新的备份",
    "the log ends at {head}, but {hearer} has heard {heard}: this database is older than what was said from it; "
    "restore a newer backup",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a producer has said of one company up to a position: type -> number of events."""

    source: str
    company: str
    position: int
    counts: Mapping[str, int]
    at: datetime
    asked_for: bool = False  # it closes a stretch that was said again


@dataclass(frozen=True, slots=True)
class Known:
    """What a hearer knows of one company's log of one producer: all is here up to `position`; an open hole, if any."""

    position: int
    events: int
    types: str
    stated_at: datetime | None
    tries: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions `first` to `last` of a log, in which there are `expected` events of these types (joined by blanks)."""

    statement: Statement
    types: str
    first: int
    last: int
    expected: int
    tries: int

    @property
    def total(self) -> int:
        """How many events of these types were said in all."""
        return _total(self.statement, self.types)

    @property
    def went_back(self) -> bool:
        """The producer states less than it had stated before."""
        return self.last > self.statement.position


# -- statements -------------------------------------------------------------------------------------------------------


def is_statement(raw: Raw) -> bool:
    """True for a message that is a statement and no event."""
    return raw.routing_key.endswith(SUFFIX)


def decode_statement(raw: Raw) -> Statement:
    """The statement of a message. MalformedError says what is wrong with it."""
    attributes = attributes_of(raw.headers)
    company, position = attributes.get("company"), attributes.get("position")
    if not isinstance(company, str) or not isinstance(position, int) or position < 0:
        raise MalformedError("company, position: a statement needs both")
    counts = parse_json(raw.body).get("counts")
    if not isinstance(counts, dict) or not all(isinstance(count, int) for count in counts.values()):
        raise MalformedError("counts: must be numbers by type")
    source = raw.routing_key.removesuffix(SUFFIX)
    return Statement(source, company, position, counts, time_of(attributes.get("time")), raw.again)


def statements_in(messages: Iterable[Raw]) -> tuple[list[Statement], list[Rejected]]:
    """The statements among some messages, and those that are none although they come under such a routing key."""
    statements, rejected = [], []
    for raw in messages:
        if is_statement(raw):
            try:
                statements.append(decode_statement(raw))
            except MalformedError as error:
                rejected.append(Rejected(raw, str(error)))
    return statements, rejected


def stretch_of(statement: Statement, known: Known, types: str, now: datetime) -> Stretch | None:
    """The stretch that a statement lets us look at; None when it says nothing new or it is not time to look again.

    A service that hears other types than before looks at the whole log again.
    """
    if known.due and now < known.due and not statement.asked_for:
        return None
    after, before = (known.position, known.events) if known.types == types else (0, 0)
    if statement.position < after:
        if known.stated_at and statement.at <= known.stated_at:  # it came late
            return None
        missing = after - statement.position
        return Stretch(statement, types, statement.position + 1, after, missing, known.tries)
    if statement.position == after and not known.tries:
        return None
    expected = _total(statement, types) - before
    return Stretch(statement, types, after + 1, statement.position, expected, known.tries)


def _total(statement: Statement, types: str) -> int:
    return sum(statement.counts.get(name, 0) for name in types.split())


# -- the hearer -------------------------------------------------------------------------------------------------------


async def compare(
    connection: Any, hears: Mapping[str, str], statements: Sequence[Statement], now: datetime
) -> list[Stretch]:
    """Note what is whole and what has holes; returns the holes. `hears`: producer -> the types heard from it."""
    newest = {
        (s.company, s.source): s for s in sorted(statements, key=lambda s: (s.asked_for, s.at)) if s.source in hears
    }
    known = await _known(connection, list(newest))
    looked = [stretch_of(s, known[key], hears[s.source], now) for key, s in newest.items()]
    stretches = [stretch for stretch in looked if stretch]
    missing = await _missing(connection, stretches)
    await _note_whole(connection, [s for s, n in zip(stretches, missing, strict=True) if n <= 0])
    holes = [(s, n) for s, n in zip(stretches, missing, strict=True) if n > 0]
    await _note_holes(connection, holes, now)
    return [stretch for stretch, _ in holes]


async def _known(connection: Any, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    rows = await connection.fetch(
        """
        select k.company, k.source, coalesce(w.position, 0) as position, coalesce(w.events, 0) as events,
               coalesce(w.types, '') as types, w.stated_at, coalesce(h.tries, 0) as tries, h.due
        from unnest($1::text[], $2::text[]) as k (company, source)
        left join heard_whole w using (company, source)
        left join hole h using (company, source)
        """,
        *columns(keys, 2),
    )
    return {(row["company"], row["source"]): Known(*list(row.values())[2:]) for row in rows}


async def _missing(connection: Any, stretches: Sequence[Stretch]) -> list[int]:
    """How many events of each stretch are not here. Nearly always none, and then one look at the inbox is enough."""
    heard = await _heard(connection, [s for s in stretches if not s.went_back])
    left = iter(heard)
    missing = [s.expected if s.went_back else s.expected - next(left) for s in stretches]
    short = [s for s, n in zip(stretches, missing, strict=True) if n > 0 and not s.went_back]
    kept = dict(zip(map(id, short), await _kept(connection, short), strict=True))
    return [s.expected - kept[id(s)] if id(s) in kept else n for s, n in zip(stretches, missing, strict=True)]


def _bounds(stretches: Sequence[Stretch]) -> list[list[Any]]:
    return columns([(s.statement.company, s.statement.source, s.first, s.last) for s in stretches], 4)


async def _heard(connection: Any, stretches: Sequence[Stretch]) -> list[int]:
    """How many events of each stretch were handled."""
    rows = await connection.fetch(
        """
        select (select count(*) from inbox
                where company = s.company and source = s.source and position between s.first and s.last) as heard
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) with ordinality
             as s (company, source, first, last, n)
        order by s.n
        """,
        *_bounds(stretches),
    )
    return [row["heard"] for row in rows]


async def _kept(connection: Any, stretches: Sequence[Stretch]) -> list[int]:
    """How many positions of each stretch are here in any way: handled, waiting for an earlier version, or rejected."""
    if not stretches:
        return []
    rows = await connection.fetch(
        """
        select (select count(*) from (
                    select position from inbox
                    where company = s.company and source = s.source and position between s.first and s.last
                    union
                    select position from pending
                    where company = s.company and source = s.source and position between s.first and s.last
                    union
                    select (headers -> 'cloudEvents_position')::bigint from rejected
                    where headers ->> 'cloudEvents_company' = s.company
                      and headers ->> 'cloudEvents_source' = '/fenlu/' || s.source
                      and headers -> 'cloudEvents_position' between to_jsonb(s.first) and to_jsonb(s.last)
                ) as positions) as kept
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) with ordinality
             as s (company, source, first, last, n)
        order by s.n
        """,
        *_bounds(stretches),
    )
    return [row["kept"] for row in rows]


async def _note_whole(connection: Any, stretches: Sequence[Stretch]) -> None:
    rows = [(s.statement.company, s.statement.source, s.last, s.total, s.types, s.statement.at) for s in stretches]
    if rows:
        await connection.execute(
            """
            with whole as (
                select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[])
                         as w (company, source, position, events, types, stated_at)
            ), mended as (
                delete from hole h using whole w where h.company = w.company and h.source = w.source
            )
            insert into heard_whole (company, source, position, events, types, stated_at) select * from whole
            on conflict (company, source)
            do update set position = excluded.position, events = excluded.events, types = excluded.types,
                          stated_at = excluded.stated_at
            """,
            *columns(rows, 6),
        )


async def _note_holes(connection: Any, holes: Sequence[tuple[Stretch, int]], now: datetime) -> None:
    rows = [
        (s.statement.company, s.statement.source, s.first, s.last, s.types, missing, s.tries + 1,
         now + timedelta(seconds=min(SHORTEST * 2**s.tries, LONGEST)))
        for s, missing in holes
    ]
    if rows:
        await connection.execute(
            """
            insert into hole (company, source, first, last, types, missing, tries, due, since, asked)
            select h.*, $9, false
            from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::integer[],
                        $8::timestamptz[]) as h
            on conflict (company, source)
            do update set first = excluded.first, last = excluded.last, types = excluded.types,
                          missing = excluded.missing, tries = excluded.tries, due = excluded.due, asked = false
            """,
            *columns(rows, 8), now,
        )


async def unasked(connection: Any, limit: int) -> list[Any]:
    """Holes that the relay has to ask for: company, source, first, last, types."""
    rows: list[Any] = await connection.fetch(
        "select company, source, first, last, types from hole where not asked order by since limit $1", limit
    )
    return rows


async def note_asked(connection: Any, holes: Sequence[Any]) -> None:
    """They were asked for; the next statement after `due` looks again."""
    await connection.execute(
        """
        update hole h set asked = true from unnest($1::text[], $2::text[]) as a (company, source)
        where h.company = a.company and h.source = a.source
        """,
        *columns([(hole["company"], hole["source"]) for hole in holes], 2),
    )


# -- the producer -----------------------------------------------------------------------------------------------------


async def say_again(db: Db, commands: Sequence[SayAgain]) -> list[Event | Refusal]:
    """The use case of every service: write down what the relay has to say again, or that our log went back."""
    return [refusal for command in commands if (refusal := await _note_request(db, command))]


async def _note_request(db: Db, command: SayAgain) -> Refusal | None:
    now = await db.fetchval("select now()")
    head = await db.fetchval("select coalesce(max(position), 0) from event where company = $1", db.company)
    if command.last > head and "service" in command.actor.roles:  # an operator may ask for more than there is
        await db.execute(
            """
            insert into went_back (company, head, heard, hearer, at) values ($1, $2, $3, $4, $5)
            on conflict (company) do update set heard = greatest(went_back.heard, excluded.heard)
            """,
            db.company, head, command.last, command.hearer, now,
        )
        params = {"head": str(head), "heard": str(command.last), "hearer": command.hearer}
        return Refusal(command, "last", "went_back", WENT_BACK, params, 409)
    # Asked for again while it is being said: only what is new of it begins anew.
    await db.execute(
        """
        insert into say_again as s (company, hearer, first, last, types, next, at) values ($1, $2, $3, $4, $5, $3, $6)
        on conflict (company, hearer)
        do update set first = least(s.first, excluded.first), last = greatest(s.last, excluded.last),
                      next = case when excluded.first < s.first then excluded.first else s.next end,
                      types = excluded.types
        """,
        db.company, command.hearer, command.first, command.last, list(command.types), now,
    )
    return None
