"""Use cases of periods: say that a month's business is in the log."""

from collections.abc import Sequence

from services.inventory.handlers import service
from shared.db import Db
from shared.events import Event
from shared.events.periods import InventoryPeriodSealed, InventorySealPeriod


@service.does(InventorySealPeriod)
async def seal_periods(_db: Db, commands: Sequence[InventorySealPeriod]) -> list[Event]:
    """The place of the event in the log is all that it says: what stands behind it is late."""
    return [InventoryPeriodSealed(period=command.period) for command in commands]
