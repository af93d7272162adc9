"""What the console decides without asking anybody."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.console.domain.drafts import DIMENSIONS, as_typed, balancing, entered, sums, where_typed
from services.console.domain.feed import WORDS, amount_of
from services.console.domain.forms import nested, row_numbers
from services.console.domain.home import TASKS, tasks_for, waiting
from services.console.domain.lists import Column, Filter, ListView, wanted
from services.console.domain.lockout import FORGOTTEN, LONGEST, counted, password_fault, wait_after
from services.console.domain.menu import MENU, place_of, seen_by
from services.console.domain.roles import MADE_IT, ROLES, Person, unless_own, why_not
from services.console.domain.words import in_capitals
from services.console.pages.preferences import local
from shared.events import Command, Event
from shared.events.accounting import ApprovePeriodClose
from shared.refusal import Text


@pytest.mark.parametrize(("amount", "words"), [
    ("0", "零元整"), ("0.05", "伍分"), ("0.50", "伍角整"), ("1", "壹元整"), ("10", "壹拾元整"),
    ("20.05", "贰拾元零伍分"), ("1050.30", "壹仟零伍拾元叁角整"), ("10000", "壹万元整"), ("10010", "壹万零壹拾元整"),
    ("100000.01", "壹拾万元零壹分"), ("1000010.50", "壹佰万零壹拾元伍角整"), ("100010000", "壹亿零壹万元整"),
    ("123456789.12", "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元壹角贰分"), ("-3.21", "负叁元贰角壹分"),
])
def test_an_amount_in_capitals(amount: str, words: str) -> None:
    assert in_capitals(Decimal(amount)) == words


def test_waits_grow_and_end() -> None:
    waits = [wait_after("account", failures).total_seconds() for failures in range(1, 9)]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8]
    assert wait_after("account", 10_000) == LONGEST
    assert wait_after("address", 20) == timedelta()
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert (counted(7, now - FORGOTTEN, now), counted(7, now - timedelta(hours=1), now)) == (0, 7)


def test_passwords_that_are_not_taken() -> None:
    assert [password_fault("anna", word) for word in ("short", "x" * 201, "my Anna is here", "a long sentence")] == [
        "short", "long", "name", None]


def test_a_form_is_a_command() -> None:
    fields = {"order_id": " SO-1 ", "note": "", "lines.0.sku": "A", "lines.0.quantity": "1", "lines.1.sku": "",
              "lines.10.sku": "C", "lines.2.sku": "B", "ship.to": "x"}
    assert nested(fields) == {
        "order_id": "SO-1", "lines": [{"sku": "A", "quantity": "1"}, {"sku": "B"}, {"sku": "C"}], "ship": {"to": "x"}}
    assert row_numbers(fields, "lines") == ["0", "2", "10"]


VIEW = ListView(
    "/things", Text("物", "Things"),
    (Column("id", Text("号", "Id"), sort="id"), Column("name", Text("名", "Name"))),
    (Filter("state", Text("状态", "State"), choices=(("", Text("全部", "All")), ("open", Text("开", "Open")))),
     Filter("q", Text("查找", "Find"), "search")),
    sort="-id",
)


def test_a_list_takes_only_what_it_knows() -> None:
    asked = wanted(VIEW, {"state": "evil", "q": "x", "sort": "name", "limit": "9", "after": "c"})
    assert asked.params == {"q": "x", "sort": "-id", "after": "c"}
    known = wanted(VIEW, {"state": "open", "sort": "id"})
    assert known.params == {"state": "open", "sort": "id"}
    assert known.url(after="c9") == "/things?state=open&sort=id&after=c9"
    assert (known.turned(VIEW.columns[0]), wanted(VIEW, {}).turned(VIEW.columns[0])) == ("-id", "id")


def test_reasons_name_the_role_or_the_maker() -> None:
    accountant = Person("li", "C1", "Li", frozenset({"accountant"}))
    assert why_not(accountant, ApprovePeriodClose) == Text("需要角色：会计主管", "needs the role Chief accountant")
    assert why_not(Person("z", "C1", "Z", frozenset({"chief_accountant"})), ApprovePeriodClose) is None
    assert (unless_own(accountant, "li"), unless_own(accountant, "wang")) == (MADE_IT, None)


def test_every_role_that_a_command_names_is_one_of_ours() -> None:
    named = {role for command in Command.registry.values() for role in command.allowed}
    assert named - set(ROLES) == {"service"}
    assert not [command for command in Command.registry.values() if "auditor" in command.allowed]


def test_everybody_has_a_menu_and_every_address_its_place() -> None:
    for role in ROLES:
        assert seen_by(Person("p", "C1", "P", frozenset({role})))
    assert [place.path if (place := place_of(path)) else None for path in ("/", "/accounts/audit", "/accounts/x", "/x")
            ] == ["/", "/accounts/audit", "/accounts", None]
    assert len({entry.path for entry in MENU}) == len(MENU)


def test_every_event_in_words_exists_and_has_its_amount() -> None:
    assert set(WORDS) <= set(Event.registry)
    for name, (_, field) in WORDS.items():
        assert field is None or field in Event.registry[name].model_fields, name
    bill = Event.registry["order.period_sealed.v1"].model_validate({"period": "2026-01"})
    assert amount_of(bill) is None


def test_an_amount_that_balances_leaves_out_its_own_line() -> None:
    fields = {"lines.0.debit": "30", "lines.1.credit": "10", "lines.2.debit": "7", "lines.2.credit": "5"}
    assert balancing(fields, "lines.2.credit") == 20
    assert balancing(fields, "lines.2.debit") == -20, "red, for the other side lacks it"
    assert balancing(fields, "lines.12.credit") == 22


def test_a_posted_voucher_as_one_would_have_typed_it() -> None:
    none = dict.fromkeys((*DIMENSIONS, "quantity"))
    lines = [
        {**none, "account": "5602", "side": "D", "amount": "-12.50", "summary": "own", "customer": "K1"},
        {**none, "account": "1405", "side": "C", "amount": "-12.50", "summary": "Rent", "quantity": "2.500000"},
    ]
    assert as_typed({"summary": "Rent", "lines": lines}) == {
        "lines.0.account": "5602", "lines.0.summary": "own", "lines.0.debit": "-12.50", "lines.0.customer": "K1",
        "lines.1.account": "1405", "lines.1.credit": "-12.50", "lines.1.quantity": "2.5"}


def test_what_one_may_not_approve_oneself_does_not_wait_for_one() -> None:
    tasks = {task.name: task for task in TASKS}
    orders = [{"maker": "li"}, {"maker": "wang"}]
    assert [waiting(tasks["held"], orders, name) for name in ("li", "zhou")] == [(1, False), (2, False)]
    drafts = {"drafts": [{"maker": "li", "steps": {"checked": "zhou"}}, {"maker": "wang", "steps": {}}] * 50}
    assert [waiting(tasks["drafts-signed"], drafts, name) for name in ("li", "zhou", "chen")] == [
        (50, True), (50, True), (100, True)]
    assert [waiting(tasks["close"], {"requested_by": ["li"]}, name)[0] for name in ("li", "wang")] == [0, 1]
    assert waiting(tasks["close"], None, "li") == (0, False)


def test_something_can_wait_for_every_role_where_it_may_be_seen() -> None:
    for role in ROLES:
        tasks = tasks_for({role})
        assert tasks, role
        seen = {entry.path for entry in seen_by(Person("p", "C1", "P", frozenset({role})))}
        for task in tasks:
            place = place_of(task.link.partition("?")[0])
            assert place is not None, task.name
            assert place.path in seen, (role, task.name)


@pytest.mark.parametrize(("path", "to"), [
    ("/orders?x=1", "/orders?x=1"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"),
    ("", "/"), ("/a\nb", "/"),
])
def test_nobody_is_sent_elsewhere(path: str, to: str) -> None:
    assert local(path) == to


def test_an_amount_stands_in_the_column_of_its_side_there_and_back() -> None:
    assert entered({"account": "5603", "debit": "10"}) == {"account": "5603", "side": "D", "amount": "10"}
    assert entered({"account": "1002", "credit": "-1"}) == {"account": "1002", "side": "C", "amount": "-1"}
    assert entered({"account": "1002", "credit": "1", "debit": "1"}) == {"account": "1002"}
    fields = {"lines.0.debit": "x", "lines.1.credit": "y", "lines.2.credit": "1,000.10", "lines.3.debit": "NaN"}
    errors = [{"field": f"lines.{n}.amount", "message": "no"} for n in range(3)] + [
        {"field": "lines.0.side", "message": "again"}, {"field": "on", "message": "no"}]
    assert [error["field"] for error in where_typed(errors, fields)] == [
        "lines.0.debit", "lines.1.credit", "lines.2.credit", "on"]
    assert sums(fields) == {"debit": 0, "credit": Decimal("1000.10"), "difference": Decimal("-1000.10")}
