"""Checks of the logs: gapless and published, and every event in the journal with its vouchers or its reason."""

from collections.abc import AsyncIterator
from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import Finding, differences, mapping

SLICE = 50_000


async def positions(databases: Databases) -> Finding:
    """Every event has its position; positions have no gaps per producer and company; all are published."""
    faults: list[str] = []
    events = 0
    for source, connection in databases.producers():
        rows = await connection.fetch(
            """
            select e.company, count(*) as events, count(position) as placed, min(position) as first,
                   max(position) as last, c.published
            from event e left join relay_cursor c on c.company = e.company
            group by e.company, c.published order by e.company
            """
        )
        for row in rows:
            events += row["events"]
            where = f"{source} of {row['company']}"
            if row["placed"] != row["events"]:
                faults.append(f"{where}: {row['events'] - row['placed']} events without a position")
            elif (row["first"], row["last"]) != (1, row["events"]):
                faults.append(f"{where}: {row['events']} events, but positions {row['first']}..{row['last']}")
            if row["published"] != row["last"]:
                faults.append(f"{where}: published up to {row['published']} of {row['last']}")
    return Finding("positions", f"{events} events said", tuple(faults))


async def versions(databases: Databases) -> Finding:
    """The versions of every aggregate begin with 1 and have no gaps."""
    faults: list[str] = []
    aggregates = 0
    for source, connection in databases.producers():
        aggregates += await connection.fetchval("select count(distinct (company, subject)) from event")
        rows = await connection.fetch(
            """
            select company, subject, count(*) as events, max(version) as last from event
            group by company, subject having count(*) <> max(version) or min(version) <> 1
            order by company, subject limit 20
            """
        )
        faults += [f"{source} of {r['company']}: {r['subject']} has {r['events']} events, last version {r['last']}"
                   for r in rows]
    return Finding("versions", f"{aggregates} aggregates", tuple(faults))


async def journal(databases: Databases) -> Finding:
    """Every event of every log stands in the journal under its position, or was dismissed; nothing else is there."""
    faults: list[str] = []
    events = 0
    dismissed = {tuple(row) for row in await databases.accounting.fetch(
        """
        select company, substr(headers ->> 'cloudEvents_source', length('/fenlu/') + 1),
               (headers -> 'cloudEvents_position')::bigint
        from rejected where dismissed_at is not null and company <> ''
        """
    )}
    for source, connection in databases.producers():
        for company in databases.companies:
            said = _slices(connection, company)
            async for first, last, said_ids in said:
                events += len(said_ids)
                rows = await databases.accounting.fetch(
                    """
                    select position, event_id::text || ' ' || event_type from journal
                    where company = $1 and source = $2 and position >= $3 and position < $4
                    """,
                    company, source, first, last,
                )
                wanted = {at: event for at, event in said_ids.items() if (company, source, at) not in dismissed}
                faults += differences(mapping(rows), wanted, f"journal of {company}: {source} position", "nothing")
    strangers = await databases.accounting.fetch(
        """
        select company, entry, event_type, source, position from journal
        where kind = 'event' and (source <> all ($1) or position is null or company <> all ($2)) order by company, entry
        """,
        [source for source, _ in databases.producers()], list(databases.companies),
    )
    faults += [f"journal of {r['company']}: entry {r['entry']} is of {r['event_type']} from nowhere" for r in strangers]
    return Finding("journal", f"{events} events against the journal, {len(dismissed)} of them dismissed", tuple(faults))


