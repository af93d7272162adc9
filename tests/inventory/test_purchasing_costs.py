"""What bills at other prices do to costs, and goods that go back: the golden cases, through the public commands."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from itertools import permutations
from typing import Any

import pytest

from services.inventory.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.events.inventory import CostAdjusted
from shared.money import ZERO
from shared.testing import ask, deliver, said
from tests.inventory.builders import D, approved, opening, placed, receipt, ship
from tests.inventory.ledger import check_ledger
from tests.inventory.purchases import (
    begin,
    bill,
    cost_of_sales,
    done,
    pay,
    refused,
    sell,
    send_back,
    stock,
    tie,
)


@pytest.fixture(autouse=True)
async def ties(pool: Pool) -> AsyncIterator[None]:
    yield
    await check_ledger(pool)
    await tie(pool)


def adjustment(events: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Stock, consumed and variance of what the last event says about the only pool."""
    last = events[-1]
    assert last["type"] == "cost_adjusted"
    [line] = last["lines"]
    assert (line["stock"], line["consumed"]) == (last["stock"], last["consumed"])
    return last["stock"], last["consumed"], last["variance"]


async def accrued(pool: Pool) -> str:
    return f"{await pool.fetchval('select sum(accrued) from receipt_match'):f}"


async def owed(pool: Pool) -> str:
    return f"{await pool.fetchval('select sum(open) from supplier_invoice'):f}"


# -- bills at another price -------------------------------------------------------------------------------------------


async def test_g2_a_late_bill_moves_what_is_here_and_what_has_left(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "100", "60")))
    assert await sell(pool, "A", "10") == 600
    events = await done(pool, bill("B1", ("R1", 1, "100", "62")))
    assert (events[0]["accrued"], events[0]["variance"], events[0]["gross"]) == ("6000.00", "200.00", "7006.00")
    assert adjustment(events) == ("180.00", "20.00", "200.00")
    assert (await stock(pool), await cost_of_sales(pool)) == ((D(90), D(5580)), D(620))
    assert (await accrued(pool), await owed(pool)) == ("0.00", "7006.00")


async def test_g7_everything_is_sold_before_the_bill(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "100")))
    await sell(pool, "A", "10")
    assert adjustment(await done(pool, bill("B1", ("R1", 1, "10", "200")))) == ("0.00", "1000.00", "1000.00")
    assert (await stock(pool), await cost_of_sales(pool)) == ((ZERO, ZERO), D(2000))


async def test_g8_any_order_of_bill_and_shipment(pool: Pool) -> None:
    for company, first in (("C1", "bill"), ("C2", "ship")):
        await begin(pool, company)
        await done(pool, receipt("R1", ("TEA", "100", "10")), company=company)
        if first == "ship":
            await sell(pool, "A", "50", company=company)
        await done(pool, bill("B1", ("R1", 1, "100", "12")), company=company)
        if first == "bill":
            await sell(pool, "A", "50", company=company)
        assert await stock(pool, company=company) == (D(50), D(600))
        assert await cost_of_sales(pool, company) == 600


async def test_g10_a_february_bill_is_dated_in_february(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10")))
    await sell(pool, "A", "4")
    january = [event.body() for event in await said(pool)]
    events = await done(pool, bill("B1", ("R1", 1, "10", "11"), on=date(2026, 2, 3)))
    assert (events[0]["invoiced_on"], events[1]["adjusted_on"]) == ("2026-02-03", "2026-02-03")
    assert [event.body() for event in await said(pool)][: len(january)] == january


async def test_g15_other_receipts_between(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "100", "10")))
    assert await sell(pool, "A", "50") == 500
    await done(pool, receipt("R2", ("TEA", "50", "20")))
    assert await sell(pool, "B", "50") == 750
    assert adjustment(await done(pool, bill("B1", ("R1", 1, "100", "12")))) == ("50.00", "150.00", "200.00")
    assert (await stock(pool), await cost_of_sales(pool)) == ((D(50), D(800)), D(1400))
    events = await done(pool, bill("B2", ("R2", 1, "50", "20")))
    assert [event["type"] for event in events] == ["supplier_invoiced"]


