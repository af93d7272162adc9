"""Checks of purchasing: every receipt, bill, return and payment is stepped through again, beside inventory."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import ZERO, Finding, differences, mapping
from tools.checker.said import said, share

RECEIVED, BILLED, SENT_BACK, PAID, ADJUSTED, ORDERED, OPENED = (
    f"inventory.{name}.v1" for name in
    ("goods_received", "supplier_invoiced", "purchase_returned", "supplier_paid", "cost_adjusted", "purchase_ordered",
     "payable_opened")
)


@dataclass(slots=True)
class BillLine:
    """Part of a receipt line on a bill, and what returns have taken off it."""

    bill: str
    age: tuple[str, str, int]
    quantity: Decimal
    net: Decimal
    tax: Decimal
    returned: Decimal = ZERO
    returned_net: Decimal = ZERO
    returned_tax: Decimal = ZERO

    def take_off(self, pieces: Decimal, currency: str) -> tuple[Decimal, Decimal]:
        """Net and tax of pieces that go back."""
        self.returned += pieces
        net = share(self.net, self.returned, self.quantity, currency) - self.returned_net
        tax = share(self.tax, self.returned, self.quantity, currency) - self.returned_tax
        self.returned_net, self.returned_tax = self.returned_net + net, self.returned_tax + tax
        return net, tax


@dataclass(slots=True)
class ReceiptLine:
    """A receipt line, what bills and returns have taken of it, and its bills."""

    supplier: str
    quantity: Decimal
    cost: Decimal
    taken: Decimal = ZERO  # billed, or gone back before a bill
    relieved: Decimal = ZERO
    variance: Decimal = ZERO
    returned: Decimal = ZERO
    bills: list[BillLine] = field(default_factory=list)

    @property
    def unbilled(self) -> Decimal:
        return self.quantity - self.taken

    def relieve(self, pieces: Decimal, currency: str) -> Decimal:
        """The accrued value of pieces that a bill or a return takes."""
        self.taken += pieces
        relieved = share(self.cost, self.taken, self.quantity, currency) - self.relieved
        self.relieved += relieved
        return relieved


@dataclass(slots=True)
class Matching:
    """The purchasing of one company, stepped through from its events; `faults` collects what is not right."""

    company: str
    lines: dict[tuple[str, int], ReceiptLine] = field(default_factory=dict)
    open: dict[str, Decimal] = field(default_factory=dict)
    supplier_of: dict[str, str] = field(default_factory=dict)
    variance: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    bills: int = 0

    def hear(self, event_type: str, body: dict[str, Any]) -> None:
        {RECEIVED: self._received, BILLED: self._billed, SENT_BACK: self._sent_back, PAID: self._paid,
         ADJUSTED: self._adjusted, OPENED: self._opened}[event_type](body)

    def _opened(self, body: dict[str, Any]) -> None:
        """Owed before the books: a bill of which only the sum is known."""
        bill = body["supplier_invoice_id"]
        self.open[bill], self.supplier_of[bill] = Decimal(body["amount"]), body["supplier_id"]

    def _received(self, body: dict[str, Any]) -> None:
        for line in body["lines"]:
            key = body["receipt_id"], line["line"]
            self.lines[key] = ReceiptLine(body["supplier_id"], Decimal(line["quantity"]), Decimal(line["cost"]))

    def _billed(self, body: dict[str, Any]) -> None:
        """Each line bills at most what is there to bill, relieves its share of the accrual, and says the difference."""
        bill, currency = body["supplier_invoice_id"], body["currency"]
        self.bills += 1
        self.open[bill], self.supplier_of[bill] = Decimal(body["gross"]), body["supplier_id"]
        variance: dict[str, Decimal] = defaultdict(Decimal)
        for line in body["lines"]:
            quantity, net, tax = Decimal(line["quantity"]), Decimal(line["net"]), Decimal(line["tax"])
            match = self.lines.get((line["receipt_id"], line["receipt_line"]))
            if match is None or match.supplier != body["supplier_id"] or quantity > match.unbilled:
                self._fault(f"bill {bill} line {line['line']}", "bills what was not received from the supplier")
                continue
            accrued = match.relieve(quantity, currency)
            if (accrued, net) != (Decimal(line["accrued"]), accrued + Decimal(line["variance"])):
                self._fault(f"bill {bill} line {line['line']}", f"relieves {line['accrued']} instead of {accrued:f}")
            age = body["invoiced_on"], bill, line["line"]
            match.bills.append(BillLine(bill, age, quantity, net, tax))
            match.variance += net - accrued
            variance[line["sku"]] += net - accrued
        self.variance[bill] = {sku: value for sku, value in variance.items() if value}
        self._sums(f"bill {bill}", body, ("accrued", "variance", "net", "tax", "gross"))

    def _sent_back(self, body: dict[str, Any]) -> None:
        """Unbilled goods relieve the accrual, billed ones their bills, the newest first, each by its share."""
        name = f"supplier return {body['purchase_return_id']}"
        for line in body["lines"]:
            match = self.lines.get((body["receipt_id"], line["receipt_line"]))
            quantity = Decimal(line["quantity"])
            if match is None or match.returned + quantity > match.quantity:
                self._fault(f"{name} line {line['line']}", "sends back what was not received")
                continue
            match.returned += quantity
            before_bill = min(quantity, match.unbilled)
            accrued = match.relieve(before_bill, body["currency"])
            net, tax = self._take_off(match, quantity - before_bill, body["currency"])
            if (accrued, net, tax) != (Decimal(line["accrued"]), Decimal(line["net"]), Decimal(line["tax"])):
                self._fault(f"{name} line {line['line']}", f"takes off {line['accrued']}, {line['net']} and "
                            f"{line['tax']} instead of {accrued:f}, {net:f} and {tax:f}")
            if Decimal(line["stock"]) != accrued + net + Decimal(line["residual"]):
                self._fault(f"{name} line {line['line']}", "does not add up")
        self._sums(name, body, ("accrued", "net", "tax", "residual", "stock"))

    def _take_off(self, match: ReceiptLine, left: Decimal, currency: str) -> tuple[Decimal, Decimal]:
        net = tax = ZERO
        for bill in sorted(match.bills, key=lambda bill: bill.age, reverse=True):
            pieces = min(left, bill.quantity - bill.returned)
            if pieces > 0:
                left -= pieces
                off = bill.take_off(pieces, currency)
                net, tax = net + off[0], tax + off[1]
                self.open[bill.bill] -= sum(off)
        return net, tax

    def _paid(self, body: dict[str, Any]) -> None:
        """A payment pays bills of its supplier, never more than is owed."""
        name, paid = f"supplier payment {body['supplier_payment_id']}", ZERO
        for part in body["allocations"]:
            bill, amount = part["supplier_invoice_id"], Decimal(part["amount"])
            paid += amount
            if self.supplier_of.get(bill) != body["supplier_id"]:
                self._fault(name, f"pays bill {bill}, which is not of {body['supplier_id']}")
                continue
            self.open[bill] -= amount
            if self.open[bill] * amount < 0:
                self._fault(name, f"pays more of bill {bill} than is owed")
        if paid != Decimal(body["amount"]):
            self._fault(name, f"of {body['amount']} pays {paid:f}")

    def _adjusted(self, body: dict[str, Any]) -> None:
        """What a bill made known changes costs by its variance, product by product; anything else by nothing."""
        kind, _, document = body["adjustment_id"].partition(":")
        wanted = self.variance.pop(document, {}) if kind == "supplier_invoice" else {}
        found: dict[str, Decimal] = defaultdict(Decimal)
        for line in body["lines"]:
            found[line["sku"]] += Decimal(line["stock"]) + Decimal(line["consumed"])
        where = f"adjustment {body['adjustment_id']} of {self.company}"
        self.faults += differences({sku: value for sku, value in found.items() if value}, wanted, where)
        if Decimal(body["variance"]) != sum(wanted.values(), ZERO):
            self._fault(where, f"clears {body['variance']}")

    def _sums(self, name: str, body: dict[str, Any], fields: tuple[str, ...]) -> None:
        wrong = [f for f in fields if Decimal(body[f]) != sum((Decimal(line[f]) for line in body["lines"]), ZERO)]
        if wrong or Decimal(body["gross"]) != Decimal(body["net"]) + Decimal(body["tax"]):
            self._fault(name, f"is not the sum of its lines: {', '.join(wrong) or 'gross'}")

    def _fault(self, name: str, what: str) -> None:
        self.faults.append(f"{name} of {self.company} {what}")

    def unadjusted(self) -> Iterator[str]:
        """Bills at another price that were not followed by a cost adjustment."""
        return (f"bill {bill} of {self.company}: nobody adjusted the costs by {sum(v.values()):f}"
                for bill, v in self.variance.items() if v)


async def matching(databases: Databases) -> Finding:
    """Bills are for what was received, returns take off what they relieve, payments pay what is owed, and costs are
    adjusted by what bills differ; inventory's tables of it say the same."""
    faults: list[str] = []
    bills = 0
    for company in databases.companies:
        books = Matching(company)
        heard = said(databases.inventory, company, RECEIVED, BILLED, SENT_BACK, PAID, ADJUSTED, OPENED)
        async for event_type, body in heard:
            books.hear(event_type, body)
        faults += [*books.faults, *books.unadjusted(), *await _tables(databases, books)]
        bills += books.bills
    return Finding("matching", f"{bills} supplier bills", tuple(faults))


