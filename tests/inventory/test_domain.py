"""The warehouse's decisions: moving average, reservation of all or nothing, shipments, release."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain import products, receiving, reservation, shipping
from services.inventory.domain.costing import Pool, Stock, grown, take_in, take_out
from services.inventory.domain.reservation import Fulfilment, Line
from shared.events import Actor
from shared.events.inventory import (
    GoodsReceived,
    GoodsShipped,
    NewProduct,
    OpenStock,
    ProductRegistered,
    ReceiveGoods,
    RegisterProducts,
    ReservationReleased,
    ShipGoods,
    StockOpened,
    StockReserved,
    StockShort,
)
from shared.money import ZERO, worth
from shared.refusal import Refusal
from tests.inventory import builders
from tests.inventory.builders import D, cancelled, placed

TEA, CUP = Pool("TEA", "main"), Pool("CUP", "main")
ANNA = Actor("anna", "C1")


def pool_of(quantity: str, value: str, reserved: str = "0", pool: Pool = TEA) -> Stock:
    return Stock(pool, D(quantity), D(value), D(reserved))


def reserved(order_id: str, *lines: tuple[str, str], approved: bool = True) -> Fulfilment:
    own = tuple(Line(i, sku, D(quantity), D(quantity)) for i, (sku, quantity) in enumerate(lines, 1))
    return Fulfilment(order_id, "main", "reserved", own, approved)


def ship(shipment_id: str, order_id: str, *lines: tuple[int, str]) -> ShipGoods:
    return builders.ship(shipment_id, order_id, *lines).asked_by(ANNA)


def receipt(receipt_id: str, *lines: tuple[str, str, str]) -> ReceiveGoods:
    return builders.receipt(receipt_id, *lines).asked_by(ANNA)


def opening(opening_id: str, *lines: tuple[str, str, str]) -> OpenStock:
    return builders.opening(opening_id, *lines).asked_by(ANNA)


def refusal_of(outcome: Any) -> tuple[str, str, int]:
    assert isinstance(outcome, Refusal)
    assert outcome.error()["message_zh"] != outcome.error()["message_en"]
    return outcome.field, outcome.code, outcome.status


# -- costing ----------------------------------------------------------------------------------------------------------


def test_g1_ship_10_of_100_at_60() -> None:
    received = receiving.take_in_goods([receipt("R1", ("TEA", "100", "60"))], "CNY", {TEA: Stock(TEA)})
    held = reservation.reserve([placed("SO-1", ("TEA", "10"))], received.stock)
    approved = {f.order_id: replace(f, approved=True) for f in held.fulfilments}
    shipped = shipping.ship([ship("SH-1", "SO-1")], "CNY", frozenset(), approved, held.stock)

    [event] = shipped.outcomes
    assert isinstance(event, GoodsShipped)
    assert event.cost == D("600.00")
    assert shipped.stock[TEA] == Stock(TEA, D(90), D(5400), ZERO, 2)
    assert [(m.n, m.quantity, m.value, m.quantity_after, m.value_after) for m in (*received.moves, *shipped.moves)] == [
        (1, D(100), D(6000), D(100), D(6000)), (2, D(-10), D(-600), D(90), D(5400)),
    ]


def test_g5_three_units_worth_100_leave_no_residual() -> None:
    stock, costs = pool_of("3", "100.00"), []
    for _ in range(3):
        after = take_out(stock, D(1), "CNY")
        costs.append(stock.value - after.value)
        stock = after
    assert costs == [D("33.33"), D("33.33"), D("33.34")]
    assert (stock.quantity, stock.value) == (ZERO, ZERO)


def test_g3_first_half_the_average_is_a_ratio_of_all_receipts() -> None:
    stock = take_in(pool_of("10", "1000"), D(5), D(550), "CNY")
    assert take_out(stock, D(15), "CNY").value == 0
    assert stock.value - take_out(stock, D(5), "CNY").value == D("516.67")


def test_cost_is_exact_for_numbers_with_many_digits() -> None:
    assert worth(D("99999999999.999999"), D("1.00000001"), "CNY") == D("100000001000.00")
    assert worth(D("0.000001"), D("4999.99999999"), "CNY") == D("0.00")
    assert worth(D("0.000001"), D("5000"), "CNY") == D("0.01")
    big = pool_of("99999999999.999999", "99999999999.99")
    assert big.value - take_out(big, D("99999999999.999998"), "CNY").value == D("99999999999.99")
    assert worth(D("3"), D("0.5"), "JPY") == D("2")


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_only_something_can_be_taken_out(quantity: str) -> None:
    with pytest.raises(ValueError, match="cannot take"):
        take_out(pool_of("3", "100"), D(quantity), "CNY")


quantities = st.decimals(min_value="0.000001", max_value="99999", places=6)
values = st.decimals(min_value="0", max_value="9999999", places=2)


@given(st.lists(st.tuples(st.booleans(), quantities, values), max_size=30))
def test_stock_is_receipts_less_issues_and_never_negative(steps: list[tuple[bool, Decimal, Decimal]]) -> None:
    stock, received, issued = Stock(TEA), ZERO, ZERO
    for i, (comes_in, quantity, value) in enumerate(steps):
        before = stock
        if comes_in:
            stock, received = take_in(before, quantity, value, "CNY"), received + value
        elif before.quantity:
            # Every third issue takes all there is.
            leaving = before.quantity if i % 3 == 0 else min(quantity, before.quantity)
            stock = take_out(before, leaving, "CNY")
            issued += before.value - stock.value
            assert stock.value <= before.value
        assert stock.value == received - issued
        assert stock.quantity >= 0
        assert stock.value >= 0
        assert stock.quantity > 0 or stock.value == 0
        assert stock.value == stock.value.quantize(D("0.01"))


# -- products and goods coming in -------------------------------------------------------------------------------------


def test_products_are_registered_once() -> None:
    def register(*skus: str) -> RegisterProducts:
        return RegisterProducts(products=tuple(NewProduct(sku=sku, name=sku) for sku in skus)).asked_by(ANNA)

    first, again, twice, fresh = products.register(
        [register("A"), register("B", "A"), register("C", "C"), register("B")], "CNY", frozenset()
    )
    assert first == ProductRegistered(sku="A", name="A", unit="件")
    assert refusal_of(again) == ("products.1.sku", "duplicate_product", 409)
    assert refusal_of(twice) == ("products.1.sku", "duplicate_product", 409)
    assert isinstance(fresh, ProductRegistered)
    [homeless] = products.register([register("A")], None, frozenset())
    assert refusal_of(homeless) == ("company", "unknown_company", 422)


def test_documents_are_checked_before_anything_is_locked() -> None:
    too_fine = opening("O1", ("TEA", "1", "0.005"))
    known = receiving.Known("CNY", frozenset({"TEA"}), frozenset({"R0"}), frozenset({"S1"}))
    commands: list[receiving.Incoming] = [
        receipt("R0", ("TEA", "1", "1")), receipt("R1", ("TEA", "1", "1"), ("NO", "1", "1")),
        receipt("R1", ("TEA", "1", "1")), receipt("R1", ("TEA", "1", "1")), too_fine,
    ]
    sound, refused = receiving.check(commands, known)
    assert sound == [commands[2]]
    assert [refusal_of(r) for r in refused] == [
        ("receipt_id", "duplicate_receipt", 409), ("lines.1.sku", "unknown_sku", 422),
        ("receipt_id", "duplicate_receipt", 409), ("lines.0.value", "too_many_decimals", 422),
    ]
    homeless = receiving.check(commands[:1], replace(known, currency=None))[1]
    assert refusal_of(homeless[0]) == ("company", "unknown_company", 422)


def test_a_document_with_one_product_twice_makes_two_movements() -> None:
    received = receiving.take_in_goods(
        [receipt("R1", ("TEA", "1", "0.335"), ("TEA", "2", "1.111"))], "CNY", {TEA: Stock(TEA)}
    )
    [event] = received.outcomes
    assert isinstance(event, GoodsReceived)
    assert [line.cost for line in event.lines] == [D("0.34"), D("2.22")]
    assert event.cost == D("2.56")
    assert [(m.n, m.line, m.value_after) for m in received.moves] == [(1, 1, D("0.34")), (2, 2, D("2.56"))]


def test_a_document_too_large_to_count_changes_nothing_and_the_next_goes_on() -> None:
    huge = receipt("R1", ("TEA", "1", "1"), ("TEA", "999999999999", "999999999999"))
    received = receiving.take_in_goods([huge, opening("O1", ("TEA", "2", "3"))], "CNY", {TEA: Stock(TEA)})
    assert refusal_of(received.outcomes[0]) == ("lines.1.quantity", "stock_too_large", 422)
    assert isinstance(received.outcomes[1], StockOpened)
    assert received.stock[TEA] == Stock(TEA, D(2), D(3), ZERO, 1)
    assert len(received.moves) == 1


# -- reservation ------------------------------------------------------------------------------------------------------


def test_orders_of_a_batch_compete_in_order_all_or_none() -> None:
    stock = {TEA: pool_of("10", "100"), CUP: pool_of("5", "50", pool=CUP)}
    orders = [
        placed("A", ("TEA", "6"), ("CUP", "5")),
        placed("B", ("TEA", "4"), ("CUP", "1")),  # no cup is left, so its tea stays free
        placed("C", ("TEA", "4")),
        placed("D", ("TEA", "0.000001")),
    ]
    held = reservation.reserve(orders, stock)
    assert [(type(e), e.order_id) for e in held.events] == [
        (StockReserved, "A"), (StockShort, "B"), (StockReserved, "C"), (StockShort, "D"),
    ]
    short = held.events[1]
    assert isinstance(short, StockShort)
    assert [(x.line, x.sku, x.quantity, x.available) for x in short.lines] == [(2, "CUP", D(1), ZERO)]
    assert [f.state for f in held.fulfilments] == ["reserved", "short", "reserved", "short"]
    assert (held.stock[TEA].reserved, held.stock[CUP].reserved) == (D(10), D(5))
    assert stock[TEA].reserved == 0


def test_two_lines_of_one_product_need_their_sum() -> None:
    held = reservation.reserve([placed("A", ("TEA", "6"), ("TEA", "5"))], {TEA: pool_of("10", "100")})
    [short] = held.events
    assert isinstance(short, StockShort)
    assert [(x.line, x.available) for x in short.lines] == [(1, D(10)), (2, D(10))]
    enough = reservation.reserve([placed("A", ("TEA", "6"), ("TEA", "4"))], {TEA: pool_of("10", "100")})
    assert isinstance(enough.events[0], StockReserved)


def test_waiting_orders_are_served_in_their_order() -> None:
    waiting = [
        Fulfilment("A", "main", "short", (Line(1, "TEA", D(8)),), place=1),
        Fulfilment("B", "main", "short", (Line(1, "TEA", D(3)),), place=2),
        Fulfilment("C", "main", "short", (Line(1, "TEA", D(2)),), place=3),
    ]
    held = reservation.retry(waiting, {TEA: pool_of("5", "50")})
    assert [(type(e), e.order_id) for e in held.events] == [(StockReserved, "B"), (StockReserved, "C")]
    assert [(f.order_id, f.state) for f in held.fulfilments] == [("B", "reserved"), ("C", "reserved")]
    assert held.stock[TEA].available == 0


def test_release_gives_back_what_is_not_shipped_and_answers_every_request() -> None:
    part = Fulfilment("A", "main", "reserved", (Line(1, "TEA", D(10), D(6), D(4)),), approved=True)
    short = Fulfilment("B", "main", "short", (Line(1, "TEA", D(7)),))
    stock = {TEA: pool_of("8", "80", reserved="6")}
    held = reservation.release([cancelled("A"), cancelled("B"), cancelled("A")], {"A": part, "B": short}, stock)

    releases = [e for e in held.events if isinstance(e, ReservationReleased)]
    assert [(e.order_id, e.lines[0].released, e.lines[0].shipped) for e in releases] == [
        ("A", D(6), D(4)), ("B", ZERO, ZERO), ("A", ZERO, D(4)),
    ]
    assert {f.order_id: f.state for f in held.fulfilments} == {"A": "released", "B": "released"}
    assert held.stock[TEA].reserved == 0
    assert grown(stock, held.stock) == {TEA}


def test_release_of_a_shipped_order_leaves_it_shipped() -> None:
    done = Fulfilment("A", "main", "shipped", (Line(1, "TEA", D(4), ZERO, D(4)),), approved=True)
    held = reservation.release([cancelled("A")], {"A": done}, {TEA: pool_of("8", "80")})
    assert held.fulfilments == ()
    assert isinstance(held.events[0], ReservationReleased)
    assert (held.events[0].lines[0].released, held.events[0].lines[0].shipped) == (ZERO, D(4))


# -- shipping ---------------------------------------------------------------------------------------------------------


def test_partial_shipments_of_a_batch_follow_each_other() -> None:
    orders = {"A": reserved("A", ("TEA", "2"), ("CUP", "1"))}
    stock = {TEA: pool_of("3", "100.00", "2"), CUP: pool_of("1", "7.00", "1", CUP)}
    commands = [ship("S1", "A", (1, "1")), ship("S2", "A", (1, "2")), ship("S1", "A"), ship("S3", "A"), ship("S4", "A")]
    shipped = shipping.ship(commands, "CNY", frozenset(), orders, stock)

    first, over, again, rest, late = shipped.outcomes
    assert isinstance(first, GoodsShipped)
    assert isinstance(rest, GoodsShipped)
    assert [(x.line, x.sku, x.quantity, x.cost) for x in first.lines] == [(1, "TEA", D(1), D("33.33"))]
    assert refusal_of(over) == ("lines.0.quantity", "over_shipped", 422)
    assert refusal_of(again) == ("shipment_id", "duplicate_shipment", 409)
    assert [(x.line, x.quantity, x.cost) for x in rest.lines] == [(1, D(1), D("33.33")), (2, D(1), D("7.00"))]
    assert rest.cost == D("40.33")
    assert refusal_of(late) == ("order_id", "already_shipped", 409)
    [done] = shipped.fulfilments
    assert (done.state, [x.shipped for x in done.lines]) == ("shipped", [D(2), D(1)])
    assert shipped.stock[TEA] == Stock(TEA, D(1), D("33.34"), ZERO, 2)
    assert shipped.stock[CUP] == Stock(CUP, ZERO, ZERO, ZERO, 1, last_cost=D(7))


def test_why_a_shipment_is_refused() -> None:
    orders = {
        "SHORT": Fulfilment("SHORT", "main", "short", (Line(1, "TEA", D(1)),), approved=True),
        "GONE": Fulfilment("GONE", "main", "released", (Line(1, "TEA", D(1)),), approved=True),
        "OPEN": reserved("OPEN", ("TEA", "1"), approved=False),
        "OK": reserved("OK", ("TEA", "1")),
    }
    stock = {TEA: pool_of("2", "2", "2")}
    commands = [
        ship("S1", "NO"), ship("S1", "SHORT"), ship("S1", "GONE"), ship("S1", "OPEN"), ship("S0", "OK"),
        ship("S1", "OK", (2, "1")), ship("S1", "OK", (1, "0.5"), (1, "0.5")),
    ]
    shipped = shipping.ship(commands, "CNY", frozenset({"S0"}), orders, stock)
    assert [refusal_of(outcome) for outcome in shipped.outcomes] == [
        ("order_id", "unknown_order", 404), ("order_id", "not_reserved", 409), ("order_id", "already_released", 409),
        ("order_id", "not_approved", 409), ("shipment_id", "duplicate_shipment", 409),
        ("lines.0.line", "unknown_line", 422), ("lines.1.line", "repeated_line", 422),
    ]
    assert (shipped.stock, shipped.fulfilments, shipped.moves) == (stock, (), ())
    [homeless] = shipping.ship([ship("S1", "OK")], None, frozenset(), orders, stock).outcomes
    assert refusal_of(homeless) == ("company", "unknown_company", 422)
