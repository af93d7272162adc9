"""SQL of tie-out that writes or locks: statements, both sides of every key, differences and their search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.accounting.domain.tieout import Parting, Place, Role, Search, Sides
from shared.db import Db, columns
from shared.events.tieout import SubledgerDetailed, SubledgerStated

ASK_AGAIN_SECONDS = 30.0  # a question or its answer may have been lost
AT_ONCE = 100  # differences that are looked into; there is no use in naming a thousand


@dataclass(frozen=True, slots=True)
class Head:
    """How far a producer's log was summed up, and how far all of it was compared."""

    position: int
    compared: int


@dataclass(frozen=True, slots=True)
class Page:
    """What an owner showed of its movements."""

    event_id: UUID
    source: str
    role: str
    key: str
    after: int
    until: int
    shown: Mapping[str, Any]  # its `movements`


# -- what was heard ---------------------------------------------------------------------------------------------------


async def note_statements(db: Db, statements: Sequence[SubledgerStated]) -> None:
    rows = [
        (s.envelope.source, s.envelope.position, s.envelope.id, s.envelope.time, s.part == s.parts,
         {"balances": [balance.model_dump(mode="json") for balance in s.balances]})
        for s in statements if s.envelope.position
    ]
    if rows:
        await db.execute(
            """
            insert into tie_statement (company, source, position, event_id, stated_at, last_part, balances)
            select $1, s.*
            from unnest($2::text[], $3::bigint[], $4::uuid[], $5::timestamptz[], $6::boolean[], $7::jsonb[]) as s
            on conflict do nothing
            """,
            db.company, *columns(rows, 6),
        )


async def note_pages(db: Db, pages: Sequence[SubledgerDetailed]) -> None:
    rows = [
        (p.envelope.id, p.envelope.source, p.role, p.key, p.after, p.until,
         {"movements": [movement.model_dump(mode="json") for movement in p.movements]})
        for p in pages
    ]
    if rows:
        await db.execute(
            """
            insert into tie_page (company, event_id, source, role, key, after, until, movements)
            select $1, p.*
            from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::jsonb[]) as p
            on conflict do nothing
            """,
            db.company, *columns(rows, 7),
        )


# -- comparing --------------------------------------------------------------------------------------------------------


async def lock_head(db: Db, source: str) -> Head:
    """Be the only one that compares this producer's statements, until the transaction ends."""
    await db.execute("insert into tie_head values ($1, $2, 0, 0) on conflict do nothing", db.company, source)
    row = await db.fetchrow(
        "select position, compared from tie_head where company = $1 and source = $2 for update", db.company, source
    )
    assert row
    return Head(row["position"], row["compared"])


async def next_statement(db: Db, source: str) -> Any:
    """The first statement that waits: position, last_part, stated_at, balances; None if none does."""
    return await db.fetchrow(
        """
        select position, last_part, stated_at, balances from tie_statement
        where company = $1 and source = $2 and state = 'waiting' order by position limit 1
        """,
        db.company, source,
    )


async def missing(db: Db, source: str, after: int, until: int) -> int:
    """How many positions of a stretch are neither in the journal nor dismissed: on their way, rejected, or lost."""
    return until - after - int(await db.fetchval(
        """
        select count(*) from (
            select position from journal where company = $1 and source = $2 and position > $3 and position <= $4
            union
            select (headers -> 'cloudEvents_position')::bigint from rejected
            where dismissed_at is not null and headers ->> 'cloudEvents_company' = $1
              and headers ->> 'cloudEvents_source' = '/fenlu/' || $2
              and headers -> 'cloudEvents_position' between to_jsonb($3 + 1) and to_jsonb($4)
        ) as here
        """,
        db.company, source, after, until,
    ))


async def move_on(
    db: Db, source: str, after: int, until: int, roles: Mapping[str, Role], stated: Mapping[str, Any]
) -> None:
    """Bring both sides to a position: add the lines that came of the stretch, set the balances that were stated there.
    The cost is that of the stretch."""
    await db.execute(
        """
        with mapped as materialized (
            select distinct m.ledger, m.account, r.* from role_map m
            join unnest($5::text[], $6::text[], $7::text[], $8::integer[], $9::boolean[])
                 as r (role, account_roles, dimension, sign, pieces)
                 on m.role = any (string_to_array(r.account_roles, ' '))
            where m.company = $1
        ), lines as materialized (
            select l.ledger, l.account, l.customer, l.supplier, l.product || '/' || l.warehouse as pool,
                   case l.side when 'D' then l.amount else -l.amount end as amount,
                   case l.side when 'D' then l.quantity else -l.quantity end as quantity
            from journal j
            join book b on b.company = j.company
            join voucher v on v.company = j.company and v.ledger = b.ledger and v.event_id = j.event_id
            join voucher_line l on l.company = v.company and l.ledger = v.ledger and l.seq = v.seq
            where j.company = $1 and j.source = $2 and j.position > $3 and j.position <= $4
        ), keyed as (
            select ledger, m.role, m.sign * case when m.pieces then coalesce(l.quantity, 0) else l.amount end as amount,
                   coalesce(case m.dimension when 'customer' then l.customer when 'supplier' then l.supplier
                                             else l.pool end, '?') as key
            from lines l join mapped m using (ledger, account)
        ), moved as (
            select ledger, role, coalesce(key, '') as key, sum(amount) as amount from keyed
            group by grouping sets ((ledger, role, key), (ledger, role))
        ), said as (
            select m.ledger, role, s.key, s.amount
            from (select distinct ledger, role from mapped) as m
            join jsonb_to_recordset($10::jsonb -> 'balances') as s (role text, key text, amount numeric) using (role)
        )
        insert into tie (company, ledger, role, key, stated, posted)
        select $1, ledger, role, key, coalesce(s.amount, t.stated, 0), coalesce(t.posted, 0) + coalesce(m.amount, 0)
        from moved m full join said s using (ledger, role, key)
        left join (select ledger, role, key, stated, posted from tie where company = $1) as t using (ledger, role, key)
        on conflict (company, ledger, role, key) do update set stated = excluded.stated, posted = excluded.posted
        """,
        db.company, source, after, until, *_roles(roles), stated,
    )


