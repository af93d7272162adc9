"""What customers owed, and had paid in advance, when the books were opened (期初应收、期初预收)."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from services.order.domain.ordering import refuse_company, refuse_currency
from services.order.domain.refusals import refuse
from services.order.domain.values import Company, Due
from shared.events.openings import AdvanceOpened, OpeningReceivable, OpenReceivables, ReceivableOpened
from shared.money import fits
from shared.refusal import Refusal
from shared.sheets import OPENING_COLUMNS, named

Opened = ReceivableOpened | AdvanceOpened


@dataclass(frozen=True, slots=True)
class Known:
    """What sheets are checked against: the books (None: no books) and their first day, customers, and ids in use, of
    sheets, deliveries and receipts."""

    company: Company | None
    opened_on: date | None
    customers: AbstractSet[str]
    sheets: AbstractSet[str]
    deliveries: AbstractSet[str]
    payments: AbstractSet[str]


def delivery_id(document: str) -> str:
    """What a document is called among the deliveries: warehouses choose the numbers of shipments, and none may be the
    same, so it holds what no number of theirs can."""
    return f"opening/{document}"


def open_receivables(commands: Sequence[OpenReceivables], known: Known) -> list[Opened | Refusal]:
    """Each sheet comes in whole, a document per row, or not at all, and then everything is told that is wrong."""
    outcomes: list[Opened | Refusal] = []
    sheets, taken = set(known.sheets), known.deliveries | known.payments
    for command in commands:
        company = known.company
        if company is None:
            outcomes.append(refuse_company(command))
            continue
        if problems := [*_why_not(command, company, known, sheets, taken)]:
            outcomes += problems
            continue
        sheets.add(command.opening_id)
        taken |= {_id(row) for row in command.rows if row.amount}
        outcomes += [_event(command, row, company.currency) for row in command.rows if row.amount]
    return outcomes


def dues_of(opened: Sequence[ReceivableOpened]) -> list[Due]:
    """What customers owe for these documents."""
    return [Due(o.delivery_id, None, o.customer_id, o.dated, o.currency, o.amount) for o in opened]


def _id(row: OpeningReceivable) -> str:
    return delivery_id(row.document) if row.amount > 0 else row.document


def _why_not(
    command: OpenReceivables, company: Company, known: Known, sheets: AbstractSet[str], taken: AbstractSet[str]
) -> Iterator[Refusal]:
    if command.opening_id in sheets:
        yield refuse(command, "opening_id", "duplicate_opening", command.opening_id, 409)
        return
    seen = set(taken)
    for index, row in enumerate(command.rows):
        if not row.amount:
            continue
        for refusal in _why_not_row(command, index, row, company, known, seen):
            yield named(refusal, row.row, OPENING_COLUMNS[refusal.field.rpartition(".")[2]])
        seen.add(_id(row))


def _why_not_row(
    command: OpenReceivables, index: int, row: OpeningReceivable, company: Company, known: Known,
    taken: AbstractSet[str],
) -> Iterator[Refusal]:
    where = f"rows.{index}"
    if row.customer_id not in known.customers:
        yield refuse(command, f"{where}.customer_id", "unknown_customer", row.customer_id)
    if _id(row) in taken:
        yield refuse(command, f"{where}.document", "duplicate_document", row.document)
    if known.opened_on and row.dated >= known.opened_on:
        yield refuse(command, f"{where}.dated", "not_before_books", row.dated.isoformat(),
                     opened_on=known.opened_on.isoformat())
    if row.due_on and row.due_on < row.dated:
        yield refuse(command, f"{where}.due_on", "due_before_document", row.due_on.isoformat())
    if row.currency and (refusal := refuse_currency(command, row.currency, company, f"{where}.currency")):
        yield refusal
    if not fits(row.amount, company.currency):
        yield refuse(
            command, f"{where}.amount", "too_many_decimals", f"{row.amount:f}", currency=company.currency
        )


def _event(command: OpenReceivables, row: OpeningReceivable, currency: str) -> Opened:
    if row.amount > 0:
        return ReceivableOpened(
            delivery_id=delivery_id(row.document), document=row.document, opening_id=command.opening_id,
            customer_id=row.customer_id, dated=row.dated, due_on=row.due_on, currency=currency, amount=row.amount,
        )
    return AdvanceOpened(
        payment_id=row.document, opening_id=command.opening_id, customer_id=row.customer_id, dated=row.dated,
        currency=currency, amount=-row.amount,
    )
