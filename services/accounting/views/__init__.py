"""SQL that only reads: books, chart, trial balance, vouchers, explanations, holes; `views.books` has the account books.

Money comes as strings.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.accounting.store import LEDGER
from services.accounting.views import showing
from shared.db import Db
from shared.money import ZERO

PAGE = 100
YEAR = ("year_debit", "year_credit")  # 本年累计
HOLES_WITHIN = 10_000  # how many of the newest positions of a stretch are looked through for holes
FIGURES = {
    "trial_balance_difference": "debits less credits of all books by the sums per period, statement and memo apart",
    "unbalanced_vouchers": "vouchers whose lines do not balance, among the newest 200 of each company",
    "journal_missing": "events that were said and are neither in the journal nor dismissed: missing or rejected",
    "books": "companies that have books",
}


async def book(db: Db, ledger: str = LEDGER) -> dict[str, Any] | None:
    """The company's books (账套), with the names of all its ledgers; None if it has no such ledger."""
    row = await db.fetchrow(
        """
        select company, ledger, name, currency, standard, pack_version, vat_rate::text as vat_rate, opened_on,
               opened_by, array(select b.ledger from book b where b.company = $1 order by b.ledger <> $3, b.ledger)
                   as ledgers
        from book where company = $1 and ledger = $2
        """,
        db.company, ledger, LEDGER,
    )
    return dict(row) if row else None


async def chart(
    db: Db, ledger: str = LEDGER, *, found: str = "", codes: Sequence[str] = (), limit: int | None = None
) -> list[dict[str, Any]]:
    """The chart of accounts (科目表) with the roles that each account plays: all of it, the accounts whose code begins
    with `found` or whose name has it, or those with one of the codes."""
    rows = await db.fetch(
        """
        select a.code, a.zh, a.en, a.kind, a.side, a.takes_lines,
               array(select m.role from role_map m
                     where m.company = a.company and m.ledger = a.ledger and m.account = a.code
                       and m.version = (select max(version) from role_map where company = $1 and ledger = $2)
                     order by m.role) as roles
        from account a
        where a.company = $1 and a.ledger = $2 and ($4::text[] = '{}' or a.code = any ($4))
          and (starts_with(a.code, $3) or strpos(lower(a.zh), lower($3)) > 0 or strpos(lower(a.en), lower($3)) > 0)
        order by a.code limit $5
        """,
        db.company, ledger, found, list(codes), limit,
    )
    return [dict(row) for row in rows]


# -- balances ---------------------------------------------------------------------------------------------------------


async def trial_balance(db: Db, currency: str, period: str, ledger: str = LEDGER) -> dict[str, Any]:
    """The table of account balances (科目余额表) of a period; statement and memo accounts are added up apart."""
    rows = await db.fetch(
        """
        select a.code, a.zh, a.en, a.kind, a.side,
               coalesce(sum(b.debit - b.credit) filter (where b.period < $3), 0) as opening,
               coalesce(sum(b.debit) filter (where b.period = $3), 0) as debit,
               coalesce(sum(b.credit) filter (where b.period = $3), 0) as credit,
               coalesce(sum(b.debit) filter (where b.period >= left($3, 4)), 0) as year_debit,
               coalesce(sum(b.credit) filter (where b.period >= left($3, 4)), 0) as year_credit
        from period_balance b join account a on a.company = b.company and a.ledger = b.ledger and a.code = b.account
        where b.company = $1 and b.ledger = $2 and b.period <= $3
        group by a.code, a.zh, a.en, a.kind, a.side order by a.code
        """,
        db.company, ledger, period,
    )
    accounts, totals = [], {memo: {**showing.six_columns(ZERO, ZERO, ZERO), **dict.fromkeys(YEAR, ZERO)}
                        for memo in (False, True)}
    for row in rows:
        columns = {**showing.six_columns(row["opening"], row["debit"], row["credit"]),
                   **{name: row[name] for name in YEAR}}
        total = totals[row["kind"] == "memo"]
        for name, value in columns.items():
            total[name] += value
        accounts.append({
            "code": row["code"], "zh": row["zh"], "en": row["en"], "kind": row["kind"], "side": row["side"],
            **showing.amounts(columns, currency),
        })
    return {
        "period": period, "currency": currency, "accounts": accounts,
        "totals": showing.amounts(totals[False], currency), "memo_totals": showing.amounts(totals[True], currency),
    }


# -- vouchers ---------------------------------------------------------------------------------------------------------


