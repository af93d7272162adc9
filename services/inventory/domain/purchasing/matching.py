"""Supplier invoices (采购发票), matched with the receipts they bill (三单匹配); their price may be another one."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal

from services.inventory.domain import refusals
from services.inventory.domain.costing import TOO_MUCH, Stocks, total
from services.inventory.domain.purchasing.values import Books, LineKey, Match, News, news_of, refuse_currency
from shared.events.inventory import (
    BilledLine,
    BookSupplierInvoice,
    SupplierInvoiced,
    SupplierInvoiceLine,
)
from shared.money import fits, worth
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Known:
    """What a bill is checked against: the books (None: no books), suppliers, bill ids in use, pools as they are."""

    books: Books | None
    suppliers: frozenset[str]
    invoices: frozenset[str]
    stock: Stocks


@dataclass(frozen=True, slots=True)
class Booked:
    """An event or a refusal per command, the costs that each bill made known (by its id), the receipt lines billed."""

    outcomes: tuple[SupplierInvoiced | Refusal, ...]
    news: Mapping[str, News]
    matches: tuple[Match, ...]


def book(commands: Sequence[BookSupplierInvoice], known: Known, matches: Mapping[LineKey, Match]) -> Booked:
    """Book bills one after the other; a refused one changes nothing."""
    now, taken, outcomes, news = dict(matches), set(known.invoices), list[SupplierInvoiced | Refusal](), {}
    for command in commands:
        refusal = _refuse(command, known, taken)
        if refusal or known.books is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        billed = _bill(command, known.books, now, known.stock)
        if isinstance(billed, Refusal):
            outcomes.append(billed)
            continue
        lines, after = billed
        now |= after
        taken.add(command.supplier_invoice_id)
        dearer = {LineKey(line.receipt_id, line.receipt_line) for line in lines if line.variance}
        news[command.supplier_invoice_id] = news_of(now[key] for key in dearer)
        outcomes.append(_event(command, lines))
    changed = tuple(match for key, match in now.items() if match != matches[key])
    return Booked(tuple(outcomes), news, changed)


def _refuse(command: BookSupplierInvoice, known: Known, taken: Set[str]) -> Refusal | None:
    """What is wrong with the head of the bill."""
    if known.books is None:
        return refusals.unknown_company(command)
    if command.supplier_invoice_id in taken:
        return refusals.refuse(
            command, "supplier_invoice_id", "duplicate_supplier_invoice", command.supplier_invoice_id, 409
        )
    if command.supplier_id not in known.suppliers:
        return refusals.refuse(command, "supplier_id", "unknown_supplier", command.supplier_id)
    return refuse_currency(command, command.currency, known.books)


def _bill(
    command: BookSupplierInvoice, books: Books, matches: Mapping[LineKey, Match], stock: Stocks
) -> tuple[list[SupplierInvoiceLine], dict[LineKey, Match]] | Refusal:
    """The lines of the bill, and the receipt lines after it."""
    lines, after = list[SupplierInvoiceLine](), dict[LineKey, Match]()
    for i, asked in enumerate(command.lines):
        key = LineKey(asked.receipt_id, asked.line)
        before = after.get(key) or matches.get(key)
        if before is None:
            return refusals.refuse(
                command, f"lines.{i}.receipt_id", "unknown_receipt_line", asked.receipt_id, line=str(asked.line)
            )
        net = worth(asked.quantity, asked.unit_cost, books.currency)
        tax = worth(net, books.vat_rate, books.currency) if asked.tax is None else asked.tax
        refusal = _refuse_line(command, i, before, tax, books) or _refuse_size(command, i, before, net, tax, stock)
        if refusal:
            return refusal
        line, after[key] = _bill_line(i + 1, asked, before, net, tax, books.currency)
        lines.append(line)
    return lines, after


def _refuse_line(
    command: BookSupplierInvoice, i: int, match: Match, tax: Decimal, books: Books
) -> Refusal | None:
    asked = command.lines[i]
    if match.supplier_id != command.supplier_id:
        return refusals.refuse(
            command, f"lines.{i}.receipt_id", "receipt_of_other_supplier", asked.receipt_id, supplier=match.supplier_id
        )
    if asked.quantity > match.unbilled:
        return refusals.refuse(
            command, f"lines.{i}.quantity", "over_billed", f"{asked.quantity:f}",
            receipt=asked.receipt_id, line=str(asked.line), left=f"{match.unbilled:f}",
        )
    if not fits(tax, books.currency):
        return refusals.refuse(command, f"lines.{i}.tax", "too_many_decimals", f"{tax:f}", currency=books.currency)
    return None


def _refuse_size(
    command: BookSupplierInvoice, i: int, match: Match, net: Decimal, tax: Decimal, stock: Stocks
) -> Refusal | None:
    """So large that the events' amounts, or what the pool would be worth, could not be counted."""
    if net >= TOO_MUCH or stock[match.pool].value + net >= TOO_MUCH:
        return refusals.refuse(command, f"lines.{i}.unit_cost", "amount_too_large", f"{net:f}")
    if tax >= TOO_MUCH:
        return refusals.refuse(command, f"lines.{i}.tax", "amount_too_large", f"{tax:f}")
    return None


def _bill_line(
    line: int, asked: BilledLine, before: Match, net: Decimal, tax: Decimal, currency: str
) -> tuple[SupplierInvoiceLine, Match]:
    relieved = before.relieve(asked.quantity, currency)
    accrued = before.accrued - relieved.accrued
    variance = net - accrued
    billed = SupplierInvoiceLine(
        line=line, receipt_id=asked.receipt_id, receipt_line=asked.line, sku=before.pool.sku, quantity=asked.quantity,
        accrued=accrued, variance=variance, net=net, tax=tax, gross=net + tax,
    )
    return billed, replace(relieved, variance=before.variance + variance)


def _event(command: BookSupplierInvoice, lines: Sequence[SupplierInvoiceLine]) -> SupplierInvoiced:
    return SupplierInvoiced(
        supplier_invoice_id=command.supplier_invoice_id, supplier_id=command.supplier_id,
        invoiced_on=command.invoiced_on, currency=command.currency, lines=tuple(lines),
        accrued=total(line.accrued for line in lines), variance=total(line.variance for line in lines),
        net=total(line.net for line in lines), tax=total(line.tax for line in lines),
        gross=total(line.gross for line in lines),
    )
