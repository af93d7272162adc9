"""What every message is: a frozen value with a type, an aggregate it is about, and an envelope once it was said."""

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

Key = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
NO_NUL = r"^[^\x00]*$"  # Postgres can hold any text but this one character
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]
MENDERS = frozenset({"service", "operator"})  # who may ask to hear something again
OPERATORS = frozenset({"operator", "admin"})  # who look after messages that could not be handled
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]  # an accounting period, 2025-01


ENVELOPE = "_envelope"  # where an event keeps it, beside its fields


class Envelope(NamedTuple):
    """CloudEvents 1.0 attributes of an event that was said. `position` is gapless per (source, company)."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    company: str
    version: int
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    traceparent: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: an authenticated person or machine of one company, with its roles (角色)."""

    name: str
    company: str
    roles: frozenset[str] = frozenset()


class Part(BaseModel):
    """A frozen piece of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Asked(BaseModel):
    """A frozen piece of a command: a field that nobody knows is an error, not silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(BaseModel):
    """A frozen value that travels: unknown fields are ignored, so that producers may add some within a version.

    The docstring of every event and command is read by other systems' people (docs/events): its first paragraph says
    in English what it is, its last one in Chinese.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    owner: ClassVar[str]
    version_number: ClassVar[int]
    type: ClassVar[str]

    @classmethod
    def _name_type(cls, owner: str, name: str | None, version: int) -> None:
        snake = name or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.owner, cls.version_number, cls.type = owner, version, f"{owner}.{snake}.v{version}"

    @classmethod
    def sentences(cls) -> tuple[str, str]:
        """What this message is, in Chinese and English."""
        paragraphs = (cls.__doc__ or "").split("\n\n")
        zh, en = (" ".join(paragraph.split()) for paragraph in (paragraphs[-1], paragraphs[0]))
        return zh, en

    def body(self) -> bytes:
        """The JSON bytes that travel and that the log keeps."""
        return self.model_dump_json().encode()


class Event(Message):
    """A fact that its owner said. `about` names the aggregate: (kind, field that holds its id)."""

    registry: ClassVar[dict[str, type["Event"]]] = {}
    about: ClassVar[tuple[str, str]]

    @classmethod
    def __init_subclass__(
        cls, *, owner: str | None = None, about: tuple[str, str] = ("", ""), name: str | None = None, version: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if owner is None:  # an abstract base such as CommandRejected
            return
        cls.about = about
        cls._name_type(owner, name, version)
        Event.registry[cls.type] = cls

    @property
    def subject(self) -> str:
        """The aggregate this event is about, e.g. `order/SO-1`; versions count per company and subject."""
        kind, field = self.about
        return f"{kind}/{getattr(self, field)}"

    @property
    def walk(self) -> str:
        """The story this event is part of: its order if it has one, else its subject. Links outcomes to causes."""
        order_id = getattr(self, "order_id", None)
        return f"order/{order_id}" if order_id else self.subject

    @property
    def envelope(self) -> Envelope:
        """The envelope of a received event; AssertionError for one that was not said yet."""
        envelope: Envelope | None = self.__dict__.get(ENVELOPE)
        assert envelope is not None, "an event has an envelope only after it was said"
        return envelope

    def said(self, envelope: Envelope) -> Self:
        """The same event with its envelope."""
        # Not a private attribute of pydantic's: these cost a fourth of reading an event, and more to look at.
        self.__dict__[ENVELOPE] = envelope
        return self


class Command(Message):
    """Something an authenticated actor asks for. `allowed` names the roles that may ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _actor: Actor | None = PrivateAttr(default=None)
    registry: ClassVar[dict[str, type["Command"]]] = {}
    allowed: ClassVar[frozenset[str]]

    @classmethod
    def __init_subclass__(
        cls, *, owner: str | None = None, allowed: Set[str] = frozenset(), name: str | None = None, version: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if owner is None:  # an abstract base such as SayAgain
            return
        cls.allowed = frozenset(allowed)
        cls._name_type(owner, name, version)
        Command.registry[cls.type] = cls

    @property
    def actor(self) -> Actor:
        """The authenticated actor; set by the door, never by the sender's body."""
        assert self._actor is not None, "a command has an actor once a door accepted it"
        return self._actor

    def asked_by(self, actor: Actor) -> Self:
        """The same command with its authenticated actor."""
        self._actor = actor
        return self


class CommandRejected(Event):
    """A command that came by queue was refused; names the field, in Chinese and English."""

    command_id: str
    command: str
    principal: str
    field: str
    code: str
    message_zh: str
    message_en: str


class SayAgain(Command):
    """Say a stretch of a log again (重播) to one hearer's event queue, by default all types of it.

    Services ask when they miss something, operators for a service or partner that comes late.
    """

    hearer: Key
    first: Annotated[int, Field(ge=1, lt=2**62)] = 1
    last: Annotated[int, Field(ge=1, lt=2**62)]
    types: Annotated[tuple[Key, ...], Field(max_length=500)] = ()


Ids = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=100)]


class RetryMessages(Command):
    """Handle messages once more that were rejected or wait; what became of it is shown with the message."""

    ids: Ids
    why: Reason | None = None


class DismissMessages(Command):
    """Let messages go for good: they take effect no more, and stay visible with who let them go and why."""

    ids: Ids
    why: Reason
