"""An event is the same after its journey; a message that no retry can mend says what is wrong with it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.events import Event
from shared.events.accounting import BooksOpened
from shared.events.inventory import GoodsShipped, StockLine
from shared.testing import Script, raw
from shared.wire import MAX_BODY_BYTES, MalformedError, Raw, decode, headers_of

SHIPPED = GoodsShipped(
    shipment_id="SH-1", order_id="SO-1", shipped_on=date(2026, 3, 1), warehouse="main", currency="CNY",
    lines=(StockLine(line=1, sku="茶-1", quantity=Decimal("2.5"), cost=Decimal("12.50")),), cost=Decimal("12.50"),
)
BOOKS = BooksOpened(
    ledger="main", name="分录有限公司", currency="CNY", standard="assbe", vat_rate=Decimal("0.13"),
    opened_on=date(2026, 1, 1),
)


def sent(event: Event = SHIPPED) -> Event:
    return Script().say(event)


def with_headers(**attributes: Any) -> Raw:
    """A good message but for these attributes; None takes one away."""
    message = raw(sent())
    headers = {**message.headers, **{f"cloudEvents_{name}": value for name, value in attributes.items()}}
    return message._replace(headers={name: value for name, value in headers.items() if value is not None})


def with_body(body: bytes) -> Raw:
    return raw(sent())._replace(body=body)


def with_fields(**fields: Any) -> Raw:
    """A good message but for these fields of its body; None takes one away."""
    body = {**json.loads(SHIPPED.body()), **fields}
    return with_body(json.dumps({name: value for name, value in body.items() if value is not None}).encode())


@pytest.mark.parametrize("event", [SHIPPED, BOOKS], ids=lambda event: event.type)
def test_an_event_is_the_same_after_its_journey(event: Event) -> None:
    script = Script()
    script.say(event)
    said = script.say(event)
    envelope = said.envelope._replace(causation_id=uuid4(), traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-01")
    received = decode(raw(said.said(envelope)))
    assert received == event
    assert received.envelope == envelope
    assert received.envelope.version == 2
    assert received.body() == event.body()
    assert set(json.loads(received.body())) == set(type(event).model_fields), "the envelope travels beside the body"


def test_fields_that_a_newer_producer_adds_are_ignored() -> None:
    assert decode(with_fields(carrier="SF")).body() == SHIPPED.body()


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud83d", "😀", "茶"])
def test_other_escapes_are_text(text: str) -> None:
    assert json.dumps(text).isascii(), "so all of it is escaped"
    assert decode(with_fields(warehouse=text)).body() == SHIPPED.model_copy(update={"warehouse": text}).body()


def test_headers_that_are_not_ours_are_ignored() -> None:
    message = raw(sent())
    assert decode(message._replace(headers={**message.headers, "x-death": [{"count": 1}], "baggage": "a=b"}))


@pytest.mark.parametrize("prefix", ["cloudEvents_", "cloudEvents:"])
def test_both_prefixes_of_the_amqp_binding_are_understood(prefix: str) -> None:
    said = sent()
    headers = {name.replace("cloudEvents_", prefix): value for name, value in headers_of(said.envelope).items()}
    assert decode(raw(said)._replace(headers=headers)).envelope == said.envelope


def test_header_texts_may_come_as_bytes() -> None:
    said = sent()
    headers = {n: v.encode() if isinstance(v, str) else v for n, v in headers_of(said.envelope).items()}
    assert decode(raw(said)._replace(headers=headers)).envelope == said.envelope


MOMENT = datetime(2026, 3, 1, 4, 30, 0, 250_000, UTC)


@pytest.mark.parametrize("time", [
    1_772_339_400_250,
    "2026-03-01T04:30:00.250Z",
    "2026-03-01T12:30:00.250+08:00",
    "2026-03-01T04:30:00.250",
    MOMENT,
    MOMENT.replace(tzinfo=None),
    MOMENT.astimezone(timezone(timedelta(hours=8))),
], ids=str)
def test_time_is_rfc_3339_or_milliseconds_and_never_without_a_zone(time: Any) -> None:
    assert decode(with_headers(time=time)).envelope.time == MOMENT


def doubled(body: bytes) -> bytes:
    return body.replace(b'"cost":"12.50"', b'"cost":"12.50","cost":"99.99"', 1)


POISON: dict[str, tuple[Callable[[], Raw], str]] = {
    # bytes
    "malformed JSON": (lambda: with_body(b'{"order_id": '), "body: not valid JSON"),
    "bad UTF-8": (lambda: with_body(b'{"order_id": "\xff\xfe"}'), "body: not valid JSON"),
    "UTF-16": (lambda: with_body(SHIPPED.body().decode().encode("utf-16")), "body: not valid JSON"),
    "NaN": (lambda: with_body(SHIPPED.body().replace(b'"12.50"', b"NaN")), "body: NaN is not JSON"),
    "Infinity": (lambda: with_body(SHIPPED.body().replace(b'"12.50"', b"-Infinity")), "body: -Infinity is not JSON"),
    "1e999": (lambda: with_body(SHIPPED.body().replace(b'"12.50"', b"1e999")), r"lines\.0\.cost: .*strings"),
    "a binary float": (lambda: with_body(SHIPPED.body().replace(b'"12.50"', b"12.5")), r"lines\.0\.cost: .*strings"),
    "a key twice": (lambda: with_body(doubled(SHIPPED.body())), "body: a key stands twice"),
    "deep nesting": (lambda: with_body(b'{"lines":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "body: not valid JSON"),
    "5,000 digits": (lambda: with_body(SHIPPED.body().replace(b'"12.50"', b"9" * 5_000)), "body: not valid JSON"),
    "empty": (lambda: with_body(b""), "body: not valid JSON"),
    "NUL in a text": (lambda: with_fields(warehouse="ma\0in"), "body: a text holds NUL"),
    "half a character": (lambda: with_body(SHIPPED.body().replace(b"main", b"\\ud83d")), "body: .*half a character"),
    "the other half": (lambda: with_body(SHIPPED.body().replace(b"main", b"\\uDE00")), "body: .*half a character"),
    "no object": (lambda: with_body(b"[]"), "body: must be a JSON object"),
    "too large": (lambda: with_body(b" " * (MAX_BODY_BYTES + 1)), "body: more than"),
    # fields
    "a field is missing": (lambda: with_fields(warehouse=None), "warehouse: Field required"),
    "a field of another type": (lambda: with_fields(lines="all"), "lines: "),
    "a field of a line": (lambda: with_fields(lines=[{"line": 1, "sku": "A", "quantity": "x", "cost": "1"}]),
                          r"lines\.0\.quantity: "),
    "a date that is none": (lambda: with_fields(shipped_on="2026-02-30"), "shipped_on: "),
    "too many decimals": (lambda: with_fields(cost="1.23456"), "cost: "),
    # attributes
    "unknown event": (lambda: with_headers(type="inventory.goods_lost.v1"), r"type: .*goods_lost"),
    "unknown version": (lambda: with_headers(type="inventory.goods_shipped.v99"), r"type: .*v99"),
    "no type": (lambda: with_headers(type=None), "type: "),
    "no CloudEvents at all": (lambda: raw(sent())._replace(headers={}), "type: "),
    "foreign routing key": (lambda: raw(sent())._replace(routing_key="order.order_placed.v1"), "type: .*routing key"),
    "an attribute under both prefixes": (
        lambda: raw(sent())._replace(headers={**raw(sent()).headers, "cloudEvents:company": "C2"}), "company: .*twice",
    ),
    "foreign source": (lambda: with_headers(source="/fenlu/order"), "source: "),
    "another subject": (lambda: with_headers(subject="fulfilment/SO-2"), "subject: "),
    "no subject": (lambda: with_headers(subject=None), "subject: "),
    "another specversion": (lambda: with_headers(specversion="0.3"), "specversion: "),
    "no company": (lambda: with_headers(company=None), "company: "),
    "a company that is no key": (lambda: with_headers(company="a b'; --"), "company: "),
    "a company too long": (lambda: with_headers(company="C" * 65), "company: "),
    "an id that is no UUID": (lambda: with_headers(id="4711"), "id: not a UUID"),
    "a cause that is no UUID": (lambda: with_headers(causationid="4711"), "causationid: not a UUID"),
    "no correlation": (lambda: with_headers(correlationid=None), "correlationid: "),
    "version 0": (lambda: with_headers(version=0), "version: "),
    "version true": (lambda: with_headers(version=True), "version: "),
    "version as text": (lambda: with_headers(version="1"), "version: "),
    "no version": (lambda: with_headers(version=None), "version: "),
    "position 0": (lambda: with_headers(position=0), "position: "),
    "no position": (lambda: with_headers(position=None), "position: "),
    "no time": (lambda: with_headers(time=None), "time: "),
    "a time that is none": (lambda: with_headers(time="yesterday"), "time: 'yesterday' is not RFC 3339"),
    "a time far away": (lambda: with_headers(time=10**30), "time: "),
    "no actor": (lambda: with_headers(actor=None), "actor: "),
    "NUL in an attribute": (lambda: with_headers(actor="a\0b"), "actor: "),
    "an endless actor": (lambda: with_headers(actor="a" * 301), "actor: "),
}


@pytest.mark.parametrize("kind", POISON)
def test_a_message_that_no_retry_can_mend_says_what_is_wrong(kind: str) -> None:
    make, cause = POISON[kind]
    with pytest.raises(MalformedError, match=f"^{cause}"):
        decode(make())


def test_the_poison_differs_from_a_good_message_in_nothing_else() -> None:
    assert decode(with_headers()).envelope.company == "C1"
    assert decode(with_fields()).subject == "fulfilment/SO-1"
    assert UUID(str(with_headers().message_id))
