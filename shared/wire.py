"""CloudEvents 1.0 in binary mode over AMQP 0-9-1: how an event becomes a message, and strictly back.

The attributes follow the CloudEvents AMQP binding (written for AMQP 1.0): headers `cloudEvents_*`, JSON body.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from asyncpg.pgproto.pgproto import UUID  # in C; what comes from the database is of this type, too
from pydantic import ValidationError

from shared.events import Envelope, Event

PREFIX = "cloudEvents_"
# What senders may write: the AMQP binding allows the first two, the binding for RabbitMQ in the SDKs writes the third.
PREFIXES = (PREFIX, "cloudEvents:", "ce-")
STRUCTURED = "application/cloudevents+json"
# Escapes that stand for what no text in Postgres can hold: NUL, and one half of a surrogate pair without the other.
UNSTORABLE = re.compile(
    rb"(?<!\\)(?:\\\\)*"  # an escape begins after an even number of backslashes
    rb"(?:\\u0000|\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F])"
)
COMPANY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
MAX_BODY_BYTES = 1_000_000


class MalformedError(ValueError):
    """A message that no retry can mend; the text says what is wrong with it."""


class Raw(NamedTuple):
    """A message as it came: nothing of it is trusted yet."""

    routing_key: str
    headers: Mapping[str, Any]
    body: bytes
    message_id: str | None = None
    redelivered: bool = False
    again: bool = False  # its producer says it again, because we asked
    user: str | None = None  # who sent it, as RabbitMQ has checked; None if the sender does not say
    content_type: str | None = None


def headers_of(envelope: Envelope) -> dict[str, Any]:
    """The AMQP headers of an event; attributes without a value are left out."""
    attributes = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": f"/fenlu/{envelope.source}",
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time.astimezone(UTC).isoformat(),
        "company": envelope.company,
        "version": envelope.version,
        "position": envelope.position,
        "actor": envelope.actor,
        "correlationid": str(envelope.correlation_id),
        "causationid": str(envelope.causation_id) if envelope.causation_id else None,
        "traceparent": envelope.traceparent,
    }
    return {PREFIX + name: value for name, value in attributes.items() if value is not None}


def parse_json(body: bytes) -> dict[str, Any]:
    """A JSON object, strictly: UTF-8, no NaN, no duplicate keys, no endless nesting. MalformedError otherwise."""
    if len(body) > MAX_BODY_BYTES:
        raise MalformedError(f"body: more than {MAX_BODY_BYTES} bytes")
    if (plain := _plain_object(body)) is not None:
        return plain
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except MalformedError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"body: not valid JSON: {str(error)[:200]}") from error
    if not isinstance(value, dict):
        raise MalformedError("body: must be a JSON object")
    return value


def _plain_object(body: bytes) -> dict[str, Any] | None:
    """The object whose JSON is exactly these bytes, as our producers write them: a second key would have been lost on
    the way there and back. None for any other text, which takes the slower way."""
    try:
        value = orjson.loads(body)
        return value if isinstance(value, dict) and orjson.dumps(value) == body else None
    except (orjson.JSONDecodeError, TypeError, RecursionError):
        return None


def decode(raw: Raw) -> Event:
    """The event of a message, with its envelope. MalformedError says which attribute or field is wrong."""
    attributes = attributes_of(raw.headers)
    model = Event.registry.get(str(attributes.get("type")))
    if model is None:
        raise MalformedError(f"type: nobody knows {attributes.get('type')!r}")
    if raw.routing_key != model.type:
        raise MalformedError(f"type: {model.type} came under the routing key {raw.routing_key!r}")
    envelope = _envelope(attributes)
    if envelope.source != model.owner:
        raise MalformedError(f"source: {model.type} is not for {envelope.source!r} to say")
    if b"\\u" in raw.body and UNSTORABLE.search(raw.body):  # the first is much faster
        raise MalformedError("body: a text holds NUL, or half a character")
    try:
        event = model.model_validate(parse_json(raw.body))
    except ValidationError as error:
        raise MalformedError("; ".join(f"{field}: {message}" for field, message in problems(error))) from error
    if event.subject != envelope.subject:
        raise MalformedError(f"subject: {envelope.subject!r} is not what the body is about ({event.subject!r})")
    return event.said(envelope)


def check_sender(raw: Raw, owner: str, users: Mapping[str, str]) -> None:
    """MalformedError unless the owner of the event sent it: its broker user is named as it is, or as `users` says.

    RabbitMQ refuses a `user_id` that is not the sender's own, so this cannot be forged.
    """
    expected = users.get(owner, owner)
    if raw.user != expected:
        raise MalformedError(f"user_id: what {owner} says comes from the broker user {expected!r}, not {raw.user!r}")


def envelope_in(headers: Mapping[str, Any]) -> Envelope:
    """The envelope that a message's headers hold. MalformedError says which attribute is wrong."""
    return _envelope(attributes_of(headers))


