"""The HTTP door of webhooks: subscriptions and their deliveries, for the admins and operators of a company."""

import json
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.webhooks import store, views
from services.webhooks.domain import new_secret, structured
from services.webhooks.sender import Sender
from shared.asked import FORBIDDEN
from shared.db import Db
from shared.events.base import Key
from shared.http import CurrentActor, Reading, not_found, problem
from shared.partner.wishes import WishError, events, find
from shared.refusal import Text

router = APIRouter()

ROLES = frozenset({"admin", "operator"})
BAD_URL = Text("不能推送到这个地址（须为互联网上的 https://主机/路径）：{why}", "this address cannot be sent to: {why}")
BAD_EVENT = Text("没有这样的事件：{why}", "no such event: {why}")

SubscriptionId = Annotated[Key, Path()]
DeliveryId = Annotated[Key, Path()]


async def _managing(db: Reading, actor: CurrentActor) -> Db:
    if not actor.roles & ROLES:
        raise problem(403, "actor", "forbidden", FORBIDDEN, roles=", ".join(sorted(ROLES)))
    return db


Managing = Annotated[Db, Depends(_managing)]


class Wanted(BaseModel):
    """Where to send what."""

    model_config = ConfigDict(extra="forbid")

    subscription_id: Key
    url: Annotated[str, Field(max_length=2000)]
    hears: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=100)]


@router.post("/subscriptions", status_code=201)
async def subscribe(
    wanted: Wanted, request: Request, response: Response, db: Managing, actor: CurrentActor
) -> dict[str, Any]:
    """Make a subscription (订阅), or change one that exists. The secret of a new one is shown only now."""
    sender: Sender = request.app.state.sender
    if why := await sender.why_not(wanted.url):
        raise problem(422, "url", "invalid", BAD_URL, why=why)
    try:
        hears = find("hears", wanted.hears, events())
    except WishError as error:
        raise problem(422, "hears", "unknown_event", BAD_EVENT, why=str(error)) from error
    secret = new_secret(secrets.token_bytes(32))
    new = await store.save_subscription(
        db, wanted.subscription_id, wanted.url, hears, secret, actor.name, datetime.now(UTC))
    if not new:
        response.status_code = 200
    shown = await _one(db, wanted.subscription_id)
    return shown | ({"secret": secret} if new else {})


@router.get("/subscriptions")
async def list_subscriptions(db: Managing) -> list[dict[str, Any]]:
    """The company's subscriptions, and how much waits for each."""
    return await views.subscriptions(db)


@router.get("/subscriptions/{subscription_id}")
async def show_subscription(db: Managing, subscription_id: SubscriptionId) -> dict[str, Any]:
    """One of them; `reason` says why it was disabled."""
    return await _one(db, subscription_id)


@router.delete("/subscriptions/{subscription_id}", status_code=204)
async def unsubscribe(db: Managing, subscription_id: SubscriptionId) -> None:
    """Remove it with its deliveries."""
    _found(await store.delete_subscription(db, subscription_id), "subscription_id", subscription_id)


@router.post("/subscriptions/{subscription_id}/{state}")
async def switch(
    db: Managing, subscription_id: SubscriptionId, state: Literal["pause", "resume"]
) -> dict[str, Any]:
    """Pause it (events wait), or let it go on, also after it was disabled."""
    to = {"pause": "paused", "resume": "active"}[state]
    _found(await store.set_state(db, subscription_id, to), "subscription_id", subscription_id)
    return await _one(db, subscription_id)


@router.post("/subscriptions/{subscription_id}/secret/renewal")
async def renew_secret(db: Managing, subscription_id: SubscriptionId) -> dict[str, str]:
    """A new secret, shown only now; for 24 hours requests carry signatures of both."""
    secret = new_secret(secrets.token_bytes(32))
    found = await store.renew_secret(db, subscription_id, secret, datetime.now(UTC))
    _found(found, "subscription_id", subscription_id)
    return {"secret": secret}


@router.post("/subscriptions/{subscription_id}/deliveries/test", status_code=202)
async def send_test(db: Managing, subscription_id: SubscriptionId) -> dict[str, str]:
    """Send an event of type `webhooks.test.v1`, with which nothing happened."""
    now, delivery_id = datetime.now(UTC), str(uuid4())
    attributes = {"specversion": "1.0", "id": delivery_id, "source": "/fenlu/webhooks", "type": "webhooks.test.v1",
                  "subject": "test", "time": now.isoformat(), "company": db.company}
    body = structured(attributes, json.dumps({"subscription_id": subscription_id}).encode())
    _found(await store.insert_test(db, subscription_id, delivery_id, body, now), "subscription_id", subscription_id)
    return {"delivery_id": delivery_id}


@router.get("/subscriptions/{subscription_id}/deliveries")
async def list_deliveries(
    db: Managing, subscription_id: SubscriptionId, state: Literal["due", "delivered", "failed"] | None = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="the `seq` where the page before ended")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[dict[str, Any]]:
    """The log of deliveries, newest first: what was sent, how often, and what the receiver said."""
    return await views.deliveries(db, subscription_id, state, before, limit)


@router.post("/subscriptions/{subscription_id}/deliveries/{delivery_id}/again", status_code=202)
async def send_again(db: Managing, subscription_id: SubscriptionId, delivery_id: DeliveryId) -> dict[str, str]:
    """Send one again, whatever became of it."""
    found = await store.send_again(db, subscription_id, delivery_id, datetime.now(UTC))
    _found(found, "delivery_id", delivery_id)
    return {"delivery_id": delivery_id}


async def _one(db: Db, subscription_id: str) -> dict[str, Any]:
    found = await views.subscriptions(db, subscription_id)
    _found(bool(found), "subscription_id", subscription_id)
    return found[0]


def _found(found: bool, field: str, value: str) -> None:
    if not found:
        raise not_found(field, value)
