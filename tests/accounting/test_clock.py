"""The books follow the dates of the events: no clock of a machine, no time zone of a process or a database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import services.accounting
from services.accounting.handlers import service
from shared.db import Pool
from shared.testing import as_admin, deliver, fresh_pool
from tests.accounting import examples
from tests.accounting.test_handlers import open_books, other_half, walk

ROOT = Path(services.accounting.__file__).parent
CONTENT = """
    select v.period, v.word, v.number, v.voucher_date, v.rule_id, v.part, v.summary, l.line, l.account, l.side,
           l.amount, l.quantity
    from voucher v join voucher_line l using (company, ledger, seq) order by v.seq, l.line
"""
EDGES = (date(2025, 3, 31), date(2025, 4, 1), date(2024, 2, 29), date(2028, 2, 29), date(2025, 12, 31))


async def posted(pool: Pool) -> list[asyncpg.Record]:
    """What a whole walk and some dates at the edges of months leave in the books."""
    await open_books(pool)
    await deliver(pool, service, *walk(), *other_half())
    await deliver(pool, service, *(examples.placed(f"EDGE-{n}", on=on) for n, on in enumerate(EDGES)))
    assert await pool.fetchval("select count(*) from rejected") == 0
    return list(await pool.fetch(CONTENT))


@pytest.mark.parametrize(("zone", "days"), [("Pacific/Kiritimati", 1), ("Etc/GMT+12", -1), ("Europe/Berlin", 120)])
async def test_neither_clock_nor_time_zone_changes_what_is_posted(
    pool: Pool, zone: str, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await posted(pool)
    assert {row["voucher_date"] for row in here} >= {on for on in EDGES if on >= examples.OPENED}
    assert all(row["voucher_date"].strftime("%Y-%m") == row["period"] for row in here)

    class OffClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(days=days)

    monkeypatch.setattr("shared.service.datetime", OffClock)
    async with fresh_pool(ROOT) as elsewhere:
        name = await elsewhere.fetchval("select current_database()")
        async with as_admin(elsewhere) as administrator:
            await administrator.execute(f"alter database \"{name}\" set timezone to '{zone}'")
        await elsewhere.expire_connections()
        with time_zone(zone):
            assert await posted(elsewhere) == here


@contextmanager
def time_zone(zone: str) -> Iterator[None]:
    """The process is in this time zone while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()
