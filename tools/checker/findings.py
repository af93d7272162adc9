"""What a check finds: one line in words, and the numbers behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

SHOWN = 5  # faults that a finding names; it counts them all
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: what was looked at, and every fault (none: it holds)."""

    name: str
    seen: str
    faults: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        if self.ok:
            return f"ok    {self.name}: {self.seen}"
        more = f"; and {len(self.faults) - SHOWN} more" if len(self.faults) > SHOWN else ""
        return f"FAULT {self.name}: {'; '.join(self.faults[:SHOWN])}{more} ({self.seen})"


@dataclass(frozen=True, slots=True)
class Tie:
    """A control account and its subledger: what the vouchers say, and what the facts of its owner say."""

    company: str
    account: str
    subledger: str
    ledger: Decimal
    facts: Decimal
    differences: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Figure:
    """How often something happened, and what it came to."""

    name: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the checker found in the databases."""

    findings: tuple[Finding, ...]
    ties: tuple[Tie, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    figures: tuple[Figure, ...] = ()

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)

    @property
    def tied(self) -> bool:
        return all(tie.ok for tie in self.ties)


def differences(found: Mapping[Any, Any], wanted: Mapping[Any, Any], what: str, nothing: Any = ZERO) -> list[str]:
    """Where two mappings differ; a missing key stands for `nothing`."""
    return [
        f"{what} {_words(key)}: {_shown(found.get(key, nothing))} instead of {_shown(wanted.get(key, nothing))}"
        for key in sorted(set(found) | set(wanted), key=str)
        if found.get(key, nothing) != wanted.get(key, nothing)
    ]


def _shown(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _words(key: Any) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def mapping(rows: Iterable[Any]) -> dict[Any, Any]:
    """Rows of (key, value), or (key, key, ..., value) with a tuple as the key."""
    return {row[0] if len(row) == 2 else tuple(row[:-1]): row[-1] for row in map(tuple, rows)}
