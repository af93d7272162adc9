"""Who may send commands by queue: a file of broker user -> companies and roles, which may change while we run."""

import json
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from shared.events import Actor
from shared.events.base import Key
from shared.wire import problems

logger = structlog.get_logger()


class Principal(BaseModel):
    """What one broker user may do, for which companies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    companies: Annotated[tuple[Key, ...], Field(min_length=1)]
    roles: frozenset[str]

    def actor(self, name: str, company: str) -> Actor:
        return Actor(name, company, self.roles)


class _Content(RootModel[dict[str, Principal]]):
    pass


class Principals:
    """The file's content, read again whenever the file was written; a broken one is reported and changes nothing.

    Without a file nobody may.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Principal] = {}

    def actor(self, user: str, company: str) -> Actor | None:
        """The actor behind a broker-validated user for a company; None if that user may not act for it."""
        principal = self._now().get(user)
        return principal.actor(user, company) if principal and company in principal.companies else None

    def home(self, user: str) -> Actor | None:
        """The actor behind a user for the first of its companies; None for a user that may not send commands."""
        principal = self._now().get(user)
        return principal.actor(user, principal.companies[0]) if principal else None

    def _now(self) -> dict[str, Principal]:
        if self._file is None:
            return self._known
        try:
            status = self._file.stat()
            stamp = status.st_mtime_ns, status.st_size
            if stamp != self._stamp:
                self._known, self._stamp = read(self._file), stamp
        except (OSError, ValidationError) as error:
            why = problems(error) if isinstance(error, ValidationError) else repr(error)
            logger.error("the principals cannot be read, those known before stay", file=str(self._file), error=why)
        return self._known


def read(file: Path) -> dict[str, Principal]:
    """Everybody in the file. OSError or ValidationError if it cannot be read."""
    return _Content.model_validate_json(file.read_bytes()).root


def write(file: Path, principals: dict[str, Principal]) -> None:
    """In place, because a container sees the file itself and not its name. Who reads half of it reads it again."""
    content = {name: {"companies": one.companies, "roles": sorted(one.roles)} for name, one in principals.items()}
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
