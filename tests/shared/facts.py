"""What tests of all services assert of what was written, said and refused."""

from collections.abc import Sequence

import asyncpg
import pytest

from shared.db import Pool
from shared.events import Event
from shared.refusal import Answer
from shared.testing import as_admin


async def nothing_was_rejected(pool: Pool) -> None:
    assert await pool.fetch("select reason from rejected") == []
    assert await pool.fetch("select subject from pending") == []


def kinds(events: Sequence[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, field and code of the only error."""
    [error] = answer.errors
    assert not answer.events
    return answer.status, error["field"], error["code"]


async def assert_never_changed(pool: Pool, *tables: str) -> None:
    """What was written as a fact stays: the service has no right to it, and a trigger refuses everybody else."""
    changes = ("update {} set company = company", "delete from {}", "truncate {} cascade")
    async with as_admin(pool, schema_stays=True) as administrator:
        for table in tables:
            for change in (text.format(table) for text in changes):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
                    await pool.execute(change)
                with pytest.raises(asyncpg.CheckViolationError, match="never changed"):
                    await administrator.execute(change)
