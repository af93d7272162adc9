"""The AsyncAPI document of each service names all that it takes, hears and says."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from shared.asyncapi import asyncapi
from shared.events import Command, Event
from shared.service import Service
from shared.testing import Script
from shared.wire import headers_of
from tests.accounting.examples import approved
from tests.npm import npm_install

SERVICES = ["accounting", "console", "crm", "inventory", "order", "webhooks"]


def service(name: str) -> Service:
    found = import_module(f"services.{name}.handlers").service
    assert isinstance(found, Service)
    return found


@pytest.fixture(scope="module")
def official() -> Any:
    """The validator of the AsyncAPI 3.0 specification itself."""
    folder = Path(__file__).parents[2] / ".run/asyncapi"
    npm_install(folder, "@asyncapi/specs@6.11.1")
    schema = json.loads((folder / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_does_every_command_that_is_its_own(name: str) -> None:
    own = {command for command in Command.registry.values() if command.owner == name}
    assert set(service(name).commands) == own


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_is_valid_by_the_official_schema(name: str, official: Any) -> None:
    assert list(official.iter_errors(asyncapi(service(name)))) == []


def test_the_official_schema_sees_what_is_wrong(official: Any) -> None:
    for path in (("channels", "order.place_order.v1", "bindings", "amqp", "is"),
                 ("operations", "receive.order.place_order.v1", "action"),
                 ("components", "messages", "order.place_order.v1", "headers", "type")):
        document = asyncapi(service("order"))
        *above, last = path
        part = document
        for step in above:
            part = part[step]
        part[last] = "nonsense"
        assert list(official.iter_errors(document)), path


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_lists_commands_and_events(name: str) -> None:
    operations = asyncapi(service(name))["operations"]
    taken = {command.type for command in service(name).commands} | {event.type for event in service(name).hears()}
    told = {event.type for event in Event.registry.values() if event.owner == name}
    assert set(operations) == {f"receive.{kind}" for kind in taken} | {f"send.{kind}" for kind in told}


@pytest.mark.parametrize("name", SERVICES)
def test_every_reference_leads_somewhere(name: str) -> None:
    document = asyncapi(service(name))
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert len(references) > 20
    for reference in references:
        part: Any = document
        for step in reference.split("/"):
            part = part[step]
        assert part


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_describes_the_fields_and_the_headers(name: str) -> None:
    components = asyncapi(service(name))["components"]
    for command in service(name).commands:
        assert set(components["schemas"][command.type]["properties"]) == set(command.model_fields), command.__name__
        assert components["messages"][command.type]["x-roles"] == sorted(command.allowed)
    for event in service(name).hears():
        assert set(components["schemas"][event.type]["properties"]) == set(event.model_fields), event.__name__
    headers = components["schemas"]["event-headers"]
    said = headers_of(Script().say(approved()).envelope)
    assert set(said) - set(headers["properties"]) == set()
    assert set(headers["required"]) - set(said) == set()
    jsonschema.validate(said, headers)


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_is_json_without_secrets(name: str) -> None:
    text = json.dumps(asyncapi(service(name)))
    assert "guest" not in text
    assert not re.search(r"//[^/\s\"]*@", text), "an address with a user in it"
