"""What webhooks say of themselves: what receivers have not taken, since when, and whether anything is sent at all."""

import asyncio
from typing import Any

import pytest

from services.webhooks import dispatcher, store, views
from services.webhooks.dispatcher import Dispatcher
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.finding import Finding
from shared.testing import deliver
from tests.shared.samples import approved
from tests.shared.waits import beside, until_true
from tests.webhooks.conftest import Desk, Receiver


async def figures(pool: Pool) -> list[float]:
    """Undelivered, the age of the oldest in hours, failed, disabled."""
    async with pool.acquire() as connection:
        undelivered, age, failed, disabled = (await service.measure(connection)).values()
    return [undelivered, age // 3600, failed, disabled]


async def look(pool: Pool) -> Finding:
    async with pool.acquire() as connection:
        (found,) = await service.look(connection)
    return found


async def test_without_subscriptions_nothing_is_wrong(pool: Pool) -> None:
    assert await figures(pool) == [0, 0, 0, 0]
    assert (await look(pool)).state == "ok"
    async with pool.acquire() as connection:
        assert list(await service.measure(connection)) == list(views.FIGURES)


async def test_what_waits_is_counted_and_named_once_it_is_late(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    for name in ("ACTIVE", "PAUSED"):
        await desk.subscribe(receiver, name)
    await desk.ask("POST", "/subscriptions/PAUSED/pause")
    await deliver(pool, service, approved("A"), approved("B"))
    assert await figures(pool) == [2, 0, 0, 0]
    assert (await look(pool)).state == "ok"
    await pool.execute("update delivery set made_at = made_at - interval '2 hours'")
    assert await figures(pool) == [2, 2, 0, 0]
    found = await look(pool)
    assert (found.state, found.text.en.partition(";")[0]) == ("warning", "2 to deliver, the oldest for 7200 s")
    assert "C1/ACTIVE" in found.text.en
    assert "C1/PAUSED" not in found.text.en


async def test_what_was_given_up_is_told_for_a_day(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    for name in ("FAILED", "DISABLED"):
        await desk.subscribe(receiver, name)
    await deliver(pool, service, approved("A"))
    await pool.execute("update delivery set state = 'failed' where subscription_id = 'FAILED'")
    await pool.execute("update subscription set state = 'disabled' where subscription_id = 'DISABLED'")
    assert await figures(pool) == [0, 0, 1, 1]
    assert "1 subscriptions disabled: C1/DISABLED, C1/FAILED; " in (await look(pool)).text.en
    await pool.execute("update delivery set due = due - interval '25 hours'")
    assert await figures(pool) == [0, 0, 0, 1]
    assert "disabled: C1/DISABLED; " in (await look(pool)).text.en


async def test_a_dispatcher_that_cannot_look_says_so(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.01)
    real, away = store.due_subscriptions, asyncio.Event()

    async def sometimes(*arguments: Any) -> list[tuple[str, str]]:
        if away.is_set():
            raise ConnectionError("away")
        return await real(*arguments)

    monkeypatch.setattr(store, "due_subscriptions", sometimes)
    working = Dispatcher(pool, Sender())
    assert not working.active
    async with beside(working.run()):
        await until_true("it looks", lambda: working.active)
        away.set()
        await until_true("it says that it cannot", lambda: not working.active)
        away.clear()
        await until_true("it looks again", lambda: working.active)
    assert not working.active
