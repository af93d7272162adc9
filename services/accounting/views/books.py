"""The account books (账簿): general ledger, account and quantity ledgers, journal, balances by dimension.

A page costs the same wherever it starts: openings come from sums per month, which the posting (`period_balance`) or the
step behind it (`dimension_balance`) moves, and a cursor carries the running balance on. What grows is the number of
months and, where a dimension is asked for, of one account's lines within its month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.accounting import views
from services.accounting.views import showing
from shared.db import Db
from shared.money import ZERO

DIMENSIONS = ("customer", "supplier", "product", "warehouse", "salesperson")
Cursor = tuple[int, int, Decimal, Decimal]  # voucher, line, balance and quantity after it


@dataclass(frozen=True, slots=True)
class Book:
    """Whose ledger is read, and in which currency it is kept."""

    db: Db
    ledger: str
    currency: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Debit, credit, and quantities in and out."""

    debit: Decimal = ZERO
    credit: Decimal = ZERO
    quantity_in: Decimal = ZERO
    quantity_out: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        return self.debit - self.credit

    @property
    def quantity(self) -> Decimal:
        return self.quantity_in - self.quantity_out

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(
            self.debit + other.debit, self.credit + other.credit, self.quantity_in + other.quantity_in,
            self.quantity_out + other.quantity_out,
        )


# -- general ledger (总账) ---------------------------------------------------------------------------------------------


async def general_ledger(
    book: Book, since: str, until: str, level: int, after: str
) -> dict[str, Any]:
    """Per account of a level (1: 一级科目) its opening, and per month its movement (本月合计), the year so far
    (本年累计) and the balance with its direction. Accounts below are added up; one that never moved is left out."""
    accounts = await book.db.fetch(
        """
        select code, zh, en, kind, side from account
        where company = $1 and ledger = $2 and code > $3
          and (length(code) = 2 + 2 * $4::integer or length(code) < 2 + 2 * $4::integer and takes_lines)
        order by code limit $5
        """,
        book.db.company, book.ledger, after, level, views.PAGE,
    )
    rows = await book.db.fetch(
        """
        select p.code, b.period, sum(b.debit) as debit, sum(b.credit) as credit
        from unnest($3::text[]) as p (code)
        join period_balance b on left(b.account, length(p.code)) = p.code
        where b.company = $1 and b.ledger = $2 and b.period <= $4
        group by p.code, b.period order by p.code, b.period
        """,
        book.db.company, book.ledger, [row["code"] for row in accounts], until,
    )
    moved = {code: list(own) for code, own in groupby(rows, key=lambda row: row["code"])}
    return {
        "from": since, "until": until, "currency": book.currency,
        "accounts": [
            {**account, **_months(moved[account["code"]], since, until, book.currency)}
            for account in accounts if account["code"] in moved
        ],
        "next": accounts[-1]["code"] if len(accounts) == views.PAGE else None,
    }


def _months(rows: Sequence[Any], since: str, until: str, currency: str) -> dict[str, Any]:
    by_period = {row["period"]: Moved(row["debit"], row["credit"]) for row in rows}
    opening = _sum(by_period, lambda period: period < since)
    balance, months = opening.balance, []
    for period in _periods(since, until):
        month = by_period.get(period, Moved())
        year = _sum(by_period, lambda other, period=period: period[:4] <= other <= period)
        balance += month.balance
        months.append({
            "period": period, **_two(month, currency), **{f"year_{k}": v for k, v in _two(year, currency).items()},
            **showing.balance(balance, currency),
        })
    return {"opening": showing.balance(opening.balance, currency), "months": months}


def _periods(since: str, until: str) -> list[str]:
    first, last = (int(period[:4]) * 12 + int(period[5:]) - 1 for period in (since, until))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last + 1)]


def _sum(by_period: Mapping[str, Moved], wanted: Any) -> Moved:
    return sum((moved for period, moved in by_period.items() if wanted(period)), Moved())


def _two(moved: Moved, currency: str) -> dict[str, str]:
    return {"debit": showing.amount(moved.debit, currency), "credit": showing.amount(moved.credit, currency)}