async def vouchers(
    db: Db, currency: str, period: str, word: str, after: int, ledger: str = LEDGER
) -> dict[str, Any]:
    """A page of vouchers of one word and month in the order of their numbers, with their totals."""
    rows = await db.fetch(
        """
        select v.period, v.word, v.number, v.voucher_date, v.summary, v.maker, v.checker, v.poster, v.event_id,
               v.event_type, v.rule_id, v.rule_version, v.part, v.line_count,
               (select sum(amount) from voucher_line l
                where l.company = v.company and l.ledger = v.ledger and l.seq = v.seq and l.side = 'D') as total
        from voucher v
        where v.company = $1 and v.ledger = $2 and v.period = $3 and v.word = $4 and v.number > $5
        order by v.number limit $6
        """,
        db.company, ledger, period, word, after, PAGE,
    )
    return {
        "vouchers": [{**row, "total": showing.amount(row["total"], currency)} for row in rows],
        "next": rows[-1]["number"] if len(rows) == PAGE else None,
    }


async def voucher(
    db: Db, currency: str, period: str, word: str, number: int, ledger: str = LEDGER
) -> dict[str, Any] | None:
    """One voucher with its lines, by its number."""
    seq = await db.fetchval(
        "select seq from voucher where company = $1 and ledger = $2 and period = $3 and word = $4 and number = $5",
        db.company, ledger, period, word, number,
    )
    found = await _whole_vouchers(db, currency, [seq], ledger) if seq else []
    return found[0] if found else None


async def explanation(db: Db, currency: str, event_id: UUID, ledger: str = LEDGER) -> dict[str, Any] | None:
    """What an event came to and why: the facts that were read, the rules, its vouchers or the reason for none."""
    row = await db.fetchrow(
        """
        select j.entry, j.event_id, j.event_type, j.source, j.position, j.actor, j.facts, j.reader_version,
               coalesce(b.standard, j.standard) as standard, coalesce(b.pack_version, j.pack_version) as pack_version,
               coalesce(b.mapping_version, j.mapping_version) as mapping_version,
               case when b.entry is null then j.none_zh else b.none_zh end as none_zh,
               case when b.entry is null then j.none_en else b.none_en end as none_en, j.accepted_at,
               array(select v.seq from voucher v where v.company = $1 and v.ledger = $2 and v.event_id = $3
                     order by v.seq) as vouchers
        from journal j
        left join journal_beside b on b.company = j.company and b.ledger = $2 and b.entry = j.entry
        where j.company = $1 and j.event_id = $3
        """,
        db.company, ledger, event_id,
    )
    if row is None:
        return None
    journal = {name: value for name, value in row.items() if name not in ("vouchers", "none_zh", "none_en")}
    return {
        **journal,
        "none": {"zh": row["none_zh"], "en": row["none_en"]} if row["none_zh"] else None,
        "vouchers": await _whole_vouchers(db, currency, row["vouchers"], ledger),
    }


async def _whole_vouchers(db: Db, currency: str, seqs: list[int], ledger: str) -> list[dict[str, Any]]:
    headers = await db.fetch(
        """
        select seq, entry, period, word, number, voucher_date, summary, attachments, maker, checker, poster, cashier,
               event_id, event_type, source, position, rule_id, rule_version, part, posted_at
        from voucher where company = $1 and ledger = $2 and seq = any ($3::bigint[]) order by seq
        """,
        db.company, ledger, seqs,
    )
    lines = await db.fetch(
        """
        select l.seq, l.line, l.account, a.zh as account_zh, a.en as account_en, l.side, l.amount, l.currency,
               l.foreign_amount::text as foreign_amount, l.rate::text as rate, l.customer, l.supplier, l.product,
               l.warehouse, l.salesperson, l.quantity::text as quantity, l.summary
        from voucher_line l
        join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        where l.company = $1 and l.ledger = $2 and l.seq = any ($3::bigint[]) order by l.seq, l.line
        """,
        db.company, ledger, seqs,
    )
    lines_of: dict[int, list[dict[str, Any]]] = {seq: [] for seq in seqs}
    for line in lines:
        shown = {name: value for name, value in line.items() if name != "seq"}
        lines_of[line["seq"]].append({**shown, "amount": showing.amount(line["amount"], currency)})
    return [{**header, "lines": lines_of[header["seq"]]} for header in headers]


# -- completeness -----------------------------------------------------------------------------------------------------


async def gaps(db: Db) -> list[dict[str, Any]]:
    """Per producer: up to which position nothing is missing (`position`), how much is missing after it, and which.

    What is missing is what shared/healing.py found when the producer last stated its log: neither handled nor dismissed
    nor rejected. `unlisted` says how much of it lies before the newest HOLES_WITHIN positions, or has come since.
    """
    rows = await db.fetch(
        """
        select source, coalesce(w.position, 0) as position, coalesce(h.missing, 0) as missing, h.first, h.last
        from (select * from heard_whole where company = $1) as w
        full join (select * from hole where company = $1) as h using (source)
        order by source
        """,
        db.company,
    )
    return [await _gap(db, **row) for row in rows]


