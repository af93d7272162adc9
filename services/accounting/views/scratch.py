"""A scratch: temporary tables under the ledger's own names, seen by one connection and gone with it.

What stands in them was made again by a proof. They have the constraints of the ledger, but no triggers, and nobody else
can see or change them; to make them takes no right that a service has not.
"""

from collections.abc import Sequence
from typing import Any

from services.accounting.store import LINE_COLUMNS, VOUCHER_COLUMNS
from shared.db import Db


async def make(connection: Any) -> None:
    """From now on the names stand for the scratch on this connection."""
    await connection.execute("create temp table voucher (like public.voucher including all)")
    await connection.execute("create temp table voucher_line (like public.voucher_line including all)")
    await connection.execute("create temp table period_balance (like public.period_balance including all)")


async def fill(db: Db, ledger: str, currency: str, vouchers: Sequence[Any], lines: Sequence[Any]) -> None:
    """Rows of VOUCHER_COLUMNS and the time of posting, and of LINE_COLUMNS."""
    await db.connection.copy_records_to_table(
        "voucher", schema_name="pg_temp", records=[(db.company, ledger, *row) for row in vouchers],
        columns=["company", "ledger", *VOUCHER_COLUMNS, "posted_at"],
    )
    await db.connection.copy_records_to_table(
        "voucher_line", schema_name="pg_temp", records=[(db.company, ledger, currency, *row) for row in lines],
        columns=["company", "ledger", "currency", *LINE_COLUMNS],
    )


async def add_up(db: Db, ledger: str) -> None:
    """The sums per month and account, from the lines of the scratch."""
    sums = await db.fetch(
        """
        select company, ledger, period, account, coalesce(sum(amount) filter (where side = 'D'), 0) as debit,
               coalesce(sum(amount) filter (where side = 'C'), 0) as credit
        from voucher_line where company = $1 and ledger = $2 group by company, ledger, period, account
        """,
        db.company, ledger,
    )
    await db.connection.copy_records_to_table("period_balance", schema_name="pg_temp", records=sums)
