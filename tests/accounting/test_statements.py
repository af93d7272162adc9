"""Statements balance by their layout, for any books; and their figures are those of the lines."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.accounting import follower, packs, statements
from services.accounting.domain.pack import Account
from services.accounting.domain.statements import Amount, Component, Layouts, components, figures, flaws, parse
from services.accounting.handlers import service
from shared.db import Pool
from shared.testing import ask, deliver
from tests.accounting import examples
from tests.accounting.doors import door, read, trade

ZERO = Decimal(0)
LAYOUTS = sorted(statements.layouts().items())


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx2.AsyncClient]:
    async with door(pool) as found:
        yield found


def taking_lines(standard: str) -> list[Account]:
    pack = packs.named(standard, 1)
    return [account for account in pack.accounts if account.code not in pack.summary_accounts]


@pytest.mark.parametrize(("standard", "layouts"), LAYOUTS)
def test_every_account_counts_exactly_once(standard: str, layouts: Layouts) -> None:
    assert flaws(layouts, taking_lines(standard)) == []
    assert {pack.standard for pack in packs.all_packs()} == {name for name, _ in LAYOUTS}
    for layout in (layouts.balance_sheet, layouts.income):
        assert [line.no for line in layout.lines] == list(range(1, len(layout.lines) + 1))


def test_the_layouts_of_small_enterprises_are_the_annex() -> None:
    found = statements.layouts()["assbe"]
    assert [len(found.balance_sheet.lines), len(found.income.lines)] == [53, 32]


def test_a_layout_that_forgets_or_doubles_an_account_is_found() -> None:
    layouts = statements.layouts()["assbe"]
    text = layouts.model_dump()
    text["balance_sheet"]["lines"][0]["parts"] = ({"account": "1001"}, {"account": "1012"}, {"account": "1101"})
    text["balance_sheet"]["lines"][3]["parts"] = ({"account": "1122", "by": "customer", "take": "D"},)
    text["income"]["lines"][29]["total"] = (21, 22)
    assert flaws(Layouts.model_validate(text), taking_lines("assbe")) == [
        "balance_sheet: account 1002 counts 0 times instead of 1 where it stands on D",
        "balance_sheet: account 1002 counts 0 times instead of 1 where it stands on C",
        "balance_sheet: account 1101 counts 2 times instead of 1 where it stands on D",
        "balance_sheet: account 1101 counts 2 times instead of 1 where it stands on C",
        "balance_sheet: account 2203 counts 0 times instead of 1 where it stands on D",
        "income: account 5711 counts 0 times instead of 1 where it stands on D",
        "income: account 5711 counts 0 times instead of 1 where it stands on C",
    ]


def test_a_malformed_layout_is_named() -> None:
    with pytest.raises(ValueError, match=r"^balance_sheet: Field required"):
        parse("standard = 'x'\nprofit = '1'")


@pytest.mark.parametrize("standard", [name for name, _ in LAYOUTS])
@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_any_books_balance(standard: str, data: st.DataObject) -> None:
    """Whatever the balances are, as long as they add up to zero: both totals are equal, and the profit is what the
    balance sheet has not carried forward."""
    chart, layouts = packs.named(standard, 1), statements.layouts()[standard]
    codes = [a.code for a in chart.accounts if a.kind != "memo" and a.code not in chart.summary_accounts]
    amounts = data.draw(st.lists(st.builds(
        Amount, st.sampled_from(codes), st.sampled_from(["", "A", "B"]),
        st.integers(-1000, 1000).map(lambda n: Decimal(n) / 100),
    )))
    amounts.append(Amount("1002", "", -sum((a.amount for a in amounts), Decimal(0))))
    sheet = layouts.balance_sheet
    found = figures(sheet, amounts)
    assert sheet.equal
    assert found[sheet.equal[0]] == found[sheet.equal[1]]
    profits = {a.code for a in chart.accounts if a.kind in ("revenue", "expense")} - set(layouts.income.beside)
    last = layouts.income.lines[-1].no
    assert figures(layouts.income, amounts)[last] == -sum(a.amount for a in amounts if a.account in profits)


def test_a_customer_who_paid_too_much_is_shown_among_the_advances() -> None:
    amounts = [Amount("1122", "A", Decimal(100)), Amount("1122", "B", Decimal(-30)), Amount("2203", "B", Decimal(-5)),
               Amount("2203", "A", Decimal(2))]
    sheet = statements.layouts()["assbe"].balance_sheet
    found = figures(sheet, amounts)
    assert [found[4], found[34]] == [Decimal(102), Decimal(35)]
    assert components(sheet.line[34], amounts) == [
        Component("2203", "B", Decimal(5)), Component("1122", "B", Decimal(30)),
    ]


# -- over HTTP --------------------------------------------------------------------------------------------------------


def shown(statement: Any, key: str) -> dict[int, Decimal]:
    """line -> figure."""
    return {line["no"]: Decimal(line["amounts"][key]) for line in statement["lines"] if line["amounts"][key]}


async def sum_of(pool: Pool, where: str) -> Decimal:
    """Debits less credits, straight from the lines."""
    return Decimal(await pool.fetchval(
        "select coalesce(sum(case l.side when 'D' then l.amount else -l.amount end), 0) from voucher_line l"
        f" join account a using (company, ledger) where a.code = l.account and {where}"
    ))


@pytest.mark.parametrize("steps", [0, 1], ids=["lines", "sums"])
@pytest.mark.parametrize("standard", ["assbe", "cas"])
async def test_statements_are_the_sums_of_the_lines(
    client: httpx2.AsyncClient, pool: Pool, standard: str, steps: int
) -> None:
    await trade(pool, standard)
    for _ in range(steps):
        await follower.follow(pool)
    sheet = await read(client, "/statements/balance-sheet", period="2025-03")
    assert sheet["balanced"] is True
    layouts = statements.layouts()[standard]
    assert layouts.balance_sheet.equal
    total = shown(sheet, "closing")[layouts.balance_sheet.equal[0]]
    debit_sides = {
        "assbe": "(a.kind in ('asset', 'cost') and a.code not in ('1122') or l.account in ('220201', '220202'))",
        "cas": "(a.kind in ('asset', 'cost') and a.code not in ('1122') or l.account in ('220201', '220202')"
               " or l.account like '222101%')",
    }
    # The one customer has paid too much, the supplier was paid for what went back; input VAT exceeds output VAT.
    assert total == await sum_of(pool, debit_sides[standard])
    income = await read(client, "/statements/income", period="2025-03")
    net = shown(income, "year_to_date")[layouts.income.lines[-1].no]
    assert net == -await sum_of(pool, "a.kind in ('revenue', 'expense')") != 0
    before = await read(client, "/statements/balance-sheet", period="2024-12")
    assert before["balanced"] is True
    assert set(shown(before, "closing").values()) == {ZERO}


async def test_a_figure_leads_to_accounts_and_their_lines(client: httpx2.AsyncClient, pool: Pool) -> None:
    await trade(pool)
    advances = await read(client, "/statements/balance-sheet/lines/34", period="2025-03")
    assert advances["amounts"]["closing"] == "50.00"
    assert advances["components"]["closing"] == [
        {"account": "1122", "by": "C-7", "dimension": "customer", "amount": "50.00"}]
    ledger = await read(client, "/accounts/1122/ledger", period="2025-03", customer="C-7")
    assert ledger["closing"] == {"balance_side": "C", "balance": "50.00"}
    event = await read(client, f"/events/{ledger['lines'][0]['event_id']}/vouchers")
    assert event["event_type"] == "order.sale_delivered.v1"
    total = await read(client, "/statements/balance-sheet/lines/41", period="2025-03")
    assert (total["total"][0], total["components"]["closing"]) == (31, [])


async def test_an_income_statement_knows_months_and_years(client: httpx2.AsyncClient, pool: Pool) -> None:
    """That a close changes nothing in it: test_proofs.py, where one is made."""
    await ask(pool, service, examples.open_books())
    days = ("2025-02-03", "2025-03-05", "2026-02-07")
    await deliver(pool, service, *(
        examples.delivered(f"SO-{n}", f"SH-{n}", examples.DAY.fromisoformat(day)) for n, day in enumerate(days)
    ))
    income = await read(client, "/statements/income", period="2025-03")
    assert [shown(income, key)[32] for key in ("month", "year_to_date")] == [Decimal(1000), Decimal(2000)]
    later = await read(client, "/statements/income", period="2026-02")
    assert [shown(later, key)[1] for key in ("year_to_date", "month")] == [Decimal(1000), Decimal(1000)]
