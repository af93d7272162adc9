"""What crm decides, without a database."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.crm.domain import care, customers, trade
from services.crm.domain.values import Complaint, Customer, Kind, Known, State
from shared import search
from shared.events import Event
from shared.events.crm import CreditLimitChanged, CustomerRegistered, NewCustomer, RegisterCustomers
from shared.events.order import ApprovalRequested, OrderCancelled
from shared.money import CURRENCY_DECIMALS
from shared.testing import Script
from tests.crm.stories import (
    DAY,
    LATER,
    NOON,
    allocated,
    approved,
    by,
    complaint,
    contact,
    credited,
    delivered,
    invoiced,
    limit,
    placed,
    received,
    refunded,
    refused,
    register,
    rename,
    resolve,
    returned,
    settled,
    talk,
)

D = Decimal
K1 = Customer("K1", "Ｔea 茶 行", "li", D(100))
KNOWN = Known(
    "CNY", frozenset({"OLD"}), frozenset({"K1", "K2"}), {"P1": "K1", "P2": "K2"}, {"SO-1": "K1", "SO-2": "K2"}
)


def registering(*new: tuple[str, str, str]) -> RegisterCustomers:
    return by(RegisterCustomers(customers=tuple(
        NewCustomer(customer_id=i, name=name, credit_limit=D(limit)) for i, name, limit in new
    )))


def test_customers_are_registered_together_and_said_without_their_names() -> None:
    made, [first, second] = customers.register([registering(("K1", "甲", "1.5"), ("K2", "乙", "0"))], KNOWN)
    assert [(c.customer_id, c.name, c.credit_limit) for c in made] == [("K1", "甲", D("1.5")), ("K2", "乙", D(0))]
    assert first == CustomerRegistered(customer_id="K1", credit_limit=D("1.5"), currency="CNY")
    assert isinstance(second, CustomerRegistered)


@pytest.mark.parametrize(("command", "expected"), [
    (registering(("K1", "甲", "1"), ("OLD", "乙", "1")), ("customers.1.customer_id", "duplicate_customer", 409)),
    (registering(("K1", "甲", "1"), ("K1", "乙", "1")), ("customers.1.customer_id", "duplicate_customer", 409)),
    (registering(("K1", "甲", "1"), ("K2", "乙", "0.001")), ("customers.1.credit_limit", "too_many_decimals", 422)),
    (registering(("K1", " 　", "1")), ("customers.0.name", "blank", 422)),
])
def test_a_bad_customer_refuses_the_whole_command(command: RegisterCustomers, expected: tuple[str, str, int]) -> None:
    made, [outcome] = customers.register([command], KNOWN)
    assert (made, refused(outcome)) == ([], expected)


def test_commands_of_a_batch_see_each_other() -> None:
    made, outcomes = customers.register([registering(("K1", "甲", "1")), registering(("K1", "乙", "1"))], KNOWN)
    assert [c.name for c in made] == ["甲"]
    assert refused(outcomes[1]) == ("customers.0.customer_id", "duplicate_customer", 409)
    assert len(care.add_contacts([contact("P9"), contact("P9")], KNOWN)[1]) == 1
    assert len(care.log_communications([talk("T9"), talk("T9")], KNOWN)[0]) == 1
    assert len(care.file_complaints([complaint("B9"), complaint("B9")], KNOWN)[0]) == 1
    kept = {"B1": Complaint("B1", "K1", NOON, False)}
    assert len(care.resolve_complaints([resolve(), resolve()], kept)[0]) == 1
    now, none = customers.change([rename(name="新"), rename(salesperson="wu")], {"K1": K1})
    assert (now["K1"].name, now["K1"].salesperson, none) == ("新", "wu", [])


@pytest.mark.parametrize("currency", sorted(CURRENCY_DECIMALS))
def test_a_limit_has_the_decimals_of_its_currency(currency: str) -> None:
    [kept] = customers.change_limits([limit("5")], Known(currency, customers=frozenset({"K1"})))
    assert isinstance(kept, CreditLimitChanged)
    finest = str(D(1).scaleb(-CURRENCY_DECIMALS[currency] - 1))
    [wrong] = customers.change_limits([limit(finest)], Known(currency, customers=frozenset({"K1"})))
    assert refused(wrong) == ("credit_limit", "too_many_decimals", 422)


def test_what_a_customer_is_found_by() -> None:
    assert customers.words(K1) == {"tea 茶 行", "ea 茶 行", "a 茶 行", "茶 行", "行", "k1", "1"}
    assert search.searchable("  ＡＢＣ\t有限  公司 ") == "abc 有限 公司"
    assert search.search_range(" \0 ") is None
    for part in ("TEA", "茶", "茶　行", "ｋ1", "a 茶"):
        between = search.search_range(part)
        assert between is not None
        assert any(between[0] <= word <= between[1] for word in customers.words(K1)), part
    long = Customer("K", "长" * 200, None, D(0))
    between = search.search_range("长" * 60)
    assert between is not None
    assert max(map(len, customers.words(long))) == len(between[0]) == search.LONGEST_WORD


@pytest.mark.parametrize(("changed", "expected"), [
    ({"contact_id": "OLD"}, ("contact_id", "duplicate_contact", 409)),
    ({"customer_id": "K9"}, ("customer_id", "unknown_customer", 422)),
    ({"name": " "}, ("name", "blank", 422)),
    ({"title": "\t"}, ("title", "blank", 422)),
    ({"phone": "   "}, ("phone", "blank", 422)),
])
def test_contacts_that_are_refused(changed: dict[str, Any], expected: tuple[str, str, int]) -> None:
    accepted, [refusal] = care.add_contacts([contact(**changed)], KNOWN)
    assert (accepted, refused(refusal)) == ([], expected)


@pytest.mark.parametrize(("changed", "expected"), [
    ({"communication_id": "OLD"}, ("communication_id", "duplicate_communication", 409)),
    ({"customer_id": "K9"}, ("customer_id", "unknown_customer", 422)),
    ({"contact_id": "P9"}, ("contact_id", "unknown_contact", 422)),
    ({"contact_id": "P2"}, ("contact_id", "contact_of_other_customer", 422)),
    ({"talked_at": NOON.replace(tzinfo=None)}, ("talked_at", "no_time_zone", 422)),
    ({"talked_at": NOON.replace(year=1)}, ("talked_at", "impossible_time", 422)),
    ({"talked_at": NOON.replace(year=9999)}, ("talked_at", "impossible_time", 422)),
    ({"text": "\n"}, ("text", "blank", 422)),
    ({"follow_up_on": DAY - timedelta(days=1)}, ("follow_up_on", "follow_up_before_talk", 422)),
])
def test_talks_that_are_refused(changed: dict[str, Any], expected: tuple[str, str, int]) -> None:
    accepted, [outcome] = care.log_communications([talk(**changed)], KNOWN)
    assert (accepted, refused(outcome)) == ([], expected)


@pytest.mark.parametrize(("changed", "expected"), [
    ({"complaint_id": "OLD"}, ("complaint_id", "duplicate_complaint", 409)),
    ({"customer_id": "K9"}, ("customer_id", "unknown_customer", 422)),
    ({"order_id": "SO-2"}, ("order_id", "order_of_other_customer", 422)),
    ({"filed_at": datetime(2026, 3, 2)}, ("filed_at", "no_time_zone", 422)),  # noqa: DTZ001
    ({"due_at": NOON.replace(year=9000)}, ("due_at", "impossible_time", 422)),
    ({"due_at": NOON - timedelta(seconds=1)}, ("due_at", "due_before_filed", 422)),
    ({"text": " "}, ("text", "blank", 422)),
])
def test_complaints_that_are_refused(changed: dict[str, Any], expected: tuple[str, str, int]) -> None:
    accepted, [outcome] = care.file_complaints([complaint(**changed)], KNOWN)
    assert (accepted, refused(outcome)) == ([], expected)


@pytest.mark.parametrize("order_id", [None, "SO-1", "NOT-HEARD-YET"])
def test_a_complaint_may_name_an_order_that_is_on_its_way(order_id: str | None) -> None:
    accepted, _ = care.file_complaints([complaint(order_id=order_id)], KNOWN)
    assert len(accepted) == 1


@pytest.mark.parametrize(("changed", "expected"), [
    ({"complaint_id": "B9"}, ("complaint_id", "unknown_complaint", 404)),
    ({"complaint_id": "B2"}, ("complaint_id", "already_resolved", 409)),
    ({"resolved_at": NOON - timedelta(days=1)}, ("resolved_at", "resolved_before_filed", 422)),
    ({"resolved_at": NOON.replace(tzinfo=None)}, ("resolved_at", "no_time_zone", 422)),
    ({"text": " "}, ("text", "blank", 422)),
])
def test_resolutions_that_are_refused(changed: dict[str, Any], expected: tuple[str, str, int]) -> None:
    kept = {"B1": Complaint("B1", "K1", NOON, False), "B2": Complaint("B2", "K1", NOON, True)}
    accepted, [outcome] = care.resolve_complaints([resolve(**changed)], kept)
    assert (accepted, refused(outcome)) == ([], expected)


def test_without_books_nothing_is_taken() -> None:
    nobody = Known(None)
    for outcome in (
        customers.register([by(register())], nobody)[1][0], customers.change_limits([by(limit("1"))], nobody)[0],
        care.add_contacts([by(contact())], nobody)[1][0], care.log_communications([by(talk())], nobody)[1][0],
        care.file_complaints([by(complaint())], nobody)[1][0],
    ):
        assert refused(outcome) == ("company", "unknown_company", 422)


def read(*events: Event) -> trade.News:
    script = Script()
    return trade.read([script.say(event) for event in events])


def test_the_events_of_an_order_add_up() -> None:
    news = read(
        placed(), approved(), delivered("D1", ("S1", 2), ("S2", 1)), invoiced("F1", 3),
        received("P1", "400", SO_1="339"), settled(), returned("R1", ("S1", 1)),
        credited("N1", 1), refunded("RF1", "113", "11"),
    )
    [order] = news.orders
    assert (order.state, order.settled_at, order.returned_at) == (State.APPROVED, 6, 7)
    assert (order.shipped, order.delivered, order.returned) == (D(3), D(339), D(113))
    assert (order.invoiced, order.paid) == (D(226), D(339))
    [account] = news.accounts
    assert (account.delivered, account.returned, account.paid) == (D(339), D(113), D(400))
    assert (account.refunded, account.advances) == (D(124), D(50))
    assert [(p.sku, p.quantity, p.net, p.last_bought) for p in news.purchases] == [
        ("S1", D(1), D(100), DAY), ("S2", D(1), D(100), DAY)
    ]
    assert [(d.kind, d.document_id, d.amount) for d in news.documents] == [
        (Kind.DELIVERY, "D1", D(339)), (Kind.INVOICE, "F1", D(339)), (Kind.PAYMENT, "P1", D(400)),
        (Kind.RETURN, "R1", D(113)), (Kind.CREDIT_NOTE, "N1", D(113)), (Kind.REFUND, "RF1", D(124)),
    ]


def test_the_same_product_on_two_lines_and_the_latest_day_counts() -> None:
    news = read(
        delivered("D1", ("S1", 1), ("S1", 2), on=LATER), delivered("D2", ("S1", 1), on=DAY), allocated("P1", "50"),
        returned("R1", ("S9", 1)),
    )
    assert [(p.sku, p.quantity, p.last_bought) for p in news.purchases] == [("S1", D(4), LATER), ("S9", D(-1), None)]
    assert news.accounts[0].advances == D(-50)


def test_the_last_step_gives_the_state() -> None:
    held = ApprovalRequested(order_id="SO-1", customer_id="K1", maker="anna", exposure=D(0), credit_limit=D(0))
    gone = OrderCancelled(
        order_id="SO-1", customer_id="K1", cancelled_on=date(2026, 3, 3), currency="CNY", reason="r", lines=(), net=D(0)
    )
    assert read(placed(), held).orders[0].state == State.HELD
    assert read(placed(), held, approved(), gone, settled()).orders[0].state == State.CANCELLED
    assert read(delivered("D1", ("S1", 1))).orders[0].state is None
