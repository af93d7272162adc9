"""What a service says of itself: what is wrong right now, and the figures an ERP is judged by."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from shared import healing
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool
from shared.finding import Finding
from shared.migrate import Migration, missing
from shared.relay import Relay

PROBE_SECONDS = 3
OWN_SECONDS = 60.0  # how old what only this service has may be; it may cost more than a look at an index
FIGURES = {
    "unpublished": "events committed and not yet confirmed by RabbitMQ",
    "unpublished_age_seconds": "age of the oldest such event",
    "pending": "events that wait for an earlier version of their aggregate",
    "pending_age_seconds": "how long the oldest of them has waited",
    "rejected": "messages that could not be handled and were not dismissed",
    "parked": "those of them that the broker had given up on",
    "dismissed": "messages that operators let go, since ever",
    "missing": "events that producers said and that are not here; they are asked for",
    "went_back": "companies whose log here is older than what was said from it",
}


class Loop(Protocol):
    """What works in a service beside the loops that all have, until it is cancelled; `active` while it can."""

    name: str
    active: bool

    async def run(self) -> None: ...


class Health:
    """Readiness and metrics of one service process."""

    def __init__(
        self, name: str, pool: Pool, relay: Relay, consumer: Consumer, door: QueueDoor, migrations: list[Migration],
        registry: CollectorRegistry,
    ) -> None:
        self._pool, self._relay, self._consumer, self._door = pool, relay, consumer, door
        self._migrations = migrations
        self._registry = registry
        self._gauges = {
            figure: Gauge(f"fenlu_{figure}", text, ["service"], registry=registry).labels(name)
            for figure, text in {**FIGURES, **consumer.service.figures}.items()
        }
        self._own: Mapping[str, float] = {}
        self._findings: Sequence[Finding] = ()
        self._own_due = 0.0
        self.beside: Sequence[Loop] = ()

    async def problems(self) -> dict[str, str]:
        """What keeps the service from working, by part; empty when it is ready."""
        wrong = {}
        try:
            async with asyncio.timeout(PROBE_SECONDS), self._pool.acquire() as connection:
                for row in await connection.fetch("select * from went_back order by company"):
                    wrong[f"log of {row['company']}"] = healing.WENT_BACK.en.format(**row)
                if late := await missing(connection, self._migrations):
                    wrong["migrations"] = f"not applied: {', '.join(late)}"
        except Exception as error:
            wrong["database"] = repr(error)[:200]
        if not (self._relay.active or self._relay.standby):
            wrong["relay"] = "not connected"
        if self._consumer.service.handlers and not self._consumer.active:
            wrong["consumer"] = "not connected"
        if not self._door.active:
            wrong["commands"] = "not connected"
        wrong |= {loop.name: "does not work" for loop in self.beside if not loop.active}
        return wrong

    async def warnings(self) -> dict[str, str]:
        """What is wrong beside the service and passes without it; its work waits in the log, or where it is kept."""
        with suppress(Exception):  # the database is away, and `problems` says so
            async with asyncio.timeout(PROBE_SECONDS), self._pool.acquire() as connection:
                await self._look(connection)
        warnings = {f.what: f.text.en for f in self._findings if f.state != "ok"}
        return warnings | ({"relay": self._relay.trouble} if self._relay.trouble else {})

    async def metrics(self) -> bytes:
        """Prometheus text; the figures come from indexes, not from whole tables."""
        async with asyncio.timeout(PROBE_SECONDS), self._pool.acquire() as connection:
            row = await connection.fetchrow(
                """
                with behind as (
                    select e.n, e.oldest from relay_cursor c cross join lateral (
                        select count(*) as n, min(time) as oldest from event
                        where company = c.company and position > c.published
                    ) as e
                    union all
                    select count(*), min(time) from event where position is null
                )
                select coalesce(sum(behind.n), 0)::float as unpublished,
                       coalesce(extract(epoch from now() - min(behind.oldest)), 0)::float as unpublished_age_seconds,
                       waits.n::float as pending,
                       coalesce(extract(epoch from now() - waits.oldest), 0)::float as pending_age_seconds,
                       open.n::float as rejected, open.parked::float as parked, gone.n::float as dismissed,
                       (select coalesce(sum(missing), 0) from hole)::float as missing,
                       (select count(*) from went_back)::float as went_back
                from behind,
                     (select count(*) as n, min(since) as oldest from pending) as waits,
                     (select count(*) as n, count(*) filter (where reason like 'parked: %') as parked from rejected
                      where dismissed_at is null) as open,
                     (select count(*) as n from rejected where dismissed_at is not null) as gone
                group by waits.n, waits.oldest, open.n, open.parked, gone.n
                """
            )
            assert row is not None
            await self._look(connection)
            figures = {**row, **self._own}
        for figure, gauge in self._gauges.items():
            gauge.set(figures[figure])
        return generate_latest(self._registry)

    async def _look(self, connection: Any) -> None:
        """At what only this service has."""
        now, service = asyncio.get_running_loop().time(), self._consumer.service
        if now >= self._own_due:
            self._own, self._findings = await service.measure(connection), await service.look(connection)
            self._own_due = now + OWN_SECONDS
