"""The life of orders against a real Postgres, through the doors of the service."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from services.order.domain.values import State
from services.order.handlers import service
from shared.db import Pool
from shared.events import Event
from shared.events.order import (
    ApprovalRequested,
    ApproveOrder,
    InvoiceIssued,
    OrderApproved,
    OrderCancelDeclined,
    OrderCancelled,
    OrderCancelRequested,
    OrderPlaced,
    OrderRejected,
    OrderSettled,
    PaymentAllocated,
    PaymentReceived,
    RejectOrder,
    SaleDelivered,
)
from shared.testing import ask, deliver, said
from tests.order.stories import (
    DAY,
    GROSS,
    LATER,
    approved,
    cancel,
    customer,
    done,
    invoice,
    open_company,
    pay,
    place,
    read,
    released,
    reserved,
    shipped,
    short,
)
from tests.shared.facts import kinds, nothing_was_rejected, refusal

D = Decimal


async def test_the_whole_life_of_an_order(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place(salesperson="li"))
    assert (await read(pool)).state == State.PLACED
    await deliver(pool, service, reserved())
    assert (await customer(pool)).committed == GROSS
    [delivery] = await deliver(pool, service, shipped("D1"))
    assert isinstance(delivery, SaleDelivered)
    assert (delivery.net, delivery.tax, delivery.gross) == (D("99.99"), D("13.00"), GROSS)
    assert (delivery.customer_id, delivery.salesperson, delivery.delivered_on) == ("K1", "li", DAY)
    owes = await customer(pool)
    assert (owes.committed, owes.receivable, owes.exposure) == (D(0), GROSS, GROSS)
    await done(pool, invoice("F1"), pay("P1", "112.99", "SO-1"))

    assert kinds(await said(pool)) == [
        OrderPlaced, OrderApproved, SaleDelivered, InvoiceIssued, PaymentReceived, OrderSettled,
    ]
    order = await read(pool)
    assert (order.state, order.settled, order.approver) == (State.SETTLED, True, "credit-policy")
    assert (order.maker, order.salesperson) == ("anna", "li")
    assert [(line.delivered, line.delivered_net, line.delivered_tax) for line in order.lines] == [
        (D(3), D("99.99"), D("13.00"))
    ]
    assert [(d.delivery_id, d.open, d.invoice_id) for d in order.deliveries] == [("D1", D(0), "F1")]
    assert [(p.payment_id, p.allocated, p.advance) for p in order.payments] == [("P1", GROSS, D(0))]
    assert [(i.invoice_id, i.gross) for i in order.invoices] == [("F1", GROSS)]
    assert (await customer(pool)).exposure == 0
    await nothing_was_rejected(pool)


async def test_paying_first_and_invoicing_last_settles_too(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1"))
    await done(pool, pay("P1", "112.99"))
    answer = await ask(pool, service, invoice("F1"))
    assert [event["type"] for event in answer.events] == ["order.invoice_issued.v1", "order.order_settled.v1"]


async def test_a_short_order_goes_on_when_goods_came(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place())
    assert await deliver(pool, service, short()) == []
    assert (await read(pool)).state == State.SHORT
    assert kinds(await deliver(pool, service, reserved())) == [OrderApproved]


async def test_several_events_of_one_order_in_one_batch(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place("SO-1"), place("SO-2"))
    told = await deliver(
        pool, service,
        short("SO-1"), reserved("SO-1"), shipped("D1", "1", "SO-1"), reserved("SO-2"), shipped("D2", "1", "SO-1"),
        shipped("D3", "1", "SO-2"), shipped("D4", "1", "SO-1"),
    )
    assert sorted(k.__name__ for k in kinds(told)) == ["OrderApproved"] * 2 + ["SaleDelivered"] * 4
    assert [d.net for d in (await read(pool, "SO-1")).deliveries] == [D("33.33")] * 3
    assert (await read(pool, "SO-1")).state == State.DELIVERED
    assert (await read(pool, "SO-2")).state == State.APPROVED
    assert (await customer(pool)).exposure == 2 * GROSS
    await nothing_was_rejected(pool)


async def test_a_shipment_nobody_can_value_is_rejected_and_the_others_go_on(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    told = await deliver(pool, service, shipped("D1", "4", "SO-1"), shipped("D2", "3", "SO-2"))
    assert [d.delivery_id for d in told if isinstance(d, SaleDelivered)] == ["D2"]
    [rejected] = await pool.fetch("select reason from rejected")
    assert "no_more_delivered_than_approved" in rejected["reason"]


# -- credit -----------------------------------------------------------------------------------------------------------


async def test_orders_over_the_limit_wait_for_somebody_else(pool: Pool) -> None:
    await open_company(pool, limit="230.00")
    await done(pool, *[place(order_id) for order_id in ("SO-1", "SO-2", "SO-3")])
    told = await deliver(pool, service, *[reserved(order_id) for order_id in ("SO-1", "SO-2", "SO-3")])
    assert kinds(told) == [OrderApproved, OrderApproved, ApprovalRequested]
    asked = told[2]
    assert isinstance(asked, ApprovalRequested)
    assert (asked.order_id, asked.maker, asked.exposure, asked.credit_limit) == (
        "SO-3", "anna", 2 * GROSS, D("230.00")
    )
    assert refusal(await ask(pool, service, ApproveOrder(order_id="SO-3"))) == (403, "order_id", "self_approval")
    assert (await read(pool, "SO-3")).state == State.HELD
    await done(pool, ApproveOrder(order_id="SO-3"), actor="bo")
    again = await ask(pool, service, ApproveOrder(order_id="SO-3"), actor="bo")
    assert refusal(again) == (409, "order_id", "not_held")
    order = await read(pool, "SO-3")
    assert (order.state, order.approver) == (State.APPROVED, "bo")
    assert (await customer(pool)).exposure == 3 * GROSS


async def test_deliveries_and_advances_count_in_the_exposure(pool: Pool) -> None:
    await open_company(pool, limit="230.00")
    await approved(pool, "SO-1", "SO-2")
    await deliver(pool, service, shipped("D1", order_id="SO-1"))
    await done(pool, place("SO-3"), place("SO-4"), pay("P1", "200"))
    owes = await customer(pool)
    assert (owes.committed, owes.receivable, owes.advances) == (GROSS, D(0), D("87.01"))
    told = await deliver(pool, service, reserved("SO-3"), reserved("SO-4"))
    assert kinds(told) == [OrderApproved, ApprovalRequested]


async def test_a_rejected_order_leaves_the_backlog(pool: Pool) -> None:
    await open_company(pool, limit="100.00")
    await approved(pool, "SO-1")
    rejecting = RejectOrder(order_id="SO-1", rejected_on=LATER, reason="too much")
    assert refusal(await ask(pool, service, rejecting)) == (403, "order_id", "self_approval")
    await done(pool, rejecting, actor="bo")
    rejected = (await said(pool))[-1]
    assert isinstance(rejected, OrderRejected)
    assert (rejected.net, rejected.rejected_on, rejected.reason) == (D("99.99"), LATER, "too much")
    assert await deliver(pool, service, released("3", "0")) == []
    assert (await read(pool)).state == State.REJECTED


# -- cancelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard", [(), (short(),), (reserved(),)])
async def test_an_order_of_which_nothing_was_shipped_is_cancelled_whole(pool: Pool, heard: Sequence[Event]) -> None:
    await open_company(pool)
    await done(pool, place())
    await deliver(pool, service, *heard)
    await done(pool, cancel())
    assert (await read(pool)).state == State.CANCELLING
    [cancelled] = await deliver(pool, service, released("3", "0"))
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.net, cancelled.cancelled_on, cancelled.reason) == (D("99.99"), LATER, "changed mind")
    order = await read(pool)
    assert (order.state, order.settled) == (State.CANCELLED, False)
    assert (await customer(pool)).exposure == 0
    assert refusal(await ask(pool, service, cancel())) == (409, "order_id", "not_cancellable")


async def test_stock_that_is_reserved_after_the_cancellation_changes_nothing(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place(), cancel())
    told = await deliver(pool, service, reserved(), released("3", "0"))
    assert kinds(told) == [OrderCancelled]


async def test_the_shipped_part_of_a_cancelled_order_is_invoiced_paid_and_settled(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "1"))
    await done(pool, cancel())
    told = await deliver(pool, service, shipped("D2", "1"), released("1", "2"))
    assert kinds(told) == [SaleDelivered, OrderCancelled]
    cancelled = told[1]
    assert isinstance(cancelled, OrderCancelled)
    assert [(line.line, line.quantity, line.net) for line in cancelled.lines] == [(1, D(1), D("33.33"))]
    await done(pool, invoice("F1"), pay("P1", "75.33"))
    order = await read(pool)
    assert (order.state, order.settled) == (State.CANCELLED, True)
    assert isinstance((await said(pool))[-1], OrderSettled)
    assert (await customer(pool)).exposure == 0


async def test_paid_parts_settle_as_soon_as_the_rest_is_cancelled(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "1"))
    await done(pool, invoice("F1"), pay("P1", "37.66", "SO-1"), cancel())
    assert kinds(await deliver(pool, service, released("2", "1"))) == [OrderCancelled, OrderSettled]


async def test_cancelling_is_declined_when_all_was_shipped(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await done(pool, cancel())
    told = await deliver(pool, service, shipped("D1"), released("0", "3"))
    assert kinds(told) == [SaleDelivered, OrderCancelDeclined]
    assert (await read(pool)).state == State.DELIVERED
    assert OrderCancelRequested in kinds(await said(pool))


# -- money ------------------------------------------------------------------------------------------------------------


async def test_partial_payments(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "1"), shipped("D2", "2", on=LATER))
    await done(pool, invoice("F1"), pay("P1", "50.00", "SO-1"))
    order = await read(pool)
    assert [(d.delivery_id, d.gross, d.open) for d in order.deliveries] == [
        ("D1", D("37.66"), D(0)), ("D2", D("75.33"), D("62.99")),
    ]
    assert order.state == State.DELIVERED
    await done(pool, pay("P2", "62.99", "SO-1"))
    assert (await read(pool)).state == State.SETTLED
    assert [(p.payment_id, p.allocated) for p in (await read(pool)).payments] == [
        ("P1", D("50.00")), ("P2", D("62.99"))
    ]


async def test_an_advance_pays_later_deliveries(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await done(pool, pay("P1", "50"), pay("P2", "20", "SO-1", received_on=LATER), pay("P3", "99", "SO-2"))
    told = await deliver(pool, service, shipped("D1"))
    paid = [e for e in told if isinstance(e, PaymentAllocated)]
    assert [(e.payment_id, e.allocated, e.allocated_on) for e in paid] == [("P2", D(20), LATER), ("P1", D(50), DAY)]
    owes = await customer(pool)
    assert (owes.receivable, owes.advances) == (D("42.99"), D(99))
    assert [(p.payment_id, p.allocated, p.advance) for p in (await read(pool)).payments] == [
        ("P1", D(50), D(0)), ("P2", D(20), D(0))
    ]
    assert [p.advance for p in (await read(pool, "SO-2")).payments] == [D(99)]
    await nothing_was_rejected(pool)


async def test_an_over_payment_is_an_advance(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await deliver(pool, service, shipped("D1"))
    await done(pool, pay("P1", "120.00"))
    received = (await said(pool))[-1]
    assert isinstance(received, PaymentReceived)
    assert (received.allocated, received.unallocated) == (GROSS, D("7.01"))
    assert (await customer(pool)).exposure == GROSS - D("7.01")
    told = await deliver(pool, service, shipped("D2", order_id="SO-2"))
    assert kinds(told) == [SaleDelivered, PaymentAllocated]
    assert (await read(pool, "SO-2")).deliveries[0].open == D("105.98")


async def test_one_payment_settles_several_orders(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await deliver(pool, service, shipped("D1", on=LATER), shipped("D2", order_id="SO-2"))
    await done(pool, invoice("F1"), invoice("F2", "SO-2"))
    answer = await ask(pool, service, pay("P1", "225.98"))
    assert [event["type"] for event in answer.events] == ["order.payment_received.v1"] + ["order.order_settled.v1"] * 2
    assert [a["delivery_id"] for a in answer.events[0]["data"]["allocations"]] == ["D2", "D1"]


# -- side by side -----------------------------------------------------------------------------------------------------


async def test_money_and_goods_that_come_at_the_same_moment_meet(pool: Pool) -> None:
    """Whoever comes second sees the other: never an advance beside an open delivery."""
    await open_company(pool, limit="100000.00")
    ids = [f"SO-{n}" for n in range(8)]
    await approved(pool, *ids)
    await asyncio.gather(
        *[deliver(pool, service, shipped(f"D{n}", order_id=order_id)) for n, order_id in enumerate(ids)],
        *[done(pool, pay(f"P{n}", "112.99")) for n in range(8)],
    )
    owes = await customer(pool)
    assert (owes.receivable, owes.advances, owes.committed) == (D(0), D(0), D(0))
    await nothing_was_rejected(pool)


async def test_invoices_and_money_at_the_same_moment_settle_once(pool: Pool) -> None:
    await open_company(pool)
    ids = [f"SO-{n}" for n in range(8)]
    await approved(pool, *ids)
    await deliver(pool, service, *[shipped(f"D{n}", order_id=order_id) for n, order_id in enumerate(ids)])
    await asyncio.gather(
        *[done(pool, pay(f"P{n}", "112.99", order_id)) for n, order_id in enumerate(ids)],
        *[done(pool, invoice(f"F{n}", order_id)) for n, order_id in enumerate(ids)],
    )
    assert sorted(e.order_id for e in await said(pool) if isinstance(e, OrderSettled)) == ids


async def test_a_batch_of_deliveries_is_paid_from_one_advance(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await done(pool, pay("P1", "150"))
    told = await deliver(pool, service, shipped("D1"), shipped("D2", order_id="SO-2"))
    paid = [(e.allocations[0].delivery_id, e.allocated) for e in told if isinstance(e, PaymentAllocated)]
    assert paid == [("D1", GROSS), ("D2", D("37.01"))]
    await nothing_was_rejected(pool)