def _roles(roles: Mapping[str, Role]) -> list[list[Any]]:
    return columns([(name, " ".join(r.account_roles), r.dimension, r.sign, r.pieces) for name, r in roles.items()], 5)


async def close_statement(db: Db, source: str, position: int, state: str, head: Head, now: datetime) -> None:
    await db.execute(
        """
        with statement as (
            update tie_statement set state = $4, balances = null, compared_at = $7
            where company = $1 and source = $2 and position = $3
        )
        update tie_head set position = $5, compared = $6 where company = $1 and source = $2
        """,
        db.company, source, position, state, head.position, head.compared, now,
    )


async def load_apart(db: Db, roles: Sequence[str]) -> dict[Place, Sides]:
    """Keys whose two sides differ, the first of them if there are many."""
    rows = await db.fetch(
        """
        select ledger, role, key, stated, posted from tie
        where company = $1 and role = any ($2) and stated <> posted order by ledger, role, key limit $3
        """,
        db.company, list(roles), AT_ONCE,
    )
    return {Place(row["ledger"], row["role"], row["key"]): Sides(row["stated"], row["posted"]) for row in rows}


# -- differences ------------------------------------------------------------------------------------------------------


async def open_places(db: Db, source: str) -> set[Place]:
    """Where something is known to differ."""
    rows = await db.fetch(
        """
        select ledger, role, key from tie_difference where company = $1 and source = $2 and state <> 'mended'
        """,
        db.company, source,
    )
    return {Place(row["ledger"], row["role"], row["key"]) for row in rows}


async def begin_searches(db: Db, searches: Sequence[Search], stated_at: datetime, now: datetime) -> None:
    rows = [
        (*s.place, s.found_at, s.source, s.since, s.sides.stated, s.sides.posted, s.after, s.until) for s in searches
    ]
    if rows:
        await db.execute(
            """
            insert into tie_difference (company, stated_at, asked_at, state, ledger, role, key, found_at, source,
                                        since_position, stated, posted, after, until)
            select $1, $2, $3, 'searching', d.*
            from unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::numeric[],
                        $11::numeric[], $12::bigint[], $13::bigint[]) as d
            """,
            db.company, stated_at, now, *columns(rows, 10),
        )


async def update_differences(db: Db, now_apart: Mapping[Place, Sides], mended: Sequence[Place], now: datetime) -> None:
    """What differs by another amount than before, and what agrees again."""
    rows = [(*place, sides.stated, sides.posted) for place, sides in now_apart.items()]
    if rows:
        await db.execute(
            """
            update tie_difference d set stated = n.stated, posted = n.posted
            from unnest($2::text[], $3::text[], $4::text[], $5::numeric[], $6::numeric[])
                 as n (ledger, role, key, stated, posted)
            where d.company = $1 and d.ledger = n.ledger and d.role = n.role and d.key = n.key and d.state <> 'mended'
            """,
            db.company, *columns(rows, 5),
        )
    if mended:
        await db.execute(
            """
            update tie_difference d set state = 'mended', mended_at = $2
            from unnest($3::text[], $4::text[], $5::text[]) as n (ledger, role, key)
            where d.company = $1 and d.ledger = n.ledger and d.role = n.role and d.key = n.key and d.state <> 'mended'
            """,
            db.company, now, *columns(mended, 3),
        )


async def take_pages(db: Db, source: str) -> list[Page]:
    """What an owner showed and nobody has looked at."""
    rows = await db.fetch(
        """
        delete from tie_page where company = $1 and source = $2
        returning event_id, source, role, key, after, until, movements as shown
        """,
        db.company, source,
    )
    return [Page(**row) for row in rows]


async def searches(db: Db, source: str, asked_before: datetime | None = None) -> list[tuple[Search, datetime]]:
    """What is being looked for (or what was asked before a moment), with the time of the statement that differed."""
    rows = await db.fetch(
        """
        select * from tie_difference
        where company = $1 and source = $2 and state = 'searching' and ($3::timestamptz is null or asked_at < $3)
        order by ledger, role, key
        """,
        db.company, source, asked_before,
    )
    return [
        (Search(Place(row["ledger"], row["role"], row["key"]), row["source"], Sides(row["stated"], row["posted"]),
                row["found_at"], row["since_position"], row["after"], row["until"]), row["stated_at"])
        for row in rows
    ]


async def save_search(db: Db, search: Search, now: datetime) -> None:
    """Where it goes on, or is asked again."""
    await db.execute(
        """
        update tie_difference set after = $6, until = $7, asked_at = $8
        where company = $1 and ledger = $2 and role = $3 and key = $4 and found_at = $5
        """,
        db.company, *search.place, search.found_at, search.after, search.until, now,
    )


async def end_search(
    db: Db, search: Search, parting: Parting | None, event: tuple[UUID, str] | None, now: datetime
) -> None:
    await db.execute(
        """
        update tie_difference
        set state = $6, named_at = $7, event_id = $8, event_type = $9, event_position = $10, event_stated = $11,
            event_posted = $12
        where company = $1 and ledger = $2 and role = $3 and key = $4 and found_at = $5
        """,
        db.company, *search.place, search.found_at, "event" if parting else "balance", now,
        *(event or (None, None)), *((parting.position, *parting.sides) if parting else (None, None, None)),
    )
