"""The database itself refuses what no voucher may be, whatever code writes to it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.accounting.handlers import post_events, service
from shared import money
from shared.db import Db, Pool
from shared.testing import Script, acting_as, as_admin, ask, deliver
from tests.accounting import examples

FACTS = ("journal", "voucher", "voucher_line", "role_map", "account", "book")
GOOD = (("1002", "D", "10.00"), ("1122", "C", "10.00"))


@pytest.fixture
async def ledger(pool: Pool) -> AsyncIterator[Any]:
    """The administrator's connection to books with one order and one delivery posted: vouchers 1 to 3."""
    assert (await ask(pool, service, examples.open_books())).ok
    await deliver(pool, service, examples.placed(), examples.delivered())
    async with as_admin(pool, schema_stays=True) as connection:
        yield connection


async def journal(connection: Any) -> UUID:
    event_id = uuid4()
    await connection.execute(
        """
        insert into journal (company, entry, kind, event_id, event_type, source, position, actor, facts, reader_version,
                             standard, pack_version, mapping_version, open_from)
        select 'C1', max(entry) + 1, 'event', $1, 'x', 'order', max(entry) + 100, 'x', '{}', 1, 'assbe', 1, 1,
               '2025-01-01'
        from journal
        """,
        event_id,
    )
    return event_id


async def insert(
    connection: Any, lines: Sequence[tuple[str, str, str]], *, line_count: int | None = None, currency: str = "CNY",
    line_period: str = "2025-03", event_id: UUID | None = None, rule_id: str = "x", first: int = 1, seq: int = 4,
    number: int = 1, entry: int = 0,
) -> None:
    """Insert a voucher (by default the fourth) with its lines in one statement, past all of the service's code."""
    await connection.execute(
        """
        with header as (
            insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date,
                                 summary, attachments, maker, checker, poster, event_id, event_type, source, rule_id,
                                 rule_version, part, line_count)
            select 'C1', 'main', $10, entry, '2025-03', '转', $11, '2025-03-01', '2025-03-01', 'x', 1, 'x', 'x', 'x',
                   event_id, event_type, source, $2, 1, 1, $3
            from journal where event_id = $1 or entry = $12
        )
        insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
        select 'C1', 'main', $10, n + $9 - 1, $8, account, side, amount::numeric, $7, 'x'
        from unnest($4::text[], $5::text[], $6::text[]) with ordinality as l (account, side, amount, n)
        """,
        event_id if event_id or entry else await journal(connection), rule_id,
        len(lines) if line_count is None else line_count,
        [line[0] for line in lines], [line[1] for line in lines], [line[2] for line in lines], currency, line_period,
        first, seq, number, entry,
    )


async def append_line(connection: Any, *lines: tuple[int, int, str, str, str]) -> None:
    for seq, line, account, side, amount in lines:
        await connection.execute(
            """
            insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
            values ('C1', 'main', $1, $2, '2025-03', $3, $4, $5::text::numeric, 'CNY', 'x')
            """,
            seq, line, account, side, amount,
        )


async def test_a_whole_voucher_is_accepted(ledger: Any) -> None:
    await insert(ledger, GOOD)
    assert await ledger.fetchval("select count(*) from voucher_line where seq = 4") == 2


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unbalanced", {"lines": (("1002", "D", "10.00"), ("1122", "C", "9.99"))}, "does not balance: .* 0.01"),
    ("one-sided", {"lines": (("1002", "D", "10.00"), ("1122", "D", "10.00"))}, "does not balance"),
    ("red against black", {"lines": (("1002", "D", "10.00"), ("1122", "C", "-10.00"))}, "does not balance"),
    ("memo against statement", {"lines": (("9001", "D", "10.00"), ("1122", "C", "10.00"))}, "does not balance"),
    ("no lines", {"lines": (), "line_count": 2}, "a header without lines"),
    ("line count too high", {"lines": GOOD, "line_count": 3}, "2 lines at once, header says 3"),
    ("line count too low", {"lines": (*GOOD, *GOOD), "line_count": 2}, "4 lines at once, header says 2"),
    ("lines not from 1", {"lines": GOOD, "first": 2}, "2 lines at once, header says 2"),
    ("unknown account", {"lines": (("1002", "D", "1.00"), ("1003", "C", "1.00"))}, "account 1003 is not in the chart"),
    ("summary account", {"lines": (("1002", "D", "10.00"), ("2202", "C", "10.00"))}, "account 2202 .* takes no lines"),
    ("other currency", {"lines": GOOD, "currency": "USD"}, "currency USD is not the books' currency"),
    ("other period", {"lines": GOOD, "line_period": "2025-04"}, "lines without a header of their period"),
    ("zero amount", {"lines": (("1002", "D", "0"), ("1122", "C", "0"))}, "violates check constraint"),
    ("more decimals than the currency has", {"lines": (("1002", "D", "1.005"), ("1122", "C", "1.005"))},
     "decimals_of_the_currency"),
    ("a number that leaves a gap", {"lines": GOOD, "number": 2}, "number 2 of 转 2025-03 or its place leaves a gap"),
    ("a place that leaves a gap", {"lines": GOOD, "seq": 5}, "its place leaves a gap"),
]


