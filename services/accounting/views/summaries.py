"""Summary vouchers (汇总凭证): what a day's vouchers of one rule come to, as a document; nothing is posted by it."""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from services.accounting import views
from services.accounting.views import showing
from services.accounting.views.books import Book

PAGE = 50  # summaries


class Place(NamedTuple):
    """Which summary: a day's vouchers of one word and rule."""

    on: date
    word: str
    rule: str


FIRST = Place(date.min, "", "")


async def summaries(book: Book, period: str, after: Place, limit: int = PAGE) -> dict[str, Any]:
    """A page of a month's summaries by day, word and rule. It costs what the month has vouchers.

    Only vouchers of events are summarised, each rule apart: originals of the same kind (会计基础工作规范 §51(三)).
    Lines are added up per side and account, red ones with their sign, so that a summary says what its vouchers moved.
    """
    rows = await book.db.fetch(
        """
        with summary as (
            select voucher_date, word, rule_id, min(event_type) as event_type, count(*) as vouchers,
                   min(number) as first_number, max(number) as last_number, sum(attachments) as attachments,
                   array_agg(distinct maker order by maker) as makers,
                   array_agg(distinct checker order by checker) as checkers,
                   array_agg(distinct poster order by poster) as posters
            from voucher
            where company = $1 and ledger = $2 and period = $3 and event_id is not null
              and (voucher_date, word, rule_id) > ($4::date, $5::text, $6::text)
            group by voucher_date, word, rule_id order by voucher_date, word, rule_id limit $7
        ), moved as (
            select s.voucher_date, s.word, s.rule_id, l.account, l.side, sum(l.amount) as amount,
                   sum(l.quantity) as quantity
            from summary s
            join voucher v on v.company = $1 and v.ledger = $2 and v.period = $3 and v.event_id is not null
                          and v.voucher_date = s.voucher_date and v.word = s.word and v.rule_id = s.rule_id
            join voucher_line l on l.company = v.company and l.ledger = v.ledger and l.seq = v.seq
            group by s.voucher_date, s.word, s.rule_id, l.account, l.side
        ), lined as (
            select m.voucher_date, m.word, m.rule_id, jsonb_agg(jsonb_build_object(
                       'account', m.account, 'zh', a.zh, 'en', a.en, 'side', m.side, 'amount', m.amount::text,
                       'quantity', trim_scale(m.quantity)::text) order by m.side desc, m.account) as lines
            from moved m join account a on a.company = $1 and a.ledger = $2 and a.code = m.account
            group by m.voucher_date, m.word, m.rule_id
        )
        select s.*, l.lines from summary s join lined l using (voucher_date, word, rule_id)
        order by voucher_date, word, rule_id
        """,
        book.db.company, book.ledger, period, *after, limit,
    )
    last = rows[-1] if len(rows) == limit else None
    return {
        "period": period, "currency": book.currency, "summaries": [_shown(row, book.currency) for row in rows],
        "next": f"{last['voucher_date']}:{last['word']}:{last['rule_id']}" if last else None,
    }


def _shown(row: Any, currency: str) -> dict[str, Any]:
    lines = [{**line, "amount": Decimal(line["amount"])} for line in row["lines"]]
    totals = {side: sum((line["amount"] for line in lines if line["side"] == side), Decimal(0)) for side in ("D", "C")}
    numbers = f"{row['first_number']}—{row['last_number']}"
    return {
        **row,
        "summary": {"zh": f"汇总 {row['word']}字 {numbers} 号中 {row['rule_id']} 凭证 {row['vouchers']} 张",
                    "en": f"{row['vouchers']} vouchers of {row['rule_id']} among {row['word']} {numbers}"},
        "lines": [{**line, "amount": showing.amount(line["amount"], currency)} for line in lines],
        "debit": showing.amount(totals["D"], currency), "credit": showing.amount(totals["C"], currency),
    }


async def behind(book: Book, place: Place, after: int) -> dict[str, Any]:
    """A page of the vouchers behind a summary, by number, with their totals and events."""
    rows = await book.db.fetch(
        """
        select v.period, v.word, v.number, v.voucher_date, v.business_date, v.summary, v.maker, v.event_id,
               v.event_type,
               (select sum(amount) from voucher_line l
                where l.company = v.company and l.ledger = v.ledger and l.seq = v.seq and l.side = 'D') as total
        from voucher v
        where v.company = $1 and v.ledger = $2 and v.period = to_char($3::date, 'YYYY-MM') and v.voucher_date = $3
          and v.word = $4 and v.rule_id = $5 and v.event_id is not null and v.number > $6
        order by v.number limit $7
        """,
        book.db.company, book.ledger, *place, after, views.PAGE,
    )
    return {
        "vouchers": [{**row, "total": showing.amount(row["total"], book.currency)} for row in rows],
        "next": rows[-1]["number"] if len(rows) == views.PAGE else None,
    }
