"""Templates, and how values look: money, quantities, dates, texts of two languages."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from services.console.domain.feed import OWNERS, words
from services.console.domain.roles import ROLES
from services.console.domain.words import in_capitals
from shared.refusal import Text

HERE = Path(__file__).parents[1]
STATIC = HERE / "static"
LANGUAGES = ("zh", "en")


@pass_context
def t(context: Context, zh: str, en: str) -> str:
    """A text of a template, in the language of whoever reads it."""
    return zh if context["lang"] == "zh" else en


@pass_context
def text(context: Context, value: Text | Mapping[str, Any] | None) -> str:
    """A Text, or an object of an API that has `zh` and `en`."""
    if value is None:
        return ""
    if isinstance(value, Text):
        return value.zh if context["lang"] == "zh" else value.en
    return str(value[context["lang"]])


def money(value: str | Decimal | None, zero: str = "") -> Markup:
    """1234.5 -> 1,234.50; below zero in red, as 红字 is written; nothing for zero unless `zero` says what."""
    return Markup(figure(value, zero))  # nosec B704: digits, and what a template says of zero


def figure(value: str | Decimal | None, zero: str = "") -> str:
    """The same as text that needs no escaping."""
    if value is None or value == "":
        return ""
    if isinstance(value, str) and value[-3:-2] == "." and value[:-3].isdecimal() and value != "0.00":
        return f"{int(value[:-3]):,}{value[-3:]}"  # nearly all are so, and this is five times as fast
    amount = Decimal(value)
    if not amount:
        return zero
    digits = f"{amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount.normalize():,f}"
    return f'<span class="red">{digits}</span>' if amount < 0 else digits


def quantity(value: str | Decimal | None) -> str:
    if value is None or value == "":
        return ""
    return f"{Decimal(value).normalize():,f}"


def plain(value: str | Decimal) -> str:
    """A number as it is typed: 12.50 -> 12.5, 100 -> 100."""
    digits = f"{Decimal(value):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def price(value: str | Decimal | None) -> str:
    """A price or cost of one unit: two decimals, or as many more as it has."""
    if value is None or value == "":
        return ""
    amount = Decimal(plain(value))
    return f"{amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount:,f}"


def signed(value: str | Decimal) -> Markup:
    """A quantity that came in or went out: +5, or -5 in red."""
    amount = Decimal(value)
    return Markup('<span class="red">{}</span>').format(quantity(amount)) if amount < 0 else Markup.escape(
        f"+{quantity(amount)}" if amount else "0")


def dash(value: str) -> str:
    """A dash where there is nothing."""
    return "–" if value in ("", "0") else value


def moment(value: str | datetime, form: str = "") -> str:
    """A moment in the console's time zone: 06-15 11:02:11, or as `form` says."""
    when = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(zone())
    if form:
        return when.strftime(form)
    return "%02d-%02d %02d:%02d:%02d" % (  # noqa: UP031  # a column has one per row; strftime takes three times as long
        when.month, when.day, when.hour, when.minute, when.second)


@pass_context
def who(context: Context, value: str | None) -> str:
    return person_or_rule(value, context["lang"])


def person_or_rule(value: str | None, lang: str) -> str:
    """A person; a rule that made or checked something by itself (rule:goods-shipped@1) in words."""
    if value and value.startswith("rule:"):
        return "自动" if lang == "zh" else "automatic"
    return value or ""


def capitals(value: str | Decimal) -> str:
    return in_capitals(Decimal(value))


def owner(name: str) -> Text:
    """A service in words."""
    return OWNERS.get(name, Text(name, name))


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def show_times_in(zone: ZoneInfo) -> None:
    """Set for the whole process, as all else that is about how values look, before any page is shown."""
    ENVIRONMENT.globals["zone"] = zone


def zone() -> ZoneInfo:
    """The console's time zone."""
    found = ENVIRONMENT.globals["zone"]
    assert isinstance(found, ZoneInfo)
    return found


def today() -> date:
    return now().date()


def tonight() -> datetime:
    """The last second of today."""
    return datetime.combine(today(), time(23, 59, 59), zone())


def now() -> datetime:
    """This moment where the company is."""
    return datetime.now(zone())


@cache
def static(name: str) -> str:
    """The address of a file, with a digest of it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


@cache
def icon(name: str) -> Markup:
    """A small picture out of icons.txt."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        static("vendor/icons.svg"), name)


class _InOneLanguage(FileSystemLoader):
    """Of each t('内容', 'content') of a template its own language's text stands there when it is compiled: a call per
    text took a quarter of the time of a page's frame. Those that are put together as it is shown stay calls of `t`."""

    LITERAL = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    CHOICE = re.compile(rf"\bt\({LITERAL}, {LITERAL}\)")

    def __init__(self, lang: str) -> None:
        super().__init__(HERE / "templates")
        self._own = r"\1" if lang == "zh" else r"\2"

    def get_source(self, environment: Environment, template: str) -> Any:
        source, *rest = super().get_source(environment, template)
        return self.CHOICE.sub(self._own, source), *rest


ENVIRONMENT = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
)
ENVIRONMENT.globals.update(t=t, static=static, icon=icon, role_titles=ROLES)
ENVIRONMENT.filters.update(text=text, money=money, quantity=quantity, moment=moment, capitals=capitals, who=who,
                           event_words=words, pretty=pretty, plain=plain, price=price, dash=dash,
                           signed=signed, number=Decimal, owner=owner)
_BY_LANGUAGE = {lang: ENVIRONMENT.overlay(loader=_InOneLanguage(lang)) for lang in LANGUAGES}


def template(name: str, lang: str) -> Template:
    """A template in one of LANGUAGES; it has to be rendered with the same `lang`."""
    return _BY_LANGUAGE[lang].get_template(name)
