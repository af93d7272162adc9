"""What a part came to: one line of figures, and how it stands against what is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass

WARNING_LOAD = 1.5  # a load average from which on other programs take part in the figures


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one figure must reach (`gate`), and what it should (`goal`); a time or a size must stay below."""

    figure: str
    goal: float
    gate: float | None = None
    at_most: bool = False

    def reached(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit


WANTED = {
    "posting": (Wanted("ratio", 0.45, gate=0.35),),
    "relay": (Wanted("ratio", 0.6),),
    "walk": (Wanted("orders_per_s", 150, gate=60),),
    "latency": (Wanted("p50_ms", 50, at_most=True), Wanted("p99_ms", 250, at_most=True)),
    "growth": (Wanted("growth", 0.9),),
    "memory": (Wanted("max_rss_mb", 200, at_most=True),),
    "rebuild": (Wanted("entries_per_s", 3000),),
    "pages": (Wanted("first_load_kb", 200, at_most=True), Wanted("ratio", 3, at_most=True)),
    "poison": (Wanted("ratio", 0.9),),
}


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of a part in the order in which they are said; `notes` are what else belongs to them."""

    part: str
    figures: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"bench {self.part}: " + " ".join(f"{name}={shown(value)}" for name, value in self.figures.items())

    @property
    def verdicts(self) -> list[str]:
        """How each wanted figure stands, in words."""
        return [self._verdict(wanted) for wanted in WANTED.get(self.part, ())]

    @property
    def passes(self) -> bool:
        """False if a gate was missed."""
        gates = [wanted for wanted in WANTED.get(self.part, ()) if wanted.gate is not None]
        return all(wanted.reached(self.figures[wanted.figure], wanted.gate or 0) for wanted in gates)

    def _verdict(self, wanted: Wanted) -> str:
        value, sign = self.figures[wanted.figure], "≤" if wanted.at_most else "≥"
        reached = "reached" if wanted.reached(value, wanted.goal) else "not yet"
        said = f"{wanted.figure} {sign} {wanted.goal:g}: {reached}"
        if wanted.gate is None:
            return said
        return f"{said} (gate {wanted.gate:g}: {'passed' if wanted.reached(value, wanted.gate) else 'MISSED'})"


def shown(value: float) -> str:
    """Three digits say all that a figure knows."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
