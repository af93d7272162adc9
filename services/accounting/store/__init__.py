"""SQL that writes or locks: books, journal, vouchers and the sums; a batch is a handful of statements."""

from collections.abc import Sequence
from typing import Any

from services.accounting import packs
from services.accounting.domain.pack import Pack
from services.accounting.domain.posting import Heads, MappedAccount, Numbered, Posting, Terms
from shared.db import Db, columns
from shared.events.accounting import OpenBooks

LEDGER = "main"  # the one ledger of a company, until a second standard is kept beside it
MAPPING_VERSION = 1  # of a company's first role map
# Each event is one source document (原始凭证): a shipment note, an invoice, a payment slip.
ATTACHMENTS = 1


# -- opening books ----------------------------------------------------------------------------------------------------


async def open_book(db: Db, command: OpenBooks, pack: Pack) -> bool:
    """Write the book with its chart, role map and first journal row; False if the company has books already."""
    opened = await db.fetchval(
        """
        insert into book (company, ledger, name, currency, standard, pack_version, vat_rate, opened_on, opened_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning true
        """,
        db.company, LEDGER, command.name, command.currency, pack.standard, pack.version, command.vat_rate,
        command.opened_on, command.actor.name,
    )
    if not opened:
        return False
    await _insert_chart(db, pack)
    await _insert_role_map(db, command, pack)
    await db.execute(
        "select journal_books($1, $2, $3, $4, $5, $6)",
        db.company, command.actor.name, command.model_dump(mode="json"), pack.standard, pack.version, MAPPING_VERSION,
    )
    return True


async def _insert_chart(db: Db, pack: Pack) -> None:
    rows = [
        (account.code, account.zh, account.en, account.kind, account.side, account.code not in pack.summary_accounts)
        for account in pack.accounts
    ]
    await db.execute(
        """
        insert into account (company, ledger, code, zh, en, kind, side, takes_lines)
        select $1, $2, a.* from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[]) as a
        """,
        db.company, LEDGER, *columns(rows, 6),
    )


async def _insert_role_map(db: Db, command: OpenBooks, pack: Pack) -> None:
    await db.execute(
        """
        insert into role_map (company, ledger, version, role, account, effective_on)
        select $1, $2, $3, m.role, m.account, $4 from unnest($5::text[], $6::text[]) as m (role, account)
        """,
        db.company, LEDGER, MAPPING_VERSION, command.opened_on, list(pack.roles), list(pack.roles.values()),
    )


# -- posting ----------------------------------------------------------------------------------------------------------


async def lock_terms(db: Db) -> Terms | None:
    """Become the one posting writer of the company until the transaction ends; None if it has no books."""
    book = await db.fetchrow(
        "select currency, opened_on, standard, pack_version from lock_book($1, $2)", db.company, LEDGER
    )
    if book is None:
        return None
    mapped = await db.fetch(
        """
        select m.version, m.role, m.account, a.kind from role_map m
        join account a on a.company = m.company and a.ledger = m.ledger and a.code = m.account and a.takes_lines
        where m.company = $1 and m.ledger = $2
          and m.version = (select max(version) from role_map where company = $1 and ledger = $2)
        """,
        db.company, LEDGER,
    )
    return Terms(
        currency=book["currency"],
        opened_on=book["opened_on"],
        pack=packs.named(book["standard"], book["pack_version"]),
        mapping_version=mapped[0]["version"],
        accounts={row["role"]: MappedAccount(row["account"], row["kind"] == "memo") for row in mapped},
    )


async def last_numbers(db: Db, postings: Sequence[Posting]) -> Heads:
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
        db.company, LEDGER, *columns(wanted, 2),
    )
    numbers = {(row["period"], row["word"]): row["number"] for row in rows}
    return Heads(rows[0]["entry"], rows[0]["seq"], numbers)


async def save(
    db: Db, terms: Terms, first_entry: int, postings: Sequence[Posting], vouchers: Sequence[Numbered]
) -> None:
    """Write journal rows, vouchers and lines with their sums, by the one function that may: the arguments are in
    migrations/0003_rights.sql."""
    await db.execute(
        """
        select post_vouchers(
            $1, $2, $3, $4, $5, $6,
            $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
            $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34,
            $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47
        )
        """,
        db.company, LEDGER, terms.currency, terms.pack.standard, terms.pack.version, terms.mapping_version,
        *columns([_journal_row(entry, p) for entry, p in enumerate(postings, first_entry)], 10),
        ATTACHMENTS,
        *columns([_voucher_row(v, terms) for v in vouchers], 17),
        *columns([row for v in vouchers for row in _line_rows(v)], 13),
    )


def _journal_row(entry: int, posting: Posting) -> tuple[Any, ...]:
    envelope, none = posting.event.envelope, posting.none
    return (
        entry, envelope.id, envelope.type, envelope.source, envelope.position, envelope.actor, posting.reading.facts(),
        posting.reading.reader_version, none.zh if none else None, none.en if none else None,
    )


def _voucher_row(numbered: Numbered, terms: Terms) -> tuple[Any, ...]:
    """Who made the voucher is who did the business; the rule, which a person put in force, checks and posts it."""
    voucher, envelope = numbered.voucher, numbered.posting.event.envelope
    principal = f"rule:{voucher.rule.id}@{terms.pack.version}"
    return (
        numbered.seq, numbered.entry, voucher.period, voucher.word, numbered.number, voucher.on, voucher.summary,
        envelope.actor, principal, principal, envelope.id, envelope.type, envelope.source, envelope.position,
        voucher.rule.id, voucher.rule.part, len(voucher.lines),
    )


def _line_rows(numbered: Numbered) -> list[tuple[Any, ...]]:
    voucher, period = numbered.voucher, numbered.voucher.period
    return [
        (
            numbered.seq, index, period, line.account, line.side, line.amount,
            line.dimensions.get("customer"), line.dimensions.get("supplier"), line.dimensions.get("product"),
            line.dimensions.get("warehouse"), line.dimensions.get("salesperson"), line.quantity, voucher.summary,
        )
        for index, line in enumerate(voucher.lines, 1)
    ]
