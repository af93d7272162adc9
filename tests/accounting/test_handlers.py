"""The use cases on a real Postgres: whatever is heard gets vouchers or a reason, once, gaplessly."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import pytest

from services.accounting import views
from services.accounting.handlers import service
from shared.db import Db, Pool
from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.operators import AccountingDismissMessages
from shared.events.order import OrderPlaced
from shared.healing import Statement
from shared.testing import Script, ask, deliver, hear, said
from tests.accounting import examples


async def open_books(pool: Pool, company: str = "C1", standard: str = "assbe") -> None:
    assert (await ask(pool, service, examples.open_books(standard=standard), company=company)).ok


def walk() -> list[Event]:
    """A whole sale, from opening stock to money, and an order that is cancelled."""
    return [
        examples.opened(), examples.received(), examples.placed(), examples.approved(), examples.shipped(),
        examples.delivered(), examples.invoiced(), examples.paid(), examples.allocated(),
        examples.placed("SO-9", net="400.00"), examples.cancelled("SO-9", net="400.00"),
    ]


def other_half() -> list[Event]:
    """Goods come back and money with them; the supplier bills, is paid and gets goods back; stock is counted."""
    return [
        examples.returned(), examples.sale_returned(), examples.credited(), examples.refunded(from_advances="0.00"),
        examples.billed(), examples.adjusted(), examples.settled_negative_stock(), examples.supplier_paid(),
        examples.sent_back(), examples.counted(), examples.count_approved(),
    ]


async def balances(pool: Pool, period: str = "2025-03") -> dict[str, str]:
    async with pool.acquire() as connection:
        table = await views.trial_balance(Db(connection, "C1"), "CNY", period)
    shown = {}
    for a in table["accounts"]:
        shown[a["code"]] = a["closing_debit"] if a["closing_debit"] != "0.00" else f"-{a['closing_credit']}"
    for totals in (table["totals"], table["memo_totals"]):
        for column in ("opening", "", "closing"):
            assert totals[f"{column}_debit".strip("_")] == totals[f"{column}_credit".strip("_")]
    return shown


async def only_row(pool: Pool, sql: str) -> asyncpg.Record:
    (row,) = await pool.fetch(sql)
    return row


async def rejections(pool: Pool) -> list[str]:
    return [row["reason"] for row in await pool.fetch("select reason from rejected order by at, id")]


# -- opening ----------------------------------------------------------------------------------------------------------


async def test_opening_books_makes_chart_mapping_and_the_first_journal_row(pool: Pool) -> None:
    await open_books(pool)
    (event,) = await said(pool)
    assert isinstance(event, BooksOpened)
    assert (event.ledger, event.currency, event.opened_on) == ("main", "CNY", examples.OPENED)
    assert await pool.fetchval("select count(*) from account where company = 'C1'") == len(examples.assbe().accounts)
    assert await pool.fetchval("select account from role_map where role = 'ar'") == "1122"
    assert await pool.fetchval("select takes_lines from account where code = '2202'") is False
    journal = await only_row(pool, "select * from journal")
    assert (journal["entry"], journal["kind"], journal["actor"]) == (1, "books", "anna")
    assert journal["facts"]["vat_rate"] == "0.13"


async def test_books_are_opened_once(pool: Pool) -> None:
    await open_books(pool)
    answer = await ask(pool, service, examples.open_books(), actor="boris")
    assert (answer.status, answer.errors[0]["code"]) == (409, "books_open_already")
    assert len(await said(pool)) == 1


async def test_two_who_open_at_once(pool: Pool) -> None:
    answers = await asyncio.gather(*(ask(pool, service, examples.open_books(), actor=name) for name in ("anna", "bo")))
    assert sorted(answer.status for answer in answers) == [201, 409]


async def test_books_need_a_known_currency_and_a_standard_in_force(pool: Pool) -> None:
    answer = await ask(pool, service, examples.open_books("KWD"))
    assert (answer.status, answer.errors[0]["field"], answer.errors[0]["code"]) == (422, "currency", "unknown_currency")
    before_cas = {"standard": "cas", "opened_on": date(2020, 12, 31)}
    for changes in ({"standard": "gaap"}, {"opened_on": date(2012, 12, 31)}, before_cas):
        answer = await ask(pool, service, examples.open_books().model_copy(update=changes))
        assert (answer.errors[0]["field"], answer.errors[0]["code"]) == ("standard", "unknown_standard")
    assert await pool.fetchval("select count(*) from book") == 0


# -- posting ----------------------------------------------------------------------------------------------------------


async def test_a_whole_sale_leaves_the_books_that_an_accountant_expects(pool: Pool) -> None:
    await open_books(pool)
    assert await deliver(pool, service, *walk()) == []
    assert await rejections(pool) == []
    assert await balances(pool) == {
        "1002": "1180.00",  # money
        "1122": "-50.00",  # 1130 sold - 1130 paid - 50 of an advance allocated to a sale that is not in this walk
        "1405": "11550.00",  # 6150 opened + 6000 received - 600 shipped
        "220202": "-6000.00",
        "2203": "-0.00",
        "22210101": "-130.00",
        "222106": "-0.00",
        "3199": "-6150.00",
        "5001": "-1000.00",
        "5401": "600.00",
        "9001": "-0.00",
        "9002": "-0.00",
    }


# What the whole walk leaves in every standard.
LEFT = {
    "1002": "-6052.00",  # 1180 received - 226 refunded - 7006 paid to the supplier
    "1122": "-50.00",
    "140402": "-0.00",  # all is billed
    "1405": "11169.50",  # 11550 + 120 returned + 180 - 10 adjusted - 610.50 sent back + 180 - 240 counted
    "1901": "-0.00",  # the differences are approved
    "220201": "350.30",  # paid in full, then goods went back: the supplier owes
    "220202": "300.00",  # goods of another receipt went back before they were billed
    "22210101": "-104.00",  # 130 invoiced - 26 credited
    "22210102": "765.70",  # 806 - 40.30
    "222106": "-0.00",
    "9001": "-0.00",
    "9002": "-0.00",
}
ASSBE = {"2203": "-0.00", "3199": "-6150.00", "5001": "-800.00", "5301": "-180.00", "5401": "510.50", "5711": "240.00"}
CAS = {"2204": "-0.00", "4199": "-6150.00", "6001": "-800.00", "6401": "510.50", "6602": "60.00"}


@pytest.mark.parametrize(("standard", "own"), [("assbe", ASSBE), ("cas", CAS)])
async def test_every_standard_books_the_whole_walk(pool: Pool, standard: str, own: dict[str, str]) -> None:
    await open_books(pool, standard=standard)
    (opened,) = await said(pool)
    assert isinstance(opened, BooksOpened)
    assert opened.standard == standard
    await deliver(pool, service, *walk(), *other_half())
    assert await rejections(pool) == []
    assert await balances(pool) == LEFT | own
    checkers = {row["checker"] for row in await pool.fetch("select checker from voucher")}
    assert {"rule:purchase-returned@1", "rule:count-approved@1"} <= checkers
    rows = await pool.fetch("select distinct standard, pack_version from journal")
    assert [tuple(row) for row in rows] == [(standard, 1)]


async def test_pieces_in_the_ledger_are_those_of_the_stock(pool: Pool) -> None:
    """Shipped, returned, sent back and counted, each with its own side and sign of quantity."""
    await open_books(pool)
    await deliver(pool, service, *walk(), *other_half())
    rows = await pool.fetch(
        """
        select product, sum(case side when 'D' then quantity else -quantity end) as pieces
        from voucher_line where account = '1405' group by product order by product
        """
    )
    assert {row["product"]: row["pieces"] for row in rows} == {
        "P-1": Decimal(144),  # 100 + 50 - 6 + 2 - 5 + 3
        "P-2": Decimal("39.5"),  # 2.5 + 50 - 4 - 5 - 4
    }


async def test_batches_do_not_change_what_is_posted(pool: Pool) -> None:
    await open_books(pool)
    await open_books(pool, "C2")
    await deliver(pool, service, *walk(), *other_half())
    for event in (*walk(), *other_half()):
        await deliver(pool, service, event, company="C2")
    content = """
        select v.entry, v.period, v.word, v.number, v.rule_id, v.part, v.summary, l.line, l.account, l.side, l.amount,
               l.customer, l.product, l.quantity
        from voucher v join voucher_line l using (company, ledger, seq) where v.company = $1 order by v.seq, l.line
    """
    assert await pool.fetch(content, "C1") == await pool.fetch(content, "C2")
    sums = "select period, account, debit, credit from period_balance where company = $1 order by period, account"
    assert await pool.fetch(sums, "C1") == await pool.fetch(sums, "C2")


async def test_period_balances_are_the_sums_of_the_lines(pool: Pool) -> None:
    await open_books(pool)
    await deliver(pool, service, *walk())
    for n in range(2):  # batches that move the same accounts
        await deliver(pool, service, examples.placed(f"SO-{n}"), examples.placed(f"SX-{n}", on=date(2025, 4, 1)))
    wrong = await pool.fetch(
        """
        select * from (select period, account, sum(amount) filter (where side = 'D') as d,
                              sum(amount) filter (where side = 'C') as c
                       from voucher_line group by period, account) as l
        full join period_balance b using (period, account)
        where coalesce(d, 0) is distinct from debit or coalesce(c, 0) is distinct from credit
        """
    )
    assert wrong == []


async def test_numbers_are_gapless_per_word_and_month(pool: Pool) -> None:
    await open_books(pool)
    for n in range(3):
        await deliver(
            pool, service, examples.placed(f"SO-{n}"), examples.delivered(f"SO-{n}", f"SH-{n}"),
            examples.placed(f"SX-{n}", on=date(2025, 4, 1)),
        )
    rows = await pool.fetch(
        "select period, word, array_agg(number order by seq) as numbers from voucher group by 1, 2 order by 1, 2"
    )
    assert [(row["period"], row["word"], row["numbers"]) for row in rows] == [
        ("2025-03", "备", [1, 2, 3, 4, 5, 6]), ("2025-03", "记", [1, 2, 3]), ("2025-04", "备", [1, 2, 3]),
    ]
    assert await pool.fetchval("select array_agg(seq order by seq) from voucher") == list(range(1, 13))
    assert await pool.fetchval("select array_agg(entry order by entry) from journal") == list(range(1, 11))


async def test_two_consumers_at_once_number_without_gaps(pool: Pool) -> None:
    await open_books(pool)
    script = Script()
    events = [script.say(examples.placed(f"SO-{n}")) for n in range(60)]
    batches = [events[n : n + 20] for n in range(0, 60, 10)]  # each event comes twice
    await asyncio.gather(*(hear(pool, service, *batch) for batch in batches))
    assert await pool.fetchval("select array_agg(number order by number) from voucher") == list(range(1, 61))
    assert await pool.fetchval("select count(*) from journal where kind = 'event'") == 60
    assert await rejections(pool) == []


async def test_an_event_heard_again_is_posted_once(pool: Pool) -> None:
    await open_books(pool)
    event = Script().say(examples.placed())
    await hear(pool, service, event, event)
    await hear(pool, service, event)
    assert await pool.fetchval("select count(*) from voucher") == 1
    assert await pool.fetchval("select debit from period_balance where account = '9001'") == Decimal(1000)


async def test_an_event_that_moves_nothing_is_journaled_with_the_reason(pool: Pool) -> None:
    await open_books(pool)
    await deliver(pool, service, examples.approved(), examples.placed("SO-0", net="0.00"))
    rows = await pool.fetch("select event_type, none_en from journal where kind = 'event' order by entry")
    assert [tuple(row) for row in rows] == [
        ("order.order_approved.v1", "the order was approved; nothing has been exchanged yet"),
        ("order.order_placed.v1", "every amount is zero, so no value moved"),
    ]


async def test_its_own_event_is_journaled_like_any_other(pool: Pool) -> None:
    await open_books(pool)
    (event,) = await said(pool)
    await deliver(pool, service, event)
    row = await only_row(pool, "select source, none_zh from journal where kind = 'event'")
    assert (row["source"], row["none_zh"]) == ("accounting", "建账本身不是经济业务, 期初余额另有凭证")


async def test_the_journal_keeps_what_was_read_and_by_which_versions(pool: Pool) -> None:
    await open_books(pool)
    await deliver(pool, service, examples.delivered(), actor="warehouse-wang")
    row = await only_row(pool, "select * from journal where kind = 'event'")
    assert row["facts"]["amounts"] == {"net": "1000.00", "tax": "130.00", "gross": "1130.00"}
    assert row["facts"]["items"][0]["dimensions"] == {"product": "P-1"}
    assert row["facts"]["on"] == "2025-03-05"
    assert [row[c] for c in ("standard", "pack_version", "mapping_version", "reader_version")] == ["assbe", 1, 1, 1]
    voucher = await only_row(pool, "select * from voucher where word = '记'")
    assert (voucher["maker"], voucher["checker"]) == ("warehouse-wang", "rule:sale-delivered@1")
    assert (voucher["entry"], voucher["posted_at"]) == (row["entry"], row["accepted_at"])


# -- what cannot be posted --------------------------------------------------------------------------------------------


async def test_a_bad_event_is_rejected_by_field_and_stops_no_other(pool: Pool) -> None:
    await open_books(pool)
    bad = examples.placed("SO-BAD").model_copy(update={"gross": Decimal("1.00")})
    await deliver(pool, service, examples.placed("SO-1"), bad, examples.placed("SO-2"))
    assert await rejections(pool) == [
        "gross: gross = net + tax does not hold: 1.00 is not 1130.00"
    ]
    assert await pool.fetchval("select array_agg(number order by number) from voucher") == [1, 2]


async def test_an_event_in_another_currency_is_rejected(pool: Pool) -> None:
    await open_books(pool)
    await deliver(pool, service, examples.placed(currency="USD"))
    assert await rejections(pool) == [
        "currency: the books are kept in CNY, the event is in USD"
    ]


async def test_events_of_a_company_without_books_are_rejected(pool: Pool) -> None:
    await deliver(pool, service, examples.placed())
    assert await rejections(pool) == [
        "company: C1 has no books (公司 C1 尚未建账)"
    ]
    assert await pool.fetchval("select count(*) from journal") == 0


async def test_companies_do_not_meet(pool: Pool) -> None:
    await open_books(pool)
    await open_books(pool, "C2")
    await deliver(pool, service, examples.placed())
    await deliver(pool, service, examples.placed(), company="C2")
    rows = await pool.fetch("select company, seq, number from voucher order by company")
    assert [tuple(row) for row in rows] == [("C1", 1, 1), ("C2", 1, 1)]
    async with pool.acquire() as connection:
        assert await views.voucher(Db(connection, "C3"), "CNY", "2025-03", "备", 1) is None


# -- completeness -----------------------------------------------------------------------------------------------------


async def gaps(pool: Pool) -> list[tuple[str, int, list[tuple[int, int]], int]]:
    """Of each producer: how much is missing, where, and how much of it has come since."""
    async with pool.acquire() as connection:
        found = await views.gaps(Db(connection, "C1"))
    return [(g["source"], g["missing"], [(h["first"], h["last"]) for h in g["holes"]], g["unlisted"]) for g in found]


async def missing(pool: Pool) -> float:
    async with pool.acquire() as connection:
        return (await service.measure(connection))["journal_missing"]


async def state(pool: Pool, minute: int) -> None:
    """Order states that it said ten orders, at a minute of an hour."""
    at = datetime(2025, 3, 1, 8, minute, tzinfo=UTC)
    await service.compare(pool, [Statement("order", "C1", 10, {OrderPlaced.type: 10}, at, asked_for=True)])


async def test_holes_in_a_producers_positions_are_seen_and_heal(pool: Pool) -> None:
    await open_books(pool)
    script = Script()
    events = [script.say(examples.placed(f"SO-{n}", currency="USD" if n == 4 else "CNY")) for n in range(1, 11)]
    await hear(pool, service, *events[2:4], events[8])
    assert (await gaps(pool), await missing(pool)) == ([], 1)  # nobody said how much there is; one was rejected
    await state(pool, 1)
    assert await gaps(pool) == [("order", 7, [(1, 2), (5, 8), (10, 10)], 0)]
    assert await missing(pool) == 8
    rejected = await pool.fetchval("select id from rejected")
    await ask(pool, service, AccountingDismissMessages(ids=(rejected,), why="booked by hand"))
    assert (await gaps(pool), await missing(pool)) == ([("order", 7, [(1, 2), (5, 8), (10, 10)], 0)], 7)
    await hear(pool, service, *events)
    assert await gaps(pool) == [("order", 7, [], 7)]
    await state(pool, 2)
    assert (await gaps(pool), await missing(pool)) == ([("order", 0, [], 0)], 0)
    assert await pool.fetchval("select count(*) from voucher where event_type like 'order%'") == 9


def test_every_event_type_is_heard() -> None:
    assert set(service.hears()) == set(Event.registry.values())