async def test_partial_bills_at_several_prices_add_up(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "7", "3.333333")))
    await sell(pool, "A", "2")
    for i, (quantity, price) in enumerate((("1", "4"), ("3", "3.1"), ("2.5", "3.7"), ("0.5", "0"))):
        await done(pool, bill(f"B{i}", ("R1", 1, quantity, price)))
    # 4.00 + 9.30 + 9.25 + 0 for seven; two are sold.
    assert (await stock(pool), await cost_of_sales(pool)) == ((D(5), D("16.11")), D("6.44"))
    assert await accrued(pool) == "0.00"


STEPS: dict[str, Command] = {
    "ship 1": ship("SH-1", "A", (1, "3")), "ship 2": ship("SH-2", "A", (1, "5")),
    "bill R1": bill("B1", ("R1", 1, "7", "11.13")), "bill R2": bill("B2", ("R2", 1, "4", "9.99")),
}


async def test_no_order_of_shipments_and_bills_matters(pool: Pool) -> None:
    """Shipments keep their order, since the stream is the order of valuation; bills come when they come."""
    ends = set()
    orders = [order for order in permutations(STEPS) if order.index("ship 1") < order.index("ship 2")]
    for i, order in enumerate(orders):
        company = f"K{i}"
        await begin(pool, company)
        await done(
            pool, receipt("R1", ("TEA", "7", "10.01")), receipt("R2", ("TEA", "4", "10.35")), company=company
        )
        await deliver(pool, service, placed("A", ("TEA", "8")), approved("A"), company=company)
        await done(pool, *(STEPS[step] for step in order), company=company)
        ends.add((*await stock(pool, company=company), await cost_of_sales(pool, company)))
    assert len(orders) == 12
    assert ends == {(D(3), D("32.15"), D("85.72"))}


async def test_a_bill_and_shipments_of_the_same_product_at_the_same_moment(pool: Pool) -> None:
    await begin(pool)
    await done(pool, *(receipt(f"R{i}", ("TEA", "10", "10"), ("CUP", "10", "5")) for i in range(4)))
    orders = [f"A{i}" for i in range(6)]
    await deliver(pool, service, *(placed(o, ("CUP", "3"), ("TEA", "3")) for o in orders))
    await deliver(pool, service, *(approved(o) for o in orders))
    answers = await asyncio.gather(
        *(ask(pool, service, ship(f"SH-{o}", o)) for o in orders),
        *(ask(pool, service, bill(f"B{i}", (f"R{i}", 1, "10", "13"), (f"R{i}", 2, "10", "4"))) for i in range(4)),
        *(ask(pool, service, send_back(f"V{i}", f"R{i}", (2, "1"), (1, "1"))) for i in range(4)),
        *(ask(pool, service, pay(f"Z{i}", "10")) for i in range(3)),
    )
    assert {answer.status for answer in answers[:6]} == {201}
    await done(pool, *(
        bill(f"C{i}", *((f"R{i}", line, "9", price) for line, price in ((1, "13"), (2, "4"))))
        for i, answer in enumerate(answers[6:10]) if not answer.ok
    ))
    # All at the bills' prices: 40 - 18 - 4 of each left.
    assert await stock(pool) == (D(18), D(18 * 13))
    assert await stock(pool, "CUP") == (D(18), D(18 * 4))
    assert await cost_of_sales(pool) == 18 * (13 + 4)
    assert await accrued(pool) == "0.00"


# -- goods that go back -----------------------------------------------------------------------------------------------


async def test_e12_returns_before_and_after_the_bill(pool: Pool) -> None:
    await begin(pool)
    [event] = await done(pool, receipt("R1", ("TEA", "100", "60")), send_back("V1", "R1", (1, "5")))
    assert (event["accrued"], event["net"], event["tax"], event["gross"], event["stock"], event["residual"]) == (
        "300.00", "0", "0", "0", "300.00", "0.00",
    )
    await done(pool, receipt("R2", ("CUP", "100", "60")), bill("B2", ("R2", 1, "100", "62")))
    [event] = await done(pool, send_back("V2", "R2", (1, "5")))
    assert event["lines"] == [{
        "line": 1, "receipt_line": 1, "sku": "CUP", "quantity": "5", "accrued": "0.00", "net": "310.00", "tax": "40.30",
        "residual": "0.00", "stock": "310.00",
    }]
    assert (event["gross"], event["supplier_id"], event["warehouse"]) == ("350.30", "S1", "main")
    assert await owed(pool) == "6655.70"
    assert (await stock(pool), await stock(pool, "CUP")) == ((D(95), D(5700)), (D(95), D(5890)))
    # What went back is never billed; the rest at 62 makes the rest worth 62 each.
    assert await refused(pool, bill("B1", ("R1", 1, "96", "62"))) == (422, "lines.0.quantity", "over_billed")
    assert adjustment(await done(pool, bill("B1", ("R1", 1, "95", "62")))) == ("190.00", "0.00", "190.00")
    assert await stock(pool) == (D(95), D(5890))
    assert await cost_of_sales(pool) == ZERO


