"""The files of docs/events, as the code wants them: a schema and an example per type, AsyncAPI, the catalogue."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from services.accounting import docs, packs
from services.accounting.docs import Example
from shared.asyncapi import asyncapi
from shared.events import Command, Event, Message
from shared.schemas import schema_of
from shared.service import Service
from tools.contracts import catalogue
from tools.contracts.compatible import breaking

FOLDER = Path(__file__).resolve().parents[2] / "docs/events"
SERVICES = ("order", "inventory", "accounting", "crm", "webhooks", "console")


class BreakingError(Exception):
    """A published schema would change in a way that breaks others; the text says where, and what to do."""


def services() -> list[Service]:
    """Every service with its use cases."""
    return [import_module(f"services.{name}.handlers").service for name in SERVICES]


def messages() -> dict[str, type[Message]]:
    """Every event and command by its type."""
    return {**Command.registry, **Event.registry}


def path_of(message: type[Message], kind: str) -> Path:
    """Where a type's schema or example stands below the folder."""
    return Path(message.owner) / f"{message.type.removeprefix(message.owner + '.')}.{kind}.json"


def golden() -> dict[str, Example]:
    """The main example of every event that posts: the one that is named like the event's first rule."""
    by_name = {example.name: example for example in docs.examples()}
    first = packs.all_packs()[0]
    return {event: by_name[rules[0].id] for event, rules in first.rules_by_event.items()}


def wanted(folder: Path = FOLDER) -> dict[Path, str]:
    """What every file should hold, by its path below the folder."""
    found = {}
    posting = golden()
    for message in messages().values():
        found[path_of(message, "schema")] = _json(schema_of(message))
        found[path_of(message, "example")] = _json(_example(folder, message, posting.get(message.type)))
    for service in services():
        found[Path("asyncapi") / f"{service.name}.json"] = _json(asyncapi(service))
    found[Path("README.md")] = catalogue.page(services(), posting)
    return found


def write(folder: Path = FOLDER) -> list[Path]:
    """Bring the folder to what the code says; returns what was written. BreakingError: then nothing was."""
    if wrong := broken(folder):
        raise BreakingError("\n".join(wrong))
    written = []
    for path, text in wanted(folder).items():
        file = folder / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def broken(folder: Path = FOLDER) -> list[str]:
    """Which of the published schemas the code breaks, and how; what to do instead."""
    known = messages()
    wrong = []
    for file in sorted(folder.glob("*/*.schema.json")):
        old = json.loads(file.read_text(encoding="utf-8"))
        kind = old["$id"].removeprefix("urn:fenlu:")
        message = known.get(kind)
        changes = ["it is gone"] if message is None else breaking(
            old, schema_of(message), command=issubclass(message, Command))
        if changes:
            wrong.append(f"{kind} is published, and others rely on it: {'; '.join(changes)}. Leave it as it is, and "
                         "make a model with the next version number beside it (CONTRIBUTING.md, Contracts).")
    return wrong


def _example(folder: Path, message: type[Message], posting: Example | None) -> Any:
    """The golden example of what posts; else the one in the folder, in the form in which it would travel."""
    if posting is not None:
        return posting.event.model_dump(mode="json")
    file = folder / path_of(message, "example")
    if not file.exists():
        raise FileNotFoundError(f"{message.type} has no example: write one into {file}")
    given = message.model_validate_json(file.read_text(encoding="utf-8"))
    return given.model_dump(mode="json", exclude_unset=issubclass(message, Command))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
