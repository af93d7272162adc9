"""Asking until it is done: through either door, again while a service has not heard, reading when events are missed."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from tools.demo.doors import Ask, HttpDoor, QueueDoor
from tools.demo.facts import Facts

GIVE_UP_SECONDS = 180.0
LOOK_AGAIN_SECONDS = 5.0  # an event is late: read what the services show instead
LONGEST_PAUSE = 2.0


class StuckError(Exception):
    """Something that had to happen did not happen."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a document is there: a page of its owner that names it."""

    owner: str
    path: str
    document: str


class Desk:
    """Both doors and what was learned so far."""

    def __init__(self, http: HttpDoor, queue: QueueDoor, facts: Facts) -> None:
        self.http, self.queue, self.facts = http, queue, facts

    async def do(
        self, ask: Ask, key: str, *facts: str, order_id: str = "", by_queue: bool = False, proof: Proof | None = None
    ) -> None:
        """Ask until it is done. A refusal is asked again under a new key for a while, because a service may not have
        heard yet what another one said a moment ago; StuckError with the reason when it stays refused."""
        deadline, pause = time.monotonic() + GIVE_UP_SECONDS, 0.05
        attempt = 0
        while True:
            attempt_key = f"{key}.{attempt}"
            if by_queue:
                why = await self._by_queue(ask, attempt_key, facts, order_id, proof)
            else:
                why = await self._by_http(ask, attempt_key)
            if not why:
                return
            if time.monotonic() > deadline:
                raise StuckError(f"{ask.type} was refused: {why}")
            await asyncio.sleep(pause)
            pause, attempt = min(pause * 2, LONGEST_PAUSE), attempt + 1

    async def wait(self, order_id: str, *facts: str) -> str:
        """Wait until one of the facts is known, from an event or by reading; StuckError when it never is."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            if found := await self.facts.first_of(facts, LOOK_AGAIN_SECONDS):
                return found
            await self._look(order_id)
        raise StuckError(f"waited {GIVE_UP_SECONDS:.0f} s for: {' or '.join(facts)}")

    async def _by_http(self, ask: Ask, key: str) -> str:
        """Ask by HTTP; returns why it was refused, or an empty text."""
        answer = await self.http.ask(ask, key)
        for event in answer.events:
            self.facts.hear(event["type"], event["data"])
        return answer.why

    async def _by_queue(
        self, ask: Ask, key: str, facts: tuple[str, ...], order_id: str, proof: Proof | None
    ) -> str:
        """Ask by queue and wait for the outcome; the same message again when nothing was heard, with the same key."""
        refused = f"refused {key}"
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            await self.queue.ask(ask, key)
            found = await self.facts.first_of((*facts, refused), LOOK_AGAIN_SECONDS)
            if found == refused:
                return self.facts.detail(refused)
            if found:
                return ""
            await self._look(order_id)
            if proof and await self._shown(proof):
                self.facts.learn(facts[0])
        raise StuckError(f"{ask.type} {key}: no answer by queue in {GIVE_UP_SECONDS:.0f} s")

    async def _look(self, order_id: str) -> None:
        """Learn from what order shows, because an event may have been missed."""
        shown: dict[str, Any] | None = await self.http.read("order", f"/orders/{order_id}") if order_id else None
        if shown is not None:
            self.facts.see(shown)

    async def _shown(self, proof: Proof) -> bool:
        page = await self.http.read(proof.owner, proof.path, limit=500)
        return f'"{proof.document}"' in json.dumps(page)
