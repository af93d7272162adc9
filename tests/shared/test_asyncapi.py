"""The AsyncAPI document of each service names all that it takes, hears and says."""

import json
from importlib import import_module

import pytest

from shared.asyncapi import asyncapi
from shared.events import Command, Event
from shared.service import Service

SERVICES = ["accounting", "inventory", "order"]


def service(name: str) -> Service:
    found = import_module(f"services.{name}.handlers").service
    assert isinstance(found, Service)
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_does_every_command_that_is_its_own(name: str) -> None:
    own = {command for command in Command.registry.values() if command.owner == name}
    assert set(service(name).commands) == own


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_lists_commands_and_events(name: str) -> None:
    document = asyncapi(service(name))
    assert document["asyncapi"] == "3.0.0"
    operations = document["operations"]
    taken = {m["$ref"] for o in operations.values() if o["action"] == "receive" for m in o["messages"]}
    told = {m["$ref"] for o in operations.values() if o["action"] == "send" for m in o["messages"]}
    for command in service(name).commands:
        assert any(command.type in reference for reference in taken), command.type
    for event in service(name).hears():
        assert any(event.type in reference for reference in taken), event.type
    for event in Event.registry.values():
        assert any(event.type in reference for reference in told) == (event.owner == name), event.type


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_describes_the_fields(name: str) -> None:
    schemas = asyncapi(service(name))["components"]["schemas"]
    for command in service(name).commands:
        (schema,) = (s for key, s in schemas.items() if key == command.__name__ or key.endswith(f":{command.__name__}"))
        assert set(schema["properties"]) == set(command.model_fields), command.__name__


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_is_json_without_secrets(name: str) -> None:
    text = json.dumps(asyncapi(service(name)))
    assert "guest" not in text
    assert "@" not in text.replace("@context", "")