@pytest.mark.parametrize(("arguments", "reason"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
@pytest.mark.parametrize("who", ["owner", "replica"])
async def test_no_other_voucher_is(ledger: Any, arguments: dict[str, Any], reason: str, who: str) -> None:
    event_id = await journal(ledger)
    async with acting_as(ledger, who):
        with pytest.raises(asyncpg.CheckViolationError, match=reason):
            await insert(ledger, event_id=event_id, **arguments)
    assert await ledger.fetchval("select count(*) from voucher") == 3


async def test_no_amount_is_larger_than_the_column(ledger: Any) -> None:
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await insert(ledger, (("1002", "D", "1e16"), ("1122", "C", "1e16")))


async def test_the_yen_has_no_decimals(pool: Pool) -> None:
    assert (await ask(pool, service, examples.open_books("JPY"))).ok
    await deliver(pool, service, *(examples.placed(f"SO-{n}", "100", currency="JPY") for n in range(3)))
    async with as_admin(pool, schema_stays=True) as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="decimals_of_the_currency"):
            await insert(connection, (("1002", "D", "0.50"), ("1122", "C", "0.50")), currency="JPY")


async def test_books_have_a_currency_that_the_code_knows_too(ledger: Any) -> None:
    for currency, decimals in money.CURRENCY_DECIMALS.items():
        assert await ledger.fetchval("select currency_decimals($1)", currency) == decimals
    with pytest.raises(asyncpg.CheckViolationError, match="known_currency"):
        await ledger.execute(
            """
            insert into book (company, ledger, name, currency, standard, pack_version, vat_rate, opened_on, opened_by)
            select 'C2', ledger, name, 'XXX', standard, pack_version, vat_rate, opened_on, opened_by from book
            """
        )


async def test_a_voucher_whose_event_is_not_in_the_journal(ledger: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="its origin is not in the journal"):
        await ledger.execute(
            """
            with header as (
                insert into voucher (company, ledger, seq, entry, period, word, number, voucher_date, business_date,
                                     summary, attachments, maker, checker, poster, event_id, event_type, source,
                                     rule_id, rule_version, part, line_count)
                select company, ledger, 4, entry, period, '转', 1, voucher_date, business_date, 'x', 1, 'x', 'x', 'x',
                       gen_random_uuid(), 'x', 'order', 'x', 1, 1, 2 from voucher where seq = 1
            )
            insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
            select company, ledger, 4, line, period, account, side, amount, currency, 'x'
            from voucher_line where seq = 1
            """
        )


# -- origins that are no events ---------------------------------------------------------------------------------------


async def journal_by_hand(connection: Any, kind: str = "manual") -> int:
    return int(await connection.fetchval(
        """
        insert into journal (company, entry, kind, actor, facts, reader_version, standard, pack_version,
                             mapping_version, open_from)
        select 'C1', max(entry) + 1, $1, 'x', '{}', 1, 'assbe', 1, 1, '2025-01-01' from journal returning entry
        """,
        kind,
    ))


async def test_a_voucher_may_come_from_a_journal_row_that_is_no_event(ledger: Any) -> None:
    await insert(ledger, GOOD, entry=await journal_by_hand(ledger))
    assert await ledger.fetchval("select event_id is null and source is null from voucher where seq = 4")


async def test_a_correction_names_a_voucher_that_is_there(ledger: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="corrects a voucher that is not there"):
        await journal_by_hand(ledger, "correction")


async def test_one_voucher_for_such_a_row_rule_and_part(ledger: Any) -> None:
    entry = await journal_by_hand(ledger)
    await insert(ledger, GOOD, entry=entry)
    with pytest.raises(asyncpg.UniqueViolationError, match="voucher_entry_once"):
        await insert(ledger, GOOD, entry=entry, seq=5, number=2)


async def test_the_opening_of_the_books_leads_to_no_voucher(ledger: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="its origin is not in the journal"):
        await insert(ledger, GOOD, entry=1)


async def test_a_journal_row_is_an_event_or_says_what_else_it_is(ledger: Any) -> None:
    for kind, constraint in (("event", "journal_check"), ("whatever", "known_kind"), ("books", "books_come_first")):
        with pytest.raises(asyncpg.CheckViolationError, match=constraint):
            await journal_by_hand(ledger, kind)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([(1, 3, "9001", "D", "5.00")], asyncpg.CheckViolationError),
        ([(1, 2, "9001", "D", "5.00")], (asyncpg.CheckViolationError, asyncpg.UniqueViolationError)),
        ([(7, 1, "9001", "D", "5.00")], asyncpg.CheckViolationError),
    ],
    ids=["one more", "in a taken place", "of no voucher"],
)
async def test_no_line_is_appended_later(ledger: Any, lines: list[Any], error: Any) -> None:
    with pytest.raises(error):
        await append_line(ledger, *lines)