# -- account ledger (明细账), quantity-amount ledger (数量金额账) ------------------------------------------------------


async def account_ledger(
    book: Book, code: str, period: str, by: Mapping[str, str], after: Cursor | None, *, quantities: bool = False
) -> dict[str, Any] | None:
    """A page of an account's month in posting order with the running balance; None for an unknown account.

    An account that has accounts below it shows their lines. `by` narrows it to values of dimensions. `month` and `year`
    are 本月合计 and 本年累计, the same on every page. With `quantities` also quantity and unit cost.
    """
    account = await book.db.fetchrow(
        "select code, zh, en, kind, side from account where company = $1 and ledger = $2 and code = $3",
        book.db.company, book.ledger, code,
    )
    if account is None:
        return None
    known = await _moved(book, code, period, by, quantities=quantities)
    opening = _sum(known, lambda other: other < period)
    month, year = known.get(period, Moved()), _sum(known, lambda other: other >= period[:4])
    place = after or (0, 0, opening.balance, opening.quantity)
    rows = await _lines(book, code, period, by, place)
    lines, balance, quantity = _running(rows, place[2], place[3], book.currency, quantities=quantities)
    full = len(rows) == views.PAGE
    cursor = f"{rows[-1]['seq']}:{rows[-1]['line']}:{balance:f}:{quantity:f}" if full else None
    return {
        **account, "period": period, "currency": book.currency, "by": dict(by),
        "opening": _standing(opening, book.currency, quantities=quantities), "lines": lines,
        "month": _totals(month, book.currency, quantities=quantities),
        "year": _totals(year, book.currency, quantities=quantities),
        "closing": _standing(opening + month, book.currency, quantities=quantities), "next": cursor,
    }


async def _moved(
    book: Book, code: str, until: str, by: Mapping[str, str], *, quantities: bool
) -> dict[str, Moved]:
    """Per month what an account moved, with those below it; the quantities only if asked for, or if `by` narrows it."""
    if by or quantities:
        return await _moved_by_dimension(book, code, until, by)
    rows = await book.db.fetch(
        """
        select period, sum(debit) as debit, sum(credit) as credit from period_balance
        where company = $1 and ledger = $2 and left(account, length($3)) = $3 and period <= $4 group by period
        """,
        book.db.company, book.ledger, code, until,
    )
    return {row["period"]: Moved(row["debit"], row["credit"]) for row in rows}


async def _moved_by_dimension(book: Book, code: str, until: str, by: Mapping[str, str]) -> dict[str, Moved]:
    rows = await book.db.fetch(
        """
        with head as (
            select coalesce(max(seq), 0) as seq from dimension_head where company = $1 and ledger = $2
        ), moved as (
            select period, account, customer, supplier, product, warehouse, salesperson, debit, credit, quantity_in,
                   quantity_out
            from dimension_balance
            where company = $1 and ledger = $2 and left(account, length($3)) = $3 and period <= $4
            union all
            select period, account, customer, supplier, product, warehouse, salesperson,
                   case side when 'D' then amount else 0 end, case side when 'C' then amount else 0 end,
                   case side when 'D' then quantity else 0 end, case side when 'C' then quantity else 0 end
            from voucher_line
            where company = $1 and ledger = $2 and seq > (select seq from head)
              and left(account, length($3)) = $3 and period <= $4
        )
        select period, sum(debit) as debit, sum(credit) as credit, coalesce(sum(quantity_in), 0) as quantity_in,
               coalesce(sum(quantity_out), 0) as quantity_out
        from moved
        where ($5::text is null or customer = $5) and ($6::text is null or supplier = $6)
          and ($7::text is null or product = $7) and ($8::text is null or warehouse = $8)
          and ($9::text is null or salesperson = $9)
        group by period
        """,
        book.db.company, book.ledger, code, until, *_values(by),
    )
    return {r["period"]: Moved(r["debit"], r["credit"], r["quantity_in"], r["quantity_out"]) for r in rows}


