"""What webhooks does with what it hears: a delivery for every subscription that wants the event."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.webhooks import store, views
from shared.db import Db
from shared.events import Event
from shared.service import Service

service = Service("webhooks", ordered=False, figures=views.FIGURES, measure=views.measure, look=views.look)


@service.on(Event)
async def make_deliveries(db: Db, events: Sequence[Event]) -> list[Event]:
    await store.insert_deliveries(db, events, datetime.now(UTC))
    return []
