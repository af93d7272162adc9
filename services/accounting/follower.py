"""What follows the posting, a step at a time by place in the posting order, so that posting waits for none of it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from fastapi import FastAPI

from services.accounting import store, views
from services.accounting.proofs import chain
from shared.db import Db, Pool, is_transient

PAUSE_SECONDS = 1.0  # between two looks, if nothing is left to do

logger = structlog.get_logger()


def beside(_app: FastAPI, pool: Pool) -> Coroutine[Any, Any, None]:
    """What runs beside the doors of a service that serves."""
    return follow_for_ever(pool)


async def follow_for_ever(pool: Pool) -> None:
    """Until it is cancelled. Replicas do the same at once: the first to come does a step, the others find it done."""
    while True:
        try:
            moved = await follow(pool)
        except Exception as error:
            moved = False
            if is_transient(error):
                logger.warning("books wait for the database", error=repr(error)[:300])
            else:  # whatever it is, posting goes on, and readers add up more lines themselves
                logger.error("books do not follow", exc_info=error)
        if not moved:
            await asyncio.sleep(PAUSE_SECONDS)


async def follow(pool: Pool) -> bool:
    """One step in every ledger of every company; True if anything moved."""
    async with pool.acquire() as connection:
        behind = await views.behind(connection)
        for company, ledger in behind:
            await store.advance_dimensions(Db(connection, company), ledger)
        unsealed = await views.unsealed(connection, chain.BLOCK)
        for company, ledger in unsealed:
            await chain.seal(Db(connection, company), ledger, whole_only=True)
    return bool(behind or unsealed)
