"""What the console does with what it hears: a row of the feed for everything that people understand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.console import store, views
from services.console.domain.feed import WORDS, amount_of, day_of
from shared.db import Db
from shared.events import Event
from shared.service import Service
from shared.settings import FeedSettings


def console(settings: FeedSettings) -> Service:
    """The service that counts the days of its time zone, and keeps what happened for so many of them."""
    made = Service("console", ordered=False, figures=views.FIGURES, measure=views.measure)
    zone, kept = ZoneInfo(settings.console_time_zone), timedelta(days=settings.console_feed_days)

    @made.on(Event)
    async def write_feed(db: Db, events: Sequence[Event]) -> list[Event]:
        told = [event for event in events if event.type in WORDS]
        if told:
            days = [day_of(event, zone) for event in told]
            await store.insert_feed(db, told, [amount_of(event) for event in told], days, datetime.now(UTC) - kept)
        return []

    return made


service = console(FeedSettings.model_construct())  # as it is where nothing is set
