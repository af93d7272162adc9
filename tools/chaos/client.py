"""A good client: asks again with the same key when the outcome is unknown, and writes down what it was told."""

import asyncio
import time
from collections import defaultdict
from typing import Any

import httpx2

from tools.chaos.bystander import Bystander
from tools.chaos.history import History
from tools.checker.history import ONCE
from tools.demo.doors import Ask, HttpDoor

GIVE_UP_SECONDS = 180.0
ASK_AGAIN_SECONDS = 10.0
LONGEST_PAUSE = 2.0
REJECTED = "command_rejected.v1"

# Event type -> the field that says which document it is about: what commands lead to, and what others say then.
DOCUMENT = {
    **ONCE, "order.order_cancel_requested.v1": "order_id", "inventory.stock_short.v1": "order_id",
}


class StuckError(Exception):
    """Something that had to happen did not happen."""


class Client:
    """Both doors, what was heard, and the history."""

    def __init__(self, http: HttpDoor, history: History) -> None:
        self._http, self.history = http, history
        self.bystander: Bystander | None = None
        self._heard: dict[tuple[str, str], str] = {}  # (type, document) -> event id, or why a command was refused
        self._bells: dict[tuple[str, str], list[asyncio.Event]] = defaultdict(list)
        self.longest_wait = 0.0

    def hear(self, event_type: str, event_id: str, body: dict[str, Any]) -> None:
        """The bystander heard an event."""
        if event_type.endswith(REJECTED):
            self._learn(("refused", body["command_id"]), f"{body['field']}: {body['code']}: {body['message_en']}")
        elif event_type in DOCUMENT:
            self._learn((event_type, body[DOCUMENT[event_type]]), event_id)

    async def do(self, ask: Ask, key: str, outcome: str, document: str, *, by_queue: bool) -> None:
        """Ask until it is done. A refusal is asked again under a new key, since a service may not have heard yet what
        another one said a moment ago; StuckError with the reason when it stays refused."""
        deadline, pause, attempt = time.monotonic() + GIVE_UP_SECONDS, 0.05, 0
        while True:
            attempt_key = f"{key}.{attempt}"
            if by_queue:
                why = await self._by_queue(ask, attempt_key, (outcome, document))
            else:
                why = await self._by_http(ask, attempt_key)
            if not why:
                return
            self.history.note("refused", key=attempt_key, why=why)
            if time.monotonic() > deadline:
                raise StuckError(f"{attempt_key}: {why}")
            await asyncio.sleep(pause)
            pause, attempt = min(pause * 2, LONGEST_PAUSE), attempt + 1

    async def wait(self, document: str, *event_types: str) -> str:
        """Wait until one of these was said of a document; returns which."""
        began = time.monotonic()
        found = await self._first_of([(event_type, document) for event_type in event_types], GIVE_UP_SECONDS)
        if found is None:
            raise StuckError(f"{document}: nobody said {' or '.join(event_types)} in {GIVE_UP_SECONDS:.0f} s")
        self.longest_wait = max(self.longest_wait, time.monotonic() - began)
        return found[0]

    async def _by_http(self, ask: Ask, key: str) -> str:
        """Why it was refused, or an empty text."""
        try:
            answer = await self._http.ask(ask, key)
        except httpx2.TransportError as error:
            raise StuckError(f"{key}: no answer by HTTP: {error!r}") from error
        if answer.events:
            self.history.acknowledge(key, ask.owner, answer.events, by_queue=False)
        return answer.why

    async def _by_queue(self, ask: Ask, key: str, outcome: tuple[str, str]) -> str:
        """Send it, and send it again with the same key, until its outcome is heard."""
        assert self.bystander
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                await self.bystander.ask(ask, key)
            except Exception as error:  # RabbitMQ is away, or nobody knows whether it has the command
                self.history.note("unknown", key=key, why=repr(error)[:200])
                await asyncio.sleep(0.5)
            found = await self._first_of([outcome, ("refused", key)], ASK_AGAIN_SECONDS)
            if found == outcome:
                event = {"id": self._heard[outcome], "type": outcome[0]}
                self.history.acknowledge(key, ask.owner, [event], by_queue=True)
                return ""
            if found:
                return self._heard[found]
        raise StuckError(f"{key}: no outcome by queue in {GIVE_UP_SECONDS:.0f} s")

    def _learn(self, fact: tuple[str, str], detail: str) -> None:
        self._heard.setdefault(fact, detail)
        for bell in self._bells.pop(fact, ()):
            bell.set()

    async def _first_of(self, facts: list[tuple[str, str]], seconds: float) -> tuple[str, str] | None:
        bell = asyncio.Event()
        for fact in facts:
            self._bells[fact].append(bell)
        try:
            async with asyncio.timeout(seconds):
                while not (found := next((fact for fact in facts if fact in self._heard), None)):
                    await bell.wait()
                    bell.clear()
        except TimeoutError:
            return None
        finally:
            for fact in facts:
                if bell in (bells := self._bells.get(fact, [])):
                    bells.remove(bell)
                if not bells:
                    self._bells.pop(fact, None)
        return found
