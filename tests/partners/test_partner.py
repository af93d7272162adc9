"""A partner gets what it was given and nothing else: what it hears, may ask for, and of whom."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika.exceptions import AMQPError, ProbableAuthenticationError

from shared.amqp import COMMANDS, EVENTS, open_channel
from shared.db import Pool, open_pool
from shared.events import Event
from shared.events.order import OrderCommandRejected, OrderSayAgain
from shared.partner.wishes import WishError, find, partner
from shared.principals import Principal, Principals, write
from shared.relay import Relay
from shared.testing import Script, ask, fresh_database, raw
from tests.partners.conftest import Office
from tests.shared.doors import open_door, settings_for
from tests.shared.samples import ROOT, approved, cancel, desk, listener, settled
from tests.shared.test_relay import speak
from tests.shared.waits import beside, until

REJECTED = {"command": "order.place_order.v1", "field": "f", "code": "c", "message_zh": "z", "message_en": "e"}
MANY = 60


@asynccontextmanager
async def partner_at(url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with open_channel(url) as channel:
        yield channel


async def received(url: str, queue: str, count: int) -> Sequence[aio_pika.abc.AbstractIncomingMessage]:
    """What a partner takes from its queue, acknowledged; and there is no more."""
    found: list[aio_pika.abc.AbstractIncomingMessage] = []
    async with partner_at(url) as channel, asyncio.timeout(30):
        source = await channel.get_queue(queue, ensure=False)
        while len(found) < count:
            if message := await source.get(fail=False):
                await message.ack()
                found.append(message)
        assert await source.get(fail=False) is None
    return found


async def say(office: Office, *events: tuple[Event, str, str]) -> None:
    """(event, company, actor), as the relay of order says them."""
    script = Script()
    said = [script.say(event, company=company, actor=actor) for event, company, actor in events]
    await office.rabbit.publish(EVENTS, *(raw(event) for event in said))


def kinds(messages: Sequence[Any]) -> list[tuple[str, str]]:
    return [(m.headers["cloudEvents_type"], m.headers["cloudEvents_company"]) for m in messages]


async def test_it_gets_the_events_it_hears_of_its_own_companies_only(office: Office) -> None:
    await office.rabbit.topology(listener())
    await office.rabbit.queue("test.everything", "#")
    name, url = office.add("--company", "C1", "C3", "--hears", "order.order_approved")
    await say(office, (approved("A"), "C1", "x"), (approved("B"), "C2", "x"), (settled("A"), "C1", "x"),
              (approved("C"), "C3", "x"))
    messages = await received(url, f"{name}.events", 2)
    assert kinds(messages) == [("order.order_approved.v1", "C1"), ("order.order_approved.v1", "C3")]


async def test_it_gets_the_refusals_of_its_own_commands_only(office: Office) -> None:
    await office.rabbit.topology(desk())
    await office.rabbit.queue("test.everything", "#")
    name, url = office.add("--company", "C1", "--hears", "order.*", "--may", "order.cancel_order")
    mine = OrderCommandRejected(command_id="1", principal=name, **REJECTED)
    other = OrderCommandRejected(command_id="2", principal="other", **REJECTED)
    await say(office, (other, "C1", "other"), (mine, "C1", name))
    (message,) = await received(url, f"{name}.events", 1)
    assert json.loads(message.body)["command_id"] == "1"


async def test_it_may_do_nothing_else(office: Office) -> None:
    await office.rabbit.topology(desk())
    name, url = office.add("--company", "C1", "--hears", "order.order_approved", "--may", "order.cancel_order")

    async def publish(exchange: str, key: str) -> None:
        async with partner_at(url) as channel:
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(aio_pika.Message(b"{}", user_id=name), key, mandatory=False)

    async def on_queue(queue: str, act: str) -> None:
        async with partner_at(url) as channel:
            source = await channel.get_queue(queue, ensure=False)
            match act:
                case "get":
                    await source.get(fail=False)
                case "bind":
                    await source.bind(EVENTS, "#")
                case "declare":
                    await channel.declare_queue(queue, exclusive=True)

    await publish(COMMANDS, "order.cancel_order.v1")
    await on_queue(f"{name}.events", "get")  # so what is refused below is not refused because nothing works
    attempts = {
        "another command": publish(COMMANDS, "order.say_again.v1"),
        "an event": publish(EVENTS, "order.order_approved.v1"),
        "another queue": on_queue("order.commands", "get"), "a queue": on_queue(f"{name}.more", "declare"),
        "a binding": on_queue(f"{name}.events", "bind"), "what was parked": on_queue("order.parking", "get"),
    }
    for attempt in attempts.values():
        with pytest.raises((aiormq.ChannelAccessRefused, AMQPError)):
            await attempt


async def test_what_it_may_changes_while_services_run(office: Office, pool: Pool) -> None:
    """Nothing is started again; what waits in its queue and its password stay."""
    await office.rabbit.topology(desk())
    await office.rabbit.queue("test.everything", "#")
    settings = settings_for(office.rabbit).model_copy(update={"queue_principals_file": office.principals})
    name, url = office.add("--company", "C1", "--hears", "order.order_approved")
    await say(office, (approved("A"), "C1", "x"))
    async with open_door(desk(), pool, settings):
        await office.rabbit.ask(cancel("SO-0"), "k-0")  # of somebody whom the file does not name: it has been read
        rejected = "select count(*) from rejected"
        await until("it is rejected", lambda: pool.fetchval(rejected), lambda count: count == 1, seconds=30)
        with pytest.raises((aiormq.ChannelAccessRefused, AMQPError)):
            await send(url, name, "SO-0")
        done = office.run("add", name, "--company", "C1", "--hears", "order.order_settled", "--may", "order.cancel")
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        await send(url, name, "SO-1")
        actor = "select actor from event where company = 'C1'"
        await until("it is done", lambda: pool.fetchval(actor), lambda found: found == name, seconds=30)
    await say(office, (approved("B"), "C1", "x"), (settled("B"), "C1", "x"))
    assert [kind for kind, _ in kinds(await received(url, f"{name}.events", 2))] == [
        "order.order_approved.v1", "order.order_settled.v1"]


async def send(url: str, name: str, order_id: str) -> None:
    async with partner_at(url) as channel:
        exchange = await channel.get_exchange(COMMANDS, ensure=False)
        await exchange.publish(aio_pika.Message(
            cancel(order_id).body(), user_id=name, message_id=order_id, headers={"cloudEvents_company": "C1"},
        ), "order.cancel_order.v1")


async def test_a_partner_that_lost_its_queue_gets_a_stretch_again(office: Office) -> None:
    """Only its types and companies, whatever else was said; with the same ids as the first time."""
    await office.rabbit.topology(desk())
    await office.rabbit.queue("test.everything", "#")
    name, url = office.add("--company", "C1", "--hears", "order.order_approved", "--may", "order.cancel")
    async with fresh_database(ROOT) as database:
        pool = await open_pool(database, size=3)
        relay = Relay("order", database, office.rabbit.users["order"], office.rabbit.name_of("order"), batch=7,
                      poll_seconds=0.05)
        stated = f"{name}.order.log_stated.v1"
        async with beside(relay.run()):
            await speak(pool, *(event for n in range(MANY) for event in (approved(f"A{n}"), settled(f"A{n}"))))
            await until_heard(office, name, MANY)
            first = ids(await drained(url, name))
            assert len(first) == MANY
            for company in ("C1", "C2"):  # the partner hears nothing of the other one, and that is no failure
                command = OrderSayAgain(hearer=name, first=3, last=2**60)
                assert (await ask(pool, desk(), command, company=company, roles=["operator"])).ok
            count = "select count(*) from say_again"
            await until("it is said again", lambda: pool.fetchval(count), lambda left: left == 0, seconds=30)
        pool.terminate()
    again = [m for m in await drained(url, name) if m.exchange == "erp.again"]
    assert ids(again) == first[1:], "from position 3, without what it does not hear"
    assert any(m.routing_key == stated for m in again), "it can see that nothing is missing"


async def until_heard(office: Office, name: str, count: int) -> None:
    await until("all is there", lambda: office.rabbit.count(f"{name}.events"), lambda n: n >= count, seconds=30)


async def drained(url: str, name: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    found = []
    async with partner_at(url) as channel:
        queue = await channel.get_queue(f"{name}.events", ensure=False)
        while message := await queue.get(fail=False, no_ack=True):
            found.append(message)
    return found


def ids(messages: Sequence[Any]) -> list[str]:
    return [m.message_id for m in messages if not str(m.headers["cloudEvents_type"]).endswith("log_stated.v1")]


async def test_list_and_remove(office: Office) -> None:
    await office.rabbit.topology(desk())
    name, url = office.add("--company", "C1", "--hears", "order.order_approved", "--may", "order.cancel")
    await say(office, (approved("A"), "C1", "x"))
    assert office.known == {name: Principal(companies=("C1",), roles=frozenset({"sales"}))}
    counted = "1 waiting, 0 consumers"
    await until("it is counted", lambda: listed(office, name), lambda text: counted in text, seconds=30)
    assert "companies C1" in await listed(office, name)
    assert "may   order.cancel_order.v1 as sales" in await listed(office, name)
    removed = office.run("remove", name)
    assert removed.stdout == f"removed {name}; 1 messages were waiting in its queue\n"
    assert (await listed(office, name), office.known) == ("", {})
    with pytest.raises((ProbableAuthenticationError, AMQPError, ConnectionError)):
        await received(url, f"{name}.events", 0)
    left = [*office.management.get("exchanges"), *office.management.get("queues"), *office.management.get("users")]
    assert not [one for one in left if name in one["name"]]


async def listed(office: Office, name: str) -> str:
    text = office.run("list").stdout
    return text[text.index(name):] if name in text else ""


async def test_a_new_password_ends_the_old_one(office: Office) -> None:
    await office.rabbit.topology(desk())
    name, url = office.add("--company", "C1", "--hears", "order.order_approved")
    new = office.run("password", name).stdout.partition("'")[2].partition("'")[0]
    assert await received(new, f"{name}.events", 0) == []
    with pytest.raises((ProbableAuthenticationError, AMQPError, ConnectionError)):
        await received(url, f"{name}.events", 0)


def test_nobody_becomes_a_partner_who_is_somebody_else(office: Office) -> None:
    for name in ("shop", "order"):
        for arguments in (("add", name, "--company", "C1", "--hears", "order.*"), ("remove", name)):
            done = office.run(*arguments)
            assert (done.returncode, "name: " in done.stderr) == (1, True), done.stderr


# -- wishes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pattern", "found"), [
    ("order.place_order.v1", ["order.place_order.v1"]),
    ("order.place_order", ["order.place_order.v1"]),
    ("order.place", ["order.place_order.v1"]),
    ("*.cancel*", ["order.cancel_order.v1"]),
])
def test_short_names(pattern: str, found: list[str]) -> None:
    assert [*partner("acme", ["C1"], [], [pattern]).may] == found


@pytest.mark.parametrize(("pattern", "said"), [
    ("order.plce", "there is none; near: order.place_order"),
    ("order.say_again", "there is none"),
    ("crm.change", "several are meant; near: crm.change_credit_limit.v1, crm.change_customer.v1"),
])
def test_an_unclear_name_is_refused_with_near_ones(pattern: str, said: str) -> None:
    with pytest.raises(WishError, match=said):
        partner("acme", ["C1"], [], [pattern])


def test_other_peoples_refusals_cannot_be_heard() -> None:
    assert not [name for name in partner("acme", ["C1"], ["*"], []).hears if "command_rejected" in name]
    with pytest.raises(WishError):
        partner("acme", ["C1"], ["order.command_rejected"], [])


def test_it_gets_as_few_roles_as_its_commands_need() -> None:
    assert partner("acme", ["C1"], [], ["order.place", "order.cancel"]).roles == {"sales"}
    assert partner("acme", ["C1"], [], ["order.place", "inventory.ship"]).roles == {"sales", "warehouse"}
    assert partner("acme", ["C1"], ["order.*"], []).roles == set()


def test_find_takes_every_pattern() -> None:
    assert find("--hears", ["a.b", "c.*"], ["a.b.v1", "c.d.v1", "c.e.v2", "x.y.v1"]) == ("a.b.v1", "c.d.v1", "c.e.v2")


# -- principals -------------------------------------------------------------------------------------------------------


def test_a_file_that_breaks_changes_nothing_and_a_mended_one_counts(office: Office) -> None:
    file, one = office.principals, Principal(companies=("C1", "C2"), roles=frozenset({"sales"}))
    write(file, {"a": one})
    known = Principals(file)
    assert (known.actor("a", "C3"), known.actor("b", "C1")) == (None, None)
    for broken in ("{", '{"b": {"companies": [], "roles": []}}', '{"b": {"roles": []}}'):
        file.write_text(broken)
        assert known.actor("a", "C2") == one.actor("a", "C2")
        assert known.home("b") is None
    file.unlink()
    assert known.home("a") == one.actor("a", "C1")
    write(file, {"b": one})
    assert (known.home("a"), known.home("b")) == (None, one.actor("b", "C1"))
