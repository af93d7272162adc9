"""The AsyncAPI 3 document of a service, for other systems: the commands it takes, the events it hears and says.

Made from the registrations. A channel is a routing key of one of the two exchanges, and carries one type of message.
"""

from typing import Any

from shared.amqp import COMMANDS, EVENTS
from shared.events import Command, Event, Message
from shared.schemas import schema_of
from shared.service import Service

BINDING = "0.3.0"
TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 1}
UUID = {"type": "string", "format": "uuid"}
TIME = {"type": "string", "format": "date-time"}
EVENT_HEADERS = {
    "specversion": {"type": "string", "const": "1.0"}, "id": UUID, "source": TEXT, "type": TEXT, "subject": TEXT,
    "time": TIME, "company": TEXT, "version": NUMBER, "position": NUMBER, "actor": TEXT, "correlationid": UUID,
    "causationid": UUID, "traceparent": TEXT,
}
OPTIONAL_EVENT_HEADERS = {"causationid", "traceparent"}
COMMAND_HEADERS = {
    "company": TEXT, "id": {"type": "string", "maxLength": 200}, "type": TEXT, "source": TEXT, "specversion": TEXT,
}
DESCRIPTION = """CloudEvents 1.0 over AMQP 0-9-1, binary mode: attributes in headers `cloudEvents_*`, a JSON body.

A command is sent persistent and mandatory, with `user_id` (the sender's broker user, which RabbitMQ checks) and its
idempotency key in `cloudEvents_id` or else in `message_id`; a refusal is said as `CommandRejected`. Events come at
least once: drop those whose `cloudEvents_id` you have had."""


def asyncapi(service: Service) -> dict[str, Any]:
    """The document as JSON-ready values."""
    heard: list[type[Message]] = list(service.hears()) if service.handlers else []
    said = [event for event in Event.registry.values() if event.owner == service.name]
    taken: list[type[Message]] = [*service.commands, *heard]
    messages = list(dict.fromkeys([*taken, *said]))
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Fenlu {service.name}", "version": "1", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": {"host": "localhost:5672", "protocol": "amqp", "protocolVersion": "0.9.1"}},
        "channels": {message.type: _channel(message) for message in messages},
        "operations": {
            **{f"receive.{message.type}": _operation("receive", message, service) for message in taken},
            **{f"send.{message.type}": _operation("send", message, service) for message in said},
        },
        "components": {
            "messages": {message.type: _message(message) for message in messages},
            "schemas": _schemas(messages),
        },
    }


def _channel(message: type[Message]) -> dict[str, Any]:
    exchange = {"name": COMMANDS if issubclass(message, Command) else EVENTS, "type": "topic", "durable": True}
    return {
        "address": message.type,
        "messages": {message.type: {"$ref": f"#/components/messages/{message.type}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": BINDING}},
    }


def _operation(action: str, message: type[Message], service: Service) -> dict[str, Any]:
    channel = f"#/channels/{message.type}"
    zh, en = message.sentences()
    own = {} if action == "send" else {"x-queue": f"{service.name}.{_kind(message)}s"}
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{zh} {en}",
        "messages": [{"$ref": f"{channel}/messages/{message.type}"}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": BINDING}},
        **own,
    }


def _message(message: type[Message]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": message.type,
        "title": message.__name__,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{_kind(message)}-headers"},
        "payload": {"$ref": f"#/components/schemas/{message.type}"},
    }
    if issubclass(message, Command):
        described["x-roles"] = sorted(message.allowed)
    else:
        described["correlationId"] = {"location": "$message.header#/cloudEvents_correlationid"}
    return described


def _schemas(messages: list[type[Message]]) -> dict[str, Any]:
    """The bodies by type, the parts they are made of by name, and the headers."""
    found: dict[str, Any] = {
        "event-headers": _headers(EVENT_HEADERS, set(EVENT_HEADERS) - OPTIONAL_EVENT_HEADERS),
        "command-headers": _headers(COMMAND_HEADERS, {"company"}),
    }
    for message in messages:
        schema = schema_of(message, refs="#/components/schemas/{model}")
        parts = schema.pop("$defs", {})
        found[message.type] = {key: value for key, value in schema.items() if not key.startswith("$")}
        for name, part in parts.items():
            assert found.setdefault(name, part) == part, f"two parts of messages are called {name}"
    return found


def _kind(message: type[Message]) -> str:
    return "command" if issubclass(message, Command) else "event"


def _headers(attributes: dict[str, Any], required: set[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {f"cloudEvents_{name}": schema for name, schema in attributes.items()},
        "required": sorted(f"cloudEvents_{name}" for name in required),
    }
