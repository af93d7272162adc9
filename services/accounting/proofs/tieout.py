"""Tie-out (账账核对) as a proof: control accounts equal the subledgers that their owners state, and the open items."""

from services.accounting.proofs.place import Place, Result
from services.accounting.views import open_items
from services.accounting.views.tieout import standing


async def tie_out(place: Place) -> Result:
    """What was compared so far; a role of which nothing was stated yet is not compared, and no fault."""
    result = Result("tieout")
    async with place.reading() as db:
        roles = await standing(db, place.ledger)
        apart = await open_items.apart(db, place.ledger)
        items = await open_items.count(db, place.ledger)
    compared = [role for role in roles if role["position"]]
    result.differences += [
        f"{role['role']}: {role['differences']} customers, suppliers or products differ, see GET /tieout"
        for role in compared if role["differences"]
    ]
    result.differences += [
        f"open items of {row['party'] or '?'} ({row['kind']}): {row['items']:f}, the accounts say {row['lines']:f}"
        for row in apart
    ]
    result.seen = f"{len(compared)} of {len(roles)} subledgers compared, {items} open items add up"
    return result
