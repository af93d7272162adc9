"""docs/events says what the code says, its examples are valid, and a change that would break others is refused."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from shared.events import Command, Event, Message
from shared.events.order import OrderPlaced, PlaceOrder
from shared.schemas import schema_of
from tools.contracts import files
from tools.contracts.compatible import breaking

FILES = files.wanted()
MESSAGES = list(files.messages().values())


def named(message: type[Message]) -> str:
    return message.type


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_files_are_what_the_code_says(path: Path) -> None:
    assert (files.FOLDER / path).read_text(encoding="utf-8") == FILES[path], "run `make contracts`, and read the diff"


def test_no_file_is_left_over() -> None:
    assert {file.relative_to(files.FOLDER) for file in files.FOLDER.rglob("*.*")} == set(FILES)


def test_the_code_breaks_nothing_that_is_published() -> None:
    assert files.broken() == []


@pytest.mark.parametrize("message", MESSAGES, ids=named)
def test_an_example_is_valid_and_travels_as_it_is(message: type[Message]) -> None:
    example = json.loads(FILES[files.path_of(message, "example")])
    schema = json.loads(FILES[files.path_of(message, "schema")])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example, schema, format_checker=jsonschema.FormatChecker())
    read = message.model_validate(example)
    assert read.model_dump(mode="json", exclude_unset=True) == example
    assert json.loads(read.body()) == example or issubclass(message, Command)


@pytest.mark.parametrize("message", MESSAGES, ids=named)
def test_each_type_has_a_sentence_in_both_languages(message: type[Message]) -> None:
    zh, en = message.sentences()
    assert en.isascii()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert en.endswith(".")
    assert zh.endswith("。")


@pytest.mark.parametrize("message", MESSAGES, ids=named)
def test_commands_are_closed_and_events_are_open(message: type[Message]) -> None:
    schema = schema_of(message)
    closed = [part.get("additionalProperties") for part in (schema, *schema.get("$defs", {}).values())]
    assert closed == [False if issubclass(message, Command) else None] * len(closed)


# -- what may change --------------------------------------------------------------------------------------------------


PLACED, PLACE = schema_of(OrderPlaced), schema_of(PlaceOrder)
SIGNED, UNSIGNED = r"^-?[0-9]{1,14}(\.[0-9]{1,4}0*)?$", r"^[0-9]{1,14}(\.[0-9]{1,4}0*)?$"


def edited(schema: dict[str, Any], where: str, **changes: Any) -> dict[str, Any]:
    """A copy in which one part has other entries; None takes an entry away."""
    schema = copy.deepcopy(schema)
    part = schema
    for step in where.split("/"):
        part = part[step] if step else part
    part.update({key: value for key, value in changes.items() if value is not None})
    for key in [key for key, value in changes.items() if value is None]:
        del part[key]
    return schema


def test_the_same_schema_breaks_nothing() -> None:
    for message in MESSAGES:
        assert breaking(schema_of(message), schema_of(message), command=issubclass(message, Command)) == []


TEXT = {"type": "string"}
ASKED = "$defs/AskedLine"
FINE_FOR_EVENTS = {
    "a field more": edited(PLACED, "properties", channel=TEXT),
    "a field more in a line": edited(PLACED, "$defs/OrderLine/properties", note=TEXT),
    "a required field more": edited(edited(PLACED, "properties", channel=TEXT), "",
                                    required=[*PLACED["required"], "channel"]),
    "a tighter field": edited(PLACED, "properties/currency", pattern="^[A-Z]{3}$"),
    "one that is always there now": edited(PLACED, "", required=[*PLACED["required"], "salesperson"]),
    "never null any more": edited(PLACED, "properties/salesperson", anyOf=[TEXT]),
    "other words": edited(PLACED, "", description="others"),
}
BAD_FOR_EVENTS = {
    "salesperson: the field is gone": edited(PLACED, "properties", salesperson=None),
    "lines[].tax: the field is gone": edited(PLACED, "$defs/OrderLine/properties", tax=None),
    "net: not always written, but always needed": edited(
        PLACED, "", required=[name for name in PLACED["required"] if name != "net"]),
    "lines[].line: string where integer is read": edited(PLACED, "$defs/OrderLine/properties/line", type="string"),
    "customer_id: null where string is read": edited(
        PLACED, "properties/customer_id", type=None, anyOf=[TEXT, {"type": "null"}]),
    f"net: pattern None where {PLACED['properties']['net']['pattern']!r} is read": edited(
        PLACED, "properties/net", pattern=None),
    "ordered_on: format 'date-time' where 'date' is read": edited(PLACED, "properties/ordered_on", format="date-time"),
}
FINE_FOR_COMMANDS = {
    "an optional field more": edited(PLACE, "properties", note=TEXT),
    "a longer reason": edited(PLACE, "properties/lines", maxItems=1000),
    "one that may be left out now": edited(
        PLACE, "", required=[name for name in PLACE["required"] if name != "currency"]),
    "null is taken too": edited(PLACE, "properties/customer_id", type=None, pattern=None, minLength=None,
                                maxLength=None, anyOf=[TEXT, {"type": "null"}]),
}
BAD_FOR_COMMANDS = {
    "salesperson: the field is gone": edited(PLACE, "properties", salesperson=None),
    "warehouse: not always written, but always needed": edited(PLACE, "", required=[*PLACE["required"], "warehouse"]),
    "lines[].note: not always written, but always needed": edited(
        edited(PLACE, f"{ASKED}/properties", note=TEXT), ASKED, required=["sku", "quantity", "unit_price", "note"]),
    "warehouse: the default was 'main'": edited(PLACE, "properties/warehouse", default="other"),
    "lines: maxItems 500 where 100 is read": edited(PLACE, "properties/lines", maxItems=100),
    "order_id: minLength 1 where 8 is read": edited(PLACE, "properties/order_id", minLength=8),
    "salesperson: null where string is read": edited(PLACE, "properties/salesperson", anyOf=[TEXT]),
    "lines[].unit_price: not None where {'pattern': '^[0.]+$'} is read": edited(
        PLACE, f"{ASKED}/properties/unit_price", **{"not": {"pattern": "^[0.]+$"}}),
}


@pytest.mark.parametrize("change", FINE_FOR_EVENTS)
def test_what_an_event_may_become(change: str) -> None:
    assert breaking(PLACED, FINE_FOR_EVENTS[change], command=False) == []


@pytest.mark.parametrize("what", BAD_FOR_EVENTS)
def test_what_an_event_may_not_become(what: str) -> None:
    assert breaking(PLACED, BAD_FOR_EVENTS[what], command=False) == [what]


@pytest.mark.parametrize("change", FINE_FOR_COMMANDS)
def test_what_a_command_may_become(change: str) -> None:
    assert breaking(PLACE, FINE_FOR_COMMANDS[change], command=True) == []


@pytest.mark.parametrize("what", BAD_FOR_COMMANDS)
def test_what_a_command_may_not_become(what: str) -> None:
    assert breaking(PLACE, BAD_FOR_COMMANDS[what], command=True) == [what]


def test_a_sign_may_come_for_commands_and_go_for_events() -> None:
    def amount(pattern: str) -> dict[str, Any]:
        return {"properties": {"net": {"type": "string", "pattern": pattern}}}

    signed, unsigned = amount(SIGNED), amount(UNSIGNED)
    assert breaking(unsigned, signed, command=True) == breaking(signed, unsigned, command=False) == []
    wrong = [f"net: pattern {SIGNED!r} where {UNSIGNED!r} is read"]
    assert breaking(signed, unsigned, command=True) == breaking(unsigned, signed, command=False) == wrong


def test_choices_may_be_more_for_commands_and_fewer_for_events() -> None:
    def choice(*values: str) -> dict[str, Any]:
        return {"properties": {"channel": {"type": "string", "enum": list(values)}}}

    few, many = choice("phone"), choice("phone", "visit")
    assert breaking(few, many, command=True) == breaking(many, few, command=False) == []
    wrong = ["channel: ['phone', 'visit'] where only ['phone'] is read"]
    assert breaking(many, few, command=True) == breaking(few, many, command=False) == wrong


# -- the generator ----------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A copy of docs/events to try things on."""
    return shutil.copytree(files.FOLDER, tmp_path / "events")


