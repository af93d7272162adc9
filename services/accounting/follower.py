"""What follows the posting, a step at a time by place in the posting order, so that posting waits for none of it."""

from services.accounting import store, views
from services.accounting.domain import open_items
from services.accounting.proofs import chain
from services.accounting.store import open_items as item_store
from services.accounting.views import open_items as item_views
from shared.db import Db, Pool
from shared.rounds import Rounds

PAUSE_SECONDS = 1.0  # between two looks, if nothing is left to do
# While batches of so many follow one another this closely, posting goes first: it takes what the follower would use.
# Readers of balances add up what it left, and lists of open items say how far they are behind; so it may not fall
# behind by more than this many vouchers.
FULL_BATCH, CLOSE_SECONDS, PATIENCE = 250, 3.0, 50_000


class Follower(Rounds):
    """Takes the steps. While it does not, posting goes on, and readers add up more lines themselves."""

    name = "books"

    def __init__(self, pool: Pool) -> None:
        super().__init__(PAUSE_SECONDS)
        self._pool = pool

    async def look(self) -> bool:
        """A step everywhere, unless posting is busy."""
        async with self._pool.acquire() as connection:
            if await views.posting_goes_first(connection, FULL_BATCH, CLOSE_SECONDS, PATIENCE):
                return False
        return await follow(self._pool)


async def follow(pool: Pool) -> bool:
    """One step in every ledger of every company; True if anything moved."""
    async with pool.acquire() as connection:
        behind = await views.behind(connection)
        for company, ledger in behind:
            await store.advance_dimensions(Db(connection, company), ledger)
        items_behind = await item_views.behind(connection)
        for company, ledger in items_behind:
            await move_open_items(Db(connection, company), ledger)
        unsealed = await views.unsealed(connection, chain.BLOCK)
        for company, ledger in unsealed:
            await chain.seal(Db(connection, company), ledger, whole_only=True)
    return bool(behind or items_behind or unsealed)


async def move_open_items(db: Db, ledger: str) -> None:
    """Move the open items over the next vouchers."""
    done, upto = await item_store.next_step(db, ledger, store.STEP)
    moved = await item_store.load_moved(db, ledger, done, upto)
    await item_store.move(db, ledger, done, upto, list(open_items.moves(open_items.moved_of(row) for row in moved)))
