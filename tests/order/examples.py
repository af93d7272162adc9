"""Values of the order service that the tests of its decisions share."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from services.order.domain.values import (
    Company,
    Line,
    Order,
    State,
)
from shared.events import Actor, Command
from shared.events.inventory import (
    GoodsShipped,
    ReleasedLine,
    ReservationReleased,
    ReservedLine,
    StockLine,
    StockReserved,
)
from shared.refusal import Refusal

D = Decimal
DAY = date(2026, 3, 2)
BOOKS = Company("CNY", D("0.13"))

C = TypeVar("C", bound=Command)


def by(command: C, name: str = "anna") -> C:
    command.asked_by(Actor(name, "C1"))
    return command


def order(order_id: str = "SO-1", gross: str = "113.00", **changed: object) -> Order:
    made = Order(
        order_id=order_id, customer_id="K1", currency="CNY", salesperson=None, maker="anna", approver=None,
        state=State.PLACED, settled=False, net=D("100.00"), gross=D(gross), committed=D(0),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def by_id(*orders: Order) -> dict[str, Order]:
    return {o.order_id: o for o in orders}


def line(number: int = 1, quantity: str = "3", net: str = "100.00", tax: str = "13.00") -> Line:
    return Line("SO-1", number, f"S{number}", D(quantity), D(net), D(tax), D(0), D(0), D(0))


def reserved(order_id: str) -> StockReserved:
    return StockReserved(
        order_id=order_id, warehouse="main", lines=(ReservedLine(line=1, sku="S1", quantity=D(1)),)
    )


def shipped(shipment_id: str, *quantities: tuple[int, str]) -> GoodsShipped:
    return GoodsShipped(
        shipment_id=shipment_id, order_id="SO-1", shipped_on=DAY, warehouse="main", currency="CNY",
        lines=tuple(StockLine(line=n, sku=f"S{n}", quantity=D(q), cost=D(1)) for n, q in quantities), cost=D(1),
    )


def released(order_id: str = "SO-1") -> ReservationReleased:
    return ReservationReleased(
        order_id=order_id, warehouse="main", lines=(ReleasedLine(line=1, sku="S1", released=D(1), shipped=D(0)),)
    )


def refused(outcome: object) -> tuple[str, str, int]:
    assert isinstance(outcome, Refusal)
    assert set(outcome.error()) == {"field", "code", "message_zh", "message_en"}
    return outcome.field, outcome.code, outcome.status
