"""What a log line may hold: no values of rows that Postgres quotes in its errors."""

import asyncpg
import pytest
import structlog

from shared.db import Pool
from shared.logs import log_as


async def test_a_logged_database_error_does_not_show_row_values(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "canary-13800138000"
    log_as("json", "INFO")
    try:
        with pytest.raises(asyncpg.NotNullViolationError, match=secret) as caught:
            await pool.execute("insert into relay_cursor values ($1, null)", secret)
        structlog.get_logger().error("request failed", exc_info=caught.value)
    finally:
        structlog.reset_defaults()
    line = capsys.readouterr().err
    assert "NotNullViolationError" in line
    assert "canary" not in line
