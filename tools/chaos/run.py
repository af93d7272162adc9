"""One run from beginning to end: stage, load, storm, quiet, verdict."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools import checker
from tools.chaos.bystander import Bystander
from tools.chaos.client import Client
from tools.chaos.history import History
from tools.chaos.load import COMPANY, Gate, Load
from tools.chaos.logs import unexpected
from tools.chaos.rolling import Rolling
from tools.chaos.size import Size
from tools.chaos.stage import Stage, stage
from tools.chaos.storm import Storm
from tools.checker.history import Comparison, compare
from tools.demo import places, report
from tools.demo.doors import HttpDoor
from tools.demo.fleet import RUN
from tools.servers import Servers

HISTORY = RUN / "chaos" / "history.jsonl"
HTTP_SECONDS = 5.0
DRAIN_LIMIT = 30.0  # seconds from the end of load and storm until all is quiet
QUIET_SECONDS = 120.0  # without any progress: then something is stuck
ENOUGH = 0.95  # of the wanted events must have been acknowledged
MOST_HITS = 0.8  # of the kills must have hit events in flight
SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """Everything that a run came to."""

    history: History
    size: Size
    compared: Comparison
    report: checker.Report
    complaints: tuple[str, ...]  # whatever else is wrong, in words
    drained: float
    longest_wait: float
    copies: int
    seconds: float

    @property
    def gaps(self) -> int:
        """Faults in what must have no gaps: positions, versions, numbers."""
        gapless = {"positions", "versions", "numbers"}
        return sum(len(finding.faults) for finding in self.report.findings if finding.name in gapless)

    @property
    def ok(self) -> bool:
        return not self.complaints and self.compared.ok and self.report.ok

    @property
    def last_line(self) -> str:
        """The line that scripts read."""
        return (
            f"chaos: kills={self.history.kills} acknowledged={self.compared.acknowledged} ok={self.compared.right} "
            f"lost={len(self.compared.lost)} duplicated={len(self.compared.duplicated)} "
            f"parked={self.report.counts['parked']} gaps={self.gaps} "
            f"trial_balance={self.report.debit - self.report.credit:.2f} "
            f"tie_out={'ok' if self.report.tied else 'FAULT'} seconds={self.seconds:.0f}"
        )


async def run(servers: Servers, size: Size, seed: int) -> int:
    """The exit code: 0 if nothing was lost, doubled, unbalanced or missing."""
    began, screen = time.monotonic(), report.console()
    what = f"KILLS={size.kills}" if size.kills else f"RESTARTS={size.restarts}"
    screen.print(f"混沌测试 chaos: {what} EVENTS={size.events} SEED={seed}", markup=False)
    async with stage(servers) as there:
        screen.print(f"服务就绪 two replicas of each service are ready after {time.monotonic() - began:.0f} s",
                     markup=False)
        verdict = await _play(there, size, seed, began, screen)
    for line in verdict.complaints[:SHOWN]:
        screen.print(f"WRONG {line}", style="red", markup=False)
    for finding in verdict.report.findings:
        if not finding.ok:
            screen.print(str(finding), style="red", markup=False)
    screen.print(f"{verdict.compared}\n{verdict.history.hits} of {verdict.history.kills} kills hit events in flight; "
                 f"{verdict.copies} copies said again; quiet {verdict.drained:.1f} s after the end; longest wait for "
                 f"another service {verdict.longest_wait:.1f} s; history: {HISTORY}", markup=False)
    print(verdict.last_line, flush=True)
    return 0 if verdict.ok else 1


async def _play(there: Stage, size: Size, seed: int, began: float, screen: Console) -> Verdict:
    history, http = History(HISTORY), HttpDoor(there.doors, there.tokens, timeout=HTTP_SECONDS)
    history.note("began", seed=seed, kills=size.kills, events=size.events)
    client = Client(http, history)
    storm = (Storm(there, history, Random(f"{seed} storm"), size) if size.kills
             else Rolling(there, history, size.restarts))
    gate = Gate(lambda: history.acknowledged < size.events * (storm.progress + size.ahead))
    load = Load(client, Random(f"{seed} load"), gate)
    client.bystander = Bystander(there.servers.rabbitmq_url, COMPANY, Random(f"{seed} copies"), client.hear)
    await client.bystander.declare()
    try:
        async with _beside(there.fleet.watch(), client.bystander.run()):
            await load.prepare()
            with _progress(screen) as progress:
                await _weather(load, storm, gate, history, size, progress)
            ended = time.monotonic()
            complaints = [*storm.late, *load.stuck, *await _until_quiet(there)]
            drained = time.monotonic() - ended
    finally:
        history.close()
        await http.close()
    if drained > DRAIN_LIMIT * size.patience:
        complaints.append(f"quiet only {drained:.0f} s after the end")
    return await _judge(there, history, size, complaints, drained, client, began)


async def _weather(
    load: Load, storm: Storm | Rolling, gate: Gate, history: History, size: Size, progress: Progress
) -> None:
    """Load and storm together, until both have enough."""
    blows = progress.add_task("杀死的进程 kills" if size.kills else "重启 restarts", total=size.kills or size.restarts)
    events = progress.add_task("确认的事件 acknowledged", total=size.events)

    async def show() -> None:
        while True:
            progress.update(blows, completed=storm.progress * (size.kills or size.restarts))
            progress.update(events, completed=history.acknowledged)
            await asyncio.sleep(0.5)

    async with _beside(show()), asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await storm.rage()
        gate.enough = lambda: history.acknowledged >= size.events or len(load.stuck) > SHOWN


async def _until_quiet(there: Stage) -> list[str]:
    """Wait until all that was said was heard and no queue holds a message; what stays is a complaint."""
    last_seen: object = None
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        behind = await checker.backlog(there.databases)
        waiting = await places.messages(there.servers.rabbitmq_url, ["events", "commands"])
        if behind.quiet and not any(waiting.values()):
            return []
        if (seen := (behind, waiting)) != last_seen:
            last_seen, deadline = seen, time.monotonic() + QUIET_SECONDS
        if time.monotonic() > deadline:
            return [f"never quiet: {seen}"]
        await asyncio.sleep(0.2)


async def _judge(
    there: Stage, history: History, size: Size, complaints: list[str], drained: float, client: Client, began: float
) -> Verdict:
    """The independent checker's word, and what else was asked for."""
    compared = await compare(there.databases, HISTORY)
    parked = sum((await places.messages(there.servers.rabbitmq_url, ["parking"])).values())
    found = await checker.check(there.databases, parked)
    if history.acknowledged < ENOUGH * size.events:
        complaints.append(f"only {history.acknowledged} of {size.events} events were acknowledged")
    if history.hits < MOST_HITS * history.kills:
        complaints.append(f"only {history.hits} of {history.kills} kills hit events in flight")
    errors = unexpected(member.log for member in there.fleet.members.values())
    complaints += [f"{count} × in a log: {text}" for text, count in errors.most_common(SHOWN)]
    assert client.bystander
    return Verdict(history, size, compared, found, tuple(complaints), drained, client.longest_wait,
                   client.bystander.copies, time.monotonic() - began)


@asynccontextmanager
async def _beside(*works: Awaitable[None]) -> AsyncIterator[None]:
    """Run loops while the block runs, then cancel them."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _progress(screen: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn(),
                    console=screen)
