"""SQL that writes or locks: books, journal, vouchers and the sums; a batch is a handful of statements."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from asyncpg import Record

from services.accounting import packs
from services.accounting.domain.chain import Block
from services.accounting.domain.pack import Pack
from services.accounting.domain.posting import (
    MAIN,
    Everywhere,
    Heads,
    MappedAccount,
    Numbered,
    Policies,
    Posting,
    Split,
    Terms,
    number,
)
from shared import tracing
from shared.db import Db, columns
from shared.events.accounting import OpenBooks

LEDGER = MAIN
MAPPING_VERSION = 1  # of a company's first role map
VOUCHER_COLUMNS = (
    "seq", "entry", "period", "word", "number", "voucher_date", "business_date", "summary", "attachments", "maker",
    "checker", "poster", "cashier", "event_id", "event_type", "source", "position", "rule_id", "rule_version", "part",
    "line_count",
)
LINE_COLUMNS = (
    "seq", "line", "period", "account", "side", "amount", "customer", "supplier", "product", "warehouse",
    "salesperson", "quantity", "summary",
)
JOURNAL_WIDTH, BESIDE_WIDTH = 14, 6  # columns of what a posting writes into the journal
NO_EVENT = (None, None, None, None)  # id, type, source, position
STEP = 1000  # vouchers that the sums behind the posting move over at once


# -- opening books ----------------------------------------------------------------------------------------------------


async def open_book(db: Db, command: OpenBooks, packs_by_ledger: Mapping[str, Pack]) -> bool:
    """Write the books of every ledger, the main one first, each with its chart and role map, and the first journal
    row; False if the company has books already."""
    rows = [(ledger, pack.standard, pack.version) for ledger, pack in packs_by_ledger.items()]
    opened = await db.fetchval(
        """
        insert into book (company, ledger, name, currency, standard, pack_version, vat_rate, opened_on, opened_by,
                          words)
        select $1, l.ledger, $2, $3, l.standard, l.pack_version, $4, $5, $6, $7
        from unnest($8::text[], $9::text[], $10::integer[]) as l (ledger, standard, pack_version)
        where not exists (select from book where company = $1)
        on conflict do nothing returning true
        """,
        db.company, command.name, command.currency, command.vat_rate, command.opened_on, command.actor.name,
        command.words, *columns(rows, 3),
    )
    if not opened:
        return False
    for ledger, pack in packs_by_ledger.items():
        await _open_chart(db, ledger, command.opened_on, pack)
    main = packs_by_ledger[LEDGER]
    await db.execute(
        "select journal_books($1, $2, $3, $4, $5, $6, $7)",
        db.company, command.actor.name, command.model_dump(mode="json"), main.standard, main.version, MAPPING_VERSION,
        command.opened_on,
    )
    return True


async def _open_chart(db: Db, ledger: str, opened_on: date, pack: Pack) -> None:
    """Chart, first role map and first version of the rules, by the one function that may write them."""
    rows = [
        (account.code, account.zh, account.en, account.kind, account.side, account.code not in pack.summary_accounts)
        for account in pack.accounts
    ]
    await db.execute(
        "select open_chart($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        db.company, ledger, pack.standard, pack.version, opened_on, *columns(rows, 6),
        list(pack.roles), list(pack.roles.values()),
    )


# -- posting ----------------------------------------------------------------------------------------------------------


async def lock_ledgers(db: Db) -> list[Policies]:
    """Become the one posting writer of the company until the transaction ends: the policies of all of its ledgers, the
    main one first; none if it has no books."""
    book = await db.fetchrow("select currency, opened_on, words from lock_book($1, $2)", db.company, LEDGER)
    return await _ledgers(db, book) if book else []


async def load_ledgers(db: Db) -> list[Policies]:
    """The same for who only looks."""
    book = await db.fetchrow(
        "select currency, opened_on, words from book where company = $1 and ledger = $2", db.company, LEDGER
    )
    return await _ledgers(db, book) if book else []


def first_terms(ledgers: Sequence[Policies], ledger: str = LEDGER) -> Terms | None:
    """The terms of a ledger on its first open day, by which vouchers by hand and closes are posted: the roles that they
    name never change. None if there is no such ledger."""
    return next((policies.first for policies in ledgers if policies.first.ledger == ledger), None)


async def _ledgers(db: Db, book: Record) -> list[Policies]:
    """Per ledger the version in force on the first open day, and those that follow. What was closed is read after the
    lock was got: a close may have been what was waited for."""
    rows = await db.fetch(
        """
        with head as (
            select coalesce((select (max(period) || '-01')::date + interval '1 month' from closed_period
                             where company = $1), $3::date)::date as open_from
        )
        select h.open_from, v.ledger, v.version, v.effective_on, v.standard, v.pack_version, v.splits, (
                   select jsonb_object_agg(m.role, jsonb_build_array(m.account, a.kind = 'memo'))
                   from role_map m
                   join account a on a.company = m.company and a.ledger = m.ledger and a.code = m.account
                                 and a.takes_lines
                   where m.company = $1 and m.ledger = v.ledger and m.version = v.version
               ) as roles
        from head h cross join activation v
        where v.company = $1 and (v.effective_on > h.open_from or v.version = (
            select max(version) from activation a
            where a.company = $1 and a.ledger = v.ledger and a.effective_on <= h.open_from))
        order by v.ledger <> $2, v.ledger, v.version
        """,
        db.company, LEDGER, book["opened_on"],
    )
    return [
        Policies(tuple((row["effective_on"], _terms(book, row)) for row in own))
        for _, own in groupby(rows, key=lambda row: row["ledger"])
    ]


def _terms(book: Record, row: Record) -> Terms:
    return Terms(
        currency=book["currency"],
        open_from=row["open_from"],
        pack=packs.named(row["standard"], row["pack_version"]),
        mapping_version=row["version"],
        accounts={role: MappedAccount(code, memo) for role, (code, memo) in row["roles"].items()},
        words=book["words"],
        splits=splits_of(row["splits"]),
        ledger=row["ledger"],
    )


def splits_of(kept: Sequence[Mapping[str, Any]]) -> dict[str, Split]:
    """Roles that several accounts play, as `activation.splits` keeps them. None of these accounts is a memo account."""
    found: dict[str, Split] = {}
    for split in kept:
        before = found.get(split["role"], Split(split["by"], {}))
        own = dict.fromkeys(split["members"], MappedAccount(split["account"], False))
        found[split["role"]] = Split(split["by"], {**before.members, **own})
    return found


async def post(db: Db, postings: Sequence[Everywhere]) -> list[Numbered]:
    """Give numbers and write all of it in every ledger; only while the book is locked. The vouchers of all ledgers."""
    by_ledger = list(zip(*postings, strict=True))
    heads = [await last_numbers(db, own[0].terms.ledger, own) for own in by_ledger]
    vouchers = [number(own, last) for own, last in zip(by_ledger, heads, strict=True)]
    made = [numbered for own in vouchers for numbered in own]
    with tracing.span("accounting posts", rows=len(postings), vouchers=len(made)):
        for own, last, numbered in zip(by_ledger, heads, vouchers, strict=True):
            if own[0].terms.ledger == LEDGER:
                await save(db, last.entry + 1, own, numbered)
            else:
                await save_beside(db, heads[0].entry + 1, own, numbered)
    return made


async def last_numbers(db: Db, ledger: str, postings: Sequence[Posting]) -> Heads:
    """The last numbers given, each found at the end of an index; nobody else gives numbers while the book is locked."""
    wanted = sorted({(voucher.period, voucher.word) for posting in postings for voucher in posting.vouchers})
    rows = await db.fetch(
        """
        select (select coalesce(max(entry), 0) from journal where company = $1) as entry,
               (select coalesce(max(seq), 0) from voucher where company = $1 and ledger = $2) as seq,
               k.period, k.word,
               (select coalesce(max(number), 0) from voucher
                where company = $1 and ledger = $2 and period = k.period and word = k.word) as number
        from (values (true)) as one left join unnest($3::text[], $4::text[]) as k (period, word) on true
        """,
        db.company, ledger, *columns(wanted, 2),
    )
    numbers = {(row["period"], row["word"]): row["number"] for row in rows}
    return Heads(rows[0]["entry"], rows[0]["seq"], numbers)


async def save(db: Db, first_entry: int, postings: Sequence[Posting], vouchers: Sequence[Numbered]) -> None:
    """Write journal rows, vouchers and lines with their sums, by the one function that may: the arguments are in
    migrations/0025_rows_come_as_json.sql. All terms of a batch have the same currency and first open day."""
    terms = postings[0].terms
    await db.execute(
        "select post_vouchers($1, $2, $3, $4, $5, $6, $7)",
        db.company, LEDGER, terms.currency, terms.open_from,
        columns([_journal_row(entry, p) for entry, p in enumerate(postings, first_entry)], JOURNAL_WIDTH),
        columns([voucher_row(v) for v in vouchers], len(VOUCHER_COLUMNS)),
        columns([row for v in vouchers for row in line_rows(v)], len(LINE_COLUMNS)),
    )


async def save_beside(
    db: Db, first_entry: int, postings: Sequence[Posting], vouchers: Sequence[Numbered]
) -> None:
    """The same of a ledger beside the main one, after that."""
    terms = postings[0].terms
    await db.execute(
        "select post_beside($1, $2, $3, $4, $5, $6)",
        db.company, terms.ledger, terms.currency,
        columns([_beside_row(entry, p) for entry, p in enumerate(postings, first_entry)], BESIDE_WIDTH),
        columns([voucher_row(v) for v in vouchers], len(VOUCHER_COLUMNS)),
        columns([row for v in vouchers for row in line_rows(v)], len(LINE_COLUMNS)),
    )


def _beside_row(entry: int, posting: Posting) -> tuple[Any, ...]:
    none, terms = posting.none, posting.terms
    return (
        entry, terms.pack.standard, terms.pack.version, terms.mapping_version,
        none.zh if none else None, none.en if none else None,
    )


def _journal_row(entry: int, posting: Posting) -> tuple[Any, ...]:
    row, none, terms = posting.row, posting.none, posting.terms
    return (
        entry, row.kind, *(row.event or NO_EVENT), row.actor, row.facts, row.reader_version,
        none.zh if none else None, none.en if none else None,
        terms.pack.standard, terms.pack.version, terms.mapping_version,
    )


def voucher_row(numbered: Numbered) -> tuple[Any, ...]:
    """The columns VOUCHER_COLUMNS."""
    voucher, signed = numbered.voucher, numbered.voucher.signed
    return (
        numbered.seq, numbered.entry, voucher.period, voucher.word, numbered.number, voucher.on, voucher.business_date,
        voucher.summary, voucher.attachments, signed.maker, signed.checker, signed.poster, signed.cashier,
        *(numbered.posting.row.event or NO_EVENT), voucher.rule, voucher.version, voucher.part, len(voucher.lines),
    )


def line_rows(numbered: Numbered) -> list[tuple[Any, ...]]:
    """The columns LINE_COLUMNS of each line."""
    voucher, period = numbered.voucher, numbered.voucher.period
    return [
        (
            numbered.seq, index, period, line.account, line.side, line.amount,
            line.dimensions.get("customer"), line.dimensions.get("supplier"), line.dimensions.get("product"),
            line.dimensions.get("warehouse"), line.dimensions.get("salesperson"), line.quantity,
            line.summary or voucher.summary,
        )
        for index, line in enumerate(voucher.lines, 1)
    ]


# -- behind the posting -----------------------------------------------------------------------------------------------


async def advance_dimensions(db: Db, ledger: str) -> int:
    """Move the balances by dimension over the next vouchers; returns the place reached."""
    return int(await db.fetchval("select advance_dimensions($1, $2, $3)", db.company, ledger, STEP))


async def insert_block(db: Db, block: Block) -> None:
    """Write a block of the chain, unless somebody else was faster."""
    await db.execute(
        """
        insert into chain_block (company, ledger, block, first_seq, last_seq, leaves, root, balances, previous, hash)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
        where not exists (select from chain_block where company = $1 and ledger = $2 and block = $3)
        on conflict do nothing
        """,
        block.company, block.ledger, block.block, block.first_seq, block.last_seq, block.leaves, block.root,
        block.balances, block.previous, block.hash,
    )
