"""Lists as data: columns, filters and order of a list page; what the query of its address asks for; cells in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from shared.refusal import Text

NOTHING, NO_HINT = Text("没有符合条件的记录", "nothing matches"), Text("", "")
Kind = Literal["text", "code", "link", "money", "quantity", "date", "moment", "state", "event", "who"]


@dataclass(frozen=True, slots=True)
class Badge:
    """How a state is shown: its words and its colour."""

    text: Text
    colour: str = "secondary"


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names the field of a row. `sort` is what the service calls the order by it, `link` the address behind it
    with fields in braces, `states` the words of a state. `phone` says where it stands on a card: as its `head`, in a
    line of its own, or not at all."""

    key: str
    title: Text
    kind: Kind = "text"
    sort: str = ""
    link: str = ""
    states: Mapping[str, Badge] = field(default_factory=dict)
    phone: Literal["head", "line", "none"] = "line"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list may be narrowed by: `choices` make it a selection, and its first one stands if nothing is chosen."""

    key: str
    title: Text
    kind: Literal["search", "choice", "month", "date"] = "choice"
    choices: tuple[tuple[str, Text], ...] = ()
    hint: Text = NO_HINT


@dataclass(frozen=True, slots=True)
class ListView:
    """A list page. `sort` is its order when nobody asks for another; a minus stands for descending."""

    path: str
    title: Text
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    sort: str = ""
    empty: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address of a list page asks for, as far as the view knows it."""

    view: ListView
    filters: Mapping[str, str]
    sort: str
    after: str

    @property
    def params(self) -> dict[str, str]:
        """For the service: only what is set."""
        asked = {**self.filters, "sort": self.sort, "after": self.after}
        return {name: value for name, value in asked.items() if value}

    def url(self, **changes: str) -> str:
        """The address of the same list with something else; whatever changes, it begins at its first page."""
        asked = {**self.filters, "sort": "" if self.sort == self.view.sort else self.sort, **changes}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.view.path}?{query}" if query else self.view.path

    def turned(self, column: Column) -> str:
        """The order that a click on the head of a column asks for."""
        return f"-{column.sort}" if self.sort == column.sort else column.sort


def wanted(view: ListView, query: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> Wanted:
    """Read an address. What the view does not know is left out, so nobody can pass on anything by it."""
    filters = {}
    for one in view.filters:
        value = query.get(one.key, (defaults or {}).get(one.key, "")).strip()[:200]
        known = not one.choices or value in {choice for choice, _ in one.choices}
        filters[one.key] = value if known else ""
    sorts = {column.sort for column in view.columns if column.sort}
    sort = query.get("sort", "")
    return Wanted(view, filters, sort if sort.removeprefix("-") in sorts else view.sort, query.get("after", "")[:500])


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows, and the cursor of the one that follows."""

    wanted: Wanted
    rows: Sequence[Mapping[str, Any]]
    next: str | None = None
