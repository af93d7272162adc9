"""A refused command: which field, why, in Chinese and English; the answer that a command gets; a refused event."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.events import Command, Event


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; templates for str.format."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is refused. `field` is a path such as `lines.0.sku`; `code` never changes; `status` is HTTP's."""

    command: Command
    field: str
    code: str
    text: Text
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    status: int = 422

    def error(self) -> dict[str, str]:
        """What the asker reads."""
        return {
            "field": self.field,
            "code": self.code,
            "message_zh": self.text.zh.format(**self.params),
            "message_en": self.text.en.format(**self.params),
        }


@dataclass(frozen=True, slots=True)
class Unfit:
    """An event that a use case refuses: it goes to `rejected` and its batch goes on without it, as if never there.

    The reason names the field. Only for services that are not ordered: in the others what follows the event has to
    wait for it, so there a use case raises.
    """

    event: Event
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command led to.

    `events` are {id, type, subject, version, data}, `errors` are {field, code, message_zh, message_en}.
    """

    status: int
    events: list[dict[str, Any]]
    errors: list[dict[str, str]]

    @property
    def ok(self) -> bool:
        return self.status < 400


# pydantic's error types that a person can meet, in Chinese; {…} is filled from the error's context.
_ZH = {
    "missing": "必填",
    "extra_forbidden": "未知字段",
    "greater_than": "必须大于 {gt}",
    "greater_than_equal": "必须大于或等于 {ge}",
    "less_than": "必须小于 {lt}",
    "less_than_equal": "必须小于或等于 {le}",
    "decimal_max_places": "小数位数不能超过 {decimal_places} 位",
    "decimal_max_digits": "数字位数不能超过 {max_digits} 位",
    "decimal_whole_digits": "整数位数不能超过 {whole_digits} 位",
    "decimal_parsing": "不是有效的十进制数",
    "decimal_type": "必须是十进制数",
    "finite_number": "必须是有限的数",
    "int_parsing": "不是有效的整数",
    "int_type": "必须是整数",
    "string_type": "必须是文本",
    "string_too_short": "长度至少 {min_length}",
    "string_too_long": "长度最多 {max_length}",
    "string_pattern_mismatch": "格式不正确，应符合 {pattern}",
    "date_from_datetime_parsing": "不是有效日期，应为 YYYY-MM-DD",
    "date_parsing": "不是有效日期，应为 YYYY-MM-DD",
    "date_type": "不是有效日期，应为 YYYY-MM-DD",
    "datetime_parsing": "不是有效时间，应为带时区的 ISO 8601",
    "datetime_from_date_parsing": "不是有效时间，应为带时区的 ISO 8601",
    "datetime_type": "不是有效时间，应为带时区的 ISO 8601",
    "timezone_aware": "时间必须带时区",
    "literal_error": "只能是 {expected}",
    "too_short": "至少需要 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "tuple_type": "必须是列表",
    "model_attributes_type": "必须是对象",
    "json_invalid": "不是有效的 JSON",
    "value_error": "小数请用字符串，例如 \"12.50\"",  # the only validator of our own: shared.money refuses floats
}


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """pydantic's errors as ours, in both languages. An outer field is left out when an inner one says more."""
    paths = [tuple(part for part in e["loc"] if part != "body") for e in errors]
    found = []
    for error, path in zip(errors, paths, strict=True):
        if any(other != path and other[: len(path)] == path for other in paths):
            continue
        zh = _ZH.get(error["type"])
        found.append({
            "field": ".".join(str(part) for part in path) or "body",
            "code": error["type"],
            "message_zh": zh.format(**error.get("ctx", {})) if zh else error["msg"],
            "message_en": error["msg"],
        })
    return found
