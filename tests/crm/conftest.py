"""A fresh database of crm for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import services.crm
from shared.db import Pool
from shared.testing import fresh_pool


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(Path(services.crm.__file__).parent) as fresh:
        yield fresh
