"""What the console does with what it hears: a row of the feed for everything that people understand."""

from collections.abc import Sequence

from services.console import store, views
from services.console.domain.feed import WORDS, ZONE, amount_of
from shared.db import Db
from shared.events import Event
from shared.service import Service

service = Service("console", ordered=False, figures=views.FIGURES, measure=views.measure)


@service.on(Event)
async def write_feed(db: Db, events: Sequence[Event]) -> list[Event]:
    told = [event for event in events if event.type in WORDS]
    if told:
        await store.insert_feed(db, told, [amount_of(event) for event in told], ZONE.key)
    return []