def test_a_breaking_change_is_refused_and_nothing_is_written(published: Path) -> None:
    file = published / files.path_of(OrderPlaced, "schema")
    file.write_text(json.dumps(edited(PLACED, "properties", weight=TEXT)), encoding="utf-8")
    (published / "README.md").unlink()
    with pytest.raises(files.BreakingError, match=r"(?s)order\.order_placed\.v1 is published.*weight: the field is gone"
                                                  r".*next version number"):
        files.write(published)
    assert not (published / "README.md").exists()


def test_a_type_that_is_gone_is_refused(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {name: event for name, event in Event.registry.items() if event is not OrderPlaced}
    monkeypatch.setattr(Event, "registry", others)
    assert ["it is gone" in wrong for wrong in files.broken(published)] == [True]


def test_what_changed_is_written_and_nothing_else(published: Path) -> None:
    path = files.path_of(OrderPlaced, "schema")
    (published / path).write_text(json.dumps(edited(PLACED, "", description="old words")), encoding="utf-8")
    assert files.write(published) == [path]
    assert files.write(published) == []


def test_a_type_without_an_example_is_named(published: Path) -> None:
    (published / files.path_of(PlaceOrder, "example")).unlink()
    with pytest.raises(FileNotFoundError, match=r"order\.place_order\.v1 has no example: write one into"):
        files.write(published)
