"""Several ledgers of one company on a real Postgres: fed from the same events at once, each by its standard, each
proven."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from services.accounting.domain.tieout import ROLES
from services.accounting.handlers import service
from services.accounting.handlers.tieout import compare
from services.accounting.proofs import rebuild as rebuilding
from services.accounting.proofs import replay
from services.accounting.proofs.chain import as_of, prove_chain
from services.accounting.proofs.explain import explain
from services.accounting.proofs.export import prove_export
from services.accounting.proofs.place import places
from services.accounting.proofs.rebuild import digest, rebuild
from services.accounting.proofs.whatif import prove_whatif
from shared.db import Db, Pool
from shared.events import Event
from shared.events.accounting import LedgerBeside, OpenBooks
from shared.events.policies import ApprovePolicyChange
from shared.events.tieout import OrderSubledgerStated, StatedBalance
from shared.testing import as_admin, ask, deliver
from tests.accounting import examples
from tests.accounting.doors import door, read
from tests.accounting.test_manual import draft, posted
from tests.accounting.test_periods import MARCH, approve, codes, request, seal, sold
from tests.accounting.test_policies import mapping
from tests.shared.facts import assert_never_changed

IFRS = LedgerBeside(ledger="ifrs", standard="ifrs")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replay, rebuilding):
        monkeypatch.setattr(module, "BATCH", 3)


def books(*beside: LedgerBeside, standard: str = "assbe") -> OpenBooks:
    return OpenBooks(
        name="分录贸易", standard=standard, vat_rate=examples.VAT, opened_on=date(2025, 3, 1), beside=beside
    )


def business() -> Sequence[Event]:
    """Everything that can happen once; each call makes it anew."""
    return (
        examples.opened(), examples.received(), examples.placed(), examples.approved(), examples.shipped(),
        examples.delivered(), examples.invoiced(), examples.paid(), examples.allocated(), examples.returned(),
        examples.sale_returned(), examples.credited(), examples.refunded(from_advances="0.00"), examples.billed(),
        examples.adjusted(), examples.settled_negative_stock(), examples.supplier_paid(), examples.sent_back(),
        examples.counted(), examples.count_approved(),
    )


async def content(pool: Pool, company: str, ledger: str) -> list[tuple[Any, ...]]:
    """All that the vouchers of a ledger say."""
    rows = await pool.fetch(
        """
        select v.seq, v.word, v.number, v.summary, v.rule_id, v.rule_version, v.part, l.line, l.account, l.side,
               l.amount, l.customer, l.supplier, l.product, l.warehouse, l.salesperson, l.quantity
        from voucher v join voucher_line l using (company, ledger, seq)
        where company = $1 and ledger = $2 order by v.seq, l.line
        """,
        company, ledger,
    )
    return [tuple(row) for row in rows]


async def all_proven(pool: Pool, company: str = "C1") -> None:
    found = await places(pool, company)
    assert [place.ledger for place in found] == ["ifrs", "main"]
    for place in found:
        for prove in (explain, rebuild, digest, prove_chain, as_of, prove_whatif, prove_export):
            result = await prove(place)
            assert result.differences == [], f"{result.name} of {place.ledger}"


async def test_a_ledger_beside_is_what_it_would_be_alone(pool: Pool) -> None:
    assert (await ask(pool, service, books(IFRS))).ok
    assert (await ask(pool, service, books(), company="C2")).ok
    assert (await ask(pool, service, books(standard="ifrs"), company="C3")).ok
    for company in ("C1", "C2", "C3"):
        await deliver(pool, service, *business(), company=company)
    main, beside = await content(pool, "C1", "main"), await content(pool, "C1", "ifrs")
    assert main == await content(pool, "C2", "main")
    assert beside == await content(pool, "C3", "main")
    assert main != beside
    await all_proven(pool)
    async with door(pool) as client:
        assert (await read(client, "/books"))["ledgers"] == ["main", "ifrs"]
        book = await read(client, "/books", ledger="ifrs")
        assert (book["standard"], book["currency"]) == ("ifrs", "CNY")
        tables = {name: await read(client, "/trial-balance", period=MARCH, ledger=name) for name in ("main", "ifrs")}
        for table in tables.values():
            assert table["totals"]["closing_debit"] == table["totals"]["closing_credit"]
        assert "1124" not in {a["code"] for a in tables["main"]["accounts"]}
        assert "1124" in {a["code"] for a in tables["ifrs"]["accounts"]}
        assert {a["code"] for a in (await read(client, "/accounts", ledger="ifrs"))["accounts"]} >= {"1124"}
        sheet = await read(client, "/statements/balance-sheet", period=MARCH, ledger="ifrs")
        assert (sheet["standard"], sheet["balanced"]) == ("ifrs", True)
        event = await pool.fetchval("select event_id from journal where event_type = 'order.sale_delivered.v1' "
                                    "and company = 'C1'")
        of_event = [await read(client, f"/events/{event}/vouchers", **query) for query in ({}, {"ledger": "ifrs"})]
        assert [found["standard"] for found in of_event] == ["assbe", "ifrs"]
        assert [found["vouchers"][0]["lines"][0]["account"] for found in of_event] == ["1122", "1124"]
        approved = await pool.fetchval("select event_id from journal where event_type = 'order.order_approved.v1' "
                                       "and company = 'C1'")
        assert (await read(client, f"/events/{approved}/vouchers", ledger="ifrs"))["none"]["en"]
        first = await read(client, f"/vouchers/{MARCH}/记/1/explanation", ledger="ifrs")
        assert first["standard"] == "ifrs"
        assert [one["role"] for one in (await read(client, "/tieout"))["roles"]] == list(ROLES), "as people read them"
        for path in ("/books", "/accounts", "/tieout", f"/trial-balance?period={MARCH}", "/policies"):
            answer = await client.get(path, params={"ledger": "gaap"} if "?" not in path else None)
            assert answer.status_code == (404 if "?" not in path else 200)
    await assert_never_changed(pool, "journal_beside")


async def test_a_month_is_closed_in_every_ledger_and_a_voucher_by_hand_is_in_one(pool: Pool) -> None:
    assert (await ask(pool, service, books(IFRS))).ok
    await sold(pool)
    other = draft("D-2", ("5601", "D", "70.00"), ("1002", "C", "70.00")).model_copy(update={"ledger": "ifrs"})
    in_main, in_ifrs = await posted(pool, draft()), await posted(pool, other)
    assert [[n.ledger for n in event.vouchers] for event in (in_main, in_ifrs)] == [["main"], ["ifrs"]]
    unknown = draft("D-3").model_copy(update={"ledger": "gaap"})
    assert codes(await ask(pool, service, unknown)) == ["not_found"]
    await seal(pool)
    async with door(pool) as client:
        checks = (await read(client, f"/periods/{MARCH}/checks"))["checks"]
    of_ifrs = [check["en"] for check in checks if check["en"].startswith("ledger ifrs: ")]
    assert of_ifrs[0] == "ledger ifrs: accounts play the roles that a close needs"
    answer = await request(pool)
    assert answer.ok, answer.errors
    assert (await approve(pool)).ok
    left = await pool.fetch(
        "select ledger, account from period_balance join account a using (company, ledger) where a.code = account "
        "and kind in ('revenue', 'expense') group by ledger, account having sum(debit - credit) <> 0"
    )
    assert left == []
    profit = await pool.fetch("select ledger, sum(credit - debit) as profit from period_balance where account = '3103' "
                              "group by ledger order by ledger")
    assert [tuple(row) for row in profit] == [("ifrs", Decimal(270)), ("main", Decimal(40))]
    await deliver(pool, service, examples.placed("SO-LATE"))
    late = await pool.fetch("select ledger, period, number from voucher where summary like '%SO-LATE%' order by ledger")
    assert [tuple(row) for row in late] == [("ifrs", "2025-04", 1), ("main", "2025-04", 1)]
    await all_proven(pool)


async def test_what_is_missing_in_one_ledger_stands_against_the_close(pool: Pool) -> None:
    assert (await ask(pool, service, books(IFRS))).ok
    await deliver(pool, service, examples.opened(), examples.counted())
    await seal(pool)
    answer = await request(pool)
    assert codes(answer) == ["clearing_empty", "clearing_empty"]
    assert answer.errors[1]["message_en"].startswith("ledger ifrs: clearing accounts are empty: 1901 (60.00) is left")


async def test_rules_change_in_one_ledger(pool: Pool) -> None:
    assert (await ask(pool, service, books(IFRS))).ok
    services: dict[str, Any] = {"role": "revenue", "account": "5051", "by": "product", "members": ["P-*"]}
    main = mapping(services, on=date(2025, 3, 1))
    assert (await ask(pool, service, main)).ok
    assert (await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"), actor="zhou")).ok
    accounts = [{"code": "500101", "zh": "饮料", "en": "Drinks"}, {"code": "500102", "zh": "其他", "en": "Others"}]
    split: list[dict[str, Any]] = [
        {**services, "account": "500101", "members": ["X-*"]}, {"role": "revenue", "account": "500102"}
    ]
    beside = mapping(*split, accounts=accounts, on=date(2025, 3, 1), name="PC-2")
    beside = beside.model_copy(update={"ledger": "ifrs"})
    assert (await ask(pool, service, beside)).ok
    assert (await ask(pool, service, ApprovePolicyChange(proposal_id="PC-2"), actor="zhou")).ok
    unknown = mapping(services, name="PC-3").model_copy(update={"ledger": "gaap"})
    assert codes(await ask(pool, service, unknown)) == ["not_found"]
    await deliver(pool, service, *business())
    rows = await pool.fetch("select distinct ledger, account from voucher_line where account like '50%' order by 1, 2")
    assert [tuple(row) for row in rows] == [("ifrs", "500102"), ("main", "5051")]
    async with door(pool) as client:
        for ledger, version in (("main", 2), ("ifrs", 2)):
            found = await read(client, "/policies", ledger=ledger)
            assert [one["version"] for one in found["versions"]] == [version, 1]
    await all_proven(pool)


async def test_receivables_tie_out_in_every_ledger(pool: Pool) -> None:
    """What was delivered and not invoiced is a receivable to its owner, whatever the standard says."""
    assert (await ask(pool, service, books(IFRS))).ok
    stated = OrderSubledgerStated(subledger="order", part=1, parts=1, balances=tuple(
        StatedBalance(role=role, key=key, amount=Decimal(amount))
        for role, amount in (("ar", "1130.00"), ("pending_output_vat", "130.00")) for key in ("C-7", "")
    ))
    await deliver(pool, service, examples.placed(), examples.delivered(), stated)
    async with pool.acquire() as connection, connection.transaction():
        await compare(Db(connection, "C1"), "order", datetime.now(UTC))
    assert await pool.fetch("select * from tie_difference") == []
    rows = await pool.fetch("select ledger, stated, posted from tie where role = 'ar' and key = 'C-7' order by ledger")
    assert [tuple(row) for row in rows] == [(name, Decimal(1130), Decimal(1130)) for name in ("ifrs", "main")]


async def test_ledgers_are_opened_with_the_books_or_never(pool: Pool) -> None:
    for beside, field, code in (
        ((IFRS, IFRS), "beside.1.ledger", "ledger_twice"),
        ((LedgerBeside(ledger="main", standard="ifrs"),), "beside.0.ledger", "ledger_twice"),
        ((LedgerBeside(ledger="us", standard="gaap"),), "beside.0.standard", "unknown_standard"),
    ):
        answer = await ask(pool, service, books(*beside))
        assert [(error["field"], error["code"]) for error in answer.errors] == [(field, code)]
    assert await pool.fetchval("select count(*) from book") == 0
    assert (await ask(pool, service, books())).ok
    assert codes(await ask(pool, service, books(IFRS))) == ["books_open_already"]
    async with as_admin(pool, schema_stays=True) as admin:
        with pytest.raises(asyncpg.CheckViolationError, match="no ledger ifrs beside"):
            await admin.execute("select post_beside('C1', 'ifrs', 'CNY', '[]', '[]', '[]')")
