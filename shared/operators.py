"""The operators' part of the command line: `rejected` and `pending`, each with list, show, retry and dismiss.

It works on the service's database, by the same use cases as the API, for messages of whatever company.
"""

import argparse
import asyncio
import sys
from typing import Any
from uuid import UUID, uuid4

from shared import leftovers
from shared.db import Db, Pool, open_pool
from shared.events import Actor, Command
from shared.events.base import OPERATORS
from shared.kernel_api import readable
from shared.leftovers import Place
from shared.service import Service

EVERY_COMPANY = ""
OUTCOME_SECONDS = 30.0
DISMISSING = "let go for good: it takes no effect, and later events of the same thing go on"
NOBODY = "没有正在运行的服务处理它，服务启动后会处理 / no running service has taken it yet; it does once it runs"


def add_to(commands: Any) -> None:
    """Add the two commands to a service's command line."""
    for place, text in (("rejected", "messages that could not be handled"), ("pending", "events that wait")):
        parser = commands.add_parser(place, help=f"{text}: list, show, retry, dismiss")
        acts = parser.add_subparsers(dest="act", required=True)
        listing = acts.add_parser("list", help="newest first")
        listing.add_argument("--search", default="", help="part of the type or of the reason")
        listing.add_argument("--limit", type=int, default=leftovers.PAGE)
        listing.add_argument("--dismissed", action="store_true", help="those that were let go, instead")
        acts.add_parser("show", help="one with headers, body and history").add_argument("ids", type=UUID, nargs=1)
        for act, text in (("retry", "handle once more"), ("dismiss", DISMISSING)):
            acting = acts.add_parser(act, help=text)
            acting.add_argument("ids", type=UUID, nargs="+")
            acting.add_argument("--why", required=act == "dismiss", help="kept for ever")
            acting.add_argument("--who", default="operator", help="your name; kept for ever")


async def work(service: Service, database_url: str, args: argparse.Namespace) -> int:
    """Do what the command line says; returns the exit code."""
    pool = await open_pool(database_url, size=1)
    try:
        match args.act:
            case "list":
                return await _list(pool, args)
            case "show":
                return await _show(pool, args.command, args.ids[0])
            case _:
                return await _act(service, pool, args)
    finally:
        await pool.close()


async def _list(pool: Pool, args: argparse.Namespace) -> int:
    async with pool.acquire() as connection:
        rows = await leftovers.listed(
            Db(connection, EVERY_COMPANY), args.command, dismissed=args.dismissed, search=args.search, limit=args.limit
        )
    for row in rows:
        _say(f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['id']}  {row['whose'] or '-'}  {row['routing_key']}  "
             f"{row['reason'] or leftovers.WAITS}")
    _say(f"{len(rows)} {args.command}")
    return 0


async def _show(pool: Pool, place: Place, id: UUID) -> int:
    async with pool.acquire() as connection:
        found = await leftovers.shown(Db(connection, EVERY_COMPANY), place, id)
    if found is None:
        _say(leftovers.NOT_THERE.zh.format(id=id) + " / " + leftovers.NOT_THERE.en.format(id=id))
        return 1
    for name, value in {**found, **readable(found["body"])}.items():
        if name == "history":
            for act in value:
                _say(f"{act['at']:%Y-%m-%d %H:%M:%S}  {act['what']} by {act['actor']}: {act['why'] or '-'} → "
                     f"{act['outcome'] or NOBODY}")
        elif value is not None:
            _say(f"{name}: {value}")
    return 0


async def _act(service: Service, pool: Pool, args: argparse.Namespace) -> int:
    """Retry or dismiss, and say what came of it."""
    command = Command.registry[f"{service.name}.{args.act}_messages.v1"].model_validate(
        {"ids": args.ids, "why": args.why})
    answer = await service.ask(pool, command, Actor(args.who, EVERY_COMPANY, OPERATORS), uuid4().hex)
    for error in answer.errors:
        _say(f"{error['field']}: {error['message_zh']} / {error['message_en']}")
    if not answer.ok:
        return 1
    outcomes = [await _outcome(pool, id) for id in args.ids]
    for id, outcome in zip(args.ids, outcomes, strict=True):
        _say(f"{id}: {outcome or NOBODY}")
    return 0 if set(outcomes) <= {leftovers.HANDLED, leftovers.LET_GO} else 1


async def _outcome(pool: Pool, id: UUID) -> str | None:
    """What became of the last thing that was asked of a message; None if nobody does it."""
    deadline = asyncio.get_running_loop().time() + OUTCOME_SECONDS
    while True:
        outcome: str | None = await leftovers.last_outcome(pool, id)
        if outcome or asyncio.get_running_loop().time() > deadline:
            return outcome
        await asyncio.sleep(0.1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
