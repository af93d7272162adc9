"""Closing months on a real Postgres: what it waits for, who may, what is posted, where late facts go."""

from datetime import date
from decimal import Decimal

import asyncpg
import httpx2
import pytest

from services.accounting.handlers import service
from shared.db import Pool
from shared.events.accounting import ApprovePeriodClose, OpenBooks, PeriodClosed, RequestPeriodClose
from shared.events.periods import InventoryPeriodSealed, OrderPeriodSealed
from shared.refusal import Answer
from shared.testing import Script, as_admin, ask, deliver, hear, said
from tests.accounting import examples
from tests.accounting.test_api import client  # noqa: F401  the fixture
from tests.shared.facts import assert_never_changed

MARCH, APRIL = "2025-03", "2025-04"
CLOSE = "insert into closed_period select company, $1, entry from journal where kind = 'close'"


async def open_books(pool: Pool) -> None:
    """From the first of March, so that March is the first month to be closed."""
    books = OpenBooks(name="分录贸易", standard="assbe", vat_rate=examples.VAT, opened_on=date(2025, 3, 1))
    assert (await ask(pool, service, books)).ok


async def seal(pool: Pool, period: str = MARCH) -> None:
    await deliver(pool, service, OrderPeriodSealed(period=period), InventoryPeriodSealed(period=period))


async def request(pool: Pool, period: str = MARCH, actor: str = "anna") -> Answer:
    return await ask(pool, service, RequestPeriodClose(period=period), actor=actor)


async def approve(pool: Pool, period: str = MARCH, actor: str = "zhou") -> Answer:
    return await ask(pool, service, ApprovePeriodClose(period=period), actor=actor)


async def sold(pool: Pool) -> None:
    """One sale with its invoice, and goods on stock that were counted."""
    await deliver(
        pool, service, examples.opened(), examples.placed(), examples.shipped(), examples.delivered(),
        examples.invoiced(), examples.counted(), examples.count_approved(),
    )


def codes(answer: Answer) -> list[str]:
    return [error["code"] for error in answer.errors]


async def test_a_month_is_closed_by_two_people_and_late_facts_go_to_the_next(pool: Pool) -> None:
    await open_books(pool)
    await sold(pool)
    assert codes(await request(pool)) == ["sealed"]
    await seal(pool)
    assert codes(await approve(pool)) == ["not_asked"]
    assert (await request(pool)).ok
    assert codes(await request(pool)) == ["asked_already"]
    assert (codes(await approve(pool, actor="anna")), (await approve(pool, actor="anna")).status) == (
        ["self_approval"], 403)
    assert (await approve(pool)).ok
    closed = (await said(pool))[-1]
    assert isinstance(closed, PeriodClosed)
    assert (closed.requested_by, closed.approved_by, closed.open_from) == ("anna", "zhou", date(2025, 4, 1))
    rows = await pool.fetch(
        """
        select v.rule_id, v.part, v.number, v.attachments, v.maker, v.checker, l.account, l.side, l.amount
        from journal j join voucher v using (company, entry) join voucher_line l using (company, ledger, seq)
        where j.kind = 'close' order by v.seq, l.line
        """
    )
    assert [(row["rule_id"], row["part"], row["side"], row["account"], row["amount"]) for row in rows] == [
        ("close-vat", 1, "D", "22210107", Decimal(130)), ("close-vat", 1, "C", "222102", Decimal(130)),
        ("close-profit", 1, "D", "5001", Decimal(1000)), ("close-profit", 1, "D", "5301", Decimal(180)),
        ("close-profit", 1, "C", "3103", Decimal(1180)),
        ("close-profit", 2, "D", "3103", Decimal(840)), ("close-profit", 2, "C", "5401", Decimal(600)),
        ("close-profit", 2, "C", "5711", Decimal(240)),
    ]
    assert {(row["maker"], row["checker"], row["attachments"]) for row in rows} == {("anna", "zhou", 0)}
    left = await pool.fetch(
        "select account from period_balance join account a using (company, ledger) where a.code = account "
        "and kind in ('revenue', 'expense') group by account having sum(debit - credit) <> 0"
    )
    assert left == []

    await deliver(pool, service, examples.placed("SO-LATE"))
    late = await pool.fetchrow(
        "select period, number, voucher_date, business_date, entry from voucher order by seq desc limit 1")
    assert late is not None
    assert (late["period"], late["number"]) == (APRIL, 1)
    assert (late["voucher_date"], late["business_date"]) == (date(2025, 4, 1), examples.DAY)
    assert await pool.fetchval("select open_from from journal where entry = $1", late["entry"]) == date(2025, 4, 1)
    assert codes(await request(pool)) == ["in_order"]
    await assert_never_changed(pool, "closed_period", "close_request")


async def test_months_follow_each_other_also_without_business(pool: Pool) -> None:
    await open_books(pool)
    assert codes(await request(pool, APRIL)) == ["in_order"]
    for period in (MARCH, APRIL):
        assert (await request(pool, period)).ok
        assert (await approve(pool, period)).ok
    rows = await pool.fetch("select period from closed_period order by period")
    assert [row["period"] for row in rows] == [MARCH, APRIL]
    assert await pool.fetchval("select none_en from journal where kind = 'close' limit 1")


