"""What is done to the services: replicas are killed all the time, and beside that one fault after the other comes."""

import asyncio
import time
from dataclasses import dataclass, field
from random import Random

from tools import checker
from tools.chaos.fault import Fault
from tools.chaos.faults import deck
from tools.chaos.history import History
from tools.chaos.size import Size
from tools.chaos.stage import Stage
from tools.demo.fleet import PRODUCERS, Member

LOOK_SECONDS = 5.0  # for something in flight before a kill
BOTH = 0.2  # of the blows hit both replicas of a service at once
SHORTEST_FAULT = 1.0


@dataclass
class Storm:
    """Kills as the load proceeds, and brings faults until there were enough kills."""

    stage: Stage
    history: History
    dice: Random
    size: Size
    late: list[str] = field(default_factory=list)  # recoveries beyond their limits, and services that did not end
    _calm: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while a recovery is measured

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self.history.kills / self.size.kills

    @property
    def over(self) -> bool:
        return self.progress >= 1

    @property
    def due(self) -> bool:
        """The kills keep pace with the load, and the first waits until it has begun."""
        return self.history.acknowledged >= (self.history.kills + 0.5) / self.size.kills * self.size.events

    async def rage(self) -> None:
        """Until there were enough kills; everything is healed then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_replicas())
            group.create_task(self._bring_faults())

    async def _kill_replicas(self) -> None:
        while not self.over:
            if self.due:
                async with self._calm:
                    await self._strike()
            await asyncio.sleep(self.dice.uniform(0.1, 0.8))

    async def _strike(self) -> None:
        """One replica, or all of a service."""
        service = self.dice.choice(PRODUCERS)
        replicas = self.stage.fleet.replicas(service)
        chosen = replicas if self.dice.random() < BOTH else [self.dice.choice(replicas)]
        in_flight = await self._something_in_flight()
        victims = [member.name for member in chosen if _killed(member)]
        if victims:
            self.history.kill(victims, in_flight)

    async def _bring_faults(self) -> None:
        for name, fault in deck(self.stage, self.dice):
            await asyncio.sleep(self.dice.uniform(0.5, 2))
            if self.over:
                return
            await self._bring(name, fault)

    async def _bring(self, name: str, fault: Fault) -> None:
        """Most faults are short, so that the load goes on; a few outlive every timeout."""
        seconds = SHORTEST_FAULT * (self.size.longest_fault / SHORTEST_FAULT) ** (self.dice.random() ** 3)
        in_flight = await self._something_in_flight()
        if fault.victims:
            self.history.kill(fault.victims, in_flight)
        self.history.note("fault", name=name, seconds=round(seconds, 1), in_flight=in_flight)
        try:
            await fault.begin()
            await asyncio.sleep(seconds)
        except Exception as error:
            self._too_late(name, repr(error))
        await fault.heal()
        async with self._calm:
            await self._recover(name, fault.limit * self.size.patience)

    async def _recover(self, name: str, limit: float) -> None:
        """Measure how long it takes until everything is heard that was said when the fault was healed."""
        began, said = time.monotonic(), None
        while (seconds := time.monotonic() - began) < limit:
            if (behind := await self._behind()) is not None:
                said = behind.said if said is None else said
                if behind.said - behind.unheard >= said:
                    self.history.note("recovered", name=name, seconds=round(seconds, 1))
                    return
            await asyncio.sleep(0.1)
        self._too_late(name, f"not recovered within {limit:.0f} s after it was healed: {await self._behind()}")

    def _too_late(self, name: str, why: str) -> None:
        self.late.append(f"{name}: {why}")
        self.history.note("late", name=name, why=why)

    async def _something_in_flight(self) -> int | None:
        """How many events are said and not yet heard by accounting: waits a moment for one. None: nobody can say."""
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            behind = await self._behind()
            if (behind and behind.unheard) or time.monotonic() > deadline:
                return behind.unheard if behind else None
            await asyncio.sleep(0.02)

    async def _behind(self) -> checker.Backlog | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await checker.backlog(self.stage.databases)
        except Exception:  # PostgreSQL is away
            return None


def _killed(member: Member) -> bool:
    """Kill a replica that runs; False when it was dead already."""
    if member.process is None or member.process.poll() is not None:
        return False
    member.process.kill()
    return True
