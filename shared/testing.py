"""For tests against real servers: a fresh database per test, and the doors of a service without HTTP and RabbitMQ."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from uuid_utils.compat import uuid7

from shared.db import Pool, open_pool, patiently
from shared.events import Actor, Command, Envelope, Event
from shared.inbox import sort_out
from shared.migrate import migrate, migrations_of
from shared.refusal import Answer
from shared.service import Service
from shared.wire import Raw, headers_of

GROUP = "fenlu_service"  # what the migrations grant to
OWNER, SERVICE = "fenlu_test_owner", "fenlu_test"
ROLES_LOCK = 0x524F4C45  # 'ROLE': two test runs on one server make them once


def admin_url() -> str:
    """The Postgres that the test session brought up (tests/conftest.py)."""
    return os.environ["TEST_DATABASE_URL"]


def rabbitmq_url() -> str:
    """The RabbitMQ that the test session brought up."""
    return os.environ["TEST_RABBITMQ_URL"]


def database_at(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def owner_of(url: str) -> str:
    """The same database, signed in as its owner: who migrates, and who may still not change what was posted."""
    _entered.add(urlsplit(url).path[1:])
    return _signed_in(OWNER, url)


def admin_of(url: str) -> str:
    """The same database, signed in as the server's administrator."""
    _entered.add(urlsplit(url).path[1:])
    return database_at(admin_url(), urlsplit(url).path[1:])


def _signed_in(role: str, url: str) -> str:
    """The roles are the same in every run on a server, so their passwords come from the administrator's address."""
    password = sha256(f"{role} {admin_url()}".encode()).hexdigest()
    host = urlsplit(url).netloc.rpartition("@")[2]
    return urlunsplit(urlsplit(url)._replace(netloc=f"{role}:{password}@{host}"))


_ready: set[str] = set()  # the templates that this process has seen


def service_at(name: str) -> str:
    """The address of a database as a service gets it."""
    return _signed_in(SERVICE, database_at(admin_url(), name))


async def make_roles(admin: Any) -> None:
    """The owner and the serving role of all test databases."""
    await admin.execute("select pg_advisory_lock($1)", ROLES_LOCK)
    for role in (GROUP, OWNER, SERVICE):
        if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
            password = urlsplit(_signed_in(role, admin_url())).password
            await admin.execute(f"create role {role} " + ("" if role == GROUP else f"login password '{password}'"))
    await admin.execute(f"grant {GROUP} to {SERVICE}; grant {OWNER} to current_user")
    await admin.execute("select pg_advisory_unlock($1)", ROLES_LOCK)


async def template(root: Path) -> str:
    """A migrated database of a service, to clone from; returns its name. Made once per set of migrations."""
    migrations = migrations_of(root)
    name = f"template_{root.name}_{sha256(''.join(m.checksum for m in migrations).encode()).hexdigest()[:12]}"
    if name in _ready:
        return name
    making = f"{name}_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(admin_url())
    try:
        await make_roles(admin)
        if not await admin.fetchval("select true from pg_database where datname = $1", name):
            await admin.execute(f'create database "{making}" owner {OWNER}')
            connection = await asyncpg.connect(owner_of(database_at(admin_url(), making)))
            await migrate(connection, migrations)
            await connection.close()
            try:
                await admin.execute(f'alter database "{making}" rename to "{name}"')
            except asyncpg.DuplicateDatabaseError:  # another test run was faster
                await admin.execute(f'drop database "{making}"')
        _ready.add(name)
        return name
    finally:
        await admin.close()


_spare: dict[str, list[str]] = defaultdict(list)  # template -> databases of ended tests, empty again
_entered: set[str] = set()  # databases to which somebody came who may change more than rows: never used again
GROWN_BYTES = 32 * 2**20  # a database that a test blew up so far is not used again


@asynccontextmanager
async def fresh_database(root: Path) -> AsyncIterator[str]:
    """An empty database of a service, by the address that the service itself gets.

    To empty one that was used takes a tenth of the time of cloning one, so it is cloned only if none is spare.
    """
    source = await template(root)
    name = _spare[source].pop() if _spare[source] else await _clone(source, root.name)
    try:
        yield service_at(name)
    finally:
        if name not in _entered and await _is_emptied(name):
            _spare[source].append(name)
        else:
            await _administrate(f'drop database if exists "{name}" with (force)')


async def drop_spare_databases() -> None:
    """At the end of a test session."""
    for names in _spare.values():
        while names:
            await _administrate(f'drop database if exists "{names.pop()}" with (force)')


async def _clone(source: str, prefix: str) -> str:
    name = f"test_{prefix}_{uuid4().hex[:12]}"
    await _administrate(f'create database "{name}" template "{source}" owner {OWNER}')
    return name


async def _is_emptied(name: str) -> bool:
    """Delete all rows but those of the migrations; False if the database is gone, or is not as small as it was."""
    try:
        admin = await asyncpg.connect(database_at(admin_url(), name))
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        await admin.execute(_EMPTY)
        return bool(await admin.fetchval("select pg_database_size(current_database()) < $1", GROWN_BYTES))
    finally:
        await admin.close()


