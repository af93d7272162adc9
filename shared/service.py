"""The shell around every use case: the only place that opens transactions.

A use case takes a batch, loads, decides, saves and *returns* what happened; the shell writes that into the log in the
same transaction. Nothing is published here: the relay reads the log.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared import figures, healing, inbox, leftovers, log, outcomes, tracing
from shared.asked import Asked, Outcomes, forbidden, given, keep, runs, share
from shared.db import ACQUIRE_SECONDS, Db, Pool, is_transient
from shared.events import Actor, Command, CommandRejected, Event
from shared.finding import Look, nothing_else
from shared.healing import Statement
from shared.inbox import Heard, MetAnotherError, Rejected
from shared.log import Cause
from shared.refusal import Answer, Refusal, Text, Unfit

EventHandler = Callable[[Db, Sequence[Any]], Awaitable[Sequence[Event | Unfit]]]
CommandHandler = Callable[[Db, Sequence[Any]], Awaitable[Sequence[Event | Refusal]]]
Measure = Callable[[Any], Awaitable[Mapping[str, float]]]  # it gets a connection, and looks at all companies

KEY_REUSED = Text("幂等键 {key} 已用于另一个请求", "the idempotency key {key} was used for another request")
# Two transactions met at a unique key or locked each other out: the loser finds another state when it tries again.
MET_ANOTHER = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
ATTEMPTS = 4

logger = structlog.get_logger()


async def nothing_more(_connection: Any) -> Mapping[str, float]:
    """What a service measures that has no figures of its own."""
    return {}


@dataclass
class Service:
    """A service's use cases. `ordered` services hear the events of each aggregate in the order of its versions.

    `figures` says what the service measures of itself beside what all do (name -> what it is), and `measure` does it;
    `look` says, for doctor and as warnings at /readyz, what of its own is not as it should be.
    """

    name: str
    ordered: bool = True
    handlers: dict[type[Event], EventHandler] = field(default_factory=dict)
    commands: dict[type[Command], CommandHandler] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    measure: Measure = nothing_more
    look: Look = nothing_else
    on_commit: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.commands[Command.registry[f"{self.name}.say_again.v1"]] = healing.say_again
        self.commands[Command.registry[f"{self.name}.retry_messages.v1"]] = leftovers.retry
        self.commands[Command.registry[f"{self.name}.dismiss_messages.v1"]] = self._dismiss

    def on(self, *event_types: type[Event]) -> Callable[[EventHandler], EventHandler]:
        """Register a use case for event types; the base class `Event` stands for all of them."""

        def register(handler: EventHandler) -> EventHandler:
            for event_type in event_types:
                assert event_type not in self.handlers, f"{event_type.__name__} has a handler"
                self.handlers[event_type] = handler
            return handler

        return register

    def does(self, command_type: type[Command]) -> Callable[[CommandHandler], CommandHandler]:
        """Register the use case of a command."""

        def register(handler: CommandHandler) -> CommandHandler:
            assert command_type not in self.commands, f"{command_type.__name__} has a handler"
            self.commands[command_type] = handler
            return handler

        return register

    def hears(self) -> list[type[Event]]:
        """Every event type this service's queue is bound to.

        An ordered service hears all types of an aggregate of which it handles one, since only then does a gap in the
        versions mean that something is still to come.
        """
        if Event in self.handlers:
            return list(Event.registry.values())
        kinds = {(t.owner, t.about[0]) for t in self.handlers}
        return [t for t in Event.registry.values() if (t.owner, t.about[0]) in kinds]

    def hears_from(self) -> dict[str, str]:
        """Producer -> the types that are heard from it, joined by blanks."""
        types: dict[str, list[str]] = defaultdict(list)
        for event_type in self.hears() if self.handlers else []:
            types[event_type.owner].append(event_type.type)
        return {owner: " ".join(sorted(names)) for owner, names in types.items()}

    # -- events -------------------------------------------------------------------------------------------------------

    async def receive(self, pool: Pool, heard: Sequence[Heard], rejected: Sequence[Rejected] = ()) -> None:
        """Handle a batch, each use case in a transaction of its own, so that its locks are the only ones it holds.

        Raises only what `is_transient`: then nothing, a part, or (the commit is unknown) all was written, and the same
        batch may be given again. `rejected` are messages that were not even well-formed.
        """
        if rejected:
            await self._reject(pool, rejected)
        for _, run in self._runs(heard):
            await self._receive_run(pool, run)

    async def compare(self, pool: Pool, statements: Sequence[Statement]) -> None:
        """Compare what producers state with what was heard; what is missing is asked for by the relay."""
        async with pool.acquire() as connection, connection.transaction():
            await healing.compare(connection, self.hears_from(), statements, datetime.now(UTC))
        self.on_commit()

    async def retry(self, pool: Pool, heard: Heard) -> str:
        """Handle one event, which may have been rejected or may wait; returns why it cannot be handled, or nothing.

        A clash at a unique key may pass, anything else is a reason.
        """
        for attempt in range(ATTEMPTS):
            try:
                refused = await self._hear_all(pool, [heard], with_waiting=False)
                return refused.get(heard.event.envelope.id, "")
            except Exception as error:
                if is_transient(error):
                    raise
                if isinstance(error, asyncpg.UniqueViolationError | MetAnotherError) and attempt < ATTEMPTS - 1:
                    continue
                logger.error("event rejected", event_id=str(heard.event.envelope.id), type=heard.event.type,
                             exc_info=error)
                return f"{type(error).__name__}: {error}"
        raise AssertionError("the last attempt returns")

    async def sweep(self, pool: Pool, limit: int = 500) -> int:
        """Handle waiting events whose turn has come; returns how many there were."""
        async with pool.acquire() as connection:
            ready = await inbox.ready_pending(connection, limit)
        if ready:
            await self.receive(pool, ready)
        return len(ready)

    async def _receive_run(self, pool: Pool, heard: Sequence[Heard]) -> None:
        """One transaction; when it fails, halve the batch until the bad event stands alone in `rejected`."""
        try:
            await self._hear_all(pool, heard)
        except Exception as error:
            if is_transient(error):
                raise
            if len(heard) == 1:
                await self._receive_alone(pool, heard[0])
                return
            middle = len(heard) // 2
            await self._receive_run(pool, heard[:middle])
            await self._receive_run(pool, heard[middle:])

    async def _receive_alone(self, pool: Pool, heard: Heard) -> None:
        """The last tries of one event, now without those that waited for it, since the bad one may be among them."""
        if reason := await self.retry(pool, heard):
            envelope = heard.event.envelope
            await self._reject(pool, [Rejected(heard.raw, reason, envelope.company, envelope.id)])

    async def _reject(self, pool: Pool, rejected: Sequence[Rejected]) -> None:
        async with pool.acquire() as connection:
            await inbox.reject(connection, rejected, datetime.now(UTC))

    async def _hear_all(
        self, pool: Pool, heard: Sequence[Heard], *, with_waiting: bool = True
    ) -> dict[UUID, str]:
        """Returns the ids of the events that were refused, with reasons; they are in `rejected`."""
        refused: dict[UUID, str] = {}
        handled: list[Heard] = []
        async with pool.acquire() as connection, connection.transaction():
            now = datetime.now(UTC)
            for company, own in _by_company(heard).items():
                fresh, unfit = await self._hear(Db(connection, company), own, now, with_waiting=with_waiting)
                refused |= unfit
                handled += fresh
        self.on_commit()
        self._observe(handled, refused)
        return refused

    def _observe(self, handled: Sequence[Heard], refused: Mapping[UUID, str]) -> None:
        now, seconds = datetime.now(UTC), figures.HEARD_SECONDS.labels(self.name)
        for envelope in (h.event.envelope for h in handled):
            if envelope.id not in refused:
                seconds.observe(max(0.0, (now - envelope.time).total_seconds()))

    async def _hear(
        self, db: Db, heard: Sequence[Heard], now: datetime, *, with_waiting: bool
    ) -> tuple[list[Heard], dict[UUID, str]]:
        """Returns what had its turn, and which of that was refused, with reasons."""
        if self.ordered:
            fresh = await inbox.enter_in_order(db, heard, now, with_waiting=with_waiting)
            refused = await self._handle(db, fresh, now)
            assert not refused, "an ordered service raises: what follows a refused event waits for it"
        else:
            fresh = await inbox.unheard(db, heard)
            refused = await self._handle(db, fresh, now)
            await inbox.enter_all_but(db, fresh, refused, now)
        return fresh, refused

    async def _handle(self, db: Db, heard: Sequence[Heard], now: datetime) -> dict[UUID, str]:
        """Let the use cases do and say what they have to; returns the ids of the events they refuse, with reasons."""
        refused = {}
        for handler, run in self._runs(heard):
            if handler is None:
                continue
            events = [h.event for h in run]
            with tracing.spans(f"{self.name} hears", [e.envelope.traceparent for e in events]) as traces:
                found = await handler(db, events)
                refused.update({o.event.envelope.id: o.reason for o in found if isinstance(o, Unfit)})
                if said := [o for o in found if isinstance(o, Event)]:
                    causes = {id(e): outcomes.cause_of_event(e, trace) for e, trace in zip(events, traces, strict=True)}
                    await log.append(db, self.name, said, outcomes.link(said, events, causes), now)
        return refused

    def _runs(self, heard: Sequence[Heard]) -> list[tuple[EventHandler | None, list[Heard]]]:
        """Events grouped by use case, as few groups as the order within each aggregate allows. Those without a use case
        are heard only to keep the versions without gaps."""
        if self.handlers.keys() == {Event}:  # one use case for whatever comes
            return [(self.handlers[Event], [*heard])] if heard else []
        runs: list[tuple[EventHandler | None, list[Heard]]] = []
        last_run: dict[tuple[str, str], int] = {}
        for h in heard:
            handler = self.handlers.get(type(h.event)) or self.handlers.get(Event)
            envelope = h.event.envelope
            aggregate = envelope.company, envelope.subject
            start = last_run.get(aggregate, 0)
            place = next((i for i in range(start, len(runs)) if runs[i][0] is handler), len(runs))
            if place == len(runs):
                runs.append((handler, []))
            runs[place][1].append(h)
            last_run[aggregate] = place
        return runs

    async def _dismiss(self, db: Db, commands: Sequence[Any]) -> list[Event | Refusal]:
        return await leftovers.dismiss(db, commands, self.hears_from(), ordered=self.ordered)

    # -- its own work -------------------------------------------------------------------------------------------------

    async def tend(
        self, pool: Pool, company: str, work: Callable[[Db], Awaitable[Sequence[Event]]]
    ) -> Sequence[Event]:
        """Do something of a company that nobody asked for, because its time has come; returns what was said of it.
        Raises what the work raises."""
        async with pool.acquire() as connection, connection.transaction():
            db = Db(connection, company)
            events = await work(db)
            cause = Cause(None, self.name, tracing.current())
            said = await log.append(db, self.name, events, {id(e): cause for e in events}, datetime.now(UTC))
        self.on_commit()
        return said

    # -- commands -----------------------------------------------------------------------------------------------------

    async def ask(self, pool: Pool, command: Command, actor: Actor, key: str, *, by_queue: bool = False) -> Answer:
        """Do what an authenticated actor asks, once per (company, principal, key); a repeat gets the first answer.

        By queue a refusal is also said as an event, since nobody waits for the answer. Raises what `is_transient`.
        """
        (answer,) = await self.ask_all(pool, [Asked(command.asked_by(actor), key, tracing.current())],
                                       by_queue=by_queue)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask_all(self, pool: Pool, asked: Sequence[Asked], *, by_queue: bool) -> list[Answer | Exception]:
        """Do what is asked, each company's commands of one type in a transaction of their own; the answers in the given
        order. A command that meets a bug gets the exception as its answer; the others are done as if it was not there.

        Raises only what `is_transient`: then nothing, a part, or (a commit is unknown) all was done, and the same may
        be asked again.
        """
        answers: dict[Asked, Answer | Exception] = {}
        for one in asked:
            if refusal := forbidden(one.command):
                answers[one] = await self._refuse(pool, refusal, one.key, by_queue)
        for run in runs([one for one in asked if one not in answers]):
            answers |= await self._ask_run(pool, run, by_queue)
        return [answers[one] for one in asked]

    async def _ask_run(self, pool: Pool, run: Sequence[Asked], by_queue: bool) -> dict[Asked, Answer | Exception]:
        """One transaction; when it fails, halve the run until the bad command stands alone."""
        try:
            return await self._try_run(pool, run, by_queue)
        except Exception as error:
            if is_transient(error):
                raise
            if len(run) == 1:
                return {run[0]: error}
            size = 1 if isinstance(error, outcomes.AmbiguousError) else (len(run) + 1) // 2
            answers: dict[Asked, Answer | Exception] = {}
            for start in range(0, len(run), size):
                answers |= await self._ask_run(pool, run[start:start + size], by_queue)
            return answers

    async def _try_run(self, pool: Pool, run: Sequence[Asked], by_queue: bool) -> dict[Asked, Answer | Exception]:
        for attempt in range(ATTEMPTS):
            try:
                async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
                    answers = await self._do(Db(connection, run[0].command.actor.company), run, by_queue)
                break
            except MET_ANOTHER:  # it may even be these very commands
                if attempt == ATTEMPTS - 1:
                    raise
        self.on_commit()
        reused = [one for one, answer in answers.items() if answer is None]
        done: dict[Asked, Answer | Exception] = {one: answer for one, answer in answers.items() if answer is not None}
        for one in reused:
            refusal = Refusal(one.command, "idempotency_key", "key_reused", KEY_REUSED, {"key": one.key}, 409)
            done[one] = await self._refuse(pool, refusal, one.key, by_queue)
        return done

    async def _do(self, db: Db, run: Sequence[Asked], by_queue: bool) -> dict[Asked, Answer | None]:
        """The answers; None where the key was used for another request."""
        answers = await given(db, run)
        fresh = [one for one in run if one not in answers]
        if fresh:
            now = datetime.now(UTC)
            found = await self.commands[type(fresh[0].command)](db, [one.command for one in fresh])
            new = await self._say_outcomes(db, found, share(found, fresh), by_queue, now)
            await keep(db, new, now)
            answers |= new
        return answers

    async def _say_outcomes(
        self, db: Db, found: Sequence[Event | Refusal], whose: Mapping[Asked, Outcomes], by_queue: bool, now: datetime
    ) -> dict[Asked, Answer]:
        """Append the events (and, by queue, the refusals) and make the answers."""
        said = [o for o in found if isinstance(o, Event)]
        causes: dict[int, Cause] = {}
        for one, own in whose.items():
            cause = outcomes.cause_of_command(one.command, one.key, one.traceparent)
            causes |= {id(event): cause for event in own.events}
            if own.refusals and by_queue:
                rejection = outcomes.rejection(self.name, own.refusals[0], one.key)
                causes[id(rejection)] = cause
                said.append(rejection)
        await log.append(db, self.name, said, causes, now)
        return {one: own.answer() for one, own in whose.items()}

    async def _refuse(self, pool: Pool, refusal: Refusal, key: str, by_queue: bool) -> Answer:
        """Refuse before any use case runs. By queue it is said once, because the same rejection has the same cause."""
        if by_queue:
            command = refusal.command
            await self.say_rejection(pool, command.actor, key, command.type, [refusal.error()])
        return Answer(refusal.status, [], [refusal.error()])

    async def say_rejection(
        self, pool: Pool, actor: Actor, key: str, command_type: str, errors: Sequence[Mapping[str, str]]
    ) -> None:
        """Say that a command which came by queue was refused at the door; a repeat of the same message says nothing."""
        rejection = outcomes.rejection_of(self.name, command_type, actor.name, key, errors[0])
        cause = Cause(
            outcomes.command_id(actor, f"{key}\0{rejection.field}\0{rejection.code}"), actor.name, tracing.current()
        )
        for attempt in range(ATTEMPTS):
            try:
                async with pool.acquire() as connection, connection.transaction():
                    await self._say_once(Db(connection, actor.company), rejection, cause)
                break
            except MET_ANOTHER:
                if attempt == ATTEMPTS - 1:
                    raise
        self.on_commit()

    async def _say_once(self, db: Db, rejection: CommandRejected, cause: Cause) -> None:
        # The same message may be here twice at once, and no unique key knows that it is the same.
        await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{db.company}/{rejection.subject}")
        said_before = await db.fetchval(
            "select true from event where company = $1 and subject = $2 and causation_id = $3 limit 1",
            db.company, rejection.subject, cause.id,
        )
        if not said_before:
            await log.append(db, self.name, [rejection], {id(rejection): cause}, datetime.now(UTC))


def _by_company(heard: Sequence[Heard]) -> dict[str, list[Heard]]:
    """Companies in a fixed order, so that two consumers lock them alike."""
    own: dict[str, list[Heard]] = defaultdict(list)
    for h in heard:
        own[h.event.envelope.company].append(h)
    return dict(sorted(own.items()))
