"""The HTTP door of changes of a ledger's rules: propose, approve, discard; what is in force from which day, and why."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from services.accounting.api.ledger import Books
from services.accounting.store import policies as store
from shared.events.policies import (
    ApprovePolicyChange,
    DiscardPolicyChange,
    ImportAccounts,
    ProposeMapping,
    ProposePack,
)
from shared.http import Reading, accept, not_found

router = APIRouter()

accept(router, "/policies/mappings", ProposeMapping)
accept(router, "/imports/accounts", ImportAccounts)
accept(router, "/policies/packs", ProposePack)
accept(router, "/policies/approvals", ApprovePolicyChange)
accept(router, "/policies/discards", DiscardPolicyChange)


@router.get("/policies")
async def list_policies(book: Books) -> dict[str, Any]:
    """Every version of the ledger's rules: from which day, by which pack, proposed and approved by whom (会计政策)."""
    return {"ledger": book.ledger, "versions": await store.versions(book.db, book.ledger)}


@router.get("/policies/versions/{version}")
async def show_policy(book: Books, version: Annotated[int, Path(ge=1, lt=2**31)]) -> dict[str, Any]:
    """Which account plays which role in a version (角色与科目的映射)."""
    roles = await store.roles(book.db, book.ledger, version)
    if roles is None:
        raise not_found("version", str(version))
    return {"ledger": book.ledger, "version": version, "roles": roles}


@router.get("/policies/proposals")
async def list_proposals(db: Reading, after: Annotated[str, Query(max_length=64)] = "") -> dict[str, Any]:
    """Changes that wait for somebody else's approval, by id, a page at a time."""
    found = await store.waiting(db, after)
    return {"proposals": found, "next": found[-1]["proposal_id"] if len(found) == store.PAGE else None}
