"""What follows the posting, a step at a time by place in the posting order, so that posting waits for none of it."""

import asyncio

import structlog

from services.accounting import store, views
from services.accounting.proofs import chain
from shared.db import Db, Pool, is_transient

PAUSE_SECONDS = 1.0  # between two looks, if nothing is left to do

logger = structlog.get_logger()


class Follower:
    """Takes the steps as long as the service serves. Replicas may all have one: the first to come does a step, the
    others find it done."""

    name = "books"

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.active = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self.active, moved = True, await follow(self._pool)
            except Exception as error:
                self.active = moved = False
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
