"""Goods go back to the supplier (采购退货) at what their receipt is known to have cost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from services.inventory.domain import refusals
from services.inventory.domain.costing import (
    PURCHASE_RETURN,
    Document,
    Move,
    Stock,
    Stocks,
    give_back,
    move_between,
    total,
)
from services.inventory.domain.purchasing.values import LineKey, Match, News, news_of
from shared.events.inventory import PaidInvoice, PurchaseReturned, PurchaseReturnLine, ReturnToSupplier
from shared.money import next_share
from shared.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the goods lie and whose they were."""

    receipt_id: str
    supplier_id: str
    warehouse: str


@dataclass(frozen=True, slots=True)
class Billed:
    """A bill's line of a receipt line, and what returns have taken off it so far."""

    supplier_invoice_id: str
    line: int
    key: LineKey
    quantity: Decimal
    net: Decimal
    tax: Decimal
    returned: Decimal
    returned_net: Decimal
    returned_tax: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """What a line of a return takes off a line of a bill."""

    purchase_return_id: str
    return_line: int
    supplier_invoice_id: str
    invoice_line: int
    quantity: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """What a return is checked against: the books' currency (None: no books), return ids in use, receipts."""

    currency: str | None
    returns: frozenset[str]
    receipts: Mapping[str, Receipt]


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a return changes. The bills of a receipt line are given newest first."""

    stock: Stocks
    matches: Mapping[LineKey, Match]
    bills: Mapping[LineKey, Sequence[Billed]]


@dataclass(frozen=True, slots=True)
class Returned:
    """An event or a refusal per command, and what changes: pools, receipt lines, bills, and the stock ledger.

    `news` are, by the id of the return, its receipt lines: what is left of them tells anew what they cost.
    """

    outcomes: tuple[PurchaseReturned | Refusal, ...]
    news: Mapping[str, News]
    stock: Stocks
    matches: tuple[Match, ...]
    credits: tuple[Credit, ...]
    moves: tuple[Move, ...]


class _Draft(NamedTuple):
    lines: list[PurchaseReturnLine]
    moves: list[Move]
    credits: list[Credit]


def send_back(commands: Sequence[ReturnToSupplier], known: Known, state: State) -> Returned:
    """Send goods back, one command after the other; a refused one changes nothing."""
    now, taken, outcomes = state, set(known.returns), list[PurchaseReturned | Refusal]()
    moves, credits, news = list[Move](), list[Credit](), dict[str, News]()
    for command in commands:
        refusal = _refuse(command, known, taken)
        if refusal or known.currency is None:
            outcomes.append(refusal or refusals.unknown_company(command))
            continue
        made = _send_back_lines(command, known.currency, now)
        if isinstance(made, Refusal):
            outcomes.append(made)
            continue
        draft, now = made
        moves += draft.moves
        credits += draft.credits
        taken.add(command.purchase_return_id)
        keys = [LineKey(command.receipt_id, line.line) for line in command.lines]
        news[command.purchase_return_id] = news_of(now.matches[key] for key in keys)
        outcomes.append(_event(command, known.receipts[command.receipt_id], draft, known.currency))
    changed = tuple(match for key, match in now.matches.items() if match != state.matches[key])
    return Returned(tuple(outcomes), news, now.stock, changed, tuple(credits), tuple(moves))


def _refuse(command: ReturnToSupplier, known: Known, taken: Set[str]) -> Refusal | None:
    if known.currency is None:
        return refusals.unknown_company(command)
    if command.purchase_return_id in taken:
        return refusals.refuse(
            command, "purchase_return_id", "duplicate_purchase_return", command.purchase_return_id, 409
        )
    if command.receipt_id not in known.receipts:
        return refusals.refuse(command, "receipt_id", "unknown_receipt", command.receipt_id, 404)
    return None


def _send_back_lines(command: ReturnToSupplier, currency: str, state: State) -> tuple[_Draft, State] | Refusal:
    """What the whole document does; `state` stays as it is."""
    document, draft = Document(PURCHASE_RETURN, command.purchase_return_id, command.returned_on), _Draft([], [], [])
    stock, matches, bills, seen = dict(state.stock), dict(state.matches), dict(state.bills), set[int]()
    for i, asked in enumerate(command.lines):
        key = LineKey(command.receipt_id, asked.line)
        match = matches.get(key)
        if match is None:
            return refusals.refuse(
                command, f"lines.{i}.line", "unknown_receipt_line", command.receipt_id, line=str(asked.line)
            )
        before = stock[match.pool]
        refusal = _refuse_line(command, i, match, before, seen)
        if refusal:
            return refusal
        seen.add(asked.line)
        unbilled = min(asked.quantity, match.unbilled)
        matches[key] = replace(match.relieve(unbilled, currency), returned=match.returned + asked.quantity)
        credits, bills[key] = _credit(command, i + 1, bills.get(key, ()), asked.quantity - unbilled, currency)
        line, after = _line(i + 1, asked.quantity, match, matches[key], credits, before)
        stock[match.pool] = after
        draft.lines.append(line)
        draft.moves.append(move_between(
            before, after, document, i + 1, origin=match.move, claimed=line.accrued + line.net
        ))
        draft.credits.extend(credits)
    return draft, State(stock, matches, bills)


def _refuse_line(
    command: ReturnToSupplier, i: int, match: Match, stock: Stock, seen: Set[int]
) -> Refusal | None:
    asked, left = command.lines[i], match.quantity - match.returned
    if asked.line in seen:
        return refusals.refuse(command, f"lines.{i}.line", "repeated_line", str(asked.line))
    if asked.quantity > left:
        return refusals.refuse(
            command, f"lines.{i}.quantity", "over_returned", f"{asked.quantity:f}",
            line=str(asked.line), left=f"{left:f}",
        )
    if asked.quantity > stock.available:
        return refusals.refuse(
            command, f"lines.{i}.quantity", "not_available", f"{asked.quantity:f}", 409,
            sku=match.pool.sku, left=f"{stock.available:f}",
        )
    return None


def _credit(
    command: ReturnToSupplier, return_line: int, bills: Sequence[Billed], quantity: Decimal, currency: str
) -> tuple[list[Credit], list[Billed]]:
    """Take billed goods off their bills, the newest first, each with its share of net and tax; the shares add up."""
    credits, after, left = list[Credit](), list[Billed](), quantity
    for bill in bills:
        piece = min(left, bill.quantity - bill.returned)
        if piece > 0:
            left -= piece
            so_far = bill.returned + piece
            net = next_share(bill.net, so_far, bill.quantity, bill.returned_net, currency)
            tax = next_share(bill.tax, so_far, bill.quantity, bill.returned_tax, currency)
            credits.append(Credit(
                command.purchase_return_id, return_line, bill.supplier_invoice_id, bill.line, piece, net, tax
            ))
            bill = replace(
                bill, returned=so_far, returned_net=bill.returned_net + net, returned_tax=bill.returned_tax + tax
            )
        after.append(bill)
    assert left == 0, "what is not unbilled is on a bill"
    return credits, after


def _line(
    line: int, quantity: Decimal, match: Match, match_after: Match, credits: Sequence[Credit], before: Stock
) -> tuple[PurchaseReturnLine, Stock]:
    """The line of the return, and the pool after it."""
    accrued = match.accrued - match_after.accrued
    net = total(credit.net for credit in credits)
    after = give_back(before, quantity, accrued + net)
    stock = before.value - after.value
    return PurchaseReturnLine(
        line=line, receipt_line=match.key.line, sku=match.pool.sku, quantity=quantity, accrued=accrued, net=net,
        tax=total(credit.tax for credit in credits), residual=stock - accrued - net, stock=stock,
    ), after


def _event(command: ReturnToSupplier, receipt: Receipt, draft: _Draft, currency: str) -> PurchaseReturned:
    lines, off_bills = draft.lines, defaultdict[str, Decimal](Decimal)
    for credit in draft.credits:
        off_bills[credit.supplier_invoice_id] += credit.net + credit.tax
    net, tax = total(line.net for line in lines), total(line.tax for line in lines)
    return PurchaseReturned(
        purchase_return_id=command.purchase_return_id, receipt_id=command.receipt_id, supplier_id=receipt.supplier_id,
        returned_on=command.returned_on, warehouse=receipt.warehouse, currency=currency, lines=tuple(lines),
        accrued=total(line.accrued for line in lines), net=net, tax=tax, gross=net + tax,
        residual=total(line.residual for line in lines), stock=total(line.stock for line in lines),
        credits=tuple(
            PaidInvoice(supplier_invoice_id=bill, amount=amount) for bill, amount in off_bills.items() if amount
        ),
    )
