"""What a look at one part of the system finds: `doctor` shows all of it, `/readyz` what is not as it should be."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.refusal import Text

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and if it is not as it should be, what to do."""

    what: str
    state: State
    text: Text


Look = Callable[[Any], Awaitable[Sequence[Finding]]]  # it gets a connection, and looks at all companies


def judged(what: str, bad: object, zh: str, en: str, do: Text, *, state: State = "wrong") -> Finding:
    """The facts; and what to do if it is bad."""
    if not bad:
        return Finding(what, "ok", Text(zh, en))
    return Finding(what, state, Text(f"{zh}；{do.zh}", f"{en}; {do.en}"))


async def nothing_else(_connection: Any) -> Sequence[Finding]:
    """What a service looks at that has nothing of its own to look at."""
    return ()
