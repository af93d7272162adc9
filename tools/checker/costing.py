"""The promise of late costs: stock is worth what it would be worth, had every bill come before the first shipment.

Every pool is valued again from the events alone, receipts at their bills' prices from the beginning. Of a receipt that
partly went back to its supplier, what is kept tells what the whole cost, for goods that go back before their bill never
get one. Left out, and counted, are pools that were ever negative, or empty when a stocktake found goods.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tools.checker.databases import Databases
from tools.checker.findings import ZERO, Finding
from tools.checker.said import said, share

OPENED, RECEIVED, SHIPPED, TAKEN_BACK, SENT_BACK, COUNTED, BILLED = (
    f"inventory.{name}.v1" for name in
    ("stock_opened", "goods_received", "goods_shipped", "goods_returned", "purchase_returned", "stock_counted",
     "supplier_invoiced")
)
Pool = tuple[str, str]


@dataclass(slots=True)
class Bought:
    """A receipt line with all its bills, and what went back of it to the supplier."""

    quantity: Decimal
    cost: Decimal
    sent_back: Decimal = ZERO
    claimed: Decimal = ZERO  # what the supplier took it back at
    gone: Decimal = ZERO
    gone_cost: Decimal = ZERO

    def whole(self, currency: str) -> Decimal:
        """What it would have cost, had nothing gone back."""
        kept = self.quantity - self.sent_back
        return share(self.cost - self.claimed, self.quantity, kept, currency) if kept else self.cost

    def send_back(self, pieces: Decimal, currency: str) -> Decimal:
        """The share that pieces take along which go back."""
        self.gone += pieces
        rest = self.whole(currency) - self.cost + self.claimed
        cost = share(rest, self.gone, self.sent_back, currency) - self.gone_cost
        self.gone_cost += cost
        return cost


@dataclass(slots=True)
class Issue:
    """Pieces that left, at what is known of their cost, and what came back of them."""

    quantity: Decimal
    cost: Decimal
    returned: Decimal = ZERO
    returned_cost: Decimal = ZERO


@dataclass(slots=True)
class Level:
    quantity: Decimal = ZERO
    value: Decimal = ZERO

    def leave(self, pieces: Decimal, currency: str) -> Decimal:
        """Take pieces out at the average; what stays is rounded."""
        left = self.quantity - pieces
        stays = share(self.value, left, self.quantity, currency) if left > 0 else ZERO
        cost, self.quantity, self.value = self.value - stays, left, stays
        return cost


@dataclass(slots=True)
class Valuation:
    """The pools of one company, valued with what is known of its purchases in the end."""

    bought: dict[tuple[str, int], Bought]
    levels: dict[Pool, Level] = field(default_factory=lambda: defaultdict(Level))
    issues: dict[tuple[str, int], Issue] = field(default_factory=dict)
    left_out: set[Pool] = field(default_factory=set)

    def hear(self, event_type: str, body: dict[str, Any]) -> None:
        """Move every line; a document of something that was never said leaves its pool out, other checks name it."""
        for line in body["lines"]:
            pool = line["sku"], body["warehouse"]
            if pool not in self.left_out:
                try:
                    self._step(event_type, body, line, pool)
                except (KeyError, ArithmeticError):
                    self.left_out.add(pool)

    def _step(self, event_type: str, body: dict[str, Any], line: dict[str, Any], pool: Pool) -> None:
        level, currency = self.levels[pool], body["currency"]
        pieces = Decimal(line["difference"] if event_type == COUNTED else line["quantity"])
        match event_type:
            case "inventory.stock_opened.v1":
                level.quantity, level.value = level.quantity + pieces, level.value + Decimal(line["cost"])
            case "inventory.goods_received.v1":
                known = self.bought[body["receipt_id"], line["line"]].whole(currency)
                level.quantity, level.value = level.quantity + pieces, level.value + known
            case "inventory.goods_returned.v1":
                level.quantity += pieces
                level.value += self._back(self.issues[body["shipment_id"], line["line"]], pieces, currency)
            case "inventory.purchase_returned.v1":
                self._send_back(self.bought[body["receipt_id"], line["receipt_line"]], pool, pieces, currency)
            case _ if event_type == COUNTED and pieces >= 0:
                self._find(pool, pieces, currency)
            case _:
                self._leave(body, line, pool, abs(pieces))

    def _leave(self, body: dict[str, Any], line: dict[str, Any], pool: Pool, pieces: Decimal) -> None:
        """A shipment, or what a stocktake does not find."""
        if pieces > self.levels[pool].quantity:
            self.left_out.add(pool)
            return
        cost = self.levels[pool].leave(pieces, body["currency"])
        if shipment := body.get("shipment_id"):
            self.issues[shipment, line["line"]] = Issue(pieces, cost)

    def _back(self, issue: Issue, pieces: Decimal, currency: str) -> Decimal:
        """The share of the issue's cost."""
        issue.returned += pieces
        cost = share(issue.cost, issue.returned, issue.quantity, currency) - issue.returned_cost
        issue.returned_cost += cost
        return cost

    def _send_back(self, bought: Bought, pool: Pool, pieces: Decimal, currency: str) -> None:
        """At its receipt's cost, but a pool never gives more than it has, and gives everything in the end."""
        level, cost = self.levels[pool], bought.send_back(pieces, currency)
        level.quantity -= pieces
        level.value = max(level.value - cost, ZERO) if level.quantity else ZERO

    def _find(self, pool: Pool, pieces: Decimal, currency: str) -> None:
        """A stocktake finds pieces: at the average."""
        level = self.levels[pool]
        if pieces and not level.quantity:
            self.left_out.add(pool)
        elif pieces:
            level.value = share(level.value, level.quantity + pieces, level.quantity, currency)
            level.quantity += pieces