def envelope_of(raw: Raw, users: Mapping[str, str]) -> Envelope | None:
    """The envelope of an event whose body may be unreadable, if it is whole and the event's owner sent it."""
    try:
        envelope = envelope_in(raw.headers)
        check_sender(raw, envelope.source, users)
    except MalformedError:
        return None
    own = envelope.type == raw.routing_key and envelope.type.startswith(f"{envelope.source}.")
    return envelope if own else None


def problems(error: ValidationError) -> list[tuple[str, str]]:
    """(field path, English message) of each thing that is wrong."""
    return [(".".join(str(part) for part in e["loc"]) or "body", e["msg"]) for e in error.errors(include_url=False)]


def attributes_of(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The CloudEvents attributes among the headers."""
    found = {}
    for name, value in headers.items():
        attribute = _attribute(name)
        if attribute is None:
            continue
        if attribute in found:
            raise MalformedError(f"{attribute}: stands twice, under two prefixes")
        found[attribute] = value.decode(errors="replace") if isinstance(value, bytes) else value
    return found


@lru_cache(maxsize=1000)  # the names are always the same ones
def _attribute(header: str) -> str | None:
    """The CloudEvents attribute that a header holds, if it does."""
    prefix = next((prefix for prefix in PREFIXES if header.startswith(prefix)), None)
    return None if prefix is None else header.removeprefix(prefix)


def in_binary_mode(raw: Raw) -> Raw:
    """The same message with its attributes in headers, if it came in structured mode (all in one JSON object).

    One that cannot be read stays as it is: whoever reads its body says what is wrong.
    """
    if (raw.content_type or "").partition(";")[0].strip().lower() != STRUCTURED:
        return raw
    try:
        attributes = parse_json(raw.body)
    except MalformedError:
        return raw
    data = attributes.pop("data", None)
    headers = {PREFIX + name: value for name, value in attributes.items()}
    body = json.dumps(data, ensure_ascii=False).encode()
    return raw._replace(headers=headers, body=body, content_type="application/json")


def _envelope(attributes: Mapping[str, Any]) -> Envelope:
    def text(name: str) -> str:
        value = attributes.get(name)
        if not isinstance(value, str) or not value or len(value) > 300 or "\0" in value:
            raise MalformedError(f"{name}: missing or not a short text")
        return value

    def number(name: str) -> int:
        value = attributes.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise MalformedError(f"{name}: missing or not a positive whole number")
        return value

    def uuid(name: str) -> UUID:
        try:
            return UUID(text(name))
        except ValueError as error:
            raise MalformedError(f"{name}: not a UUID") from error

    if attributes.get("specversion") != "1.0":
        raise MalformedError("specversion: must be 1.0")
    company = text("company")
    if not COMPANY.fullmatch(company):
        raise MalformedError(f"company: {company!r} is not a company's key")
    return Envelope(
        id=uuid("id"), source=text("source").removeprefix("/fenlu/"), type=text("type"), subject=text("subject"),
        time=time_of(attributes.get("time")), company=company, version=number("version"), actor=text("actor"),
        correlation_id=uuid("correlationid"), causation_id=uuid("causationid") if "causationid" in attributes else None,
        traceparent=text("traceparent") if "traceparent" in attributes else None, position=number("position"),
    )


def time_of(value: Any) -> datetime:
    """RFC 3339, or integer milliseconds as the CloudEvents SDK writes it; always with a time zone."""
    try:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int):
            return datetime.fromtimestamp(value / 1000, UTC)
        parsed = datetime.fromisoformat(str(value))
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedError(f"time: {str(value)[:60]!r} is not RFC 3339") from error


def _refuse_constant(name: str) -> None:
    raise MalformedError(f"body: {name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("body: a key stands twice in one object")
    return found
