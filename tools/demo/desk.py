"""Asking until it is done: through either door, again while a service has not heard, reading when events are missed."""

import asyncio
import time
from typing import Any

from tools.demo.doors import Ask, HttpDoor, QueueDoor
from tools.demo.facts import Facts

GIVE_UP_SECONDS = 180.0
LOOK_AGAIN_SECONDS = 5.0  # an event is late: read what the services show instead
LONGEST_PAUSE = 2.0


class StuckError(Exception):
    """Something that had to happen did not happen."""


class Desk:
    """Both doors and what was learned so far."""

    def __init__(self, http: HttpDoor, queue: QueueDoor, facts: Facts) -> None:
        self.http, self.queue, self.facts = http, queue, facts

    async def do(self, ask: Ask, key: str, *facts: str, order_id: str = "", by_queue: bool = False) -> None:
        """Ask until it is done. A refusal is asked again under a new key for a while, because a service may not have
        heard yet what another one said a moment ago; StuckError with the reason when it stays refused."""
        deadline, pause = time.monotonic() + GIVE_UP_SECONDS, 0.05
        attempt = 0
        while True:
            attempt_key = f"{key}.{attempt}"
            if by_queue:
                why = await self._by_queue(ask, attempt_key, facts, order_id)
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
            await self._look(order_id, facts)
        raise StuckError(f"waited {GIVE_UP_SECONDS:.0f} s for: {' or '.join(facts)}")

    async def _by_http(self, ask: Ask, key: str) -> str:
        """Ask by HTTP; returns why it was refused, or an empty text."""
        answer = await self.http.ask(ask, key)
        for event in answer.events:
            self.facts.hear(event["type"], event["data"])
        return answer.why

    async def _by_queue(self, ask: Ask, key: str, facts: tuple[str, ...], order_id: str) -> str:
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
            await self._look(order_id, facts)
        raise StuckError(f"{ask.type} {key}: no answer by queue in {GIVE_UP_SECONDS:.0f} s")

    async def _look(self, order_id: str, facts: tuple[str, ...]) -> None:
        """Learn from what the services show, because an event may have been missed."""
        shown: dict[str, Any] | None = await self.http.read("order", f"/orders/{order_id}")
        if shown is not None:
            self.facts.see(shown)
        for fact in facts:
            word, _, document = fact.partition(" ")
            if word == "received" and await self.http.read("inventory", f"/receipts/{document}"):
                self.facts.learn(fact)