async def _bought(databases: Databases, company: str) -> dict[tuple[str, int], Bought]:
    """Every receipt line with everything that became known of it later."""
    found: dict[tuple[str, int], Bought] = {}
    async for event_type, body in said(databases.inventory, company, RECEIVED, BILLED, SENT_BACK):
        for line in body["lines"]:
            key = line.get("receipt_id") or body["receipt_id"], line.get("receipt_line") or line["line"]
            if event_type == RECEIVED:
                found[key] = Bought(Decimal(line["quantity"]), Decimal(line["cost"]))
            elif event_type == BILLED and key in found:
                found[key].cost += Decimal(line["variance"])
            elif key in found:
                found[key].sent_back += Decimal(line["quantity"])
                found[key].claimed += Decimal(line["accrued"]) + Decimal(line["net"])
    return found


async def late_costs(databases: Databases) -> Finding:
    """Every pool is worth what it would be worth, had all bills come first."""
    faults: list[str] = []
    seen = left_out = 0
    for company in databases.companies:
        valuation = Valuation(await _bought(databases, company))
        kinds = (OPENED, RECEIVED, SHIPPED, TAKEN_BACK, SENT_BACK, COUNTED)
        async for event_type, body in said(databases.inventory, company, *kinds):
            valuation.hear(event_type, body)
        rows = await databases.inventory.fetch(
            "select sku, warehouse, quantity, value from stock where company = $1 order by sku, warehouse", company
        )
        left_out += len(valuation.left_out)
        for row in rows:
            pool = row["sku"], row["warehouse"]
            level = valuation.levels[pool]
            if pool not in valuation.left_out:
                seen += 1
                if (row["quantity"], row["value"]) != (level.quantity, level.value):
                    faults.append(f"{pool[0]} in {pool[1]} of {company}: {row['quantity']:f} worth {row['value']:f}; "
                                  f"with all bills first {level.quantity:f} worth {level.value:f}")
    return Finding("late_costs", f"{seen} pools valued again, {left_out} left out", tuple(faults))
