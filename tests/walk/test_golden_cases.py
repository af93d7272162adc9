"""The golden cases of moving-average costing, through all services: stock, cost of sales and payables to the cent.

Source of the cases: docs/decisions/0007-late-costs-by-revaluation.md.
"""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal as D

import pytest

from shared.events.inventory import AllowNegativeStock
from tests.walk.bus import Bus, open_bus
from tests.walk.trade import Trade

FEBRUARY = date(2017, 2, 3)
STOCK, COGS, ACCRUED, PAYABLE, VARIANCE = "1405", "5401", "220202", "220201", "140402"


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with open_bus() as running:
        yield running
        await running.check()


@pytest.fixture
async def trade(bus: Bus) -> Trade:
    trade = Trade(bus)
    await trade.begin()
    return trade


async def expect(trade: Trade, *, stock: tuple[str, str], cogs: str, **others: str) -> None:
    """Stock as inventory knows it and as the ledger does, cost of sales, and other accounts by code (a_220202=...)."""
    balances = await trade.bus.balances()
    assert await trade.bus.stock("TEA") == (D(stock[0]), D(stock[1]))
    assert balances.get(STOCK, D(0)) == D(stock[1])
    assert balances.get(COGS, D(0)) == D(cogs)
    assert balances.get(VARIANCE, D(0)) == 0, "the price variance is not cleared"
    for account, balance in others.items():
        assert balances.get(account.removeprefix("a_"), D(0)) == D(balance), account


async def test_g1_average_cost_leaves_with_the_goods(trade: Trade) -> None:
    await trade.receive("R1", "100", "60")
    await trade.sell("O1", "10")
    await expect(trade, stock=("90", "5400"), cogs="600", a_220202="-6000")


async def test_g2_a_bill_at_another_price_is_split_between_stock_and_cost_of_sales(trade: Trade) -> None:
    await trade.receive("R1", "100", "60")
    await trade.sell("O1", "10")
    await trade.bill("B1", "R1", "100", "62")
    await expect(trade, stock=("90", "5580"), cogs="620", a_220202="0", a_220201="-7006")


async def test_g3_a_supplier_return_leaves_at_its_receipts_cost(trade: Trade) -> None:
    await trade.receive("R1", "10", "100")
    await trade.receive("R2", "5", "110")
    await trade.send_back("P1", "R1", "5")
    await expect(trade, stock=("10", "1050"), cogs="0", a_220202="-1050")


async def test_g4_a_customer_return_comes_back_at_its_issue_cost(trade: Trade) -> None:
    await trade.receive("R1", "10", "60")
    await trade.sell("O1", "10")
    await trade.receive("R2", "100", "70")
    await trade.take_back("T1", "O1", "2")
    await expect(trade, stock=("102", "7120"), cogs="480")


async def test_g5_the_last_cent_leaves_with_the_last_piece(trade: Trade) -> None:
    await trade.receive("R1", "3", "33.33333333")
    costs = []
    for n in ("1", "2", "3"):
        before = (await trade.bus.balances()).get(COGS, D(0))
        await trade.sell(f"O{n}", "1")
        costs.append((await trade.bus.balances())[COGS] - before)
    assert costs == [D("33.33"), D("33.33"), D("33.34")]
    await expect(trade, stock=("0", "0"), cogs="100")


async def test_g6_negative_stock_is_settled_by_the_next_receipts(bus: Bus) -> None:
    trade = Trade(bus)
    await trade.begin(standard_cost="8")
    await bus.do(AllowNegativeStock(allowed_from=date(2017, 1, 1), allow=True))
    await trade.sell("O1", "10")
    await expect(trade, stock=("-10", "-80"), cogs="80")
    await trade.receive("R1", "5", "10")
    await expect(trade, stock=("-5", "-40"), cogs="90")
    await trade.receive("R2", "10", "12")
    await expect(trade, stock=("5", "60"), cogs="110")


async def test_g7_a_bill_after_everything_was_sold_goes_to_cost_of_sales(trade: Trade) -> None:
    await trade.receive("R1", "10", "100")
    await trade.sell("O1", "10", "500")
    await trade.invoice("I1", "O1")
    await trade.bill("B1", "R1", "10", "200")
    await expect(trade, stock=("0", "0"), cogs="2000", a_220202="0")


async def test_g8_late_cost_in_the_middle(trade: Trade) -> None:
    await trade.receive("R1", "100", "10")
    await trade.sell("O1", "50")
    await trade.bill("B1", "R1", "100", "12")
    await expect(trade, stock=("50", "600"), cogs="600")


async def test_g10_a_february_bill_changes_nothing_in_january(trade: Trade) -> None:
    await trade.receive("R1", "100", "60")
    await trade.sell("O1", "10")
    january = await trade.bus.balances(period="2017-01")
    await trade.bill("B1", "R1", "100", "62", on=FEBRUARY)
    assert await trade.bus.balances(period="2017-01") == january
    february = await trade.bus.balances(period="2017-02")
    assert (february[STOCK], february[COGS]) == (D("180"), D("20"))
    await expect(trade, stock=("90", "5580"), cogs="620")


async def test_g15_a_late_cost_flows_through_later_receipts_as_if_the_bill_had_come_first(trade: Trade) -> None:
    await trade.receive("R1", "100", "10")
    await trade.sell("O1", "50")
    await trade.receive("R2", "50", "20")
    await trade.sell("O2", "50")
    await expect(trade, stock=("50", "750"), cogs="1250")
    await trade.bill("B1", "R1", "100", "12")
    await expect(trade, stock=("50", "800"), cogs="1400")
