"""Mutants: deliberate breakages of the product, each of which a test must catch. The list is `mutants.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")


class OutdatedError(ValueError):
    """The text that a mutant replaces is not in its file, or more than once: the list has to follow the code."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken, by which one change of one file, and the tests that must fail then."""

    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied_to(self, root: Path) -> str:
        """The whole text of the broken file; OutdatedError if it cannot be broken so any more."""
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise OutdatedError(f"{self.breaks}: its old text is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """All of them, in the order of the list."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
