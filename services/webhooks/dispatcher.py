"""Sends what is due: one request at a time per subscription, so that its order is kept as long as nothing fails, and
subscriptions side by side, so that a slow receiver holds up nobody else."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import structlog

from services.webhooks import store
from services.webhooks.domain import after, sign
from services.webhooks.sender import Sender
from shared.db import Pool, is_transient

LOOK_SECONDS = 0.5
FORGET_SECONDS = 3600.0
AT_ONCE = 50  # subscriptions

logger = structlog.get_logger()


class Dispatcher:
    """Several may run on one database."""

    name = "dispatcher"

    def __init__(self, pool: Pool, sender: Sender) -> None:
        self.active = False  # it could look at what is due
        self._pool, self._sender = pool, sender
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; a request under way is then given up, and sent again later."""
        forgetting = asyncio.create_task(self._forget())
        try:
            while True:
                await self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.active = False
            for task in (forgetting, *self._busy.values()):
                task.cancel()
            await asyncio.gather(forgetting, *self._busy.values(), return_exceptions=True)
            await self._sender.close()

    async def _look(self) -> None:
        """Begin with every subscription that has something due and that nobody works on here."""
        try:
            due = await store.due_subscriptions(self._pool, datetime.now(UTC), 2 * AT_ONCE)
        except Exception as error:
            self.active = False
            self._excuse(error)
            return
        self.active = True
        for key in due:
            if key not in self._busy and len(self._busy) < AT_ONCE:
                task = asyncio.create_task(self._send_all(*key))
                self._busy[key] = task
                task.add_done_callback(lambda _, key=key: self._busy.pop(key))  # type: ignore[misc]

    async def _send_all(self, company: str, subscription_id: str) -> None:
        try:
            while delivery := await store.take(self._pool, company, subscription_id, datetime.now(UTC)):
                await self._send(delivery)
        except Exception as error:
            self._excuse(error)

    async def _send(self, delivery: Any) -> None:
        now = datetime.now(UTC)
        overlap = delivery["previous_until"] and now < delivery["previous_until"]
        secrets = [delivery["secret"], *([delivery["previous_secret"]] if overlap else [])]
        timestamp = int(now.timestamp())
        attempt = await self._sender.send(delivery["url"], {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": delivery["delivery_id"], "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secrets, delivery["delivery_id"], timestamp, delivery["body"]),
        }, delivery["body"])
        delivers = bool(delivery["delivered_at"]) and delivery["delivered_at"] > delivery["made_at"]
        now = datetime.now(UTC)
        following = after(attempt, delivery["attempts"], now, random.random(), delivers=delivers)
        await store.note(self._pool, delivery, attempt, following, now)
        if not attempt.ok:
            logger.warning("webhook not taken", company=delivery["company"], subscription=delivery["subscription_id"],
                           delivery=delivery["delivery_id"], why=attempt.words, state=following.state,
                           disabled=following.disable)

    async def _forget(self) -> None:
        while True:
            try:
                await store.forget(self._pool, datetime.now(UTC))
            except Exception as error:
                self._excuse(error)
            await asyncio.sleep(FORGET_SECONDS)

    def _excuse(self, error: Exception) -> None:
        """The database is away: later. Anything else is a bug, but no reason to send nothing any more."""
        level = logger.warning if is_transient(error) else logger.error
        level("webhooks wait", error=f"{type(error).__name__}: {error}"[:300])
