"""What the events of both owners say of the time before the books: stock, receivables, advances, payables."""

from decimal import Decimal
from typing import Any

from tools.checker.databases import Databases
from tools.checker.ties.sums import Sums

# Event type -> the side of the opening account that it stands on: +1 is credit.
SIGNS = {
    "order.receivable_opened.v1": 1, "order.advance_opened.v1": -1,
    "inventory.stock_opened.v1": 1, "inventory.payable_opened.v1": -1,
}


async def opened(databases: Databases, company: str) -> Sums:
    """What was there and owed to the company, less what it owed."""
    return {"all": await _opened(databases.order, company) + await _opened(databases.inventory, company)}


async def _opened(connection: Any, company: str) -> Decimal:
    rows = await connection.fetch(
        """
        select type, sum(coalesce(b ->> 'amount', b ->> 'cost')::numeric) as amount
        from (select type, convert_from(body, 'UTF8')::jsonb as b from event
              where company = $1 and type = any ($2::text[])) as said
        group by type
        """,
        company, list(SIGNS),
    )
    return sum((SIGNS[row["type"]] * row["amount"] for row in rows), Decimal(0))
