"""Fields of a form as the body of a request: their names are the paths that services name in errors (lines.0.sku)."""

from collections.abc import Mapping, Sequence
from typing import Any


def nested(fields: Mapping[str, str]) -> dict[str, Any]:
    """`{"lines.0.sku": "A"}` -> `{"lines": [{"sku": "A"}]}`. Empty fields are left out, and so are empty rows: a form
    may have more rows than somebody fills."""
    tree: dict[str, Any] = {}
    for path, value in fields.items():
        if value.strip():
            *branches, leaf = path.split(".")
            place = tree
            for branch in branches:
                place = place.setdefault(branch, {})
            place[leaf] = value.strip()
    shaped: dict[str, Any] = _shaped(tree)
    return shaped


def _shaped(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(name.isdigit() for name in tree):
        return [_shaped(tree[name]) for name in sorted(tree, key=int)]
    return {name: _shaped(value) for name, value in tree.items()}


def row_numbers(fields: Mapping[str, str], name: str) -> list[str]:
    """Which rows of a table in a form were filled, in their order: the n-th of them is `name.n` in errors."""
    filled = {path.split(".")[1] for path, value in fields.items() if path.startswith(f"{name}.") and value.strip()}
    return sorted(filled, key=int)


def filled_rows(fields: Mapping[str, str], table: str, column: str) -> tuple[dict[str, str], list[str]]:
    """Only the rows of a table that have something in a column, numbered anew; and the numbers that they had."""
    numbers = [n for n in row_numbers(fields, table) if fields.get(f"{table}.{n}.{column}", "").strip()]
    kept = {path: value for path, value in fields.items() if not path.startswith(f"{table}.")}
    for place, number in enumerate(numbers):
        kept |= {f"{table}.{place}.{path.split('.', 2)[2]}": value for path, value in fields.items()
                 if path.startswith(f"{table}.{number}.")}
    return kept, numbers


def placed(errors: Sequence[Mapping[str, str]], table: str, numbers: Sequence[str]) -> list[dict[str, str]]:
    """Errors of a service, with the numbers that the rows have in the form."""
    found = []
    for error in errors:
        head, _, rest = error["field"].partition(".")
        place, _, name = rest.partition(".")
        known = head == table and place.isdigit() and int(place) < len(numbers)
        path = f"{table}.{numbers[int(place)]}.{name}".rstrip(".") if known else error["field"]
        found.append({**error, "field": path})
    return found