# Sessions that a test left behind may hold locks. Triggers that protect what is posted would refuse, even as a replica.
_EMPTY = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid();
    set session_replication_role = replica;
    do $$ declare name text; guards text[][] := array(
        select array[tgrelid::regclass::text, quote_ident(tgname)] from pg_trigger where tgenabled = 'A');
    guard text[]; begin
        foreach guard slice 1 in array guards loop
            execute format('alter table %s disable trigger %s', guard[1], guard[2]); end loop;
        for name in select format('%I.%I', schemaname, tablename) from pg_tables
                    where schemaname not in ('pg_catalog', 'information_schema') and tablename <> 'migration'
        loop execute 'delete from ' || name; end loop;
        foreach guard slice 1 in array guards loop
            execute format('alter table %s enable always trigger %s', guard[1], guard[2]); end loop;
    end $$;
    select setval(format('%I.%I', schemaname, sequencename), start_value, false) from pg_sequences
    where last_value is not null;
"""


async def _administrate(text: str) -> None:
    """On a connection of its own: between two of these the server may have been restarted."""
    admin = await asyncpg.connect(admin_url())
    try:
        await admin.execute(text)
    finally:
        await admin.close()


@asynccontextmanager
async def fresh_pool(root: Path) -> AsyncIterator[Pool]:
    """A service's own pool on a fresh database: whatever a test lets it do, the service's role may do."""
    async with fresh_database(root) as url:
        pool = await open_pool(url, size=5)
        try:
            yield pool
        finally:
            pool.terminate()


@asynccontextmanager
async def as_admin(pool: Pool, *, schema_stays: bool = False) -> AsyncIterator[Any]:
    """A connection of the server's administrator to a pool's database, for what no service may do to it. Who promises
    that the schema stays as it is leaves the database to later tests."""
    name = await pool.fetchval("select current_database()")
    if not schema_stays:
        _entered.add(name)
    connection = await asyncpg.connect(database_at(admin_url(), name))
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def acting_as(administrator: Any, who: str) -> AsyncIterator[None]:
    """Those who could get around grants: the "owner" of the tables, or an administrator as "replica", whose session
    skips ordinary triggers."""
    await administrator.execute(f"set role {OWNER}" if who == "owner" else "set session_replication_role = replica")
    yield
    await administrator.execute("reset role; reset session_replication_role")


class Script:
    """Gives test events the envelopes that producers' logs would: versions per subject, positions per producer."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], int] = {}
        self._positions: dict[tuple[str, str], int] = {}

    def say(self, event: Event, *, company: str = "C1", actor: str = "tester") -> Event:
        """The event with the next envelope of its producer."""
        subject, producer = (company, event.subject), (company, event.owner)
        self._versions[subject] = self._versions.get(subject, 0) + 1
        self._positions[producer] = self._positions.get(producer, 0) + 1
        return event.said(Envelope(
            id=uuid7(), source=event.owner, type=event.type, subject=event.subject, time=datetime.now(UTC),
            company=company, version=self._versions[subject], actor=actor, correlation_id=uuid4(),
            position=self._positions[producer],
        ))


# One script per database, so that `deliver` may be called again and again within a test.
_scripts: dict[Pool, Script] = {}


def raw(event: Event) -> Raw:
    """The message that the relay would publish."""
    return Raw(event.type, headers_of(event.envelope), event.body(), str(event.envelope.id), user=event.owner)


async def hear(pool: Pool, service: Service, *events: Event) -> None:
    """Let a service hear events that have their envelopes, in one batch and patiently, as its consumer does."""
    heard, rejected = sort_out([raw(event) for event in events])
    await patiently(lambda: service.receive(pool, heard, rejected), service.name)


async def deliver(
    pool: Pool, service: Service, *events: Event, company: str = "C1", actor: str = "tester"
) -> list[Event]:
    """Let a service hear events, as if they came from RabbitMQ in one batch; returns what it said to them."""
    script = _scripts.setdefault(pool, Script())
    before = len(await said(pool, company))
    await hear(pool, service, *[script.say(event, company=company, actor=actor) for event in events])
    return (await said(pool, company))[before:]


async def ask(
    pool: Pool, service: Service, command: Command, *, company: str = "C1", actor: str = "anna",
    roles: Sequence[str] | None = None, key: str | None = None, by_queue: bool = False,
) -> Answer:
    """Ask a service for something, by default with every role the command allows and a key of its own."""
    asker = Actor(actor, company, frozenset(command.allowed if roles is None else roles))
    return await service.ask(pool, command, asker, key or uuid4().hex, by_queue=by_queue)


async def said(pool: Pool, company: str = "C1") -> list[Event]:
    """The service's log of a company, in the order of insertion, with envelopes."""
    rows = await pool.fetch("select * from event where company = $1 order by seq", company)
    return [_event(row) for row in rows]


def _event(row: Any) -> Event:
    model = Event.registry[row["type"]]
    event = model.model_validate_json(row["body"])
    return event.said(Envelope(
        id=row["id"], source=model.owner, type=row["type"], subject=row["subject"], time=row["time"],
        company=row["company"], version=row["version"], actor=row["actor"], correlation_id=row["correlation_id"],
        causation_id=row["causation_id"], position=row["position"],
    ))
