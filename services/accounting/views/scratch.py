"""A scratch: the schema `rebuild`, whose tables have the ledger's own names and constraints, but no triggers.

What stands there was made again by a proof; nothing of the ledger can be reached by writing there.
"""

from collections.abc import Sequence
from typing import Any

from services.accounting.store import LINE_COLUMNS, VOUCHER_COLUMNS
from shared.db import Db

SCHEMA = "rebuild"


class BusyError(Exception):
    """Another proof is under way that makes a ledger again."""


async def enter(connection: Any) -> None:
    """Empty the scratch, and let the names stand for it on this connection. BusyError if somebody else is in there: it
    is free again when the connection ends."""
    if not await connection.fetchval("select pg_try_advisory_lock(hashtextextended('rebuild', 0))"):
        raise BusyError("another proof makes this ledger again right now")
    await connection.execute("select empty_rebuild()")
    await connection.execute("set search_path = rebuild, public")


async def leave(connection: Any) -> None:
    """Give the room back to the disk."""
    await connection.execute("select empty_rebuild()")


async def fill(db: Db, ledger: str, currency: str, vouchers: Sequence[Any], lines: Sequence[Any]) -> None:
    """Rows of VOUCHER_COLUMNS and the time of posting, and of LINE_COLUMNS."""
    await db.connection.copy_records_to_table(
        "voucher", schema_name=SCHEMA, records=[(db.company, ledger, *row) for row in vouchers],
        columns=["company", "ledger", *VOUCHER_COLUMNS, "posted_at"],
    )
    await db.connection.copy_records_to_table(
        "voucher_line", schema_name=SCHEMA, records=[(db.company, ledger, currency, *row) for row in lines],
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
    await db.connection.copy_records_to_table("period_balance", schema_name=SCHEMA, records=sums)
