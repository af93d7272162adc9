"""What suppliers were owed when the books were opened (期初应付); below zero what they had been paid too much."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from services.inventory.domain import refusals
from services.inventory.domain.purchasing.values import Books, refuse_currency
from shared.events.openings import OpeningPayable, OpenPayables, PayableOpened
from shared.money import fits
from shared.refusal import Refusal
from shared.sheets import OPENING_COLUMNS, named


@dataclass(frozen=True, slots=True)
class Known:
    """What sheets are checked against: the books (None: no books), suppliers, ids in use, of sheets and of bills."""

    books: Books | None
    suppliers: frozenset[str]
    sheets: frozenset[str]
    invoices: frozenset[str]


def open_payables(commands: Sequence[OpenPayables], known: Known) -> list[PayableOpened | Refusal]:
    """Each sheet comes in whole, a document per row, or not at all, and then everything is told that is wrong."""
    outcomes: list[PayableOpened | Refusal] = []
    sheets, taken = set(known.sheets), set(known.invoices)
    for command in commands:
        books = known.books
        if books is None:
            outcomes.append(refusals.unknown_company(command))
            continue
        if problems := [*_why_not(command, books, known.suppliers, sheets, taken)]:
            outcomes += problems
            continue
        sheets.add(command.opening_id)
        taken |= {row.document for row in command.rows if row.amount}
        outcomes += [_event(command, row, books.currency) for row in command.rows if row.amount]
    return outcomes


def _why_not(
    command: OpenPayables, books: Books, suppliers: Set[str], sheets: Set[str], taken: Set[str]
) -> Iterator[Refusal]:
    if command.opening_id in sheets:
        yield refusals.refuse(command, "opening_id", "opening_brought_in", command.opening_id, 409)
        return
    seen = set(taken)
    for index, row in enumerate(command.rows):
        if not row.amount:
            continue
        for refusal in _why_not_row(command, index, row, books, suppliers, seen):
            yield named(refusal, row.row, OPENING_COLUMNS[refusal.field.rpartition(".")[2]])
        seen.add(row.document)


def _why_not_row(
    command: OpenPayables, index: int, row: OpeningPayable, books: Books, suppliers: Set[str], taken: Set[str]
) -> Iterator[Refusal]:
    where = f"rows.{index}"
    if row.supplier_id not in suppliers:
        yield refusals.refuse(command, f"{where}.supplier_id", "unknown_supplier", row.supplier_id)
    if row.document in taken:
        yield refusals.refuse(command, f"{where}.document", "duplicate_supplier_invoice", row.document)
    if books.opened_on and row.dated >= books.opened_on:
        yield refusals.refuse(command, f"{where}.dated", "not_before_books", row.dated.isoformat(),
                              opened_on=books.opened_on.isoformat())
    if row.due_on and row.due_on < row.dated:
        yield refusals.refuse(command, f"{where}.due_on", "due_before_document", row.due_on.isoformat())
    if row.currency and (refusal := refuse_currency(command, row.currency, books, f"{where}.currency")):
        yield refusal
    if not fits(row.amount, books.currency):
        yield refusals.refuse(
            command, f"{where}.amount", "too_many_decimals", f"{row.amount:f}", currency=books.currency
        )


def _event(command: OpenPayables, row: OpeningPayable, currency: str) -> PayableOpened:
    return PayableOpened(
        supplier_invoice_id=row.document, opening_id=command.opening_id, supplier_id=row.supplier_id, dated=row.dated,
        due_on=row.due_on, currency=currency, amount=row.amount,
    )
