"""How rows and values look, and that a page leaves nothing behind."""

import gc
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.console.domain.lists import Badge, Column, ListView, Page, wanted
from services.console.pages import tables  # noqa: F401  # templates call it
from services.console.pages.rendering import moment, show_times_in, template
from shared.refusal import Text

VIEW = ListView(
    "/things", Text("东西", "Things"),
    columns=(
        Column("name", Text("名称", "Name"), link="/things/{id}", phone="head"),
        Column("state", Text("状态", "State"), "state", states={"open": Badge(Text("开", "open"), "green")}),
        Column("amount", Text("金额", "Amount"), "money"),
        Column("count", Text("数量", "Count"), "quantity"),
        Column("maker", Text("制单", "Made by"), "who"),
        Column("at", Text("时间", "Time"), "moment", phone="none"),
    ),
)
PLAIN = {"id": "T-1", "name": "Pen", "state": "open", "amount": "1234.50", "count": "2.000", "maker": "rule:x@1",
         "at": "2026-01-31T18:00:05Z"}
AWKWARD = {"id": 'T"2', "name": "<b>Pen & ink</b>", "state": "<odd>", "amount": "-3", "count": None, "maker": "O'Brien",
           "at": None}


@pytest.fixture(autouse=True)
def in_shanghai() -> None:
    show_times_in(ZoneInfo("Asia/Shanghai"))


def rendered(lang: str, *rows: dict[str, Any], following: str | None = None) -> str:
    page = Page(wanted(VIEW, {}), rows, following)
    return template("part_table.html", lang).render({"list": page, "lang": lang})


def cells(html: str) -> list[str]:
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [cell.rpartition("<td")[2].partition(">")[2] for cell in body.split("</td>")[:-1]]


def test_a_row_in_each_language() -> None:
    shown = ['<a href="/things/T-1">Pen</a>', '<span class="state green">开</span>', "1,234.50", "2", "自动",
             "02-01 02:00:05"]
    assert cells(rendered("zh", PLAIN)) == shown
    english = rendered("en", PLAIN)
    assert '<span class="state green">open</span>' in english
    assert ">automatic<" in english
    assert 'data-label="Amount"' in english
    assert 'data-label="金额"' in rendered("zh", PLAIN)


def test_nothing_that_comes_from_outside_is_markup() -> None:
    html = rendered("en", PLAIN, AWKWARD)
    assert "<b>" not in html
    assert "<odd>" not in html
    assert 'T"2' not in html
    assert '<a href="/things/T&#34;2">&lt;b&gt;Pen &amp; ink&lt;/b&gt;</a>' in html
    assert "&lt;odd&gt;" in html
    assert "O&#39;Brien" in html
    assert '<span class="red">-3.00</span>' in html
    assert '<a href="/things/T-1">Pen</a>' in html, "what stands beside it is shown as before"


def test_a_template_says_what_it_says_in_the_readers_language() -> None:
    assert [("下一页" in html, "Next page" in html) for html in (
        rendered(lang, PLAIN, following="T-1") for lang in ("zh", "en"))] == [(True, False), (False, True)]


def test_a_list_without_rows_says_so() -> None:
    html = rendered("zh")
    assert "没有符合条件的记录" in html
    assert "<tbody>" not in html


def test_a_moment_has_its_own_form_or_the_common_one() -> None:
    assert moment("2026-01-31T18:00:05.999Z") == "02-01 02:00:05"
    assert moment("2026-01-31T18:00:05Z", "%Y-%m-%d %H:%M") == "2026-02-01 02:00"


def test_a_list_leaves_nothing_to_the_garbage_collector() -> None:
    """A page of fifty rows that waits for it takes memory, and the next page finds none that is still near."""
    rendered("zh", PLAIN)
    gc.collect()
    gc.disable()
    try:
        rendered("zh", *[PLAIN] * 50)
        assert gc.collect() == 0
    finally:
        gc.enable()
