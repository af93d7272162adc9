"""What a use case led to: which input caused which outcome, and how outcomes are said and shown."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from shared.events import Actor, Command, CommandRejected, Event
from shared.log import Cause
from shared.refusal import Refusal


class AmbiguousError(Exception):
    """An outcome that cannot be linked to one input of its batch; the shell then handles the inputs one by one."""


def link(outcomes: Sequence[Event], inputs: Sequence[Event], causes: Mapping[int, Cause]) -> dict[int, Cause]:
    """Which input caused which outcome: the last one of the same walk; a lone input causes everything."""
    by_walk = {event.walk: causes[id(event)] for event in inputs}
    only = causes[id(inputs[0])] if len(inputs) == 1 else None
    linked = {}
    for outcome in outcomes:
        cause = by_walk.get(outcome.walk, only)
        if cause is None:
            raise AmbiguousError(outcome.walk)
        linked[id(outcome)] = cause
    return linked


def cause_of_event(event: Event, traceparent: str | None) -> Cause:
    """A heard event as a cause; `traceparent` is of what it leads to here."""
    return Cause(event.envelope.id, event.envelope.actor, traceparent)


def command_id(actor: Actor, key: str) -> UUID:
    """What stands for an accepted command in `causation_id`; the same for a repeat of it."""
    return uuid5(NAMESPACE_OID, f"{actor.company}\0{actor.name}\0{key}")


def cause_of_command(command: Command, key: str, traceparent: str | None) -> Cause:
    """An accepted command as a cause; `traceparent` is of what it leads to."""
    return Cause(command_id(command.actor, key), command.actor.name, traceparent)


def rejection(owner: str, refusal: Refusal, key: str) -> CommandRejected:
    """What is said of a command that a use case refused."""
    return rejection_of(owner, refusal.command.type, refusal.command.actor.name, key, refusal.error())


def rejection_of(
    owner: str, command_type: str, principal: str, key: str, error: Mapping[str, str]
) -> CommandRejected:
    """What is said of a command that was refused, by whomever."""
    model = Event.registry[f"{owner}.command_rejected.v1"]
    assert issubclass(model, CommandRejected)
    return model(command_id=key, command=command_type, principal=principal, **error)


def public(event: Event) -> dict[str, Any]:
    """An event as an answer shows it."""
    e = event.envelope
    return {"id": str(e.id), "type": e.type, "subject": e.subject, "version": e.version,
            "data": event.model_dump(mode="json")}


