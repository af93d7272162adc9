"""The JSON Schema (2020-12) of an event or command, as other systems may rely on it.

A command knows all its fields; an event may get more of them within its version. Decimal numbers are strings, because
a JSON number is a binary float for most readers.
"""

import inspect
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared.events import Message

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ZERO = {"pattern": "^[0.]+$"}


LIMITS = ("max_digits", "decimal_places", "gt", "ge", "lt")


class _Plain(GenerateJsonSchema):
    """Without the titles that only repeat the field's name; of a decimal number only its limits."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        return {key: schema[key] for key in LIMITS if key in schema}


def schema_of(message: type[Message], refs: str = "#/$defs/{model}") -> dict[str, Any]:
    """A message's schema; the parts it is made of stand under `$defs` and are referred to by the template `refs`."""
    made = _with_decimals(message.model_json_schema(schema_generator=_Plain, ref_template=refs))
    head = {"$schema": DIALECT, "$id": f"urn:fenlu:{message.type}", "title": message.__name__,
            "description": inspect.cleandoc(message.__doc__ or "")}
    order = ("type", "properties", "required", "additionalProperties", "$defs")
    return head | {key: made[key] for key in order if key in made}


def _with_decimals(schema: Any) -> Any:
    """Every decimal number as the string that it is in JSON, with its digits, sign and range."""
    if isinstance(schema, list):
        return [_with_decimals(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "max_digits" in schema:
        return _decimal(schema)
    return {key: _with_decimals(part) for key, part in schema.items()}


def _decimal(limits: dict[str, Any]) -> dict[str, Any]:
    places = limits["decimal_places"]
    whole = limits["max_digits"] - places
    positive, unsigned = limits.get("gt") == 0, "gt" in limits or "ge" in limits
    digits = "0" if limits.get("lt") == 1 else rf"[0-9]{{1,{whole}}}"
    schema = {"type": "string", "pattern": rf"^{'' if unsigned else '-?'}{digits}(\.[0-9]{{1,{places}}}0*)?$"}
    return {**schema, **({"not": ZERO} if positive else {}),
            **{key: limits[key] for key in ("default", "description") if key in limits}}
