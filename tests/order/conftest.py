"""A fresh database of the order service for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import services.order
from shared.db import Pool
from shared.testing import fresh_pool


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(Path(services.order.__file__).parent) as fresh:
        yield fresh
