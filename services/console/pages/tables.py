"""The rows of a list as HTML. A template's calls per cell took half of a page's time, so they are put together here:
what comes from outside is escaped, and what is around it is made once per column."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from markupsafe import escape as markup_of

from services.console.domain.feed import words
from services.console.domain.lists import Badge, Column, Page
from services.console.pages.rendering import ENVIRONMENT, figure, moment, person_or_rule, quantity
from shared.refusal import Text

DEBIT, CREDIT, EVEN = Text("借", "Dr"), Text("贷", "Cr"), Text("平", "–")
SPECIAL = re.compile("""[&<>"']""")
Values = Sequence[Any]
Show = Callable[[Column, Values, str], list[str]]


def escape(value: Any) -> str:
    """As markupsafe does it; but most values hold nothing special, and need no object of their own."""
    text = str(value)
    return str(markup_of(text)) if SPECIAL.search(text) else text


def _escaped(texts: list[str]) -> list[str]:
    """A column at once: mostly there is nothing special in all of it."""
    return [escape(text) for text in texts] if SPECIAL.search("".join(texts)) else texts


def _pick(text: Text, lang: str) -> str:
    return text.zh if lang == "zh" else text.en


def _plain(_column: Column, values: Values, _lang: str) -> list[str]:
    return _escaped(["" if value is None else str(value) for value in values])


def _in_words(say: Callable[[Column, Any, str], str]) -> Show:
    """Shows by what is said of one value; few different ones stand in a column."""
    def show(column: Column, values: Values, lang: str) -> list[str]:
        said = {value: say(column, value, lang) for value in set(values)}
        return [said[value] for value in values]

    return show


def _state(column: Column, value: Any, lang: str) -> str:
    shown = column.states.get(value) or Badge(Text(str(value), str(value)))
    return f'<span class="state {shown.colour}">{escape(_pick(shown.text, lang))}</span>'


SHOWN: Mapping[str, Show] = {
    "text": _plain, "code": _plain, "link": _plain, "date": _plain, "state": _in_words(_state),
    "money": lambda _, values, __: [figure(value, "0.00") for value in values],
    "quantity": _in_words(lambda _, value, __: escape(quantity(value))),
    "moment": lambda _, values, __: [moment(value) if value else "" for value in values],
    "event": _in_words(lambda _, value, lang: escape(_pick(words(value), lang)) if value else ""),
    "who": _in_words(lambda _, value, lang: escape(person_or_rule(value, lang))),
}


@pass_context
def table_rows(context: Context, page: Page) -> Markup:
    """All rows of a page of a list, made column by column; an empty cell takes no line on a card."""
    view, lang = page.wanted.view, context["lang"]
    links = {link: _escaped([link.format_map(row) for row in page.rows])  # several columns lead to the same place
             for link in {column.link for column in view.columns} if link}
    columns = [_cells(column, page.rows, links.get(column.link), lang) for column in view.columns]
    rows = ["".join(cells) for cells in zip(*columns, strict=True)]
    return Markup("".join([f"<tr>{row}</tr>" for row in rows]))  # nosec B704: every value in it was escaped above


def _cells(
    column: Column, rows: Sequence[Mapping[str, Any]], links: Sequence[str] | None, lang: str
) -> list[str]:
    values = [row[column.key] for row in rows]
    shown = SHOWN[column.kind](column, values, lang)
    if links:
        shown = [cell if value is None else f'<a href="{link}">{cell}</a>'
                 for cell, value, link in zip(shown, values, links, strict=True)]
    opening = f'<td class="{column.kind} on-phone-{column.phone}" data-label="{escape(_pick(column.title, lang))}">'
    return [f"{opening}{cell}</td>" for cell in shown]


@pass_context
def ledger_rows(
    context: Context, lines: Sequence[Mapping[str, Any]], here: str, dimensions: Mapping[str, Text]
) -> Markup:
    """The lines of an account's ledger, each with the way to its voucher; the values of `dimensions` narrow the ledger,
    whose address is `here`."""
    lang = context["lang"]
    dated, summary, about, debit, credit, balance = (
        escape(_pick(words, lang)) for words in (
            Text("日期", "Date"), Text("摘要", "Summary"), Text("核算项目", "About"), Text("借方", "Debit"),
            Text("贷方", "Credit"), Text("余额", "Balance"))
    )
    sides = {"D": _pick(DEBIT, lang), "C": _pick(CREDIT, lang), None: _pick(EVEN, lang)}
    at = escape(here)

    @cache  # the same customers and products, line by line
    def narrowing(name: str, value: str) -> str:
        return f'<a href="{at}&amp;{name}={quote(value)}">{escape(value)}</a>'

    parts: list[str] = []
    for line in lines:
        number, amount = f"{line['word']}-{line['number']}", figure(line["amount"])
        narrower = " · ".join([narrowing(name, line[name]) for name in dimensions if line[name]])
        narrower = narrower and f"<span>{narrower}</span>"  # one thing on a card, and nothing where there is none
        parts.append(
            f'<tr><td class="date" data-label="{dated}">{line["voucher_date"]}</td>'
            f'<td class="code on-phone-head" data-label=""><a href="/vouchers/{line["period"]}/{line["word"]}/'
            f'{line["number"]}">{number}</a></td><td data-label="{summary}">{escape(line["summary"])}</td>'
            f'<td class="about" data-label="{about}">{narrower}</td>'
            f'<td class="money" data-label="{debit}">{amount if line["side"] == "D" else ""}</td>'
            f'<td class="money" data-label="{credit}">{amount if line["side"] == "C" else ""}</td>'
            f'<td class="side on-phone-none">{sides[line["balance_side"]]}</td>'
            f'<td class="money" data-label="{balance}">{figure(line["balance"], "0.00")}</td></tr>'
        )
    return Markup("".join(parts))  # nosec B704: every value in it was escaped above, or is a number or date of ours


ENVIRONMENT.globals.update(table_rows=table_rows, ledger_rows=ledger_rows)