async def test_a_close_waits_for_what_is_missing(pool: Pool) -> None:
    """A shipment without its delivery value, a difference that nobody approved, a position that was not heard."""
    await open_books(pool)
    script = Script()
    away = script.say(examples.placed())
    told = [examples.opened(), examples.shipped(), examples.counted(), OrderPeriodSealed(period=MARCH),
            InventoryPeriodSealed(period=MARCH)]
    await hear(pool, service, *[script.say(event) for event in told])
    answer = await request(pool)
    assert codes(answer) == ["positions_complete", "shipments_valued", "clearing_empty"]
    assert [error["message_en"].partition(": ")[2] for error in answer.errors] == [
        "order 1-1 is missing: wait until it is said again, or retry or dismiss it among the rejected messages",
        "there is no SaleDelivered of shipment SH-1: wait for order, or look into its rejected messages",
        "1901 (60.00) is left: approve the differences of counts, or wait for the cost adjustment",
    ]
    await hear(pool, service, away, *[script.say(e) for e in (examples.delivered(), examples.count_approved())])
    assert (await request(pool)).ok


async def test_what_was_sold_for_nothing_counts_as_delivered(pool: Pool) -> None:
    await open_books(pool)
    zero = Decimal("0.00")
    line = examples.shipped().lines[0].model_copy(update={"cost": zero})
    free = examples.shipped().model_copy(update={"lines": (line,), "cost": zero})
    await deliver(pool, service, free)
    await seal(pool)
    assert codes(await request(pool)) == ["shipments_valued"]
    part = examples.delivered().lines[0].model_copy(update={"net": zero, "tax": zero, "gross": zero})
    await deliver(pool, service, examples.delivered().model_copy(
        update={"lines": (part,), "net": zero, "tax": zero, "gross": zero}))
    assert (await request(pool)).ok


async def test_the_database_keeps_closed_months_closed(pool: Pool) -> None:
    await open_books(pool)
    await sold(pool)
    await seal(pool)
    assert (await request(pool)).ok
    assert (await approve(pool)).ok
    async with as_admin(pool, schema_stays=True) as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="the period 2025-03 is closed"):
            await connection.execute(
                """
                with row as (
                    insert into journal (company, entry, kind, actor, facts, reader_version, standard, pack_version,
                                         mapping_version, open_from)
                    select company, max(entry) + 1, 'manual', 'x', '{}', 1, 'assbe', 1, 1, '2025-03-01' from journal
                    group by company returning company, entry
                ), header as (
                    insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date,
                                         summary, attachments, maker, checker, poster, rule_id, rule_version, part,
                                         line_count)
                    select row.company, ledger, max(v.seq) + 1, row.entry, '2025-03', '转', 1, '2025-03-09',
                           '2025-03-09', 'x', 0, 'x', 'y', 'z', 'x', 1, 1, 2
                    from row, voucher v group by 1, 2, 4 returning company, ledger, seq
                )
                insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
                select company, ledger, seq, n, '2025-03', '1002', case n when 1 then 'D' else 'C' end, 5, 'CNY', 'x'
                from header, generate_series(1, 2) as n
                """
            )
        for period in ("2025-03", "2025-05"):
            with pytest.raises(asyncpg.PostgresError, match=r"the next one is 2025-04"):
                await connection.execute(CLOSE, period)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(CLOSE, APRIL)


async def test_a_count_of_a_closed_month_keeps_its_day(pool: Pool) -> None:
    """Two facts of two days in a closed month are booked on the same day, each under its own."""
    await open_books(pool)
    assert (await request(pool)).ok
    assert (await approve(pool)).ok
    for day in (10, 20):
        await deliver(pool, service, examples.counted().model_copy(
            update={"count_id": f"CT-{day}", "counted_on": date(2025, 3, day)}))
    rows = await pool.fetch("select voucher_date, business_date from voucher order by seq")
    assert [(row["voucher_date"], row["business_date"].day) for row in rows] == [
        (date(2025, 4, 1), 10), (date(2025, 4, 1), 20),
    ]


async def test_the_door_shows_what_stands_against_a_close(
    client: httpx2.AsyncClient, pool: Pool,  # noqa: F811
) -> None:
    assert (await client.get("/periods")).status_code == 404
    await open_books(pool)
    assert (await request(pool)).ok
    shown = (await client.get("/periods")).json()
    assert shown == {"open_from": "2025-03-01", "requested_by": ["anna"], "closed": []}
    checks = {check["code"]: check for check in (await client.get("/periods/2025-03/checks")).json()["checks"]}
    assert checks["trial_balance_zero"] == {
        "code": "trial_balance_zero", "status": "ok", "zh": "试算平衡", "en": "the trial balance is zero",
    }
    assert checks["subledgers_tied"]["status"] == "ok", "nobody said anything"
    answer = await client.post("/periods/closes", json={"period": MARCH}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "self_approval")
    assert (await approve(pool)).ok
    (closed,) = (await client.get("/periods")).json()["closed"]
    assert (closed["period"], closed["requested_by"], closed["approved_by"]) == (MARCH, "anna", "zhou")
