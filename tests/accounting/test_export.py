"""The ledger in other programs' formats, and under another pack."""

import shutil
from decimal import Decimal

import pytest

from services.accounting import packs
from services.accounting.proofs import export
from services.accounting.proofs.export import FORMATS, exported, prove_export, read_balances
from services.accounting.proofs.whatif import prove_whatif, what_if
from shared.db import Pool
from tests.accounting.doors import door, read, trade
from tests.accounting.test_proofs import change, place_of


async def test_what_is_exported_is_read_by_other_programs(pool: Pool) -> None:
    """Those that are installed come to the same balances; the others are named."""
    await trade(pool)
    result = await prove_export(await place_of(pool))
    assert result.differences == []
    assert {*result.figures["asked"], *result.figures["not_installed"]} == set(FORMATS)
    assert set(result.figures["asked"]) == {name for name, form in FORMATS.items() if shutil.which(form.program)}
    async with door(pool) as client:
        text = (await client.get("/export/beancount")).text
    assert text == "".join([piece async for piece in exported(await place_of(pool), "beancount")])
    assert '2025-03-05 * "记-1" "采购入库 RE-1, 发票未到暂估"' in text
    assert "Assets:A1405  3000.0000 CNY" in text


@pytest.mark.parametrize("name", FORMATS)
async def test_a_difference_is_named(pool: Pool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(FORMATS[name].program) is None:
        pytest.skip(f"{FORMATS[name].program} is not installed")
    monkeypatch.setattr(export, "FORMATS", {name: FORMATS[name]})
    await trade(pool)
    await change(pool, "update period_balance set debit = debit + 1 where account = '1122' and debit > 0")
    assert (await prove_export(await place_of(pool))).differences == [
        f"{name}: account 1122 is -50.00, in the trial balance -49.00",
    ]
    await change(pool, "update voucher_line set amount = amount + 1 where seq = 8 and line = 1")
    assert not (await prove_export(await place_of(pool))).ok


def test_the_programs_answers_are_read() -> None:
    said = 'account,amount\nAssets:A1002,-5.00\nAssets:A1405,\nEquity:Memo:A9001,0\n"Liabilities:A2202","7 CNY"\n'
    assert read_balances(said) == {"1002": Decimal(-5), "2202": Decimal(7)}


async def test_what_if_the_books_were_kept_by_the_other_standard(pool: Pool) -> None:
    await trade(pool)
    before = await pool.fetchval("select count(*) from voucher_line")
    difference, result = await what_if(await place_of(pool), packs.named("cas", 1))
    assert (result.differences, result.figures["untouched"]) == ([], True)
    lines = {(kind, line): (own, other) for kind, line, own, other in difference.statements}
    # A gain found by a count is no income by the CAS but less of an expense.
    assert lines["income", "加：营业外收入"] == (Decimal(180), Decimal(0))
    assert lines["income", "减：营业外支出"] == (Decimal(240), Decimal(0))
    assert lines["income", "管理费用"] == (Decimal(0), Decimal(60))
    assert ("balance_sheet", "未分配利润") not in lines
    assert difference.vouchers["count-approved: 借 营业外支出, 贷 营业外收入 → 借 管理费用, 贷 管理费用"] == 1
    assert await pool.fetchval("select count(*) from voucher_line") == before
    async with door(pool) as client:
        shown = await read(client, "/what-if", standard="cas")
        assert (await client.get("/what-if", params={"standard": "gaap"})).status_code == 404
    assert shown["vouchers_that_differ"] == difference.vouchers.total()
    assert (await prove_whatif(await place_of(pool))).ok


async def test_under_its_own_pack_nothing_differs(pool: Pool) -> None:
    """And if the kept sums are not those of the journal, that is said."""
    await trade(pool, "cas")
    difference, result = await what_if(await place_of(pool), packs.named("cas", 1))
    assert (difference.statements, difference.vouchers.total(), result.ok) == ([], 0, True)
    await change(pool, "update period_balance set debit = debit + 1 where account = '1122' and debit > 0")
    assert not (await what_if(await place_of(pool), packs.named("assbe", 1)))[1].ok
