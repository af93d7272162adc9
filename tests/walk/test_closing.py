"""Months of a small company are closed one after the other, through all services; what comes late changes no closed one
(golden case G10)."""

from datetime import date
from decimal import Decimal as D

from shared.events.accounting import (
    ApprovePeriodClose,
    AskedVoucherLine,
    CheckVoucher,
    DraftVoucher,
    PostVoucher,
    RequestPeriodClose,
    SignVoucher,
)
from shared.events.periods import InventorySealPeriod, OrderSealPeriod
from tests.walk.bus import Bus, open_bus
from tests.walk.trade import DAY, Trade

JANUARY, FEBRUARY = "2017-01", "2017-02"


async def close(bus: Bus, period: str) -> None:
    await bus.do(OrderSealPeriod(period=period))
    await bus.do(InventorySealPeriod(period=period))
    await bus.do(RequestPeriodClose(period=period))
    await bus.do(ApprovePeriodClose(period=period), actor="zhou")


async def rent(bus: Bus) -> None:
    lines = tuple(AskedVoucherLine(account=account, side=side, amount=D(50))
                  for account, side in (("5602", "D"), ("1002", "C")))
    await bus.do(DraftVoucher(draft_id="RENT", on=DAY, summary="房租", attachments=1, lines=lines))
    await bus.do(CheckVoucher(draft_id="RENT"), actor="zhou")
    await bus.do(SignVoucher(draft_id="RENT"), actor="chen")
    await bus.do(PostVoucher(draft_id="RENT"), actor="zhou")


async def test_a_late_bill_changes_nothing_of_a_closed_month() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade.begin()
        await trade.receive("R1", "100", "10")
        await trade.sell("SO-1", "40")
        await trade.invoice("I1", "SO-1")
        await trade.pay("P1", "4520", "SO-1")
        await rent(bus)
        await close(bus, JANUARY)
        january = await bus.balances(period=JANUARY)
        assert january == {
            "1002": D(4470), "1405": D(600), "220202": D(-1000), "222102": D(-520), "22210101": D(-520),
            "22210107": D(520), "3103": D(-3550),
        }

        await trade.bill("B1", "R1", "100", "12", on=date(2017, 1, 31))
        assert await bus.balances(period=JANUARY) == january
        february = await bus.balances(period=FEBRUARY)
        assert (february["1405"], february["5401"]) == (D(120), D(80))
        rows = await bus.pools["accounting"].fetch(
            "select distinct voucher_date, business_date from voucher where period = $1 and word = '记'", FEBRUARY)
        assert {row["voucher_date"] for row in rows} == {date(2017, 2, 1)}
        assert date(2017, 1, 31) in {row["business_date"] for row in rows}

        await close(bus, FEBRUARY)
        balances = await bus.balances()
        assert balances["3103"] == D(-3550) + D(80)
        assert "5401" not in balances
        # 520 were transferred in January; the 156 of the bill may be deducted later.
        assert (balances["222102"], balances["22210102"]) == (D(-520), D(156))
        await bus.check()