async def test_g3_goods_go_back_at_their_receipts_cost(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "100")), receipt("R2", ("TEA", "5", "110")))
    [event] = await done(pool, send_back("V1", "R1", (1, "5")))
    assert (event["accrued"], event["stock"], await stock(pool)) == ("500.00", "500.00", (D(10), D(1050)))


async def test_a_return_takes_the_unbilled_first_then_the_newest_bill(pool: Pool) -> None:
    await begin(pool)
    await done(
        pool, receipt("R1", ("TEA", "10", "10")), bill("B1", ("R1", 1, "3", "11", "1.00"), on=date(2026, 2, 1)),
        bill("B2", ("R1", 1, "3", "12", "1.00"), on=date(2026, 3, 1)),
    )
    events = await done(pool, send_back("V1", "R1", (1, "6")))
    assert (events[0]["accrued"], events[0]["net"], events[0]["tax"]) == ("40.00", "24.00", "0.67")
    rows = await pool.fetch("select supplier_invoice_id, open from supplier_invoice order by 1")
    assert [(row[0], f"{row[1]:f}") for row in rows] == [("B1", "34.00"), ("B2", "12.33")]
    events = await done(pool, send_back("V2", "R1", (1, "4")))
    assert (events[0]["net"], events[0]["tax"], await owed(pool)) == ("45.00", "1.33", "0.00")
    assert await stock(pool) == (ZERO, ZERO)
    assert await refused(pool, send_back("V3", "R1", (1, "1"))) == (422, "lines.0.quantity", "over_returned")
    assert await cost_of_sales(pool) == ZERO


async def test_no_order_of_a_return_a_shipment_and_the_bill_matters(pool: Pool) -> None:
    steps: dict[str, Command] = {
        "ship": ship("SH-1", "A", (1, "10")), "back": send_back("V1", "R1", (1, "5")),
        "bill": bill("B1", ("R1", 1, "95", "62")), "last": bill("B2", ("R1", 1, "5", "62")),
    }
    # Either all is billed and then some goes back, or it goes back first and is never billed.
    for i, order in enumerate((
        ("bill", "last", "ship", "back"), ("ship", "bill", "last", "back"), ("bill", "last", "back", "ship"),
        ("ship", "back", "bill"), ("back", "ship", "bill"), ("back", "bill", "ship"), ("ship", "bill", "back", "last"),
    )):
        company = f"K{i}"
        await begin(pool, company)
        await done(pool, receipt("R1", ("TEA", "100", "60")), company=company)
        await deliver(pool, service, placed("A", ("TEA", "10")), approved("A"), company=company)
        for step in order:
            if step == "last" and order.index("back") < order.index("last"):
                assert await refused(pool, steps[step], company) == (422, "lines.0.quantity", "over_billed")
                continue
            await done(pool, steps[step], company=company)
        assert await stock(pool, company=company) == (D(85), D(85 * 62)), order
        assert await cost_of_sales(pool, company) == 620, order


async def test_what_is_left_of_a_receipt_tells_what_it_costs(pool: Pool) -> None:
    """Bills at several prices, a shipment, and a return of what no bill names: again no order matters."""
    steps: dict[str, Command] = {
        "ship": ship("SH-1", "A", (1, "2")), "back": send_back("V1", "R1", (1, "3")),
        "one": bill("B1", ("R1", 1, "5", "12")), "two": bill("B2", ("R1", 1, "2", "14")),
    }
    ends = set()
    for i, order in enumerate(permutations(steps)):
        company = f"K{i}"
        await begin(pool, company)
        await done(pool, receipt("R1", ("TEA", "10", "10")), company=company)
        await deliver(pool, service, placed("A", ("TEA", "2")), approved("A"), company=company)
        await done(pool, *(steps[step] for step in order), company=company)
        ends.add((*await stock(pool, company=company), await cost_of_sales(pool, company)))
    # 88 for the seven that were kept; two of them are sold.
    assert ends == {(D(5), D("62.86"), D("25.14"))}


