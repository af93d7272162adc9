"""What a service that fell into wrong hands must not be able to do on its own database server and broker.

`tests/walk/test_rights.py` tries it on native servers; `tools.compose_walk` runs this file inside a container, where
its exit code is the number of attempts that the server did not refuse.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aio_pika
import asyncpg
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

SERVICES = ("order", "inventory", "accounting", "crm")
REFUSALS = (asyncpg.InsufficientPrivilegeError, ChannelAccessRefused, ChannelPreconditionFailed)
POSTED = ("journal", "journal_beside", "voucher", "voucher_line", "period_balance", "heard")
CHANGES = ("insert into {0} default values", "update {0} set company = company", "delete from {0}", "truncate {0}")

Attempts = dict[str, Callable[[], Awaitable[None]]]


@dataclass(frozen=True)
class Foothold:
    """A service, all addresses that it has, and the address that another service's database has for it."""

    service: str
    database: str
    broker: str
    foreign_database: str

    @property
    def other(self) -> str:
        return next(name for name in SERVICES if name != self.service)

    async def sql(self, text: str, url: str | None = None) -> None:
        connection = await asyncpg.connect(url or self.database)
        try:
            await connection.execute(text)
        finally:
            await connection.close()

    async def publish(self, exchange: str, key: str, user: str | None = None) -> None:
        async with await aio_pika.connect(self.broker) as connection:
            channel = await connection.channel()
            target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
            await target.publish(aio_pika.Message(b"{}", user_id=user or self.service), key, mandatory=False)

    async def on_queue(self, name: str, act: Callable[[aio_pika.abc.AbstractQueue], Awaitable[object]]) -> None:
        async with await aio_pika.connect(self.broker) as connection:
            channel = await connection.channel()
            await act(await channel.get_queue(name, ensure=False))

    async def declare(self, name: str, key: str | None = None) -> None:
        """A queue, bound to events of this key."""
        async with await aio_pika.connect(self.broker) as connection:
            queue = await (await connection.channel()).declare_queue(name, exclusive=True)
            if key:
                await queue.bind("erp.events", key)


async def _take(_message: aio_pika.abc.AbstractIncomingMessage) -> None:
    raise AssertionError("a message came")


def broker_attempts(at: Foothold) -> Attempts:
    """What RabbitMQ has to refuse."""
    own, other, publish, on_queue = at.service, at.other, at.publish, at.on_queue
    return {
        "say another's event": partial(publish, "erp.events", f"{other}.something_new.v1"),
        "say another's event again": partial(publish, "erp.again", f"{own}.{other}.something_new.v1"),
        "state another's log": partial(publish, "erp.events", f"{other}.log_stated.v1"),
        "speak as another": partial(publish, "erp.events", f"{own}.something_new.v1", other),
        "ask as another": partial(publish, "erp.commands", f"{other}.say_again.v1", other),
        "send a command": partial(publish, "erp.commands", "inventory.ship_goods.v1"),
        "park a message": partial(publish, "erp.dead", f"{other}.parking"),
        "write into a queue": partial(publish, "", f"{other}.events"),
        "take another's events": partial(on_queue, f"{other}.events", lambda q: q.get(fail=False)),
        "take another's commands": partial(on_queue, f"{other}.commands", lambda q: q.consume(_take)),
        "take what another parked": partial(on_queue, f"{other}.parking", lambda q: q.get(fail=False)),
        "purge another's queue": partial(on_queue, f"{other}.events", lambda q: q.purge()),
        "delete its own queue": partial(on_queue, f"{own}.events", lambda q: q.delete(if_unused=False, if_empty=False)),
        "hear more than it should": partial(on_queue, f"{own}.events", lambda q: q.bind("erp.commands", "#")),
        "declare a queue": partial(at.declare, f"{own}.spare"),
    }


def database_attempts(at: Foothold) -> Attempts:
    """What PostgreSQL has to refuse."""
    texts = {
        "switch triggers off": "alter table event disable trigger all",
        "skip triggers": "set session_replication_role = replica",
        "become the owner": f'set role "{at.database.rpartition("/")[2]}_owner"',
        "change an event": "update event set body = ''",
        "delete an event": "delete from event",
        "hear an event twice": "delete from inbox",
        "forget what was asked": "truncate command",
        "pass for migrated": "delete from migration",
        "make a table": "create table mine (x int)",
        "make a temporary table": "create temp table mine (x int)",
        "make a function": "create function mine() returns int language sql as 'select 1'",
        "own a table": "alter table event owner to current_user",
        "make a user": "create role mine superuser",
        "read passwords": "select * from pg_authid",
        "read a file": "select pg_read_file('/etc/passwd')",
        "run a program": "copy (select 1) to program 'true'",
    }
    if at.service == "accounting":
        texts |= {change.format(table): change.format(table) for table in POSTED for change in CHANGES}
        texts |= {
            "replace the posting path": "alter function post_vouchers rename to mine",
            "change a book": "update book set currency = 'USD'",
            "change the chart": "update account set takes_lines = true",
            "add an account": "insert into account default values",
            "map a role": "insert into role_map default values",
            "put rules in force": "insert into activation default values",
            "change a block of the chain": "update chain_block set hash = previous",
            "forget a block of the chain": "delete from chain_block",
            "move the sums by dimension": "update dimension_balance set debit = 0",
        }
    attempts: Attempts = {what: partial(at.sql, text) for what, text in texts.items()}
    return {"open another's database": partial(at.sql, "select 1", at.foreign_database), **attempts}


async def allowed(attempt: Callable[[], Awaitable[None]]) -> bool:
    """Try it; False if the server refused it because that user may not do it. Other errors are raised."""
    try:
        async with asyncio.timeout(20):
            await attempt()
    except REFUSALS:
        return False
    return True


async def main() -> int:
    """The number of attempts that were not refused; says which."""
    service, secrets = os.environ["SERVICE"], Path("/run/secrets")
    database, broker = ((secrets / name).read_text().strip() for name in ("database_url", "rabbitmq_url"))
    other = next(name for name in SERVICES if name != service)
    at = Foothold(service, database, broker, f"{database.rpartition('/')[0]}/fenlu_{other}")
    attempts = broker_attempts(at) | database_attempts(at)
    done = [what for what, attempt in attempts.items() if await allowed(attempt)]
    for what in done:
        print(f"{service} could: {what}")
    return len(done)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
