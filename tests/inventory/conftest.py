"""A fresh database of inventory for every test, whose stock ledger must hold afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import services.inventory
from shared.db import Pool
from shared.testing import fresh_pool
from tests.inventory.ledger import check_ledger


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_pool(Path(services.inventory.__file__).parent) as fresh:
        yield fresh
        await check_ledger(fresh)
