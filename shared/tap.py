"""`python -m shared.tap --hears 'order.*'` prints events as they are said, from a queue that goes when it ends.

It sees what is said while it runs, and takes nothing from anybody. RABBITMQ_URL is that of the user `tap`.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aio_pika.abc import AbstractIncomingMessage

from shared.amqp import EVENTS, open_channel
from shared.events import Event
from shared.partner.wishes import WishError, find
from shared.settings import BrokerSettings, read_settings
from shared.wire import attributes_of

MAX_WAITING = 10_000  # then it drops the oldest: a terminal that stands still must not fill RabbitMQ
BOLD, DIM, RED, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[0m"


@dataclass(frozen=True)
class Taste:
    """What is shown, and how."""

    company: str | None
    subject: str | None
    verbose: bool
    as_json: bool
    colours: bool

    def shown(self, attributes: Mapping[str, Any], body: bytes) -> str | None:
        """The text of one event; None if it is not wanted."""
        if self.company not in (None, attributes.get("company")):
            return None
        if self.subject not in (None, attributes.get("subject")):
            return None
        if self.as_json:  # a CloudEvent in structured mode
            return json.dumps({**attributes, "data": json.loads(body)}, ensure_ascii=False)
        kind = str(attributes.get("type"))
        bold, dim, plain = (BOLD, DIM, PLAIN) if self.colours else ("", "", "")
        if self.colours and ".command_rejected." in kind:
            bold = BOLD + RED
        line = (f"{dim}{str(attributes.get('time'))[11:23]}{plain} {attributes.get('company')} {bold}{kind:<32}{plain} "
                f"{attributes.get('subject')} v{attributes.get('version')} {dim}#{attributes.get('position')} "
                f"{attributes.get('actor')}{plain}")
        if not self.verbose:
            return line
        return line + "\n" + json.dumps(json.loads(body), ensure_ascii=False, indent=2)


async def tap(amqp_url: str, types: Sequence[str], taste: Taste) -> None:
    """Print until cancelled, or until the connection is gone."""
    ended = asyncio.Event()

    async def show(message: AbstractIncomingMessage) -> None:
        if (text := taste.shown(attributes_of(message.headers), message.body)) is not None:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    async with open_channel(amqp_url, prefetch=100) as channel:
        queue = await channel.declare_queue(f"tap.{uuid4().hex}", exclusive=True, arguments={
            "x-max-length": MAX_WAITING, "x-overflow": "drop-head",
        })
        for one in types:
            await queue.bind(EVENTS, one)
        channel.close_callbacks.add(lambda *_: ended.set())
        await queue.consume(show, no_ack=True)
        sys.stderr.write(f"tap: hearing {', '.join(types)}\n")
        await ended.wait()
    raise ConnectionError("RabbitMQ is gone")


def main(arguments: list[str]) -> int:
    """Print what is wanted until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m shared.tap", description="print events as they are said")
    parser.add_argument("--hears", nargs="+", default=["*"], metavar="EVENT", help="'order.*', order.order_placed")
    parser.add_argument("--company", help="only of this company")
    parser.add_argument("--subject", help="only of this aggregate, such as order/SO-1")
    parser.add_argument("--json", action="store_true", dest="as_json", help="a CloudEvent (JSON) a line, for programs")
    parser.add_argument("-v", "--verbose", action="store_true", help="the body too")
    args = parser.parse_args(arguments)
    taste = Taste(args.company, args.subject, args.verbose, args.as_json, sys.stdout.isatty())
    settings = read_settings(BrokerSettings)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(tap(settings.amqp_url, find("--hears", args.hears, Event.registry), taste))
    except (WishError, OSError) as error:
        sys.stderr.write(f"tap: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