async def _lines(book: Book, code: str, period: str, by: Mapping[str, str], place: Cursor) -> list[Any]:
    """The next lines of an account and those below it, merged from one stretch of the index per account."""
    return await book.db.fetch(
        """
        select l.seq, l.line, l.account, v.period, v.word, v.number, v.voucher_date, l.summary, l.side, l.amount,
               l.customer, l.supplier, l.product, l.warehouse, l.salesperson, l.quantity, v.event_id
        from (
            select o.* from account a cross join lateral (
                select * from voucher_line
                where company = $1 and ledger = $2 and account = a.code and period = $4 and (seq, line) > ($5, $6)
                  and ($8::text is null or customer = $8) and ($9::text is null or supplier = $9)
                  and ($10::text is null or product = $10) and ($11::text is null or warehouse = $11)
                  and ($12::text is null or salesperson = $12)
                order by seq, line limit $7
            ) as o
            where a.company = $1 and a.ledger = $2 and left(a.code, length($3)) = $3 and a.takes_lines
            order by o.seq, o.line limit $7
        ) as l
        join voucher v on v.company = l.company and v.ledger = l.ledger and v.seq = l.seq
        order by l.seq, l.line
        """,
        book.db.company, book.ledger, code, period, place[0], place[1], views.PAGE, *_values(by),
    )


def _values(by: Mapping[str, str]) -> list[str | None]:
    return [by.get(name) for name in DIMENSIONS]


def _running(
    rows: Sequence[Any], balance: Decimal, quantity: Decimal, currency: str, *, quantities: bool
) -> tuple[list[dict[str, Any]], Decimal, Decimal]:
    lines = []
    for row in rows:
        amount, moved = row["amount"], row["quantity"]
        if row["side"] == "D":
            balance, quantity = balance + amount, quantity + (moved or ZERO)
        else:
            balance, quantity = balance - amount, quantity - (moved or ZERO)
        shown = {
            **row, "amount": showing.amount(amount, currency),
            "quantity": None if moved is None else f"{moved:f}", **showing.balance(balance, currency),
        }
        if quantities:
            shown |= {
                "unit_cost": _unit(amount, moved, currency), "balance_quantity": showing.quantity(quantity),
                "balance_unit_cost": _unit(balance, quantity, currency),
            }
        lines.append(shown)
    return lines, balance, quantity


def _standing(moved: Moved, currency: str, *, quantities: bool) -> dict[str, Any]:
    shown: dict[str, Any] = showing.balance(moved.balance, currency)
    if quantities:
        shown |= {"quantity": showing.quantity(moved.quantity),
                  "unit_cost": _unit(moved.balance, moved.quantity, currency)}
    return shown


def _totals(moved: Moved, currency: str, *, quantities: bool) -> dict[str, str]:
    shown = _two(moved, currency)
    if quantities:
        shown |= {"quantity_in": showing.quantity(moved.quantity_in),
                  "quantity_out": showing.quantity(moved.quantity_out)}
    return shown


def _unit(value: Decimal, quantity: Decimal | None, currency: str) -> str | None:
    """What one piece comes to, with two decimals more than money has; it is shown and never counted with."""
    if not quantity:
        return None
    unit = Decimal(showing.amount(Decimal(1), currency)) * Decimal("0.01")
    return f"{(value / quantity).quantize(unit):f}"


# -- journal (序时账) --------------------------------------------------------------------------------------------------


