"""The command line that every service shares: serve, migrate, topology, replay, doctor, rejected, pending."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import structlog
import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI

from shared import figures, operators, tracing
from shared.clerk import Clerk
from shared.commands import QueueDoor
from shared.consumer import Consumer
from shared.db import Pool, is_transient, open_pool
from shared.doctor import examine
from shared.events import Actor, Command
from shared.health import Health, Loop
from shared.http import Probes, create_app
from shared.identity import TokenVerifier
from shared.memory import SEVERAL_BATCHES, collect_rarely
from shared.migrate import migrate, migrations_of
from shared.relay import Relay
from shared.service import Service
from shared.settings import BrokerSettings, DatabaseSettings, ServerSettings, Settings, read_settings
from shared.topology import declare, keep

Beside = Callable[[FastAPI, Pool], Loop]
Dress = Callable[[FastAPI], None]

logger = structlog.get_logger()


def run(
    service: Service, router: APIRouter, root: Path,
    own: Mapping[str, tuple[str, Callable[[list[str]], int]]] | None = None, beside: Sequence[Beside] = (),
    dress: Dress = lambda _: None, collect_after: int = SEVERAL_BATCHES,
) -> None:
    """Parse the command line of one service and do what it says; `root` is the service's folder.

    `own` holds the service's own commands: name -> (help, what it does with the arguments that follow the name; returns
    the exit code). They read the settings that they need by themselves.
    `beside` make what else works while it serves, `dress` adds to the application what is no API. `collect_after` is
    for `collect_rarely`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="HTTP API, command queue, event consumer and relay in one process")
    commands.add_parser("migrate", help="bring the database to the newest schema (one-shot)")
    topology = commands.add_parser("topology", help="declare exchanges, queues and bindings (privileged)")
    topology.add_argument("--keep", action="store_true", help="stay, and declare again whatever gets lost")
    again = commands.add_parser("replay", help="have the relay say a stretch of the log again, to one hearer")
    again.add_argument("--company", required=True)
    again.add_argument("--from", type=int, default=1, dest="first", metavar="POSITION")
    again.add_argument("--until", type=int, default=2**62 - 1, dest="last", metavar="POSITION")
    again.add_argument("--to", required=True, dest="hearer", metavar="HEARER", help="a service or partner")
    commands.add_parser("doctor", help="say what is wrong and what to do; 1 if anything is (诊断)")
    operators.add_to(commands)
    for name, (text, _) in (own or {}).items():
        commands.add_parser(name, help=text, add_help=False)
    args, rest = parser.parse_known_args()
    if own and args.command in own:
        raise SystemExit(own[args.command][1](rest))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    match args.command:
        case "serve":
            uvloop.run(_serve(service, router, root, read_settings(Settings), beside, dress, collect_after))
        case "migrate":
            uvloop.run(_migrate(root, read_settings(DatabaseSettings)))
        case "topology":
            broker = read_settings(BrokerSettings)
            uvloop.run(keep(service, broker.amqp_url) if args.keep else _topology(service, broker))
        case "replay":
            database = read_settings(DatabaseSettings)
            uvloop.run(_replay(service, database, args.company, args.first, args.last, args.hearer))
        case "doctor":
            settings = read_settings(ServerSettings)
            url = settings.database_url.get_secret_value()
            secret = settings.rabbitmq_management_url
            management = secret.get_secret_value() if secret else ""
            raise SystemExit(uvloop.run(examine(service, url, settings.amqp_url, migrations_of(root), management)))
        case "rejected" | "pending":
            url = read_settings(DatabaseSettings).database_url.get_secret_value()
            raise SystemExit(uvloop.run(operators.work(service, url, args)))


async def _migrate(root: Path, settings: DatabaseSettings) -> None:
    connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=10)
    try:
        for name in await migrate(connection, migrations_of(root)):
            logger.info("migrated", migration=name)
    finally:
        await connection.close()


async def _topology(service: Service, settings: BrokerSettings) -> None:
    logger.info("declared", queues=await declare(service, settings.amqp_url))


async def _replay(
    service: Service, settings: DatabaseSettings, company: str, first: int, last: int, hearer: str
) -> None:
    """Asked like any other command, so it is written down who did; the running relay does it."""
    pool = await open_pool(settings.database_url.get_secret_value(), size=1)
    say_again = Command.registry[f"{service.name}.say_again.v1"]
    command = say_again.model_validate({"hearer": hearer, "first": first, "last": last})
    await service.ask(pool, command, Actor("operator", company, frozenset({"operator"})), uuid4().hex)
    await pool.close()


async def _serve(
    service: Service, router: APIRouter, root: Path, settings: Settings, beside: Sequence[Beside], dress: Dress,
    collect_after: int,
) -> None:
    url = settings.database_url.get_secret_value()
    pool = await _open_pool(url, settings.pool_size)
    relay = Relay(service.name, url, settings.amqp_url, settings.broker_user, batch=settings.batch_size)
    consumer = Consumer(
        service, pool, settings.amqp_url, users=settings.service_users, batch=settings.batch_size
    )
    door = QueueDoor(service, pool, settings, consumer.intake)
    clerk = Clerk(service, pool, door, settings.amqp_url, users=settings.service_users)
    health = Health(service.name, pool, relay, consumer, door, migrations_of(root), figures.REGISTRY)
    service.on_commit = relay.wake
    if endpoint := settings.otel_exporter_otlp_endpoint:
        tracing.start(tracing.exporting_to(endpoint, service.name))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        speaking = asyncio.create_task(relay.run())
        hearing = [asyncio.create_task(door.run()), asyncio.create_task(clerk.run())]
        if service.handlers:
            hearing.append(asyncio.create_task(consumer.run()))
        health.beside = [loop(app, pool) for loop in beside]
        hearing += [asyncio.create_task(loop.run()) for loop in health.beside]
        yield
        await _end(*hearing)  # and then what came of it is still published, if it can be
        await _end(speaking)
        await asyncio.to_thread(tracing.stop)
        pool.terminate()

    verifier = TokenVerifier(settings.jwt_public_key_file.read_bytes(), settings.jwt_issuer, settings.jwt_audience)
    probes = Probes(health.problems, health.metrics, health.warnings)
    app = create_app(service, router, pool, verifier, probes, lifespan)
    dress(app)
    collect_rarely(collect_after)
    config = uvicorn.Config(
        app, host=settings.http_host, port=settings.http_port, log_config=None, access_log=False,
        timeout_keep_alive=5, timeout_graceful_shutdown=10,
    )
    await uvicorn.Server(config).serve()


async def _open_pool(url: str, size: int) -> Pool:
    """As soon as Postgres is there. What no waiting mends (a wrong password, no such database) ends the service."""
    while True:
        try:
            return await open_pool(url, size=size)
        except Exception as error:
            if not is_transient(error):
                raise
            logger.warning("the database is not there yet", error=repr(error)[:300])
        await asyncio.sleep(1)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
