"""The checker: reads only the databases, and says whether the books are right. Imports nothing of the services."""

from collections.abc import Mapping

from tools.checker import (
    costing,
    ledger,
    log,
    open_items,
    purchasing,
    returns,
    statements,
    stock,
    tables,
    tieout,
    walks,
)
from tools.checker import ties as subledgers
from tools.checker.databases import opened
from tools.checker.figures import figures
from tools.checker.findings import Figure, Finding, Report, Tie
from tools.checker.progress import Backlog, backlog

__all__ = ["Backlog", "Figure", "Finding", "Report", "Tie", "backlog", "check"]

CHECKS = (
    log.positions, log.versions, log.journal, log.outcomes,
    ledger.balance, ledger.whole_vouchers, ledger.numbers, ledger.period_balances, ledger.dimension_balances,
    walks.order_values, walks.delivery_shares, walks.shipped_is_delivered, walks.taken_back_is_returned,
    walks.reservations, stock.stock, stock.moves, stock.adjustments, returns.return_shares, returns.invoices,
    returns.credit_notes, returns.refunds, returns.settled, purchasing.purchases, purchasing.matching,
    costing.late_costs, tables.payments, tables.deliveries, tables.orders, tables.customers, tables.backlog,
    tieout.differences, open_items.sums, open_items.documents, statements.closed,
)


async def check(urls: Mapping[str, str], parked: int = 0) -> Report:
    """Check everything. `urls` are the databases of all services; `parked` is what the broker has
    in its parking queues, which no database knows."""
    async with opened(urls) as databases:
        findings = [await look(databases) for look in CHECKS]
        tied = await subledgers.ties(databases)
        leftovers, counts = await log.leftovers(databases, parked)
        totals = await ledger.totals(databases)
        happened = await figures(databases)
    findings += [*(subledgers.finding(tie) for tie in tied), leftovers]
    counts |= {"vouchers": totals["vouchers"]}
    return Report(tuple(findings), tuple(tied), counts, totals["debit"], totals["credit"], happened)
