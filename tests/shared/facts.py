"""What was written as a fact stays: neither the service nor the server's administrator changes or deletes it."""

import asyncpg
import pytest

from shared.db import Pool
from shared.testing import as_admin


async def assert_never_changed(pool: Pool, *tables: str) -> None:
    """The service has no right to it, and a trigger refuses everybody else."""
    changes = ("update {} set company = company", "delete from {}", "truncate {} cascade")
    async with as_admin(pool, schema_stays=True) as administrator:
        for table in tables:
            for change in (text.format(table) for text in changes):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
                    await pool.execute(change)
                with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
                    await administrator.execute(change)
