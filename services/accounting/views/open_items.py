"""SQL that only reads open items: pages of them with what relieved each, how old they are, and how far they have got.

As of a day counts what is booked up to it, so what is open adds up to the control accounts at its end.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.accounting import views
from services.accounting.domain.open_items import AGED, BUCKETS, KINDS, Side
from services.accounting.views import showing
from services.accounting.views.books import Book
from shared.db import Db, columns

KEY = ("party", "dated", "kind", "document_type", "document")


def of_side(side: Side) -> list[str]:
    """The kinds of open items of customers or of suppliers."""
    return [name for name, kind in KINDS.items() if kind.side == side]


async def behind(connection: Any) -> list[tuple[str, str]]:
    """The ledgers, of all companies, whose open items have not reached the last voucher."""
    rows = await connection.fetch(
        """
        select b.company, b.ledger from book b
        left join open_item_head h on h.company = b.company and h.ledger = b.ledger
        where coalesce(h.seq, 0) < (select max(seq) from voucher v where v.company = b.company and v.ledger = b.ledger)
        order by b.company, b.ledger
        """
    )
    return [(row["company"], row["ledger"]) for row in rows]


async def open_items(
    book: Book, side: Side, party: str | None, as_of: date | None, days: int, after: Sequence[Any] | None
) -> dict[str, Any]:
    """A page of what is open, by party and date; `after` holds the columns KEY of the last row."""
    rows = await book.db.fetch(
        """
        select i.kind, i.party, i.document_type, i.document, i.dated, i.due, i.original,
               i.open - later.amount as open
        from open_item i cross join lateral (
            select coalesce(sum(m.amount), 0) as amount from open_item_move m
            where $5::date is not null and m.company = $1 and m.ledger = $2 and m.kind = i.kind and m.party = i.party
              and m.document_type = i.document_type and m.document = i.document and m.moved_on > $5
        ) as later
        where i.company = $1 and i.ledger = $2 and i.kind = any ($3::text[]) and ($4::text is null or i.party = $4)
          and (i.open <> 0 or $5::date is not null and i.last_on > $5) and i.open <> later.amount
          and ($6::text is null
               or (i.party, i.dated, i.kind, i.document_type, i.document) > ($6, $7::date, $8, $9, $10))
        order by i.party, i.dated, i.kind, i.document_type, i.document limit $11
        """,
        book.db.company, book.ledger, of_side(side), party, as_of, *(after or [None] * 5), views.PAGE,
    )
    relieved = await _moves(book, rows, as_of)
    return {
        "side": side, "as_of": as_of, "terms_days": days, "currency": book.currency,
        "behind": await _vouchers_behind(book),
        "items": [_item(row, days, as_of, relieved, book.currency) for row in rows],
        "next": [row_value(rows[-1], name) for name in KEY] if len(rows) == views.PAGE else None,
    }


def row_value(row: Any, name: str) -> Any:
    """A column as a cursor holds it."""
    return row[name].isoformat() if name == "dated" else row[name]


def _item(
    row: Any, days: int, as_of: date | None, relieved: dict[tuple[str, ...], list[dict[str, Any]]], currency: str
) -> dict[str, Any]:
    due, kind = row["due"] or row["dated"] + timedelta(days=days), KINDS[row["kind"]]
    return {
        "kind": row["kind"], "kind_zh": kind.name.zh, "kind_en": kind.name.en, "party": row["party"],
        "document_type": row["document_type"], "document": row["document"], "dated": row["dated"], "due": due,
        "days_overdue": max((as_of - due).days, 0) if as_of else None,
        "original": showing.amount(row["original"], currency), "open": showing.amount(row["open"], currency),
        "moves": relieved.get(_key(row), []),
    }


def _key(row: Any) -> tuple[str, ...]:
    return row["kind"], row["party"], row["document_type"], row["document"]


async def _moves(
    book: Book, items: Sequence[Any], as_of: date | None
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """What moved these items up to a day, in the order of posting."""
    rows = await book.db.fetch(
        """
        select m.kind, m.party, m.document_type, m.document, m.moved_on, m.amount, m.by_type, m.by_document,
               v.period, v.word, v.number
        from unnest($3::text[], $4::text[], $5::text[], $6::text[]) as k (kind, party, document_type, document)
        join open_item_move m using (kind, party, document_type, document)
        join voucher v on v.company = $1 and v.ledger = $2 and v.seq = m.seq
        where m.company = $1 and m.ledger = $2 and ($7::date is null or m.moved_on <= $7)
        order by m.seq
        """,
        book.db.company, book.ledger, *([row[name] for row in items] for name in
                                        ("kind", "party", "document_type", "document")), as_of,
    )
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(_key(row), []).append({
            "on": row["moved_on"], "amount": showing.amount(row["amount"], book.currency),
            "by_type": row["by_type"], "by_document": row["by_document"],
            "voucher": {"period": row["period"], "word": row["word"], "number": row["number"]},
        })
    return found


async def ageing(book: Book, side: Side, as_of: date, days: int, after: str) -> dict[str, Any]:
    """A page of parties: what is due at some time by how long it is overdue, and what is open of the other kind."""
    rows = await book.db.fetch(
        """
        with found as (
            select i.party, i.kind, $4::date - coalesce(i.due, i.dated + $5::integer) as overdue,
                   i.open - later.amount as open
            from open_item i cross join lateral (
                select coalesce(sum(m.amount), 0) as amount from open_item_move m
                where m.company = $1 and m.ledger = $2 and m.kind = i.kind and m.party = i.party
                  and m.document_type = i.document_type and m.document = i.document and m.moved_on > $4
            ) as later
            where i.company = $1 and i.ledger = $2 and i.kind = any ($3::text[]) and i.party > $6
              and (i.open <> 0 or i.last_on > $4)
        ), aged as (
            select party, kind, case when kind = $7 then
                       (select max(b.first) from unnest($8::integer[]) as b (first) where b.first <= overdue) end
                       as first, sum(open) as open
            from found group by 1, 2, 3
        ), page as (
            select distinct party from aged where open <> 0 order by party limit $9
        )
        select party, kind, first, open from aged join page using (party) order by party, kind, first
        """,
        book.db.company, book.ledger, of_side(side), as_of, days, after, AGED[side],
        [bucket.first for bucket in BUCKETS], views.PAGE,
    )
    by_party: dict[str, dict[tuple[str, int | None], Decimal]] = {}
    for row in rows:
        by_party.setdefault(row["party"], {})[row["kind"], row["first"]] = row["open"]
    return {
        "side": side, "as_of": as_of, "terms_days": days, "currency": book.currency,
        "behind": await _vouchers_behind(book),
        "buckets": [{"key": b.key, "zh": b.name.zh, "en": b.name.en} for b in BUCKETS],
        "parties": [{"party": party, **_aged(side, found, book.currency)} for party, found in by_party.items()],
        "next": list(by_party)[-1] if len(by_party) == views.PAGE else None,
    }


def _aged(side: Side, found: dict[tuple[str, int | None], Decimal], currency: str) -> dict[str, Any]:
    """Per bucket, in all, and the other kind of the side (预收, 暂估)."""
    aged = AGED[side]
    (other,) = (kind for kind in of_side(side) if kind != aged)
    by_bucket = {bucket.key: found.get((aged, bucket.first), Decimal(0)) for bucket in BUCKETS}
    return {
        "buckets": showing.amounts(by_bucket, currency),
        aged: showing.amount(sum(by_bucket.values(), Decimal(0)), currency),
        other: showing.amount(found.get((other, None), Decimal(0)), currency),
    }


async def count(db: Db, ledger: str) -> int:
    """How many items are open."""
    return int(await db.fetchval(
        "select count(*) from open_item where company = $1 and ledger = $2 and open <> 0", db.company, ledger
    ))


async def apart(db: Db, ledger: str) -> list[Any]:
    """Parties whose items do not come to the lines of the accounts up to the place that the items have reached."""
    return await db.fetch(
        """
        with mapped as materialized (
            select distinct m.account, k.kind, k.side, k.sign
            from unnest($3::text[], $4::text[], $5::text[], $6::integer[]) as k (kind, role, side, sign)
            join role_map m on m.company = $1 and m.ledger = $2 and m.role = k.role
        ), said as (
            select m.kind, coalesce(case m.side when 'customer' then l.customer else l.supplier end, '') as party,
                   sum(m.sign * case l.side when 'D' then l.amount else -l.amount end) as amount
            from voucher_line l join mapped m using (account)
            where l.company = $1 and l.ledger = $2
              and l.seq <= (select seq from open_item_head where company = $1 and ledger = $2)
            group by 1, 2
        ), kept as (
            select kind, party, sum(open) as amount from open_item where company = $1 and ledger = $2 group by 1, 2
        )
        select kind, party, coalesce(kept.amount, 0) as items, coalesce(said.amount, 0) as lines
        from said full join kept using (kind, party)
        where coalesce(kept.amount, 0) <> coalesce(said.amount, 0) order by kind, party
        """,
        db.company, ledger,
        *columns([(name, role, kind.side, kind.sign) for name, kind in KINDS.items() for role in kind.roles], 4),
    )


async def _vouchers_behind(book: Book) -> int:
    """How many vouchers were posted that the items do not hold yet."""
    return int(await book.db.fetchval(
        """
        select coalesce((select max(seq) from voucher where company = $1 and ledger = $2), 0)
             - coalesce((select seq from open_item_head where company = $1 and ledger = $2), 0)
        """,
        book.db.company, book.ledger,
    ))
