"""Vouchers made by hand on a real Postgres: who may do what, what is refused, what is posted, how it is corrected."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from services.accounting.domain.posting import Line
from services.accounting.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.events.accounting import (
    AskedVoucherLine,
    CheckVoucher,
    DiscardVoucher,
    DraftCorrection,
    DraftVoucher,
    PostVoucher,
    SignVoucher,
    VoucherPosted,
)
from shared.refusal import Answer
from shared.testing import as_admin, ask, deliver, said
from tests.accounting import examples
from tests.accounting.doors import door, read
from tests.accounting.test_periods import MARCH, approve, codes, open_books, request, seal
from tests.shared.facts import assert_never_changed

RENT = (("5602", "D", "300.00"), ("1002", "C", "300.00"))
ACCRUED = (("5602", "D", "80.00"), ("2211", "C", "80.00"))


def asked(*lines: tuple[str, str, str]) -> tuple[AskedVoucherLine, ...]:
    return tuple(AskedVoucherLine.model_validate({"account": a, "side": s, "amount": m}) for a, s, m in lines)


def draft(draft_id: str = "D-1", *lines: tuple[str, str, str], on: date = examples.DAY) -> DraftVoucher:
    return DraftVoucher(draft_id=draft_id, on=on, summary="支付房租", attachments=2, lines=asked(*(lines or RENT)))


async def do(pool: Pool, command: Command, actor: str = "anna") -> Answer:
    return await ask(pool, service, command, actor=actor)


async def posted(pool: Pool, command: DraftVoucher | DraftCorrection) -> VoucherPosted:
    """Anna drafts, Zhou checks and posts, Chen signs."""
    draft_id = command.draft_id
    steps = ((command, "anna"), (CheckVoucher(draft_id=draft_id), "zhou"), (SignVoucher(draft_id=draft_id), "chen"),
             (PostVoucher(draft_id=draft_id), "zhou"))
    for step, actor in steps:
        answer = await do(pool, step, actor)
        assert answer.ok, answer.errors
    event = (await said(pool))[-1]
    assert isinstance(event, VoucherPosted)
    return event


async def test_one_drafts_another_checks_the_cashier_signs_and_then_it_is_posted(pool: Pool) -> None:
    await open_books(pool)
    assert (await do(pool, draft())).ok
    steps: list[tuple[Command, str, str]] = [
        (draft(), "anna", "taken"),
        (PostVoucher(draft_id="D-1"), "anna", "unchecked"),
        (CheckVoucher(draft_id="D-1"), "anna", "self_approval"),
        (SignVoucher(draft_id="D-1"), "anna", "incompatible_duties"),
        (CheckVoucher(draft_id="D-1"), "zhou", ""),
        (CheckVoucher(draft_id="D-1"), "li", "done"),
        (SignVoucher(draft_id="D-1"), "zhou", "incompatible_duties"),
        (PostVoucher(draft_id="D-1"), "zhou", "unsigned"),
        (SignVoucher(draft_id="D-1"), "chen", ""),
        (PostVoucher(draft_id="D-1"), "zhou", ""),
        (PostVoucher(draft_id="D-1"), "zhou", "posted"),
        (DiscardVoucher(draft_id="D-1", why="x"), "anna", "posted"),
        (CheckVoucher(draft_id="D-9"), "anna", "not_found"),
    ]
    for command, actor, code in steps:
        assert codes(await do(pool, command, actor)) == ([code] if code else []), (command, actor)
    event = next(e for e in await said(pool) if isinstance(e, VoucherPosted))
    assert [(n.period, n.word, n.number) for n in event.vouchers] == [(MARCH, "记", 1)]
    row = await pool.fetchrow("select * from voucher")
    assert row is not None
    assert [row[name] for name in ("maker", "checker", "poster", "cashier", "attachments", "event_id", "rule_id")] == [
        "anna", "zhou", "zhou", "chen", 2, None, "manual"]
    lines = await pool.fetch("select account, side, amount, summary from voucher_line order by line")
    assert [tuple(line) for line in lines] == [
        ("5602", "D", Decimal(300), "支付房租"), ("1002", "C", Decimal(300), "支付房租")]
    journal = await pool.fetchrow("select kind, actor, facts from journal order by entry desc limit 1")
    assert journal is not None
    assert (journal["kind"], journal["actor"], journal["facts"]["draft_id"]) == ("manual", "zhou", "D-1")
    await assert_never_changed(pool, "draft", "draft_step", "corrected")


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("a control account", {"lines": asked(("1122", "D", "1.00"), ("5001", "C", "1.00"))},
     "lines.0.account", "control_account"),
    ("a memo account", {"lines": asked(("5602", "D", "1.00"), ("9001", "C", "1.00"))},
     "lines.1.account", "control_account"),
    ("an unknown account", {"lines": asked(("1003", "D", "1.00"), ("1002", "C", "1.00"))},
     "lines.0.account", "unknown_account"),
    ("a summary account", {"lines": asked(("5602", "D", "1.00"), ("2221", "C", "1.00"))},
     "lines.1.account", "summary_account"),
    ("no amount", {"lines": asked(("5602", "D", "0.00"), ("1002", "C", "0.00"))}, "lines.0.amount", "zero_amount"),
    ("half a cent", {"lines": asked(("5602", "D", "0.005"), ("1002", "C", "0.005"))},
     "lines.0.amount", "too_many_decimals"),
    ("out of balance", {"lines": asked(("5602", "D", "1.00"), ("1002", "C", "1.01"))}, "lines", "unbalanced"),
    ("a closed day", {"on": date(2025, 2, 28)}, "on", "period_closed"),
]


async def test_what_no_hand_may_write_is_refused_by_field(pool: Pool) -> None:
    await open_books(pool)
    for what, change, field, code in REFUSED:
        answer = await do(pool, draft().model_copy(update=change))
        assert [(e["field"], e["code"]) for e in answer.errors] == [(field, code)], what
    assert await pool.fetchval("select count(*) from draft") == 0


async def test_a_draft_stands_against_the_close_until_it_is_posted_or_given_up(pool: Pool) -> None:
    await open_books(pool)
    assert (await do(pool, draft("D-1", *ACCRUED))).ok
    assert (await do(pool, draft("D-2", *ACCRUED, on=date(2025, 4, 1)))).ok
    assert codes(await request(pool)) == ["no_drafts"]
    assert (await do(pool, DiscardVoucher(draft_id="D-1", why="重复"))).ok
    assert codes(await do(pool, CheckVoucher(draft_id="D-1"), "zhou")) == ["discarded"]
    assert (await request(pool)).ok


async def test_a_correction_is_chosen_by_the_law_and_made_once(pool: Pool) -> None:
    await open_books(pool)
    (wrong,) = (await posted(pool, draft())).vouchers
    fix = DraftCorrection(
        draft_id="D-2", on=date(2025, 3, 20), period=wrong.period, word="记", number=wrong.number, reason="金额录错",
        lines=asked(("5602", "D", "320.00"), ("1002", "C", "320.00")),
    )
    rival = fix.model_copy(update={"draft_id": "D-3"})
    assert (await do(pool, rival)).ok
    assert (await do(pool, CheckVoucher(draft_id="D-3"), "zhou")).ok
    assert (await do(pool, SignVoucher(draft_id="D-3"), "chen")).ok
    (made,) = (await posted(pool, fix)).vouchers
    assert made.number == 2
    assert codes(await do(pool, PostVoucher(draft_id="D-3"), "zhou")) == ["corrected"]
    assert codes(await do(pool, fix.model_copy(update={"draft_id": "D-4"}))) == ["corrected"]
    same = {"draft_id": "D-5", "number": 2, "lines": asked(("5602", "D", "20.00"), ("1002", "C", "20.00"))}
    assert codes(await do(pool, fix.model_copy(update=same))) == ["nothing_to_correct"]
    assert await pool.fetchval("select sum(debit - credit) from period_balance where account = '5602'") == 320
    assert await pool.fetchval("select seq from corrected") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("insert into corrected select company, ledger, seq, entry from voucher")


async def test_drafts_are_listed_by_the_step_that_they_wait_for(pool: Pool) -> None:
    await open_books(pool)
    for made in (draft("D-rent"), draft("D-wages", *ACCRUED), draft("D-late"), draft("D-gone", *ACCRUED)):
        assert (await do(pool, made)).ok
    assert (await do(pool, DiscardVoucher(draft_id="D-gone", why="重复"))).ok
    async with door(pool) as client:

        async def waiting(step: str | None = None) -> list[str]:
            found = await read(client, "/drafts", **({"step": step} if step else {}))
            return [one["draft_id"] for one in found["drafts"]]

        assert await waiting("checked") == await waiting() == ["D-late", "D-rent", "D-wages"]
        for draft_id in ("D-rent", "D-wages"):
            assert (await do(pool, CheckVoucher(draft_id=draft_id), "zhou")).ok
        assert (await waiting("checked"), await waiting("signed"), await waiting("posted")) == (
            ["D-late"], ["D-rent"], ["D-wages"])
        assert (await do(pool, SignVoucher(draft_id="D-rent"), "chen")).ok
        assert (await do(pool, PostVoucher(draft_id="D-wages"), "zhou")).ok
        assert (await waiting("signed"), await waiting("posted")) == ([], ["D-rent"])
        [shown] = (await read(client, "/drafts", step="posted"))["drafts"]
        assert (shown["summary"], shown["total"], shown["waits_for"]) == ("支付房租", "300.00", "posted")
        # A cashier may sign before the check; then it waits for the check all the same, and for the posting after it.
        assert (await do(pool, SignVoucher(draft_id="D-late"), "chen")).ok
        assert await waiting("checked") == ["D-late"]
        assert (await do(pool, CheckVoucher(draft_id="D-late"), "zhou")).ok
        assert await waiting("posted") == ["D-late", "D-rent"]


async def test_an_account_says_whether_a_hand_may_write_on_it(pool: Pool) -> None:
    await open_books(pool)
    async with door(pool) as client:
        found = {one["code"]: one for one in (await read(client, "/accounts"))["accounts"]}
    codes_of = {code: one["why_not"] and one["why_not"]["code"] for code, one in found.items()}
    assert [codes_of[code] for code in ("1122", "2202", "5602", "1002")] == [
        "control_account", "summary_account", None, None]
    assert "1122" in found["1122"]["why_not"]["zh"]
    assert (found["5001"]["dimensions"], found["5602"]["dimensions"]) == (["customer", "salesperson"], [])


async def test_a_voucher_says_whether_it_may_be_corrected_and_what_corrected_it(pool: Pool) -> None:
    await open_books(pool)
    (wrong,) = (await posted(pool, draft())).vouchers
    fix = DraftCorrection(draft_id="D-2", on=date(2025, 3, 20), period=wrong.period, word="记", number=1, reason="x",
                          lines=asked(("5602", "D", "320.00"), ("1001", "C", "320.00")))
    await deliver(pool, service, examples.paid())
    async with door(pool) as client:

        async def of(number: int) -> Any:
            return await read(client, f"/vouchers/{MARCH}/记/{number}/correction")

        assert await of(1) == {"why_not": None, "corrects": None, "corrected_by": [], "drafts": []}
        paid = (await of(2))["why_not"]
        assert (paid["code"], paid["account"]) == ("control_account", "1122")
        assert (await do(pool, fix.model_copy(update={"draft_id": "D-9"}))).ok
        assert (await of(1))["drafts"] == ["D-9"]
        made = (await posted(pool, fix)).vouchers
        red, blue = ({"period": n.period, "word": n.word, "number": n.number} for n in made)
        first = await of(1)
        assert (first["why_not"]["code"], first["corrected_by"]) == ("corrected", [red, blue])
        assert (await of(4))["corrects"] == {"period": MARCH, "word": "记", "number": 1}
        assert (await read(client, "/drafts/D-2"))["vouchers"] == [red, blue]
        assert (await read(client, "/drafts/D-9"))["vouchers"] == []
        assert (await client.get(f"/vouchers/{MARCH}/记/99/correction")).status_code == 404


async def test_what_events_or_a_close_posted_is_not_corrected_by_hand(pool: Pool) -> None:
    await open_books(pool)
    (by_hand,) = (await posted(pool, draft("D-1", *ACCRUED))).vouchers
    await deliver(pool, service, examples.paid())
    fix = DraftCorrection(draft_id="X", on=date(2025, 4, 1), period=MARCH, word="记", number=2, reason="x")
    assert codes(await do(pool, fix)) == ["control_account"]
    assert codes(await do(pool, fix.model_copy(update={"number": 99}))) == ["not_found"]
    await close_march(pool)
    assert codes(await do(pool, fix.model_copy(update={"number": 3}))) == ["of_close"]
    (red,) = (await posted(pool, fix.model_copy(update={"number": by_hand.number}))).vouchers
    assert (red.period, red.number) == ("2025-04", 1)


async def close_march(pool: Pool) -> None:
    await seal(pool)
    assert (await request(pool)).ok
    assert (await approve(pool)).ok


async def test_the_database_keeps_duties_apart(pool: Pool) -> None:
    await open_books(pool)
    assert (await do(pool, draft())).ok
    async with as_admin(pool, schema_stays=True) as connection:
        wrong = (("checked", "anna", "its maker may not be its checker"), ("posted", "li", "not checked"))
        for step, by, reason in wrong:
            with pytest.raises(asyncpg.CheckViolationError, match=reason):
                await connection.execute("insert into draft_step values ('C1', 'D-1', $1, $2)", step, by)


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "word"),
    [("D1002 C1122", "收"), ("D220201 C1002", "付"), ("D1002 C1001", "付"), ("D1122 C5001", "转")],
)
def test_three_words_say_what_moves_money(accounts: str, word: str) -> None:
    lines = [Line(a[1:], False, "D" if a[0] == "D" else "C", Decimal(1), {}, None) for a in accounts.split()]
    assert replace(examples.terms(), words="收付转").word(lines) == word
    assert examples.terms().word(lines) == "记"


async def test_a_company_may_have_three_words(pool: Pool) -> None:
    books = examples.open_books().model_copy(update={"words": "收付转"})
    assert (await do(pool, books)).ok
    await deliver(pool, service, examples.placed(), examples.delivered(), examples.paid(), examples.supplier_paid())
    await posted(pool, draft())
    rows = await pool.fetch("select word, number from voucher order by seq")
    assert [tuple(row) for row in rows] == [("备", 1), ("转", 1), ("备", 2), ("收", 1), ("付", 1), ("付", 2)]
