"""Of commands done together each gets its own outcomes; where that cannot be told, they are done one by one."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from shared.asked import Asked, runs, share
from shared.db import Db, Pool
from shared.events import Actor, Command, Event
from shared.events.inventory import GoodsShipped, ReceiveGoods, ShipGoods, StockReserved
from shared.events.order import (
    Allocation,
    CancelOrder,
    IssueInvoice,
    OrderCancelRequested,
    OrderSettled,
    PaymentReceived,
    ReceivePayment,
)
from shared.outcomes import AmbiguousError
from shared.refusal import Answer, Refusal
from shared.service import Service
from tests.shared.samples import NOT_NOW, TODAY, cancel

DAY = date(2026, 3, 1)
ANNA, BO = Actor("anna", "C1", frozenset({"sales"})), Actor("bo", "C1", frozenset({"sales"}))


def asked(command: Command, key: str = "k-1", actor: Actor = ANNA) -> Asked:
    return Asked(command.asked_by(actor), key)


def ship(shipment_id: str, order_id: str = "SO-1") -> ShipGoods:
    return ShipGoods(shipment_id=shipment_id, order_id=order_id, shipped_on=DAY)


def shipped(shipment_id: str, order_id: str = "SO-1") -> GoodsShipped:
    return GoodsShipped(shipment_id=shipment_id, order_id=order_id, shipped_on=DAY, warehouse="main", currency="CNY",
                        lines=(), cost=Decimal(0))


def pay(payment_id: str, order_id: str | None = "SO-1") -> ReceivePayment:
    return ReceivePayment(payment_id=payment_id, customer_id="K1", order_id=order_id, received_on=DAY, currency="CNY",
                          amount=Decimal(1))


def paid(payment_id: str, order_id: str | None = "SO-1") -> PaymentReceived:
    return PaymentReceived(
        payment_id=payment_id, customer_id="K1", order_id=order_id, received_on=DAY, currency="CNY", amount=Decimal(1),
        allocations=(Allocation(order_id="SO-1", delivery_id="D-1", amount=Decimal(1)),), allocated=Decimal(1),
        unallocated=Decimal(0),
    )


SETTLED = OrderSettled(order_id="SO-1", customer_id="K1")


def shared_among(found: Sequence[Event | Refusal], commands: Sequence[Command]) -> list[list[Event | Refusal]]:
    ones = [asked(command, f"k-{n}") for n, command in enumerate(commands)]
    whose = share(found, ones)
    return [[*whose[one].events, *whose[one].refusals] for one in ones]


def test_a_run_is_of_one_company_and_type_and_has_no_key_twice() -> None:
    other = Actor("anna", "C2", frozenset({"sales"}))
    given = [asked(cancel("A"), "1"), asked(ship("S"), "2"), asked(cancel("B"), "3"), asked(cancel("A"), "1"),
             asked(cancel("A"), "1", other), asked(cancel("C"), "1", BO), asked(cancel("A"), "1")]
    a, s, b, again, elsewhere, of_bo, once_more = given
    assert runs(given) == [[a, b, of_bo], [s], [elsewhere], [again], [once_more]]


def test_two_shipments_of_one_order_get_their_own_events() -> None:
    first, second = shipped("S-1"), shipped("S-2")
    assert shared_among([first, second], [ship("S-1"), ship("S-2")]) == [[first], [second]]


def test_what_follows_for_the_order_belongs_to_the_one_that_was_not_refused() -> None:
    no = Refusal(loser := pay("P-2"), "payment_id", "not_now", NOT_NOW, {"order_id": ""})
    done = paid("P-1")
    assert shared_among([done, no, SETTLED], [pay("P-1"), loser]) == [[done, SETTLED], [no]]


@pytest.mark.parametrize(("found", "commands"), [
    ([paid("P-1"), paid("P-2"), SETTLED], [pay("P-1"), pay("P-2")]),  # which of both settled it?
    ([paid("P-1", None), SETTLED], [pay("P-1", None), pay("P-2", "SO-2")]),
    ([StockReserved(order_id="SO-1", warehouse="main", lines=())],
     [ReceiveGoods.model_validate({"receipt_id": f"R-{n}", "supplier_id": "V", "received_on": DAY,
                                   "lines": [{"sku": "TEA", "quantity": "1", "unit_cost": "1"}]}) for n in (1, 2)]),
    ([SETTLED], [IssueInvoice(invoice_id=f"I-{n}", order_id="SO-1", issued_on=DAY) for n in (1, 2)]),
])
def test_what_could_be_of_several_is_of_none(found: list[Event], commands: list[Command]) -> None:
    with pytest.raises(AmbiguousError):
        shared_among(found, commands)


async def test_commands_whose_outcomes_cannot_be_told_apart_are_done_one_by_one(pool: Pool) -> None:
    """The use case speaks of another order than the commands name, in as many events as there are commands."""
    service, sizes = Service("order"), list[int]()

    @service.does(CancelOrder)
    async def cancel_order(_db: Db, commands: Sequence[CancelOrder]) -> list[Event | Refusal]:
        sizes.append(len(commands))
        return [OrderCancelRequested(order_id=f"OF-{command.order_id}", customer_id="K1", requested_on=TODAY,
                                     reason=command.reason) for command in commands]

    answers = await service.ask_all(pool, [asked(cancel(f"SO-{n}"), f"k-{n}") for n in range(3)], by_queue=True)
    assert sizes == [3, 1, 1, 1]
    subjects = [[event["subject"] for event in a.events] if isinstance(a, Answer) else a for a in answers]
    assert subjects == [[f"order/OF-SO-{n}"] for n in range(3)]
