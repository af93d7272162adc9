"""`posting`: one accounting process against a bare consumer, identical bytes through the same quorum queue."""

from statistics import median

from tools.bench.bare import consume, in_a_process
from tools.bench.books import QUEUE, books
from tools.bench.line import Line
from tools.bench.size import runs
from tools.bench.story import EVENTS_PER_ORDER, VOUCHERS_PER_ORDER, Teller, messages, send
from tools.servers import Servers

ORDERS = 3000


async def measure(servers: Servers, scale: float) -> list[Line]:
    """Both by turns, so that what else the machine does falls on both alike."""
    times, orders, teller = runs(scale), max(100, round(ORDERS * scale)), Teller()
    bare, posted = [], []
    async with books(servers) as ledger:
        for _ in range(times):
            told = messages(teller.orders(orders))
            await send(servers.users, told)
            bare.append(await in_a_process(consume, servers.users["accounting"], QUEUE, len(told)))
            posted.append((await ledger.post(told, len(told))).vouchers)
        await ledger.check(vouchers=times * orders * VOUCHERS_PER_ORDER)
    return [Line("posting", {
        "vouchers_per_s": median(posted), "raw_consume_per_s": median(bare), "ratio": median(posted) / median(bare),
    }, (f"{times} × {orders * EVENTS_PER_ORDER} events",))]
