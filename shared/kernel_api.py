"""What every service can be asked by HTTP: to say its log again, and what could not be handled."""

import base64
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from shared import leftovers
from shared.events import Command
from shared.http import Operating, accept, not_found
from shared.leftovers import PAGE, Place
from shared.service import Service

# Where a page ended: time and id of its last message; the `next` of that page.
Cursor = Annotated[str | None, Query(pattern=r"^[-0-9T:.]{19,26}Z,[0-9a-f-]{36}$")]
Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$", description="part of the type or of the reason")]
Limit = Annotated[int, Query(ge=1, le=500)]


def kernel_router(service: Service) -> APIRouter:
    """The routes that are the same in every service."""
    router = APIRouter()
    accept(router, "/log/again", Command.registry[f"{service.name}.say_again.v1"])
    accept(router, "/messages/retry", Command.registry[f"{service.name}.retry_messages.v1"])
    accept(router, "/messages/dismiss", Command.registry[f"{service.name}.dismiss_messages.v1"])
    router.add_api_route("/rejected", rejected, methods=["GET"])
    router.add_api_route("/rejected/{id}", one_rejected, methods=["GET"])
    router.add_api_route("/pending", pending, methods=["GET"])
    router.add_api_route("/pending/{id}", one_pending, methods=["GET"])
    return router


async def rejected(
    db: Operating, dismissed: bool = False, search: Search = "", after: Cursor = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """Messages that could not be handled (被拒绝的消息), newest first; with `dismissed` those that were let go.

    A message that does not say, readably, whose it is has no company.
    """
    return await _page(db, "rejected", dismissed, search, after, limit)


async def pending(db: Operating, search: Search = "", after: Cursor = None, limit: Limit = PAGE) -> dict[str, Any]:
    """Events that wait for an earlier version of what they are about (等待前序的事件), newest first."""
    return await _page(db, "pending", False, search, after, limit)


async def one_rejected(db: Operating, id: UUID) -> dict[str, Any]:
    """A rejected message with its headers, body, reason, and what operators did about it."""
    return await _one(db, "rejected", id)


async def one_pending(db: Operating, id: UUID) -> dict[str, Any]:
    """An event that waits, with its headers and body."""
    return await _one(db, "pending", id)


async def _page(
    db: Operating, place: Place, dismissed: bool, search: str, after: str | None, limit: int
) -> dict[str, Any]:
    before = None
    if after:
        at, _, id = after.partition(",")
        before = datetime.fromisoformat(at), UUID(id)
    items = await leftovers.listed(db, place, dismissed=dismissed, search=search, before=before, limit=limit)
    last = items[-1] if len(items) == limit else None
    return {"items": items, "next": f"{last['at']:%Y-%m-%dT%H:%M:%S.%f}Z,{last['id']}" if last else None}


async def _one(db: Operating, place: Place, id: UUID) -> dict[str, Any]:
    found = await leftovers.shown(db, place, id)
    if found is None:
        raise not_found("id", str(id))
    return {**found, **readable(found["body"])}


def readable(body: bytes) -> dict[str, str]:
    """A body as text where it is text, else in base64."""
    try:
        return {"body": body.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "encoding": "base64"}
