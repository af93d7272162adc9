"""Doctor finds nothing wrong with a service that works, and names whatever is wrong with one that does not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlsplit, urlunsplit

import pytest

from shared import doctor
from shared.clerk import Clerk
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool
from shared.doctor import CLOCK_SECONDS, GIB, disk_and_alarms, examine, findings
from shared.finding import Finding
from shared.migrate import Migration, migrations_of
from shared.relay import Relay
from shared.testing import Script, as_admin, ask, hear, owner_of
from tests.shared.doors import settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import ROOT, approved, cancel, desk, listener, settled
from tests.shared.waits import beside, until
from tools.link import link_to
from tools.servers import Servers

MIGRATIONS = migrations_of(ROOT)
GOOD = {"PostgreSQL", "clock of PostgreSQL", "migrations", "unpublished", "log", "rejected", "pending", "missing",
        "rights in PostgreSQL", "disk of PostgreSQL", "RabbitMQ", "inventory.commands", "inventory.parking",
        "inventory.events", "rights in RabbitMQ", "disk of RabbitMQ"}
NODE = {"name": "rabbit@a", "running": True, "disk_free": 20 * GIB, "disk_free_limit": GIB, "disk_free_alarm": False,
        "mem_alarm": False}


@asynccontextmanager
async def working(pool: Pool, database: str, rabbit: Rabbit) -> AsyncIterator[None]:
    """A whole service."""
    service, url = listener(), rabbit.users["inventory"]
    await rabbit.topology(service)
    door = QueueDoor(service, pool, settings_for(rabbit, url=url))
    consumer = Consumer(service, pool, url, users=rabbit.services)
    clerk = Clerk(service, pool, door, url, users=rabbit.services)
    relay = Relay("inventory", database, url, rabbit.name_of("inventory"))
    async with beside(relay.run(), door.run(), consumer.run(), clerk.run()):
        yield


async def look(rabbit: Rabbit, database: str, migrations: Sequence[Migration] = MIGRATIONS) -> dict[str, Finding]:
    found = await findings(listener(), database, rabbit.users["inventory"], migrations)
    return {finding.what: finding for finding in found}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {what: finding.state for what, finding in found.items() if finding.state != "ok"}


async def test_a_service_that_works_has_nothing_wrong(
    pool: Pool, database: str, rabbit: Rabbit, capsys: pytest.CaptureFixture[str]
) -> None:
    if len(set(rabbit.users.values())) == 1:
        pytest.skip("the broker was given, and everybody is its administrator")
    async with working(pool, database, rabbit):
        found = await until("all is well", lambda: look(rabbit, database), lambda found: not states(found))
        assert set(found) == GOOD
        assert await examine(listener(), database, rabbit.users["inventory"], MIGRATIONS) == 0
    shown = capsys.readouterr().out
    assert "✓ rights in PostgreSQL\n    只能做它该做的\n    it can do its part and nothing else\n" in shown


async def test_queues_that_nobody_takes_from_or_that_are_not_there_are_named(
    database: str, rabbit: Rabbit, capsys: pytest.CaptureFixture[str]
) -> None:
    await rabbit.topology(listener())
    await rabbit.remove("inventory.parking")
    found = await look(rabbit, database)
    assert "run the job topology" in found["inventory.parking"].text.en
    assert "nobody takes them" in found["inventory.events"].text.en
    assert await examine(listener(), database, rabbit.users["inventory"], MIGRATIONS) == 1
    assert "✗ inventory.parking" in capsys.readouterr().out


async def test_what_could_not_be_handled_is_told_with_the_first_reason(
    pool: Pool, database: str, rabbit: Rabbit
) -> None:
    script = Script()
    await hear(pool, listener(bad={("SO-1", 1)}), *[script.say(event) for event in (approved(), settled())])
    found = await look(rabbit, database)
    assert "BugError: this one again; look with rejected list" in found["rejected"].text.en
    assert (found["pending"].state, found["missing"].state) == ("ok", "ok")
    async with as_admin(pool) as admin:
        await admin.execute("update pending set since = now() - interval '1 hour'")
    assert "an earlier event" in (await look(rabbit, database))["pending"].text.en


async def test_a_log_that_is_not_published_or_went_back_is_told(pool: Pool, database: str, rabbit: Rabbit) -> None:
    await ask(pool, desk(), cancel())
    assert (await look(rabbit, database))["unpublished"].state == "ok"  # it is new
    async with as_admin(pool) as admin:
        await admin.execute("alter table event disable trigger placed_once")
        await admin.execute("update event set time = now() - interval '1 hour'")
        await admin.execute("insert into went_back values ('C1', 5, 9, 'crm', now())")
    found = await look(rabbit, database)
    assert "1 events, the oldest for 36" in found["unpublished"].text.en
    assert "crm has heard 9" in found["log"].text.en


async def test_migrations_that_are_missing_or_other_ones_are_named(database: str, rabbit: Rabbit) -> None:
    first, *others = MIGRATIONS
    strange = [Migration(first.name, "select 1"), *others, Migration("inventory/0099_late", "select 1")]
    text = (await look(rabbit, database, strange))["migrations"].text.en
    assert "not applied: inventory/0099_late; applied with another content: shared/0001_kernel" in text


async def test_too_many_rights_are_named(database: str, rabbit: Rabbit) -> None:
    """As the owner of the database, and as the broker's administrator."""
    text = (await look(rabbit, owner_of(database)))["rights in PostgreSQL"].text.en
    assert "may create tables" in text
    assert "may change or delete rows of command, event, inbox, intervention" in text
    found = {f.what: f for f in await findings(listener(), database, rabbit.url, MIGRATIONS)}
    assert "it can declare exchanges" in found["rights in RabbitMQ"].text.en


