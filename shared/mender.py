"""The relay's part in healing (shared/healing.py): it states how much was said, asks for what is missing here, and says
again what others miss."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import structlog
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import PublishError

from shared import healing, log
from shared.amqp import AGAIN, COMMANDS, EVENTS, Outgoing, message, publish, raise_unless_refused
from shared.db import Db
from shared.healing import SUFFIX
from shared.wire import PREFIX, headers_of

CARE_SECONDS = 0.5  # how often holes are looked after
STATE_SECONDS, STATE_LONGEST = 1.0, 600.0  # a company is stated soon after it spoke, then ever more seldom
HOLES = 100  # asked for at once

logger = structlog.get_logger()


class Rhythm:
    """When to state each company again: soon after something was published, then after pauses that double."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._pause: dict[str, float] = {}

    def spoke(self, companies: Iterable[str], now: float) -> None:
        """Something was published of these, or our connection is new and what was published before may be lost."""
        for company in companies:
            self._pause[company] = STATE_SECONDS
            self._due[company] = min(self._due.get(company, now), now + STATE_SECONDS)

    def due(self, now: float) -> list[str]:
        """Whose time has come; they are due again later."""
        found = [company for company, due in self._due.items() if due <= now]
        for company in found:
            self._due[company] = now + self._pause[company]
            self._pause[company] = min(self._pause[company] * 2, STATE_LONGEST)
        return found


class Mender:
    """Works for one active relay, on its connections."""

    def __init__(
        self, source: str, user: str, batch: int, connection: asyncpg.Connection,
        exchanges: Mapping[str, AbstractExchange],
    ) -> None:
        self.source, self.user, self.batch = source, user, batch
        self._connection, self._exchanges = connection, exchanges
        self._rhythm, self._due = Rhythm(), 0.0
        self.went_back: list[str] = []  # companies of which this database is older than what was said

    async def begin(self) -> None:
        """State everything anew: RabbitMQ may have lost what it had confirmed."""
        self.went_back = await log.went_back(self._connection)
        self.spoke(await log.companies(self._connection))

    def spoke(self, companies: Iterable[str]) -> None:
        """Something was published of these."""
        self._rhythm.spoke(companies, _now())

    async def care(self) -> bool:
        """Do what is due; True if there is more to say again at once."""
        if _now() < self._due:
            return False
        self.went_back = await log.went_back(self._connection)
        await self._state(self._rhythm.due(_now()))
        await self._ask()
        more = await self._say_again()
        self._due = 0.0 if more else _now() + CARE_SECONDS
        return more

    async def _state(self, companies: Sequence[str]) -> None:
        """What cannot be said now is said next time."""
        if companies:
            rows = await log.count_up(self._connection, companies)
            messages = [(self.source + SUFFIX, self._statement(row)) for row in rows]
            raise_unless_refused(await publish(self._exchanges[EVENTS], messages, mandatory=False))

    def _statement(self, row: Any) -> Outgoing:
        attributes = {
            "specversion": "1.0", "id": str(uuid4()), "source": f"/fenlu/{self.source}", "type": self.source + SUFFIX,
            "subject": f"log/{row['company']}", "time": datetime.now(UTC).isoformat(), "company": row["company"],
            "position": row["position"],
        }
        headers = {PREFIX + name: value for name, value in attributes.items()}
        return message(orjson.dumps({"counts": orjson.loads(row["counts"])}), headers, attributes["id"], self.user)

    async def _ask(self) -> None:
        """Ask for what is missing here. A question that gets lost is asked again when the hole is due."""
        if holes := await healing.unasked(self._connection, HOLES):
            logger.warning("events are missing, asking for them", service=self.source, holes=[dict(h) for h in holes])
            raise_unless_refused(await publish(self._exchanges[COMMANDS], [
                (f"{hole['source']}.say_again.v1", self._question(hole)) for hole in holes
            ]))
            await healing.note_asked(self._connection, holes)

    def _question(self, hole: Any) -> Outgoing:
        body = {"hearer": self.source, "first": hole["first"], "last": hole["last"], "types": hole["types"].split()}
        headers = {f"{PREFIX}company": hole["company"]}
        return message(orjson.dumps(body), headers, str(uuid4()), self.user)

    async def _say_again(self) -> bool:
        """A batch of each stretch that somebody asked for."""
        stretches = await log.stretches(self._connection)
        return any([await self._say_stretch(stretch) for stretch in stretches])

    async def _say_stretch(self, stretch: Any) -> bool:
        """True if it goes on. The statement at its end lets the hearer see that it is whole."""
        company, hearer = stretch["company"], stretch["hearer"]
        entries = await log.read(
            Db(self._connection, company), self.source, stretch["next"], stretch["last"], stretch["types"], self.batch
        )
        following = (entries[-1].envelope.position or 0) + 1 if len(entries) == self.batch else stretch["last"] + 1
        ended = following > stretch["last"]
        messages = [
            (e.envelope.type, message(e.body, headers_of(e.envelope), str(e.envelope.id), self.user)) for e in entries
        ]
        if ended:
            rows = await log.count_up(self._connection, [company])
            messages += [(self.source + SUFFIX, self._statement(row)) for row in rows]
        results = await publish(self._exchanges[AGAIN], [(f"{hearer}.{key}", m) for key, m in messages])
        raise_unless_refused(results)
        if full := next((e for e in results if e and not isinstance(e, PublishError)), None):
            logger.warning("a queue takes nothing more of what is said again, later", service=self.source,
                           company=company, hearer=hearer, error=repr(full)[:300])
            await log.move_on(self._connection, company, hearer, stretch["next"], stretch["next"])  # others have a turn
            return False
        if returned := sum(error is not None for error in results):  # a partner hears some types, of its companies
            logger.info("nobody hears a part of what is said again", service=self.source, company=company,
                        hearer=hearer, messages=len(messages), returned=returned)
        await log.move_on(self._connection, company, hearer, stretch["next"], following)
        return not ended


def _now() -> float:
    return asyncio.get_running_loop().time()
