"""Poison comes to the real queue among good events: it is kept with its bytes and the reason, and that is all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.accounting.handlers import service
from shared.amqp import EVENTS, Delivery
from shared.consumer import Consumer
from shared.db import Pool
from shared.events import Event
from shared.intake import Intake
from shared.testing import Script, raw
from shared.wire import Raw
from tests.accounting import examples, poison
from tests.shared.rabbit import Rabbit
from tests.shared.test_wire import POISON
from tests.shared.waits import beside, until

QUEUE, PARKING = "accounting.events", "accounting.parking"
ONE_IN = 20
# RabbitMQ does not let them through, or they have another routing key than a message that comes straight to a queue.
CANNOT_COME = ("too large", "a time far away", "foreign routing key")


@dataclass
class Bad:
    """A message that must be rejected, and how the reason begins."""

    message: Raw
    reason: str


def malformed() -> list[Bad]:
    """Every kind of message that is no event at all."""
    return [Bad(make(), reason) for kind, (make, reason) in POISON.items() if kind not in CANNOT_COME]


def semantic(script: Script) -> list[Bad]:
    """Every kind of event that is well-formed and cannot be posted."""
    return [
        Bad(raw(script.say(make(n), company=company)), reason)
        for n, (make, company, reason) in enumerate(poison.SEMANTIC.values())
    ]


class Counting(Intake[Any]):
    """Counts what the broker delivers."""

    deliveries, again = 0, 0

    async def put(self, message: Delivery) -> None:
        self.deliveries += 1
        self.again += message.raw.redelivered
        await super().put(message)


@dataclass
class Mixture:
    """Good events with a bad message after every twentieth."""

    good: list[Event] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    def messages(self) -> list[Raw]:
        mixed: list[Raw] = []
        rest = iter(self.bad)
        for n, event in enumerate(self.good, 1):
            mixed.append(raw(event))
            if n % ONE_IN == 0 and (bad := next(rest, None)):
                mixed.append(bad.message)
        assert next(rest, None) is None, "too few good events for so much poison"
        return mixed


def mixture(script: Script, bad: Sequence[Bad]) -> Mixture:
    return Mixture([script.say(event) for event in poison.good(ONE_IN * len(bad) + 4)], list(bad))


async def send(rabbit: Rabbit, messages: Sequence[Raw]) -> None:
    """As their producers would: accounting hears whatever comes."""
    await rabbit.topology(service)
    for start in range(0, len(messages), 500):
        await rabbit.publish(EVENTS, *messages[start:start + 500], user_id=rabbit.user)


async def consume(pool: Pool, rabbit: Rabbit, last: Event, batch: int = 500) -> Counting:
    """Let accounting work until what is in its queue is acknowledged: batches go one after the other, so that is when
    an event that comes afterwards is journaled."""
    users = dict.fromkeys(rabbit.services, rabbit.user)
    consumer = Consumer(service, pool, rabbit.url, users=users, batch=batch)
    counting = consumer.intake = Counting(batch, consumer.intake.read)
    async with beside(consumer.run()):
        await until("the queue is empty", lambda: rabbit.count(QUEUE), lambda ready: ready == 0, 120)
        await rabbit.publish(EVENTS, raw(last), user_id=rabbit.user)
        await until("the last event is journaled", lambda: journaled(pool, last), bool, 120)
    return counting


async def journaled(pool: Pool, event: Event) -> bool:
    return bool(await pool.fetchval(
        "select true from journal where company = 'C1' and event_id = $1", event.envelope.id
    ))


async def test_every_kind_of_poison_is_kept_with_its_bytes_and_reason_and_every_good_event_is_posted(
    pool: Pool, rabbit: Rabbit
) -> None:
    await poison.open_books(pool)
    script = Script()
    mixed = mixture(script, [*malformed(), *semantic(script)])
    await send(rabbit, mixed.messages())
    last = script.say(examples.approved("LAST"))
    came = await consume(pool, rabbit, last, batch=100)

    assert (came.deliveries, came.again) == (len(mixed.messages()) + 1, 0), "nothing comes twice"
    assert await rabbit.count(QUEUE) <= 1, "at most the last one was not acknowledged yet"
    assert await rabbit.count(PARKING) == 0
    rows = await pool.fetch("select event_id from journal where kind = 'event' order by entry")
    assert [row["event_id"] for row in rows] == [event.envelope.id for event in [*mixed.good, last]]
    await assert_posted_once(pool, len(mixed.good))
    await assert_rejected(pool, mixed.bad)


async def assert_posted_once(pool: Pool, good: int) -> None:
    """Four events in turn have no, one, one and two vouchers; the numbers have no gaps; debits are credits."""
    vouchers = await pool.fetchval("select count(*) from voucher where company = 'C1'")
    assert vouchers == good
    numbers = await pool.fetch(
        "select word, count(*) as n, max(number) as last from voucher where company = 'C1' group by word"
    )
    assert all(row["n"] == row["last"] for row in numbers)
    assert await pool.fetchval("select sum(debit) - sum(credit) from period_balance") == 0
    assert await pool.fetchval("select count(*) from voucher where company <> 'C1'") == 0


async def assert_rejected(pool: Pool, expected: Sequence[Bad]) -> None:
    """As many rows as bad messages, each with its very bytes, and a reason that names the field first."""
    reasons: dict[bytes, list[str]] = {}
    for row in await pool.fetch("select body, reason from rejected"):
        reasons.setdefault(row["body"], []).append(row["reason"])
    assert sum(map(len, reasons.values())) == len(expected)
    for bad in expected:
        found = reasons[bad.message.body]
        assert any(re.match(bad.reason, reason) for reason in found), f"{bad.reason!r} is none of {found}"
