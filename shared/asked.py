"""What is asked of a service: commands with their keys, the answers that are kept, and which outcome is whose."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.db import Db, columns
from shared.events import Command, Event
from shared.outcomes import AmbiguousError, public
from shared.refusal import Answer, Refusal, Text

FORBIDDEN = Text("{roles} 才能执行此操作", "this needs one of the roles {roles}")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A command, whose actor is authenticated, under its idempotency key; each one asked is itself."""

    command: Command
    key: str
    traceparent: str | None = None

    @property
    def hash(self) -> bytes:
        """Tells whether another command under the same key is the same one."""
        return sha256(self.command.type.encode() + b"\0" + self.command.body()).digest()


def runs(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Commands of one company and one type, to be done together. No key is twice in a run: what comes again runs
    later, and finds the answer that the first one got."""
    times: dict[tuple[str, str, str], int] = defaultdict(int)
    found: dict[tuple[int, str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        actor = one.command.actor
        key = actor.company, actor.name, one.key
        found[times[key], actor.company, one.command.type].append(one)
        times[key] += 1
    return [found[place] for place in sorted(found, key=lambda place: place[0])]


def forbidden(command: Command) -> Refusal | None:
    """The refusal of a command whose actor has none of the roles that may ask for it."""
    if command.actor.roles & command.allowed:
        return None
    return Refusal(command, "actor", "forbidden", FORBIDDEN, {"roles": ", ".join(sorted(command.allowed))}, 403)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What one command led to: events, or refusals."""

    events: list[Event] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def answer(self) -> Answer:
        """The answer, once the events are said."""
        assert not (self.refusals and self.events), "a refused command does nothing"
        if self.refusals:
            return Answer(self.refusals[0].status, [], [refusal.error() for refusal in self.refusals])
        return Answer(201, [public(event) for event in self.events], [])


def share(found: Sequence[Event | Refusal], asked: Sequence[Asked]) -> dict[Asked, Outcomes]:
    """Which command led to which outcome; a lone one to everything.

    An event belongs to the command whose own document it names (the first id of a command), else to the one that names
    the same order. AmbiguousError if that is not exactly one: then the commands are to be done one by one.
    """
    events = [o for o in found if isinstance(o, Event)]
    refusals = [o for o in found if isinstance(o, Refusal)]
    if len(asked) == 1:
        return {asked[0]: Outcomes(events, refusals)}
    whose = {one: Outcomes() for one in asked}
    by_command = {id(one.command): one for one in asked}
    for refusal in refusals:
        if id(refusal.command) not in by_command:
            raise AmbiguousError(refusal.command.type)
        whose[by_command[id(refusal.command)]].refusals.append(refusal)
    doers = [one for one in asked if not whose[one].refusals]
    documents, orders = (_by(pick, doers) for pick in (_document, _order))
    for event in events:
        doer = _only(documents.get(name) for name in _ids(event)) or _only([orders.get(_order(event))])
        if doer is None:
            raise AmbiguousError(event.type)
        whose[doer].events.append(event)
    return whose


Id = tuple[str, str]  # the field that holds it, and its value


def _ids(message: Command | Event) -> list[Id]:
    return [(name, value) for name, value in message if name.endswith("_id") and isinstance(value, str)]


def _document(command: Command) -> Id | None:
    return next(iter(_ids(command)), None)


def _order(message: Command | Event) -> Id | None:
    return next((own for own in _ids(message) if own[0] == "order_id"), None)


def _by(pick: Callable[[Command], Id | None], asked: Sequence[Asked]) -> dict[Id | None, list[Asked]]:
    found: dict[Id | None, list[Asked]] = defaultdict(list)
    for one in asked:
        if own := pick(one.command):
            found[own].append(one)
    return found


def _only(lists: Iterable[list[Asked] | None]) -> Asked | None:
    """The one that there is in all the lists together, if there is exactly one."""
    found = [one for own in lists for one in own or ()]
    return found[0] if len(found) == 1 else None


# -- answers ----------------------------------------------------------------------------------------------------------


async def given(db: Db, asked: Sequence[Asked]) -> dict[Asked, Answer | None]:
    """The answers that were given before under these keys; None where the key was used for another request."""
    rows = await db.fetch(
        """
        select c.principal, c.key, c.hash, c.status, c.answer
        from unnest($2::text[], $3::text[]) as a (principal, key)
        join command c on c.company = $1 and c.principal = a.principal and c.key = a.key
        """,
        db.company, *columns([(one.command.actor.name, one.key) for one in asked], 2),
    )
    first = {(row["principal"], row["key"]): row for row in rows}
    return {
        one: Answer(row["status"], **row["answer"]) if row["hash"] == one.hash else None
        for one in asked if (row := first.get((one.command.actor.name, one.key)))
    }


async def keep(db: Db, answers: Mapping[Asked, Answer], now: datetime) -> None:
    """Keep what is answered now; another transaction that gave one of these answers meanwhile is met at the key."""
    rows: list[tuple[Any, ...]] = [
        (one.command.actor.name, one.key, one.command.type, one.hash, answer.status,
         {"events": answer.events, "errors": answer.errors})
        for one, answer in answers.items()
    ]
    await db.execute(
        """
        insert into command (company, principal, key, type, hash, status, answer, at)
        select $1, c.*, $8
        from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::smallint[], $7::jsonb[]) as c
        """,
        db.company, *columns(rows, 6), now,
    )
