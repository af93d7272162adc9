"""What an operator asks for a partner: short names of events and commands, and the rights that follow from them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from shared.events import Command, CommandRejected, Event
from shared.events.base import MENDERS

NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")


class WishError(ValueError):
    """Something that nobody can be given; the text says what could be meant."""


@dataclass(frozen=True)
class Partner:
    """A partner as it should be: for which companies, what it hears and what it may ask for (message types)."""

    name: str
    companies: tuple[str, ...]
    hears: tuple[str, ...]
    may: tuple[str, ...]

    @property
    def queue(self) -> str:
        return f"{self.name}.events"

    @property
    def roles(self) -> frozenset[str]:
        """As few as allow every command; RabbitMQ lets only these commands through, whatever else a role may do."""
        roles: set[str] = set()
        for command in self.may:
            allowed = Command.registry[command].allowed
            if not allowed & roles:
                roles.add(min(allowed - {"admin"} or allowed))
        return frozenset(roles)

    @property
    def producers(self) -> tuple[str, ...]:
        """Whose events it hears."""
        return tuple(sorted({Event.registry[event].owner for event in self.hears}))

    @property
    def asked(self) -> tuple[str, ...]:
        """Who does what it asks for."""
        return tuple(sorted({Command.registry[command].owner for command in self.may}))


def partner(name: str, companies: Sequence[str], hears: Sequence[str], may: Sequence[str]) -> Partner:
    """A partner with what its patterns stand for. WishError if one stands for nothing."""
    taken = {"erp", *(command.owner for command in Command.registry.values())}  # their queues and exchanges
    if not NAME.fullmatch(name) or name in taken:
        raise WishError(f"name: {name!r} must be 2 to 40 small letters, digits and '-', and no service's name")
    if not hears and not may:
        raise WishError("a partner hears something (--hears) or may ask for something (--may)")
    of = tuple(dict.fromkeys(companies))
    return Partner(name, of, find("--hears", hears, events()), find("--may", may, commands()))


def events() -> Mapping[str, type[Event]]:
    """What a partner can hear. Refusals are no choice: it gets its own and no others."""
    return {name: event for name, event in Event.registry.items() if not issubclass(event, CommandRejected)}


def commands() -> Mapping[str, type[Command]]:
    """What a partner can ask for; to have something said again is for services and operators."""
    return {name: command for name, command in Command.registry.items() if command.allowed - MENDERS}


def find(option: str, patterns: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The types that the patterns stand for: `inventory.*`, `order.order_placed.v1`, `order.order_placed`, or the only
    one that begins like `order.place`."""
    names = sorted(known)
    return tuple(sorted({name for pattern in patterns for name in _one(option, pattern, names)}))


def _one(option: str, pattern: str, names: Sequence[str]) -> list[str]:
    short = {name: name.rpartition(".v")[0] for name in names}
    if found := [name for name in names if fnmatchcase(name, pattern) or fnmatchcase(short[name], pattern)]:
        return found
    begun = [name for name in names if name.startswith(f"{pattern}_")]
    if len(begun) == 1:
        return begun
    near = begun or get_close_matches(pattern, [*short.values()], n=5, cutoff=0.4) or names
    raise WishError(f"{option} {pattern!r}: " + ("several are meant" if begun else "there is none")
                    + f"; near: {', '.join(near)}")
