"""SQL of tie-out that only reads: what has come, what the lines of a stretch say, and how things stand."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from services.accounting.domain.tieout import ROLES, TODO, Place, Role, shown
from shared.db import Db

FIGURES = {
    "tieout_differences": "keys of subledgers that differ from the ledger",
    "tieout_waiting_seconds": "how long the oldest statement of a subledger waits for events that are not posted",
}


async def due(connection: Any, ask_again_seconds: float) -> list[tuple[str, str]]:
    """(company, producer) of which a statement, an answer or a late answer waits."""
    rows = await connection.fetch(
        """
        select company, source from tie_statement where state = 'waiting'
        union select company, source from tie_page
        union select company, source from tie_difference
        where state = 'searching' and asked_at < now() - $1 * interval '1 second'
        order by 1, 2
        """,
        ask_again_seconds,
    )
    return [(row["company"], row["source"]) for row in rows]


async def lines(db: Db, place: Place, role: Role, after: int, until: int) -> list[tuple[int, Decimal]]:
    """Per position of the role's producer what its lines moved of a key (or of the whole role)."""
    rows = await db.fetch(
        """
        with mapped as materialized (
            select distinct account from role_map where company = $1 and ledger = $2 and role = any ($5::text[])
        )
        select j.position, sum($8::integer * case l.side when 'D' then 1 else -1 end
                               * case when $9 then coalesce(l.quantity, 0) else l.amount end) as amount
        from journal j
        join voucher v on v.company = j.company and v.ledger = $2 and v.event_id = j.event_id
        join voucher_line l on l.company = v.company and l.ledger = v.ledger and l.seq = v.seq
        join mapped using (account)
        where j.company = $1 and j.source = $6 and j.position > $3 and j.position <= $4 and (
            $10 = '' or $10 = case $7 when 'customer' then l.customer when 'supplier' then l.supplier
                                      else l.product || '/' || l.warehouse end)
        group by j.position order by j.position
        """,
        db.company, place.ledger, after, until, list(role.account_roles), role.source, role.dimension, role.sign,
        role.pieces, place.key,
    )
    return [(row["position"], row["amount"]) for row in rows]


async def event_at(db: Db, source: str, position: int) -> tuple[UUID, str] | None:
    """The event that stands in the journal for a position of a producer's log."""
    row = await db.fetchrow(
        "select event_id, event_type from journal where company = $1 and source = $2 and position = $3",
        db.company, source, position,
    )
    return (row["event_id"], row["event_type"]) if row else None


# -- how things stand -------------------------------------------------------------------------------------------------


async def standing(db: Db, ledger: str) -> list[dict[str, Any]]:
    """Per role of a ledger: up to which `position` of its `source` both sides were compared, and how many `differences`
    stand since. A role agrees up to a position if that one is not beyond `position` and nothing differs."""
    rows = await db.fetch(
        """
        select r.role, r.source, coalesce(h.compared, 0) as position, w.stated, w.posted,
               (select count(*) from tie_difference d
                where d.company = $1 and d.ledger = $2 and d.role = r.role and d.state <> 'mended') as differences
        from unnest($3::text[], $4::text[]) with ordinality as r (role, source, nth)
        left join tie_head h on h.company = $1 and h.source = r.source
        left join tie w on w.company = $1 and w.ledger = $2 and w.role = r.role and w.key = ''
        order by r.nth
        """,
        db.company, ledger, list(ROLES), [role.source for role in ROLES.values()],
    )
    return [dict(row) for row in rows]


async def tieout(db: Db, ledger: str) -> dict[str, Any]:
    """Per producer its last statements, per role both sides in all, and the differences with what parts the two."""
    sources = await db.fetch(
        """
        select s.source, last.position as compared_position, last.stated_at, last.compared_at, last.state,
               waits.position as waiting_position, waits.stated_at as waiting_since,
               waits.position - h.position - (select count(*) from journal j where j.company = $1
                   and j.source = s.source and j.position > h.position and j.position <= waits.position)
                   as waiting_for_events
        from (select distinct source from unnest($2::text[]) as source) as s
        left join tie_head h on h.company = $1 and h.source = s.source
        left join lateral (
            select position, stated_at, compared_at, state from tie_statement
            where company = $1 and source = s.source and state in ('agreed', 'differs') order by position desc limit 1
        ) as last on true
        left join lateral (
            select position, stated_at from tie_statement
            where company = $1 and source = s.source and state = 'waiting' order by position limit 1
        ) as waits on true
        order by s.source
        """,
        db.company, [role.source for role in ROLES.values()],
    )
    found = await db.fetch(
        """
        select * from tie_difference where company = $1 and ledger = $2 and state <> 'mended'
        order by found_at, role, key limit 200
        """,
        db.company, ledger,
    )
    roles = [
        {**row, "name": {"zh": ROLES[row["role"]].name.zh, "en": ROLES[row["role"]].name.en},
         "stated": _plain(row["stated"]), "posted": _plain(row["posted"]),
         "agrees": bool(row["position"]) and not row["differences"]}
        for row in await standing(db, ledger)
    ]
    return {
        "ledger": ledger, "sources": [dict(row) for row in sources], "roles": roles,
        "differences": [_difference(row) for row in found],
    }


def _difference(row: Any) -> dict[str, Any]:
    params = {"event_id": row["event_id"], "source": row["source"]}
    todo = TODO[row["state"]]
    event = {
        "event_id": row["event_id"], "type": row["event_type"], "position": row["event_position"],
        "stated": _plain(row["event_stated"]), "posted": _plain(row["event_posted"]),
    }
    return {
        "source": row["source"], "role": row["role"], "key": row["key"], "stated": _plain(row["stated"]),
        "posted": _plain(row["posted"]), "difference": _plain(row["stated"] - row["posted"]), "state": row["state"],
        "found_at": row["found_at"], "agreed_until": row["since_position"], "stated_at": row["stated_at"],
        "named_at": row["named_at"], "first_event": event if row["state"] == "event" else None,
        "todo": {"zh": todo.zh.format(**params), "en": todo.en.format(**params)},
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else shown(value)


async def measure(connection: Any) -> dict[str, float]:
    """The figures of all companies (FIGURES)."""
    row = await connection.fetchrow(
        """
        select (select count(*) from tie_difference where state <> 'mended')::float as tieout_differences,
               (select coalesce(extract(epoch from now() - min(stated_at)), 0) from tie_statement
                where state = 'waiting')::float as tieout_waiting_seconds
        """
    )
    return dict(row)
