"""What a receiver of webhooks can rely on: signed, tried again, in order, and nobody else's trouble is its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from standardwebhooks import Webhook

from services.webhooks import dispatcher, domain, store
from services.webhooks.dispatcher import Dispatcher
from services.webhooks.domain import Attempt, after, is_address, may_be_reached
from services.webhooks.handlers import service
from services.webhooks.sender import Sender
from shared.db import Pool
from shared.events import Event
from shared.testing import deliver
from tests.shared.samples import approved, settled
from tests.shared.waits import beside, until
from tests.webhooks.conftest import Desk, Receiver

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOON = tuple(timedelta(seconds=0.05) for _ in domain.PAUSES)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(domain, "PAUSES", SOON)


@asynccontextmanager
async def dispatching(pool: Pool, replicas: int = 1) -> AsyncIterator[None]:
    async with beside(*(Dispatcher(pool, Sender(anywhere=True)).run() for _ in range(replicas))):
        yield


async def until_states(desk: Desk, *states: str, name: str = "S1") -> None:
    """The log of deliveries, oldest first."""
    await until(f"it is {states}", lambda: desk.log(name),
                lambda log: [one["state"] for one in reversed(log)] == [*states], seconds=30)


async def test_an_event_arrives_signed(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    """As the official library for receivers sees it; the body is the CloudEvent."""
    secret = await desk.subscribe(receiver)
    event = approved("SO-1")
    await deliver(pool, service, event)
    async with dispatching(pool):
        await until_states(desk, "delivered")
    ((headers, body),) = receiver.got
    shown = Webhook(secret).verify(body, dict(headers))
    assert shown["data"] == {"order_id": "SO-1", "customer_id": "CU-1", "approver": "credit-policy"}
    assert (shown["id"], shown["type"], shown["company"], shown["version"]) == (
        headers["webhook-id"], "order.order_approved.v1", "C1", 1)
    assert headers["content-type"] == "application/cloudevents+json"


async def test_only_what_is_wanted_of_the_own_company(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver, "S1", "order.order_settled")
    await deliver(pool, service, approved("A"), settled("A"))
    await deliver(pool, service, settled("B"), company="C2")
    async with dispatching(pool):
        await until_states(desk, "delivered")
    assert [json.loads(body)["subject"] for _, body in receiver.got] == ["order/A"]


async def test_what_is_not_taken_is_tried_again(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    secret = await desk.subscribe(receiver)
    receiver.answers += [500, 302]
    await deliver(pool, service, approved())
    async with dispatching(pool):
        await until_states(desk, "delivered")
    assert len(receiver.got) == 3, "the redirect was not followed"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1, "it is known by its id"
    assert [Webhook(secret).verify(body, dict(headers))["type"] for headers, body in receiver.got]
    assert (await desk.log())[0]["attempts"] == 3


async def test_order_is_kept_as_long_as_nothing_fails(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    events: list[Event] = [approved(f"SO-{n}") for n in range(30)]
    await deliver(pool, service, *events)
    async with dispatching(pool):
        await until_states(desk, *["delivered"] * 30)
    assert [json.loads(body)["data"]["order_id"] for _, body in receiver.got] == [f"SO-{n}" for n in range(30)]


async def test_replicas_send_each_once(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    await deliver(pool, service, *(approved(f"SO-{n}") for n in range(40)))
    async with dispatching(pool, replicas=3):
        await until_states(desk, *["delivered"] * 40)
    assert len(receiver.got) == 40


async def test_a_slow_receiver_holds_up_nobody(
    desk: Desk, pool: Pool, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.hanging = True
    await desk.subscribe(receiver, "SLOW")
    await desk.subscribe(other_receiver, "FAST")
    await deliver(pool, service, *(approved(f"SO-{n}") for n in range(5)))
    async with dispatching(pool):
        await until_states(desk, *["delivered"] * 5, name="FAST")
    assert len(receiver.got) == 1


async def test_a_receiver_that_is_gone_is_asked_no_more(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    receiver.answers += [410]
    await deliver(pool, service, approved("A"), approved("B"))
    async with dispatching(pool):
        await until("it is disabled", desk.show, lambda shown: shown["state"] == "disabled", seconds=30)
        await deliver(pool, service, approved("C"))
        assert "410" in (await desk.show())["reason"]
        assert len(receiver.got) == 1
        await desk.ask("POST", "/subscriptions/S1/resume")
        await until_states(desk, "failed", "delivered")
    assert (await desk.show())["reason"] == ""


async def test_a_receiver_that_takes_nothing_for_days_is_disabled(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    receiver.answers += [503] * 10
    await deliver(pool, service, approved("A"))
    async with dispatching(pool):
        await until("it is disabled", desk.show, lambda shown: shown["state"] == "disabled", seconds=30)
    assert (await desk.show())["reason"] == "10 attempts failed, the last one: HTTP 503"
    assert (await desk.log())[0]["status"] == 503


async def test_one_bad_event_does_not_disable(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    receiver.answers += [500, 200, *[500] * 9]
    await deliver(pool, service, approved("BAD"), approved("GOOD"))
    async with dispatching(pool):
        await until_states(desk, "failed", "delivered")
        assert (await desk.show())["state"] == "active"
        delivery = (await desk.log())[1]["delivery_id"]
        assert (await desk.ask("POST", f"/subscriptions/S1/deliveries/{delivery}/again"))[0] == 202
        await until_states(desk, "delivered", "delivered")


async def test_a_paused_subscription_gets_it_later(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    await desk.ask("POST", "/subscriptions/S1/pause")
    async with dispatching(pool):
        await deliver(pool, service, approved())
        assert (await desk.show())["waiting"] == 1
        await asyncio.sleep(0.3)  # nothing can be waited for: nothing must happen
        assert receiver.got == []
        await desk.ask("POST", "/subscriptions/S1/resume")
        await until_states(desk, "delivered")


async def test_both_secrets_sign_while_one_follows_the_other(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    old = await desk.subscribe(receiver)
    _, renewed = await desk.ask("POST", "/subscriptions/S1/secret/renewal")
    _, test = await desk.ask("POST", "/subscriptions/S1/deliveries/test")
    async with dispatching(pool):
        await until_states(desk, "delivered")
        await pool.execute("update subscription set previous_until = now()")
        await desk.ask("POST", "/subscriptions/S1/deliveries/test")
        await until_states(desk, "delivered", "delivered")
    (headers, body), (later, later_body) = receiver.got
    for secret in (old, renewed["secret"]):
        shown = Webhook(secret).verify(body, dict(headers))
        assert (shown["type"], shown["id"]) == ("webhooks.test.v1", test["delivery_id"])
    assert later["webhook-signature"].count("v1,") == 1
    assert Webhook(renewed["secret"]).verify(later_body, dict(later))


async def test_a_database_that_refuses_does_not_end_the_dispatcher(
    desk: Desk, pool: Pool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.subscribe(receiver)
    await deliver(pool, service, approved())
    real = store.due_subscriptions
    failures = iter([ConnectionError("away"), RuntimeError("a bug")])

    async def flaky(*arguments: Any) -> list[tuple[str, str]]:
        if error := next(failures, None):
            raise error
        return await real(*arguments)

    monkeypatch.setattr(store, "due_subscriptions", flaky)
    async with dispatching(pool):
        await until_states(desk, "delivered")


# -- our own network --------------------------------------------------------------------------------------------------


async def test_nothing_is_sent_into_our_own_network(pool: Pool, receiver: Receiver) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254", "[::ffff:127.0.0.1]"):
        sender = Sender()
        attempt = await sender.send(f"http://{host}:{receiver.port}/", {}, b"{}")
        assert attempt.status is None
        assert "not on the Internet" in attempt.error, host
        assert "not on the Internet" in await sender.why_not(f"https://{host}:{receiver.port}/")
        await sender.close()
    assert receiver.got == []


@pytest.mark.parametrize(("address", "may"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("172.17.0.1", False), ("192.168.1.1", False),
    ("127.0.0.53", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
    ("::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("::", False),
])
def test_which_addresses_are_ours(address: str, may: bool) -> None:
    assert may_be_reached(address) == may


@pytest.mark.parametrize(("url", "good"), [
    ("https://example.com/hook?a=1", True), ("https://example.com:8443", True), ("http://example.com/", False),
    ("https://user:pw@example.com/", False), ("https:///x", False), ("file:///etc/passwd", False),
    ("https://example.com:x/", False), ("https://example.com/#f", False), ("https://example.com/a b", False),
    ("https://例子.com/", False), ("https://example.com/\r\nX: y", False), ("", False),
])
def test_which_addresses_can_be_sent_to(url: str, good: bool) -> None:
    assert is_address(url, ("https",)) == good


# -- who manages them -------------------------------------------------------------------------------------------------


async def test_a_secret_is_shown_once_and_logged_nowhere(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    receiver.answers += [500]
    with structlog.testing.capture_logs() as logs:
        secret = await desk.subscribe(receiver)
        await deliver(pool, service, approved())
        async with dispatching(pool):
            await until_states(desk, "delivered")
        wanted = {"subscription_id": "S1", "url": receiver.url, "hears": ["order.*"]}
        status, again = await desk.ask("POST", "/subscriptions", body=wanted)
        shown = [again, await desk.show(), await desk.log(), await desk.ask("GET", "/subscriptions")]
    assert (status, "secret" in again) == (200, False)
    assert logs
    assert secret.removeprefix("whsec_") not in json.dumps([shown, logs], default=str)


@pytest.mark.parametrize("act", [
    lambda desk, **who: desk.ask("GET", "/subscriptions", **who),
    lambda desk, **who: desk.ask("GET", "/subscriptions/S1/deliveries", **who),
    lambda desk, **who: desk.ask("POST", "/subscriptions/S1/deliveries/test", **who),
    lambda desk, **who: desk.ask("DELETE", "/subscriptions/S1", **who),
])
async def test_for_admins_of_the_company_only(
    desk: Desk, receiver: Receiver, act: Callable[..., Awaitable[tuple[int, object]]]
) -> None:
    await desk.subscribe(receiver)
    assert (await act(desk, roles="sales"))[0] == 403
    status, shown = await act(desk, company="C2")
    assert status == 404 or shown == []
    assert (await act(desk, roles="operator"))[0] < 300


async def test_what_is_wrong_is_named(desk: Desk, receiver: Receiver) -> None:
    good = {"subscription_id": "S1", "url": receiver.url, "hears": ["order.*"]}
    for field, value in (("url", "ftp://x/"), ("hears", ["order.aproved"]), ("hears", []), ("subscription_id", "ü")):
        status, shown = await desk.ask("POST", "/subscriptions", body=good | {field: value})
        assert status == 422
        assert shown["errors"][0]["field"] == field
    for path in ("pause", "resume", "secret/renewal", "deliveries/test", "deliveries/D1/again"):
        assert (await desk.ask("POST", f"/subscriptions/S1/{path}"))[0] == 404


async def test_deleted_with_its_deliveries(desk: Desk, pool: Pool, receiver: Receiver) -> None:
    await desk.subscribe(receiver)
    await deliver(pool, service, approved())
    assert (await desk.ask("DELETE", "/subscriptions/S1"))[0] == 204
    assert await pool.fetchval("select count(*) from delivery") == 0


# -- decisions --------------------------------------------------------------------------------------------------------


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    bad = Attempt(500, "")
    pauses = [after(bad, number, NOW, 0.0, delivers=False).due - NOW for number in range(1, 10)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=5)
    assert timedelta(days=2) < sum(pauses, timedelta()) < timedelta(days=4)
    assert after(bad, 3, NOW, 1.0, delivers=False).due == NOW + timedelta(minutes=36)
    assert (after(bad, 10, NOW, 0.0, delivers=False).state, after(bad, 9, NOW, 0.0, delivers=False).state) == (
        "failed", "due")
