"""Which changes of a schema break those who already read our events or write our commands.

What is written must stay what is read. Of an event we are the writer: all that the new schema allows, readers of the
old one must understand. Of a command others are: all that the old schema allows, the new one must accept.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
SAME = ("pattern", "not", "format")


def breaking(old: Schema, new: Schema, *, command: bool) -> list[str]:
    """What is wrong with `new` for those who know `old`, by field; nothing if it may be published."""
    writer, reader = (old, new) if command else (new, old)
    return [f"{path or 'body'}: {what}" for path, what in (*_gone(old, new, (old, new), ""),
                                                           *_misread(writer, reader, (writer, reader), ""))]


def _gone(old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str) -> Iterator[tuple[str, str]]:
    """Fields that are not there any more, and defaults that mean something else now."""
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])
    for name, was in old.get("properties", {}).items():
        inner = _join(path, name)
        now = new.get("properties", {}).get(name)
        if now is None:
            yield inner, "the field is gone"
            continue
        if "default" in was and was["default"] != now.get("default"):
            yield inner, f"the default was {was['default']!r}"
        yield from _gone(was, now, roots, inner)
    if "items" in old and "items" in new:
        yield from _gone(old["items"], new["items"], roots, f"{path}[]")


def _misread(writer: Schema, reader: Schema, roots: tuple[Schema, Schema], path: str) -> Iterator[tuple[str, str]]:
    """What the writer may write and the reader does not take."""
    written, taken = _choices(writer, roots[0]), _choices(reader, roots[1])
    for choice in written:
        wrong = [list(_misfit(choice, other, roots, path)) for other in taken]
        if all(wrong):
            yield from min(wrong, key=len)  # the choice that comes nearest


def _misfit(writer: Schema, reader: Schema, roots: tuple[Schema, Schema], path: str) -> Iterator[tuple[str, str]]:
    if "type" in reader and writer.get("type") != reader["type"]:
        yield path, f"{writer.get('type', 'anything')} where {reader['type']} is read"
        return
    values, may = _values(reader), _values(writer)
    if values and (not may or set(may) - set(values)):
        yield path, f"{sorted(may) or 'anything'} where only {sorted(values)} is read"
    for key in SAME:
        if key in reader and writer.get(key) not in (reader[key], _unsigned(reader[key])):
            yield path, f"{key} {writer.get(key)!r} where {reader[key]!r} is read"
    for keys, sign in ((LOWER, 1), (UPPER, -1)):
        for key in keys:
            if key in reader and (key not in writer or sign * writer[key] < sign * reader[key]):
                yield path, f"{key} {writer.get(key)} where {reader[key]} is read"
    for name in reader.get("required", ()):
        if name not in writer.get("required", ()):
            yield _join(path, name), "not always written, but always needed"
    for name, read in reader.get("properties", {}).items():
        if name in writer.get("properties", {}):
            yield from _misread(writer["properties"][name], read, roots, _join(path, name))
    if "items" in reader:
        yield from _misread(writer.get("items", {}), reader["items"], roots, f"{path}[]")


def _unsigned(pattern: Any) -> Any:
    """The pattern of a decimal number that has lost its sign: who reads the sign reads it too."""
    return pattern.replace("^-?", "^", 1) if isinstance(pattern, str) else pattern


def _choices(schema: Schema, root: Schema) -> list[Schema]:
    schema = _resolved(schema, root)
    return [_resolved(choice, root) for choice in schema.get("anyOf", [schema])]


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The part that a `$ref` refers to."""
    if "$ref" not in schema:
        return schema
    found: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return found


def _values(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
