"""How much a run is to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """How much is wanted, and how patient the run is: `patience` stretches the limits of time on a loaded machine."""

    kills: int
    restarts: int  # by SIGTERM in turn, instead of kills
    events: int
    longest_fault: float
    patience: float

    @property
    def ahead(self) -> float:
        """How far the load may run ahead of the blows: those that meet nothing under way prove nothing."""
        return 3 / (self.kills or self.restarts)