async def test_a_pool_gives_what_it_has_and_all_of_it_in_the_end(pool: Pool) -> None:
    await begin(pool)
    # Cheap goods lie beside dear ones; the average of both left, so what goes back costs more than is there.
    await done(pool, opening("O1", ("TEA", "10", "0")), receipt("R1", ("TEA", "10", "100")))
    assert await sell(pool, "A", "8") == 400
    [event] = await done(pool, send_back("V1", "R1", (1, "7")))
    assert (event["accrued"], event["residual"], event["stock"]) == ("700.00", "-100.00", "600.00")
    assert await stock(pool) == (D(5), ZERO)
    await done(pool, receipt("R2", ("CUP", "2", "10")), receipt("R3", ("CUP", "1", "40")))
    await sell(pool, "B", "2", "CUP")
    [event] = await done(pool, send_back("V2", "R2", (1, "1")))
    assert (event["accrued"], event["residual"], event["stock"]) == ("10.00", "10.00", "20.00")
    assert await stock(pool, "CUP") == (ZERO, ZERO)


async def test_only_what_no_order_holds_goes_back(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10"), ("TEA", "10", "10")))
    await deliver(pool, service, placed("A", ("TEA", "15")))
    assert await refused(pool, send_back("V1", "R1", (1, "6"))) == (409, "lines.0.quantity", "not_available")
    over = send_back("V1", "R1", (1, "3"), (2, "2.1"))
    assert await refused(pool, over) == (409, "lines.1.quantity", "not_available")
    assert await pool.fetchval("select sum(returned) from receipt_match") == ZERO
    await done(pool, send_back("V1", "R1", (1, "3"), (2, "2")))
    assert await stock(pool) == (D(15), D(150))


async def test_refused_returns_name_the_field(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10")), send_back("V1", "R1", (1, "1")))
    for command, expected in (
        (send_back("V1", "R1", (1, "1")), (409, "purchase_return_id", "duplicate_purchase_return")),
        (send_back("V2", "R9", (1, "1")), (404, "receipt_id", "unknown_receipt")),
        (send_back("V2", "R1", (2, "1")), (422, "lines.0.line", "unknown_receipt_line")),
        (send_back("V2", "R1", (1, "1"), (1, "1")), (422, "lines.1.line", "repeated_line")),
        (send_back("V2", "R1", (1, "9.5")), (422, "lines.0.quantity", "over_returned")),
    ):
        assert await refused(pool, command) == expected
    assert await stock(pool) == (D(9), D(90))


async def test_what_was_paid_and_went_back_pays_other_bills(pool: Pool) -> None:
    await begin(pool)
    await done(
        pool, receipt("R1", ("TEA", "10", "100")), bill("B1", ("R1", 1, "5", "100", "0")), pay("Z1", "500"),
        bill("B2", ("R1", 1, "4", "100", "0"), on=date(2026, 1, 4)), send_back("V1", "R1", (1, "10")),
    )
    # B1 was booked on a later day, so the return took B1 whole and B2 whole: the supplier owes us what was paid.
    rows = await pool.fetch("select supplier_invoice_id, open from supplier_invoice order by 1")
    assert [(row[0], f"{row[1]:f}") for row in rows] == [("B1", "-500.00"), ("B2", "0.00")]
    await done(pool, receipt("R2", ("TEA", "6", "100")), bill("B3", ("R2", 1, "6", "100", "0")))
    assert await refused(pool, pay("Z2", "100.01")) == (422, "amount", "more_than_owed")
    [event] = await done(pool, pay("Z2", "40"))
    assert [(a["supplier_invoice_id"], a["amount"]) for a in event["allocations"]] == [
        ("B1", "-500.00"), ("B3", "540.00"),
    ]
    assert await owed(pool) == "60.00"


async def test_shares_of_a_bill_that_goes_back_in_pieces_add_up(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "3", "3.3333")), bill("B1", ("R1", 1, "3", "3.3333", "1.00")))
    nets = [(await done(pool, send_back(f"V{i}", "R1", (1, "1"))))[0] for i in range(3)]
    assert [(e["net"], e["tax"]) for e in nets] == [("3.33", "0.33"), ("3.34", "0.34"), ("3.33", "0.33")]
    assert (await owed(pool), await stock(pool)) == ("0.00", (ZERO, ZERO))
    assert not [event for event in await said(pool) if isinstance(event, CostAdjusted)]
