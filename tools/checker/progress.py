"""How much is still under way between the services; cheap enough to be asked every second."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from tools.checker.databases import PRODUCERS


@dataclass(frozen=True, slots=True)
class Backlog:
    """Nothing is under way when everything that was said was published and heard. `unmoved` are vouchers that the open
    items, which follow the posting, do not hold yet."""

    said: int
    unpublished: int
    pending: int
    unheard: int
    unmoved: int

    @property
    def quiet(self) -> bool:
        return not (self.unpublished or self.pending or self.unheard)


async def backlog(urls: Mapping[str, str]) -> Backlog:
    """Read from the services' own counters and indexes, not from the facts: `check` is for those."""
    said = unpublished = pending = heard = unmoved = 0
    for name in PRODUCERS:
        connection = await asyncpg.connect(urls[name], timeout=10, command_timeout=60)
        try:
            row = await connection.fetchrow(
                """
                select (select count(*) from event where position is null)::bigint as unplaced,
                       (select coalesce(sum((select max(position) from event e where e.company = c.company)), 0)
                        from relay_cursor c)::bigint as placed,
                       (select coalesce(sum(published), 0) from relay_cursor)::bigint as published,
                       (select count(*) from pending)::bigint as pending
                """
            )
            assert row is not None
            said += row["placed"] + row["unplaced"]
            unpublished += row["placed"] + row["unplaced"] - row["published"]
            pending += row["pending"]
            if name == "accounting":
                heard = await connection.fetchval("select coalesce(sum(events), 0)::bigint from heard")
                unmoved = await connection.fetchval(
                    """
                    select coalesce(sum((select max(seq) from voucher v
                                         where v.company = b.company and v.ledger = b.ledger)), 0)::bigint
                         - (select coalesce(sum(seq), 0) from open_item_head)::bigint
                    from book b
                    """
                )
        finally:
            await connection.close()
    return Backlog(said, unpublished, pending, said - heard, unmoved)