async def _slices(connection: Any, company: str) -> AsyncIterator[tuple[int, int, dict[int, str]]]:
    """A log in slices of positions, with one more open slice at the end, where nothing may be."""
    last = await connection.fetchval("select coalesce(max(position), 0) from event where company = $1", company)
    for first in range(1, last + 1, SLICE):
        rows = await connection.fetch(
            """
            select position, id::text || ' ' || type from event
            where company = $1 and position >= $2 and position < $3
            """,
            company, first, first + SLICE,
        )
        yield first, first + SLICE, mapping(rows)
    yield -(-last // SLICE) * SLICE + 1, 2**62, {}


async def outcomes(databases: Databases) -> Finding:
    """Every journal row has vouchers or a stored reason for none, never both; every voucher has its journal row."""
    rows = await databases.accounting.fetch(
        """
        select j.company, j.entry, coalesce(j.event_type, j.kind) as what, count(v.seq) as vouchers,
               j.none_zh is not null as reason
        from journal j left join voucher v on v.company = j.company and v.entry = j.entry
        where j.kind in ('event', 'manual', 'correction')
        group by j.company, j.entry having (count(v.seq) > 0) = (j.none_zh is not null)
        order by j.company, j.entry limit 20
        """
    )
    faults = [
        f"journal of {r['company']}: entry {r['entry']} ({r['what']}) has "
        + ("vouchers and a reason for none" if r["reason"] else "neither a voucher nor a reason")
        for r in rows
    ]
    rows = await databases.accounting.fetch(
        """
        select v.company, v.seq, v.word, v.number, v.event_type from voucher v
        left join journal j on j.company = v.company and j.entry = v.entry
             and (j.event_id, j.event_type, j.source, j.position)
                 is not distinct from (v.event_id, v.event_type, v.source, v.position)
        where j.entry is null order by v.company, v.seq limit 20
        """
    )
    faults += [f"voucher {r['word']}-{r['number']} of {r['company']} ({r['event_type'] or 'no event'}) is not of its "
               "journal row" for r in rows]
    rows = await databases.accounting.fetch(
        """
        select company, coalesce(event_type, 'entry ' || entry) as what, rule_id, part, count(*) as times from voucher
        group by company, ledger, what, coalesce(event_id::text, entry::text), rule_id, part
        having count(*) > 1 limit 20
        """
    )
    faults += [f"{r['what']} of {r['company']} was posted {r['times']} times by {r['rule_id']}" for r in rows]
    faults += await _by_hand(databases)
    seen = await databases.accounting.fetchrow(
        "select count(*) filter (where none_zh is null) as posted, count(none_zh) as none from journal "
        "where kind = 'event'"
    )
    return Finding("outcomes", f"{seen['posted']} events with vouchers, {seen['none']} with a reason", tuple(faults))


CONTROLLED = ("ar", "advances", "pending_output_vat", "unbilled", "backlog", "backlog_contra", "inventory",
              "accrued_payable", "payable", "price_variance", "pending_pl")


async def _by_hand(databases: Databases) -> list[str]:
    """Only events move control accounts: the ties look at nothing else."""
    rows = await databases.accounting.fetch(
        """
        select distinct v.company, v.seq, v.word, v.number, l.account from voucher v
        join voucher_line l on l.company = v.company and l.ledger = v.ledger and l.seq = v.seq
        join role_map m on m.company = l.company and m.ledger = l.ledger and m.account = l.account
        where v.event_id is null and m.role = any ($1) order by v.company, v.seq limit 20
        """,
        list(CONTROLLED),
    )
    return [f"voucher {r['word']}-{r['number']} of {r['company']} is by hand, but moves {r['account']}" for r in rows]


async def leftovers(databases: Databases, parked: int) -> tuple[Finding, dict[str, int]]:
    """Nothing was rejected, nothing waits, nothing is unpublished, nothing was parked by the broker. What operators
    dismissed is counted and no fault."""
    counts = {"rejected": 0, "dismissed": 0, "pending": 0, "unpublished": 0, "parked": parked}
    faults = [f"{parked} messages in parking queues"] if parked else []
    for source, connection in databases.producers():
        row = await connection.fetchrow(
            """
            select (select count(*) from rejected where dismissed_at is null) as rejected,
                   (select count(*) from rejected where dismissed_at is not null) as dismissed,
                   (select count(*) from pending) as pending,
                   (select count(*) from event e where position is null or position >
                       coalesce((select published from relay_cursor c where c.company = e.company), 0)) as unpublished,
                   (select reason from rejected where dismissed_at is null order by at limit 1) as reason
            """
        )
        for name in ("rejected", "dismissed", "pending", "unpublished"):
            counts[name] += row[name]
            if row[name] and name != "dismissed":
                faults.append(f"{source}: {row[name]} {name}" + (f" ({row['reason']})" if name == "rejected" else ""))
    seen = f"rejected, pending, unpublished, parked; {counts['dismissed']} dismissed"
    return Finding("leftovers", seen, tuple(faults)), counts
