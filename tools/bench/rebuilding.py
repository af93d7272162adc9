"""`rebuild`: how fast a ledger is made again from its journal and compared row by row, by the users' command."""

import asyncio
import re
import sys

from tools.bench.books import WrongError, books
from tools.bench.line import Line
from tools.bench.story import EVENTS_PER_ORDER, Teller, messages
from tools.demo.fleet import ROOT
from tools.servers import Servers

ORDERS = 6000


async def measure(servers: Servers, scale: float) -> list[Line]:
    """A ledger is posted first; how fast that is does not count here."""
    orders = max(100, round(ORDERS * scale))
    async with books(servers) as ledger:
        await ledger.take_in(messages(Teller().orders(orders)), orders * EVENTS_PER_ORDER)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.accounting", "prove", "rebuild", cwd=ROOT,
            env=dict(ledger.stage.member("accounting").environment), stdout=asyncio.subprocess.PIPE,
        )
        said = (await process.communicate())[0].decode().strip()
    found = re.fullmatch(r"proof rebuild: ok (\d+) entries, (\d+) vouchers, .*, (\d+) entries/s", said)
    if not found:
        raise WrongError(said or "the proof said nothing")
    return [Line("rebuild", {"entries_per_s": float(found[3])}, (f"{found[1]} entries, {found[2]} vouchers",))]
