"""A fresh database of accounting for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import services.accounting
from shared.db import Pool
from shared.testing import fresh_pool


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(Path(services.accounting.__file__).parent) as fresh:
        yield fresh
