"""Run inside order's container by `tools.compose_walk`: tries what order must not be able to do.

The exit code is 0 if everything was refused, and refused as not allowed.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aio_pika
import asyncpg
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

SECRETS = Path("/run/secrets")
DATABASE = (SECRETS / "database_url").read_text().strip()
BROKER = (SECRETS / "rabbitmq_url").read_text().strip()
REFUSALS = (
    asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError, ChannelAccessRefused, ChannelPreconditionFailed
)


async def run_sql(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def publish(exchange: str, key: str, user: str = "order") -> None:
    async with await aio_pika.connect(BROKER) as connection:
        channel = await connection.channel()
        target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await target.publish(aio_pika.Message(b"{}", user_id=user), key)


async def consume(queue: str) -> None:
    async with await aio_pika.connect(BROKER) as connection:
        channel = await connection.channel()
        await (await channel.get_queue(queue)).get(fail=False)


ATTEMPTS: dict[str, Callable[[], Awaitable[None]]] = {
    "open accounting's database": lambda: run_sql(DATABASE.rpartition("/")[0] + "/fenlu_accounting", "select 1"),
    "switch triggers off": lambda: run_sql(DATABASE, "alter table event disable trigger all"),
    "change an event": lambda: run_sql(DATABASE, "delete from event"),
    "make a table": lambda: run_sql(DATABASE, "create table mine (x int)"),
    "say another's event": lambda: publish("erp.events", "accounting.books_opened.v1"),
    "speak as another": lambda: publish("erp.events", "order.order_placed.v1", user="accounting"),
    "send a command": lambda: publish("erp.commands", "inventory.ship_goods.v1"),
    "write into a queue": lambda: publish("", "accounting.events"),
    "take another's events": lambda: consume("accounting.events"),
}


async def main() -> int:
    """The number of attempts that were not refused; says which."""
    done = []
    for what, attempt in ATTEMPTS.items():
        try:
            async with asyncio.timeout(20):
                await attempt()
        except REFUSALS:
            continue
        done.append(what)
        print(f"order could {what}")
    return len(done)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