async def test_too_few_rights_are_named(pool: Pool, database: str, rabbit: Rabbit) -> None:
    async with as_admin(pool) as admin:
        await admin.execute("revoke insert on inbox from fenlu_service; revoke select on said from fenlu_service")
    text = (await look(rabbit, database))["rights in PostgreSQL"].text.en
    assert text.startswith("may not read said; may not write into inbox; ")


async def test_servers_that_are_away_are_told(database: str, rabbit: Rabbit) -> None:
    async with link_to(database) as one, link_to(rabbit.users["inventory"]) as other:
        one.cut()
        other.cut()
        found = {f.what: f for f in await findings(listener(), one.url, other.url, MIGRATIONS)}
    assert states(found) == {"PostgreSQL": "wrong", "RabbitMQ": "wrong"}
    assert "cannot be reached" in found["PostgreSQL"].text.en


# -- disks and clocks -------------------------------------------------------------------------------------------------


async def test_a_slot_that_keeps_the_log_of_the_database_is_named(
    pool: Pool, database: str, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "HELD_BYTES", -1)
    async with as_admin(pool) as admin:
        await admin.execute("select pg_create_physical_replication_slot('test_archive', true)")
        try:
            found = (await look(rabbit, database))["disk of PostgreSQL"]
        finally:
            await admin.execute("select pg_drop_replication_slot('test_archive')")
    assert (found.state, "that a slot keeps: test_archive: " in found.text.en) == ("wrong", True)
    assert (await look(rabbit, database))["disk of PostgreSQL"].state == "ok"


@pytest.mark.parametrize(("said", "wrong"), [
    ({}, {}),
    ({"disk_free": 3 * GIB // 2}, {"disk of RabbitMQ": "warning"}),
    ({"disk_free": GIB // 2, "disk_free_limit": 50_000_000}, {"disk of RabbitMQ": "warning"}),
    ({"disk_free": 0, "disk_free_alarm": True}, {"disk of RabbitMQ": "warning", "alarms of RabbitMQ": "wrong"}),
    ({"mem_alarm": True}, {"alarms of RabbitMQ": "wrong"}),
    ({"running": False}, {"RabbitMQ rabbit@a": "wrong"}),
])
def test_a_node_that_is_full_or_stands_is_named(said: dict[str, object], wrong: dict[str, str]) -> None:
    found = disk_and_alarms(NODE | said)
    assert states({finding.what: finding for finding in found}) == wrong
    assert all("rabbit@a" in finding.text.zh or "rabbit@a" in finding.what for finding in found)


async def test_disk_alarms_and_clock_are_looked_at_where_it_can_be_asked(
    database: str, rabbit: Rabbit, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not servers.management_url:
        pytest.skip("the management of the given broker is not known")
    url = servers.management_url

    async def found(address: str) -> dict[str, Finding]:
        return {f.what: f for f in await findings(listener(), database, rabbit.url, MIGRATIONS, address)}

    seen = await found(url)
    assert [seen[f"{what} of RabbitMQ"].state for what in ("clock", "alarms")] == ["ok", "ok"]
    assert "GiB free" in seen["disk of RabbitMQ"].text.en
    monkeypatch.setattr(doctor, "datetime", Ahead)
    ahead = states(await found(url))
    assert {ahead[f"clock of {server}"] for server in ("PostgreSQL", "RabbitMQ")} == {"wrong"}
    monkeypatch.undo()
    parts = urlsplit(url)
    stranger = urlunsplit(parts._replace(netloc=f"stranger:secret@{parts.hostname}:{parts.port}"))
    refused = (await found(stranger))["disk of RabbitMQ"]
    assert (refused.state, "secret" in refused.text.en) == ("warning", False)


class Ahead(datetime):
    """A clock that is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Ahead":
        right = datetime.now(tz) + timedelta(seconds=2 * CLOCK_SECONDS)
        return cls.fromtimestamp(right.timestamp(), tz)
