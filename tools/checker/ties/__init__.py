"""Ties each control account of 小企业会计准则 to its subledger, which is summed anew from its owner's events."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from tools.checker.databases import Databases
from tools.checker.findings import ZERO, Finding, Tie, differences
from tools.checker.ties import goods, openings, sales
from tools.checker.ties.ledger import by_customer, by_pool, by_supplier, in_all, pieces_by_pool
from tools.checker.ties.sums import Sums

__all__ = ["finding", "ties"]

LedgerSide = Callable[[Databases, str, str], Awaitable[Sums]]
OwnerSide = Callable[[Databases, str], Awaitable[Sums]]
# (account, what it is kept by, +1 if its balance stands in debit, the two sides)
SUBLEDGERS: tuple[tuple[str, str, int, LedgerSide, OwnerSide], ...] = (
    ("1405", "stock value of product", 1, by_pool, goods.stock_value),
    ("1405", "pieces of product", 1, pieces_by_pool, goods.stock_pieces),
    ("140402", "price variance to clear", 1, in_all, goods.variance),
    ("1901", "stocktakes not approved", 1, in_all, goods.counts_waiting),
    ("1122", "delivered, kept and unpaid by customer", 1, by_customer, sales.receivable),
    ("2203", "advances of customer", -1, by_customer, sales.advances),
    ("9001", "order backlog of customer", 1, by_customer, sales.backlog),
    ("9002", "order backlog of customer", -1, by_customer, sales.backlog),
    ("220201", "billed and unpaid, supplier", -1, by_supplier, goods.payable),
    ("220202", "received and not billed, supplier", -1, by_supplier, goods.unbilled),
    ("222106", "delivered tax not invoiced, customer", -1, by_customer, sales.pending_vat),
    ("22210101", "invoiced tax of customer", -1, by_customer, sales.invoiced_tax),
    ("22210102", "billed tax of supplier", 1, by_supplier, goods.input_tax),
    ("5001", "delivered net of customer", -1, by_customer, sales.delivered_net),
    ("5401", "cost of what was sold", 1, in_all, goods.cost_of_sales),
    ("5301", "gains of stocktakes", -1, in_all, goods.count_gains),
    ("5711", "losses of stocktakes", 1, in_all, goods.count_losses),
    ("1002", "received less paid", 1, in_all, sales.money),
    ("3199", "what was there before the books", -1, in_all, openings.opened),
)


async def ties(databases: Databases) -> list[Tie]:
    """One tie per company and control account: in all, and per customer, supplier, or product and warehouse."""
    found = []
    for company in databases.companies:
        for account, subledger, sign, ledger_side, owner_side in SUBLEDGERS:
            ledger = {key: sign * value for key, value in (await ledger_side(databases, company, account)).items()}
            facts = await owner_side(databases, company)
            apart = differences(ledger, facts, subledger)
            found.append(Tie(company, account, subledger, _sum(ledger), _sum(facts), tuple(apart)))
    return found


def finding(tie: Tie) -> Finding:
    """A tie as one line of the report."""
    seen = f"{tie.company} {tie.account} {tie.subledger}: ledger {tie.ledger:f}, facts {tie.facts:f}"
    return Finding(f"tie_{tie.account}", seen, tie.differences)


def _sum(values: Mapping[str, Decimal]) -> Decimal:
    return sum(values.values(), ZERO)
