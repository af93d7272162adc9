"""What the console keeps of what it hears: days of its own time zone, and no more of them than it shall."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import services.console
from services.console import views
from services.console.domain.feed import begins
from services.console.handlers import console
from shared.db import Pool
from shared.events import Event
from shared.events.order import OrderSettled
from shared.settings import FeedSettings, read_settings
from shared.testing import Script, fresh_pool, hear

DAY = timedelta(days=1)


def settled(script: Script, number: int, at: datetime) -> Event:
    """Something that people understand, said at a moment."""
    event = script.say(OrderSettled(order_id=f"SO-{number}", customer_id="K1"))
    return event.said(event.envelope._replace(time=at))


async def kept(pool: Pool) -> Sequence[str]:
    return [row["subject"].partition("-")[2] for row in reversed(await views.newest(pool, "C1", 1000))]


async def test_what_is_too_old_goes_a_little_with_every_batch() -> None:
    script, now = Script(), datetime.now(UTC)
    short, long = (console(FeedSettings.model_construct(console_feed_days=days)) for days in (30, 400))
    async with fresh_pool(Path(services.console.__file__).parent) as pool:
        await hear(pool, long, *(settled(script, n, now - 40 * DAY) for n in range(5)))
        await hear(pool, short, settled(script, 5, now))
        assert await kept(pool) == ["2", "3", "4", "5"], "twice as many go as come"
        await hear(pool, short, settled(script, 6, now), settled(script, 7, now - 31 * DAY))
        assert await kept(pool) == ["5", "6"], "what is too old already is only counted"
        await hear(pool, short, settled(script, 8, now))
        assert await kept(pool) == ["5", "6", "8"]
        figures = await views.day_figures(pool, "C1", date(2000, 1, 1), date(3000, 1, 1))
        assert sum(row["events"] for row in figures) == 9


async def test_a_day_is_one_of_the_companys_time_zone() -> None:
    late = datetime(2026, 3, 1, 20, tzinfo=UTC)
    for name, day in (("Asia/Shanghai", date(2026, 3, 2)), ("America/New_York", date(2026, 3, 1))):
        there = console(FeedSettings.model_construct(console_time_zone=name, console_feed_days=10**4))
        async with fresh_pool(Path(services.console.__file__).parent) as pool:
            await hear(pool, there, settled(Script(), 1, late))
            [figure] = await views.day_figures(pool, "C1", date(2000, 1, 1), date(3000, 1, 1))
            assert figure["day"] == day


@pytest.mark.parametrize("name", ["Mars/Base", "Asia", "", "../etc/passwd"])
def test_a_time_zone_that_nobody_knows_ends_it_at_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CONSOLE_TIME_ZONE", name)
    with pytest.raises(SystemExit, match=r"CONSOLE_TIME_ZONE: .* is no time zone"):
        read_settings(FeedSettings)


def test_a_story_that_has_lost_its_beginning_is_known() -> None:
    placed = {"subject": "order/SO-1", "version": 1}
    rest = [{"subject": "order/SO-1", "version": 2}, {"subject": "shipment/SO-1-D1", "version": 1}]
    assert begins("order/SO-1", [rest[1], placed, rest[0]])
    assert not begins("order/SO-1", rest)
