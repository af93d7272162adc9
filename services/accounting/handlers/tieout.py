"""Use cases of tie-out: compare what was stated with the lines, and look for the first event that parts the two.

Posting only keeps what it hears; the comparing is done behind it, so that no voucher waits for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from services.accounting.domain import tieout
from services.accounting.domain.tieout import ROLES, Search
from services.accounting.store import tieout as store
from services.accounting.store.tieout import ASK_AGAIN_SECONDS, Head, Page
from services.accounting.views import tieout as views
from shared.db import Db, Pool
from shared.events import Event
from shared.events.tieout import Movement, MovementsWanted, SubledgerDetailed, SubledgerStated
from shared.rounds import Rounds
from shared.service import Service

LOOK_SECONDS = 0.5
STATEMENTS = 20  # compared in one transaction

logger = structlog.get_logger()


async def note(db: Db, events: Sequence[Event]) -> None:
    """Keep what is to be compared of the events that were posted."""
    await store.note_statements(db, [event for event in events if isinstance(event, SubledgerStated)])
    await store.note_pages(db, [event for event in events if isinstance(event, SubledgerDetailed)])


async def compare(db: Db, source: str, now: datetime) -> list[Event]:
    """Compare the statements of a producer of which all events are posted, look at what it showed of its movements, and
    ask again what nobody answered."""
    head = await store.lock_head(db, source)
    said: list[Event] = []
    for page in await store.take_pages(db, source):
        said += await _look_at(db, page, now)
    for _ in range(STATEMENTS):
        statement = await store.next_statement(db, source)
        if statement is None or await store.missing(db, source, head.position, statement["position"]):
            break
        head, wanted = await _compare(db, source, head, statement, now)
        said += wanted
    late = await store.searches(db, source, asked_before=now - timedelta(seconds=ASK_AGAIN_SECONDS))
    return [*said, *await _ask(db, [search for search, _ in late], now)]


async def _compare(
    db: Db, source: str, head: Head, statement: Any, now: datetime
) -> tuple[Head, list[MovementsWanted]]:
    position, roles = statement["position"], tieout.of_source(source)
    await store.move_on(db, source, head.position, position, roles, statement["balances"])
    if not statement["last_part"]:
        head = Head(position, head.compared)
        await store.close_statement(db, source, position, "part", head, now)
        return head, []
    apart = tieout.apart(await store.load_apart(db, list(roles)))
    known = await store.open_places(db, source)
    fresh = [
        Search(place, source, sides, position, head.compared, head.compared, position)
        for place, sides in apart.items() if place not in known
    ]
    await store.update_differences(db, apart, [place for place in known if place not in apart], now)
    await store.begin_searches(db, fresh, statement["stated_at"], now)
    head = Head(position, position)
    await store.close_statement(db, source, position, "differs" if apart else "agreed", head, now)
    for search in fresh:
        logger.error("ledger and subledger differ", company=db.company, source=source, place=search.place,
                     sides=search.sides)
    return head, _questions(fresh)


def _questions(searches: Sequence[Search]) -> list[MovementsWanted]:
    """Each once, though several ledgers may want it."""
    return list({want.body(): want for want in (search.wanted() for search in searches)}.values())


async def _ask(db: Db, searches: Sequence[Search], now: datetime) -> list[MovementsWanted]:
    for search in searches:
        await store.save_search(db, search, now)
    return _questions(searches)


async def _look_at(db: Db, page: Page, now: datetime) -> list[Event]:
    """Compare the movements that an owner showed with the lines of the same stretch, for every search that wants it."""
    movements = [Movement.model_validate(movement) for movement in page.shown["movements"]]
    said: list[Event] = []
    following = []
    for search, stated_at in await store.searches(db, page.source):
        if (search.place.role, search.place.key, search.after) != (page.role, page.key, page.after):
            continue
        lines = await views.lines(db, search.place, ROLES[page.role], page.after, page.until)
        parting = tieout.first_parting([(m.position, m.amount) for m in movements], lines)
        if parting is None and (further := tieout.go_on(search, page.until)):
            following.append(further)
            continue
        event = None
        if parting:
            event = tieout.named(movements, parting.position) or await views.event_at(
                db, page.source, parting.position
            )
        await store.end_search(db, search, parting, event, now)
        said.append(tieout.found(search, parting, event, stated_at))
    return [*said, *await _ask(db, following, now)]


class Comparer(Rounds):
    """Compares as soon as there is something to compare."""

    name = "tie-out"

    def __init__(self, service: Service, pool: Pool) -> None:
        super().__init__(LOOK_SECONDS)
        self.service, self.pool = service, pool

    async def look(self) -> bool:
        """Compare what waits."""
        async with self.pool.acquire() as connection:
            due = await views.due(connection, ASK_AGAIN_SECONDS)
        for company, source in due:
            await self.service.tend(self.pool, company, lambda db, source=source: compare(  # type: ignore[misc]
                db, source, datetime.now(UTC)))
        return False
