"""Months of a small company are closed one after the other, through all services; what comes late changes no closed one
(golden case G10)."""

from datetime import date
from decimal import Decimal as D

from services.accounting.proofs.command import PROOFS
from services.accounting.proofs.place import places
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
from tests.accounting.doors import door, read
from tests.walk.bus import Bus, open_bus
from tests.walk.trade import DAY, Trade
from tools.checker import check, statements

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


async def test_statements_of_closed_months_are_what_the_checker_adds_up() -> None:
    async with open_bus() as bus:
        trade = Trade(bus)
        await trade.begin()
        await trade.receive("R1", "100", "10")
        await trade.walk("SO-1")
        await trade.sell("SO-2", "3")
        await trade.take_back("T1", "SO-1", "1")  # paid already, so the customer has a credit
        await trade.bill("B1", "R1", "50", "11")
        await rent(bus)
        await close(bus, JANUARY)
        await trade.order("SO-3", "5")
        await trade.ship("SO-3", "SO-3", on=date(2017, 2, 3))
        await close(bus, FEBRUARY)
        own = await statements.months(bus.urls, "C1")
        assert list(own) == [JANUARY, FEBRUARY]
        async with door(bus.pools["accounting"]) as client:
            for period, month in own.items():
                sheet = await read(client, "/statements/balance-sheet", period=period)
                income = await read(client, "/statements/income", period=period)
                lines = {line["no"]: line["amounts"] for line in sheet["lines"]}
                assert sheet["balanced"]
                assert D(lines[30]["closing"]) == month.assets == month.claims == D(lines[53]["closing"]) > 0
                profit = next(line["amounts"]["month"] for line in income["lines"] if line["no"] == 32)
                assert D(profit) == month.profit != 0
        found = [str(finding) for finding in (await check(bus.urls)).findings if not finding.ok]
        assert found == []
        (place,) = await places(bus.pools["accounting"])
        for name in ("explain", "rebuild", "digest", "asof", "whatif", "tieout"):
            assert (await PROOFS[name](place)).differences == [], name
