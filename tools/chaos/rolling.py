"""Rolling restarts under load: every replica in turn gets SIGTERM, ends in order, comes back and is ready."""

import time
from dataclasses import dataclass, field

from tools.chaos.faults import NotEndedError, Restarted
from tools.chaos.history import History
from tools.chaos.stage import Stage
from tools.demo.fleet import Member, wait_ready


@dataclass
class Rolling:
    """`restarts` of single replicas, one after the other through the whole fleet."""

    stage: Stage
    history: History
    restarts: int
    ends: list[float] = field(default_factory=list)  # seconds from each SIGTERM to the end of the process
    late: list[str] = field(default_factory=list)

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return len(self.ends) / self.restarts

    async def rage(self) -> None:
        """Until all were restarted."""
        members = list(self.stage.fleet.members.values())
        for n in range(self.restarts):
            await self._restart(members[n % len(members)])

    async def _restart(self, member: Member) -> None:
        began, restart = time.monotonic(), Restarted(member)
        try:
            await restart.begin()
        except NotEndedError as error:
            self.late.append(f"{member.name}: {error}")
        self.ends.append(restart.seconds)
        await restart.heal()
        await wait_ready(member)
        self.history.note("restarted", name=member.name, ended=round(restart.seconds, 2),
                          ready=round(time.monotonic() - began, 2))