async def _gap(db: Db, *, source: str, position: int, missing: int, first: int, last: int) -> dict[str, Any]:
    holes = await _holes(db, source, first, last) if missing else []
    listed = sum(hole["last"] - hole["first"] + 1 for hole in holes)
    return {"source": source, "position": position, "missing": missing, "holes": holes,
            "unlisted": max(missing - listed, 0)}


async def _holes(db: Db, source: str, first: int, last: int) -> list[dict[str, int]]:
    """Accounting hears every type, so a position of the stretch that is not here is missing."""
    rows = await db.fetch(
        """
        with here as (
            select position from inbox where company = $1 and source = $2 and position between $3 and $4
            union
            select (headers -> 'cloudEvents_position')::bigint from rejected
            where headers ->> 'cloudEvents_company' = $1 and headers ->> 'cloudEvents_source' = '/fenlu/' || $2
              and headers -> 'cloudEvents_position' between to_jsonb($3::bigint) and to_jsonb($4::bigint)
            order by position desc limit $5
        ), bounded as (
            select position from here union all select $4 + 1
            union all select $3 - 1 where (select count(*) from here) < $5
        )
        select below + 1 as first, position - 1 as last
        from (select position, lead(position) over (order by position desc) as below from bounded) as pairs
        where below < position - 1 order by first
        """,
        db.company, source, first, last, HOLES_WITHIN,
    )
    return [dict(row) for row in rows]


async def measure(connection: Any) -> dict[str, float]:
    """The figures of all companies' books (FIGURES), from sums and from a bounded number of vouchers."""
    row = await connection.fetchrow(
        """
        select (select coalesce(sum(abs(difference)), 0) from (
                    select sum(b.debit - b.credit) as difference from period_balance b
                    join account a on a.company = b.company and a.ledger = b.ledger and a.code = b.account
                    group by b.company, b.ledger, a.kind = 'memo'
                ) as books)::float as trial_balance_difference,
               (select count(*) from book cross join lateral (
                    select 1 from (
                        select seq from voucher where company = book.company and ledger = book.ledger
                        order by seq desc limit 200
                    ) as newest
                    join voucher_line l on l.company = book.company and l.ledger = book.ledger and l.seq = newest.seq
                    group by newest.seq having sum(case l.side when 'D' then l.amount else -l.amount end) <> 0
                ) as wrong)::float as unbalanced_vouchers,
               (select coalesce(sum(missing), 0) from hole)::float
                   + (select count(*) from rejected where dismissed_at is null and company <> '')
                   as journal_missing,
               (select count(*) from book)::float as books
        """
    )
    return dict(row)


async def posting_goes_first(connection: Any, batch: int, seconds: float, patience: int) -> bool:
    """Whether vouchers were posted just now, so many at once that more must be waiting, and nothing that follows the
    posting is further behind than `patience` vouchers anywhere."""
    return bool(await connection.fetchval(
        """
        select coalesce(bool_or(last.posted_at > now() - $2 * interval '1 second'
                                and earlier.posted_at = last.posted_at)
                        and bool_and(last.seq - least(coalesce(d.seq, 0), coalesce(i.seq, 0)) < $3), false)
        from book b
        cross join lateral (select v.seq, v.posted_at from voucher v where v.company = b.company and v.ledger = b.ledger
                            order by v.seq desc limit 1) as last
        left join voucher earlier on earlier.company = b.company and earlier.ledger = b.ledger
                                 and earlier.seq = last.seq - $1
        left join dimension_head d on d.company = b.company and d.ledger = b.ledger
        left join open_item_head i on i.company = b.company and i.ledger = b.ledger
        """,
        batch, seconds, patience,
    ))


async def behind(connection: Any) -> list[tuple[str, str]]:
    """The ledgers, of all companies, whose balances by dimension have not reached the last voucher."""
    rows = await connection.fetch(
        """
        select b.company, b.ledger from book b
        left join dimension_head h on h.company = b.company and h.ledger = b.ledger
        where coalesce(h.seq, 0) < (select max(seq) from voucher v where v.company = b.company and v.ledger = b.ledger)
        order by b.company, b.ledger
        """
    )
    return [(row["company"], row["ledger"]) for row in rows]


async def unsealed(connection: Any, vouchers: int) -> list[tuple[str, str]]:
    """The ledgers, of all companies, with so many vouchers that are in no block of the chain yet."""
    rows = await connection.fetch(
        """
        select b.company, b.ledger from book b
        where (select max(seq) from voucher v where v.company = b.company and v.ledger = b.ledger) >= $1 + coalesce(
                  (select last_seq from chain_block c where c.company = b.company and c.ledger = b.ledger
                   order by block desc limit 1), 0)
        order by b.company, b.ledger
        """,
        vouchers,
    )
    return [(row["company"], row["ledger"]) for row in rows]