async def test_not_even_lines_that_balance_are_appended_later(ledger: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="2 lines at once, header says 2"):
        await ledger.execute(
            """
            insert into voucher_line (company, ledger, seq, line, period, account, side, amount, currency, summary)
            select company, ledger, seq, line + 2, period, account, side, amount, currency, summary
            from voucher_line where seq = 1
            """
        )


async def test_no_second_voucher_for_the_same_event_rule_and_part(ledger: Any) -> None:
    event_id = await ledger.fetchval("select event_id from voucher where seq = 1")
    with pytest.raises(asyncpg.UniqueViolationError, match="event_id_rule_id_part"):
        await insert(ledger, GOOD, event_id=event_id, rule_id="order-placed")


async def test_no_second_journal_row_for_an_event_or_a_position(ledger: Any) -> None:
    for changed in ("event_id, position + 100", "gen_random_uuid(), position"):
        with pytest.raises(asyncpg.UniqueViolationError):
            await ledger.execute(
                f"""
                insert into journal (company, entry, kind, event_type, source, actor, facts, reader_version, standard,
                                     pack_version, mapping_version, open_from, event_id, position)
                select company, 99, kind, event_type, source, actor, facts, reader_version, standard, pack_version,
                       mapping_version, open_from, {changed}
                from journal where entry = 2
                """
            )


@pytest.mark.parametrize("who", ["owner", "replica"])
@pytest.mark.parametrize("table", FACTS)
@pytest.mark.parametrize("change", ["update {} set company = company", "delete from {}", "truncate {} cascade"])
async def test_facts_never_change(ledger: Any, table: str, change: str, who: str) -> None:
    before = await ledger.fetch(f"select * from {table}")
    assert before
    async with acting_as(ledger, who):
        with pytest.raises(asyncpg.CheckViolationError, match="never changed or deleted"):
            await ledger.execute(change.format(table))
    assert await ledger.fetch(f"select * from {table}") == before


async def test_the_checks_read_a_few_rows_for_each_voucher_and_not_the_ledger(pool: Pool) -> None:
    """Also in a young ledger, of which Postgres has no statistics."""
    assert (await ask(pool, service, examples.open_books())).ok
    script, new, read = Script(), 200, 0
    async with pool.acquire() as connection:
        for batch in range(3):
            events = [script.say(examples.placed(f"SO-{batch}-{n}")) for n in range(new)]
            async with connection.transaction():
                before = await rows_read(connection)
                await post_events(Db(connection, "C1"), events)
                read = await rows_read(connection) - before
    assert read < 15 * new


async def rows_read(connection: Any) -> int:
    """How many vouchers and lines this session has read."""
    return int(await connection.fetchval(
        """
        select sum(seq_tup_read + idx_tup_fetch) from pg_stat_xact_user_tables
        where relname in ('voucher', 'voucher_line')
        """
    ) or 0)
