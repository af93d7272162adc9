"""What follows the posting, a step at a time by place in the posting order, so that posting waits for none of it."""

from services.accounting import store, views
from services.accounting.proofs import chain
from shared.db import Db, Pool
from shared.rounds import Rounds

PAUSE_SECONDS = 1.0  # between two looks, if nothing is left to do


class Follower(Rounds):
    """Takes the steps. While it cannot, posting goes on, and readers add up more lines themselves."""

    name = "books"

    def __init__(self, pool: Pool) -> None:
        super().__init__(PAUSE_SECONDS)
        self._pool = pool

    async def look(self) -> bool:
        """A step everywhere."""
        return await follow(self._pool)


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
