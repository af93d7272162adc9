"""`poison`: how fast good events are posted when every twentieth message beside them cannot be."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import cycle, islice
from statistics import median

from shared.events import Event
from shared.testing import raw
from shared.wire import PREFIX, Raw
from tools.bench.books import books
from tools.bench.line import Line
from tools.bench.size import runs
from tools.bench.story import EVENTS_PER_ORDER, Teller, messages
from tools.servers import Servers

ORDERS = 2500
ONE_IN = 20
CENT = Decimal("0.01")

# Messages that are no events, made of good ones.
MALFORMED: tuple[Callable[[Raw], Raw], ...] = (
    lambda good: good._replace(body=good.body[:-1]),
    lambda good: good._replace(body=good.body.replace(b'"CNY"', b"null")),
    lambda good: good._replace(headers={**good.headers, f"{PREFIX}version": 0}),
    lambda good: good._replace(headers={**good.headers, f"{PREFIX}subject": "order/ANOTHER"}),
)
# Events that are well-formed and cannot be posted: (what is wrong with the order's first event, its company).
UNPOSTABLE: tuple[Callable[[Event], Event], ...] = (
    lambda good: good.model_copy(update={"gross": Decimal("1.00")}),
    lambda good: good.model_copy(update={"currency": "USD"}),
    lambda good: good.model_copy(update={"net": Decimal("300.01"), "gross": Decimal("339.01")}),
    lambda good: good.model_copy(update={"tax": Decimal("38.999"), "gross": Decimal("338.999")}),
)


async def measure(servers: Servers, scale: float) -> list[Line]:
    """Clean, malformed and unpostable by turns, so that what else the machine does falls on all alike."""
    times, orders, teller = runs(scale), max(100, round(ORDERS * scale)), Teller()
    count = orders * EVENTS_PER_ORDER
    rates: dict[str, list[float]] = {"clean": [], "malformed": [], "unpostable": []}
    async with books(servers) as ledger:
        for _ in range(times):
            for kind, found in rates.items():
                told = _mixed(messages(teller.orders(orders)), _bad(kind, teller, count // ONE_IN))
                found.append((await ledger.post(told, count)).events)
        await ledger.check(vouchers=3 * times * count, rejected=2 * times * (count // ONE_IN))
    clean, malformed, unpostable = (median(found) for found in rates.values())
    return [Line("poison", {
        "good_per_s": clean, "malformed": malformed / clean, "unpostable": unpostable / clean,
        "ratio": min(malformed, unpostable) / clean,
    }, (f"one bad message in {ONE_IN}",))]


def _bad(kind: str, teller: Teller, count: int) -> list[Raw]:
    """So many bad messages, every way of being bad in turn; none for a clean run."""
    if kind == "clean":
        return []
    placed = teller.orders(count)[::EVENTS_PER_ORDER]
    if kind == "malformed":
        return [spoil(raw(event)) for spoil, event in zip(islice(cycle(MALFORMED), count), placed, strict=True)]
    return [
        raw(change(event).said(event.envelope))
        for change, event in zip(islice(cycle(UNPOSTABLE), count), placed, strict=True)
    ]


def _mixed(good: Sequence[Raw], bad: Sequence[Raw]) -> list[Raw]:
    """A bad message after every twentieth good one."""
    rest, mixed = iter(bad), []
    for n, message in enumerate(good, 1):
        mixed.append(message)
        if n % ONE_IN == 0 and (spoilt := next(rest, None)):
            mixed.append(spoilt)
    return mixed