async def _tables(databases: Databases, books: Matching) -> list[str]:
    """Where what people see of purchasing differs from the facts."""
    rows = await databases.inventory.fetch(
        "select receipt_id, line, unbilled, accrued, variance, returned from receipt_match where company = $1",
        books.company,
    )
    kept = {(r["receipt_id"], r["line"]): (r["unbilled"], r["accrued"], r["variance"], r["returned"]) for r in rows}
    wanted = {key: (m.unbilled, m.cost - m.relieved, m.variance, m.returned) for key, m in books.lines.items()}
    found = [f"receipt {key[0]} line {key[1]} of {books.company}: unbilled, accrued, variance, returned are "
             f"{_words(kept.get(key))} instead of {_words(wanted.get(key))}"
             for key in sorted(kept.keys() | wanted.keys()) if kept.get(key) != wanted.get(key)]
    rows = await databases.inventory.fetch(
        "select supplier_invoice_id, open from supplier_invoice where company = $1", books.company
    )
    return found + differences(mapping(rows), books.open, f"open of {books.company}: bill", "nothing")


def _words(values: tuple[Decimal, ...] | None) -> str:
    return "nothing" if values is None else ", ".join(f"{value:f}" for value in values)


async def purchases(databases: Databases) -> Finding:
    """Nothing was received beyond its purchase order, and the orders in the table know what was."""
    faults: list[str] = []
    seen = 0
    for company in databases.companies:
        ordered: dict[Any, Decimal] = {}
        received: dict[Any, Decimal] = defaultdict(Decimal)
        async for event_type, body in said(databases.inventory, company, ORDERED, RECEIVED):
            if event_type == ORDERED:
                seen += 1
                ordered |= {(body["purchase_id"], line["sku"]): Decimal(line["quantity"]) for line in body["lines"]}
            elif body["purchase_id"]:
                for line in body["lines"]:
                    received[body["purchase_id"], line["sku"]] += Decimal(line["quantity"])
        faults += [f"purchase {key[0]} of {company}: {pieces:f} of {key[1]} received, but only "
                   f"{ordered.get(key, ZERO):f} ordered"
                   for key, pieces in received.items() if pieces > ordered.get(key, ZERO)]
        kept = mapping(await databases.inventory.fetch(
            "select purchase_id, sku, received from purchase_order_line where company = $1 and received <> 0", company
        ))
        faults += differences(kept, received, f"received in {company} for")
    return Finding("purchases", f"{seen} purchase orders", tuple(faults))
