"""Vouchers as a list that is sorted, narrowed and paged, and what many events came to at once."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

from services.accounting.views import showing
from services.accounting.views.books import Book

Order = Literal["number", "-number", "date", "-date"]
FIRST_DATE, LAST_DATE, LAST_NUMBER = date(1, 1, 1), date(9999, 12, 31), 2**63 - 1
BEFORE_WORDS, AFTER_WORDS = "", "\U0010ffff"


async def vouchers(
    book: Book, period: str, word: str, number: int | None, order: Order, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of a month's vouchers. Its cursor is the word and number, or the date and place, of its last voucher."""
    if number is not None:
        seqs = await _numbered(book, period, word, number)
    elif order.endswith("number"):
        seqs = await _by_number(book, period, word, after, limit, descending=order.startswith("-"))
    else:
        seqs = await _by_date(book, period, word, after, limit, descending=order.startswith("-"))
    found = await _headers(book, seqs)
    if number is not None or len(found) < limit:
        return {"vouchers": found, "next": None}
    last = found[-1]
    by_number = order.endswith("number")
    return {"vouchers": found, "next": f"{last['word']}:{last['number']}" if by_number
            else f"{last['voucher_date']}:{last['seq']}"}


async def _numbered(book: Book, period: str, word: str, number: int) -> list[int]:
    rows = await book.db.fetch(
        """
        select seq from voucher where company = $1 and ledger = $2 and period = $3 and number = $5
           and word = any (case when $4 = '' then array['记','收','付','转','备'] else array[$4] end)
        order by word
        """,
        book.db.company, book.ledger, period, word, number,
    )
    return [row["seq"] for row in rows]


async def _by_number(
    book: Book, period: str, word: str, after: str | None, limit: int, *, descending: bool
) -> list[int]:
    if after:
        from_word, _, from_number = after.partition(":")
        place: tuple[str, int] = (from_word, int(from_number))
    elif descending:
        place = (word or AFTER_WORDS, LAST_NUMBER)
    else:
        place = (word or BEFORE_WORDS, 0)
    if descending:
        rows = await book.db.fetch(
            """
            select seq from voucher
            where company = $1 and ledger = $2 and period = $3 and (word, number) < ($5, $6::bigint)
              and ($4 = '' or word = $4)
            order by word desc, number desc limit $7
            """,
            book.db.company, book.ledger, period, word, *place, limit,
        )
    else:
        rows = await book.db.fetch(
            """
            select seq from voucher
            where company = $1 and ledger = $2 and period = $3 and (word, number) > ($5, $6::bigint)
              and ($4 = '' or word = $4)
            order by word, number limit $7
            """,
            book.db.company, book.ledger, period, word, *place, limit,
        )
    return [row["seq"] for row in rows]


async def _by_date(
    book: Book, period: str, word: str, after: str | None, limit: int, *, descending: bool
) -> list[int]:
    if after:
        from_date, _, from_seq = after.partition(":")
        place = (date.fromisoformat(from_date), int(from_seq))
    else:
        place = (LAST_DATE, LAST_NUMBER) if descending else (FIRST_DATE, 0)
    if descending:
        rows = await book.db.fetch(
            """
            select seq from voucher
            where company = $1 and ledger = $2 and period = $3 and (voucher_date, seq) < ($5::date, $6::bigint)
              and ($4 = '' or word = $4)
            order by voucher_date desc, seq desc limit $7
            """,
            book.db.company, book.ledger, period, word, *place, limit,
        )
    else:
        rows = await book.db.fetch(
            """
            select seq from voucher
            where company = $1 and ledger = $2 and period = $3 and (voucher_date, seq) > ($5::date, $6::bigint)
              and ($4 = '' or word = $4)
            order by voucher_date, seq limit $7
            """,
            book.db.company, book.ledger, period, word, *place, limit,
        )
    return [row["seq"] for row in rows]


async def _headers(book: Book, seqs: Sequence[int]) -> list[dict[str, Any]]:
    """In the order of the places."""
    rows = await book.db.fetch(
        """
        select v.seq, v.period, v.word, v.number, v.voucher_date, v.summary, v.maker, v.checker, v.poster, v.event_id,
               v.event_type, v.rule_id, v.rule_version, v.part, v.line_count, v.posted_at,
               (select sum(amount) from voucher_line l
                where l.company = $1 and l.ledger = $2 and l.seq = v.seq and l.side = 'D') as total
        from unnest($3::bigint[]) with ordinality as s (seq, nth)
        join voucher v on v.company = $1 and v.ledger = $2 and v.seq = s.seq order by s.nth
        """,
        book.db.company, book.ledger, list(seqs),
    )
    return [{**row, "total": showing.amount(row["total"], book.currency)} for row in rows]


async def periods_with_vouchers(book: Book) -> list[str]:
    """The months that have balances, newest first."""
    rows = await book.db.fetch(
        """
        with recursive month as (
            select max(period) as period from period_balance where company = $1 and ledger = $2
            union all
            select (select max(period) from period_balance
                    where company = $1 and ledger = $2 and period < month.period)
            from month where month.period is not null
        )
        select period from month where period is not null
        """,
        book.db.company, book.ledger,
    )
    return [row["period"] for row in rows]


async def of_events(book: Book, event_ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    """event -> its vouchers' numbers and totals, or the reason why there is none; what was not handled yet is left
    out."""
    rows = await book.db.fetch(
        """
        select j.event_id, j.none_zh, j.none_en, v.period, v.word, v.number,
               (select sum(amount) from voucher_line l
                where l.company = $1 and l.ledger = $2 and l.seq = v.seq and l.side = 'D') as total
        from journal j
        left join voucher v on v.company = $1 and v.ledger = $2 and v.event_id = j.event_id
        where j.company = $1 and j.event_id = any ($3::uuid[]) order by v.seq
        """,
        book.db.company, book.ledger, list(event_ids),
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        none = {"zh": row["none_zh"], "en": row["none_en"]} if row["none_zh"] else None
        outcome = found.setdefault(str(row["event_id"]), {"vouchers": [], "none": none})
        if row["number"] is not None:
            outcome["vouchers"].append({"period": row["period"], "word": row["word"], "number": row["number"],
                                        "total": showing.amount(row["total"], book.currency)})
    return found