async def journal(
    book: Book, since: str, until: str, after: tuple[str, str, int]
) -> dict[str, Any]:
    """A page of whole vouchers of some months by month, word and number, each with its lines and its date.

    That is the order in which they were posted within a word; `after` is (period, word, number) of the last one.
    """
    headers = await book.db.fetch(
        """
        select seq, period, word, number, voucher_date, summary, attachments, maker, checker, poster, event_id
        from voucher
        where company = $1 and ledger = $2 and period between $3 and $4 and (period, word, number) > ($5, $6, $7)
        order by period, word, number limit $8
        """,
        book.db.company, book.ledger, since, until, *after, views.PAGE,
    )
    lines = await book.db.fetch(
        """
        select l.seq, l.line, l.account, a.zh, a.en, l.side, l.amount, l.summary, l.customer, l.supplier, l.product,
               l.warehouse, l.salesperson, l.quantity::text as quantity
        from voucher_line l
        join account a on a.company = l.company and a.ledger = l.ledger and a.code = l.account
        where l.company = $1 and l.ledger = $2 and l.seq = any ($3::bigint[]) order by l.seq, l.line
        """,
        book.db.company, book.ledger, [header["seq"] for header in headers],
    )
    lines_of = {
        seq: [{**line, "amount": showing.amount(line["amount"], book.currency)} for line in own]
        for seq, own in groupby(lines, key=lambda line: line["seq"])
    }
    last = headers[-1] if len(headers) == views.PAGE else None
    return {
        "from": since, "until": until, "currency": book.currency,
        "vouchers": [{**header, "lines": lines_of[header["seq"]]} for header in headers],
        "next": f"{last['period']}:{last['word']}:{last['number']}" if last else None,
    }


# -- balances by dimension (核算项目余额表) ----------------------------------------------------------------------------


async def balances_by(
    book: Book, period: str, code: str, by: Sequence[str], after: Sequence[str]
) -> dict[str, Any]:
    """A page of opening, movement, year to date and closing per account and values of dimensions.

    `after` is (account, the five dimensions) of the last row; a dimension that is not in `by` is '' in all rows.
    """
    rows = await book.db.fetch(
        """
        with head as (
            select coalesce(max(seq), 0) as seq from dimension_head where company = $1 and ledger = $2
        ), moved as (
            select period, account, customer, supplier, product, warehouse, salesperson, debit, credit,
                   quantity_in - quantity_out as quantity
            from dimension_balance
            where company = $1 and ledger = $2 and left(account, length($4)) = $4 and period <= $3
            union all
            select period, account, coalesce(customer, ''), coalesce(supplier, ''), coalesce(product, ''),
                   coalesce(warehouse, ''), coalesce(salesperson, ''),
                   case side when 'D' then amount else 0 end, case side when 'C' then amount else 0 end,
                   case side when 'D' then quantity else -quantity end
            from voucher_line
            where company = $1 and ledger = $2 and seq > (select seq from head)
              and left(account, length($4)) = $4 and period <= $3
        ), by_value as (
            select period, account, case when $5 then customer else '' end as customer,
                   case when $6 then supplier else '' end as supplier, case when $7 then product else '' end as product,
                   case when $8 then warehouse else '' end as warehouse,
                   case when $9 then salesperson else '' end as salesperson, debit, credit, quantity
            from moved
        )
        select account, customer, supplier, product, warehouse, salesperson,
               coalesce(sum(debit - credit) filter (where period < $3), 0) as opening,
               coalesce(sum(debit) filter (where period = $3), 0) as debit,
               coalesce(sum(credit) filter (where period = $3), 0) as credit,
               coalesce(sum(debit) filter (where period >= left($3, 4)), 0) as year_debit,
               coalesce(sum(credit) filter (where period >= left($3, 4)), 0) as year_credit,
               coalesce(sum(quantity), 0) as closing_quantity
        from by_value
        where (account, customer, supplier, product, warehouse, salesperson) > ($10, $11, $12, $13, $14, $15)
        group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6 limit $16
        """,
        book.db.company, book.ledger, period, code, *(name in by for name in DIMENSIONS), *after, views.PAGE,
    )
    full = len(rows) == views.PAGE
    return {
        "period": period, "currency": book.currency, "by": list(by),
        "rows": [_by_row(row, by, book.currency) for row in rows],
        "next": [rows[-1][name] for name in ("account", *DIMENSIONS)] if full else None,
    }


def _by_row(row: Any, by: Sequence[str], currency: str) -> dict[str, Any]:
    columns = {**showing.six_columns(row["opening"], row["debit"], row["credit"]),
               **{name: row[name] for name in views.YEAR}}
    return {
        "account": row["account"], **{name: row[name] or None for name in by}, **showing.amounts(columns, currency),
        "closing_quantity": showing.quantity(row["closing_quantity"]),
    }
