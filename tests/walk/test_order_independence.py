"""Any interleaving of shipments, supplier bills and customer invoices ends with the same books.

Odoo 19 and its like lock the cost of what is invoiced before the bill comes. Here the handlers of all real services run
through every admissible interleaving, a company each, and must end with the same stock value, the same cost of sales
and the same ledger content by account and dimension.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import permutations

from shared.events.order import IssueCreditNote
from tests.walk.bus import open_bus
from tests.walk.trade import DAY, Trade

# The movements keep their order (it is the order of valuation); an invoice needs a shipment.
BEFORE = {("ship 1", "ship 2"), ("ship 1", "invoice")}
STEPS = ("ship 1", "ship 2", "bill 1", "bill 2", "invoice")


def interleavings() -> Iterator[Sequence[str]]:
    """Every order of the steps that respects BEFORE: 40 of 120."""
    for steps in permutations(STEPS):
        if all(steps.index(first) < steps.index(then) for first, then in BEFORE):
            yield steps


async def walk(trade: Trade, steps: Sequence[str]) -> None:
    """Two receipts and a bill for each at another price, none of which divides evenly; a return ends the story."""
    await trade.begin()
    await trade.receive("R1", "7", "10.01")
    await trade.receive("R2", "6", "13.37")
    await trade.order("O1", "11", "19.99")
    what = {
        "ship 1": lambda: trade.ship("SH1", "O1", "4"),
        "ship 2": lambda: trade.ship("SH2", "O1", "7"),
        "bill 1": lambda: trade.bill("B1", "R1", "7", "11.13"),
        "bill 2": lambda: trade.bill("B2", "R2", "6", "12.89"),
        "invoice": lambda: trade.invoice("I1", "O1"),
    }
    for step in steps:
        await what[step]()
    if steps.index("invoice") < steps.index("ship 2"):  # the first invoice could not cover the second shipment
        await trade.invoice("I2", "O1")
    await trade.take_back("T1", "SH1", "1")
    credit_note = IssueCreditNote(credit_note_id="N1", order_id="O1", issued_on=DAY)
    await trade.bus.do(credit_note, company=trade.company)


async def test_the_books_do_not_depend_on_when_bills_and_invoices_come() -> None:
    async with open_bus() as bus:
        found = {}
        for n, steps in enumerate(interleavings()):
            trade = Trade(bus, f"C{n}")
            await walk(trade, steps)
            content = await bus.content(trade.company)
            stock = await bus.stock("TEA", trade.company)
            found[steps] = (stock, tuple(sorted((repr(key), value) for key, value in content.items())))
        await bus.check()
    first, *others = found.items()
    assert len(found) == 40
    assert first[1][0][0] == Decimal(3), "13 came, 11 went, 1 came back"
    for steps, outcome in others:
        assert outcome == first[1], f"{steps} ends otherwise than {first[0]}"
