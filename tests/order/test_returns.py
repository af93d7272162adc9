"""Goods that come back, red invoices and refunds against a real Postgres, through the doors of the service."""

import asyncio
from decimal import Decimal

import pytest

from services.order.domain.values import State
from services.order.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.events.order import (
    ApprovalRequested,
    CreditNoteIssued,
    InvoiceIssued,
    OrderApproved,
    OrderSettled,
    PaymentReceived,
    RefundPaid,
    SaleDelivered,
    SaleReturned,
)
from shared.testing import ask, deliver, said
from tests.order.stories import (
    GROSS,
    LATER,
    approved,
    cancel,
    credit_note,
    customer,
    done,
    invoice,
    limit_changed,
    open_company,
    pay,
    place,
    read,
    refund,
    released,
    reserved,
    returned,
    shipped,
)
from tests.shared.facts import assert_never_changed, kinds, nothing_was_rejected, refusal

D = Decimal

# One of three: the cumulative shares of 13.00 tax are 4.33, 4.34, 4.33.
FIRST, SECOND = D("37.66"), D("37.67")


async def sold(pool: Pool, *then: Command, limit: str = "1000.00") -> None:
    """SO-1 was delivered whole with D1."""
    await open_company(pool, limit=limit)
    await approved(pool, "SO-1", salesperson="li")
    await deliver(pool, service, shipped("D1"))
    await done(pool, *then)


async def opens(pool: Pool, order_id: str = "SO-1") -> list[Decimal]:
    return [delivery.open for delivery in (await read(pool, order_id)).deliveries]


# -- returns ----------------------------------------------------------------------------------------------------------


async def test_goods_come_back_in_pieces_that_add_up(pool: Pool) -> None:
    await sold(pool)
    [first] = await deliver(pool, service, returned("T1", "1"))
    assert isinstance(first, SaleReturned)
    assert (first.return_id, first.delivery_id, first.order_id, first.customer_id) == ("T1", "D1", "SO-1", "K1")
    assert (first.salesperson, first.returned_on, first.currency) == ("li", LATER, "CNY")
    assert (first.net, first.tax, first.gross) == (D("33.33"), D("4.33"), FIRST)
    assert [(line.line, line.sku, line.quantity, line.gross) for line in first.lines] == [(1, "S1", D(1), FIRST)]
    assert await opens(pool) == [GROSS - FIRST]
    told = await deliver(pool, service, returned("T2", "1"), returned("T3", "1"))
    assert [r.gross for r in told if isinstance(r, SaleReturned)] == [SECOND, FIRST]
    assert FIRST + SECOND + FIRST == GROSS
    await nothing_was_rejected(pool)


async def test_what_comes_back_in_full_before_the_invoice_needs_none(pool: Pool) -> None:
    await sold(pool)
    assert kinds(await deliver(pool, service, returned("T1"))) == [SaleReturned, OrderSettled]
    assert ((await read(pool)).state, await opens(pool)) == (State.SETTLED, [D(0)])
    assert refusal(await ask(pool, service, invoice("F1"))) == (409, "order_id", "nothing_to_invoice")
    assert refusal(await ask(pool, service, credit_note("N1"))) == (409, "order_id", "nothing_to_credit")
    assert (await customer(pool)).exposure == 0


async def test_a_return_before_the_invoice_lowers_it(pool: Pool) -> None:
    await sold(pool)
    await deliver(pool, service, returned("T1", "1"))
    await done(pool, invoice("F1"))
    issued = (await said(pool))[-1]
    assert isinstance(issued, InvoiceIssued)
    assert (issued.net, issued.tax, issued.gross) == (D("66.66"), D("8.67"), GROSS - FIRST)
    assert refusal(await ask(pool, service, credit_note("N1"))) == (409, "order_id", "nothing_to_credit")
    answer = await ask(pool, service, pay("P1", "75.33", "SO-1"))
    assert [event["type"] for event in answer.events] == ["order.payment_received.v1", "order.order_settled.v1"]
    assert answer.events[0]["data"]["unallocated"] == "0.00"


async def test_a_return_between_invoice_and_payment_lowers_what_is_open(pool: Pool) -> None:
    await sold(pool, invoice("F1"))
    await deliver(pool, service, returned("T1", "2"))
    await done(pool, credit_note("N1"), pay("P1", "37.66", "SO-1"))
    note = next(e for e in await said(pool) if isinstance(e, CreditNoteIssued))
    assert (note.order_id, note.customer_id, note.issued_on, note.returns) == ("SO-1", "K1", LATER, ("T1",))
    assert (note.net, note.tax, note.gross) == (D("66.66"), D("8.67"), D("75.33"))
    assert (await read(pool)).state == State.SETTLED


@pytest.mark.parametrize("then", [
    [credit_note("N1"), refund("B1", "37.66", "SO-1")],
    [refund("B1", "37.66"), credit_note("N1")],
])
async def test_a_settled_order_is_settled_again_when_it_is_credited_and_paid_back(
    pool: Pool, then: list[Command]
) -> None:
    await sold(pool, invoice("F1"), pay("P1", "112.99"))
    assert (await read(pool)).state == State.SETTLED
    assert kinds(await deliver(pool, service, returned("T1", "1"))) == [SaleReturned]
    order = await read(pool)
    assert (order.state, order.settled, await opens(pool)) == (State.DELIVERED, False, [-FIRST])
    assert (await customer(pool)).exposure == -FIRST
    await done(pool, then[0])
    assert not (await read(pool)).settled
    await done(pool, then[1])
    order = await read(pool)
    assert (order.state, order.settled, await opens(pool)) == (State.SETTLED, True, [D(0)])
    assert kinds(await said(pool)).count(OrderSettled) == 2
    assert (await customer(pool)).exposure == 0
    await nothing_was_rejected(pool)


async def test_a_cancelled_order_is_settled_again_and_stays_cancelled(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "2"))
    await done(pool, invoice("F1"), pay("P1", "75.33"), cancel())
    await deliver(pool, service, released("1", "2"), returned("T1", "2"))
    order = await read(pool)
    assert (order.state, order.settled) == (State.CANCELLED, False)
    await done(pool, refund("B1", "75.33"), credit_note("N1"))
    order = await read(pool)
    assert (order.state, order.settled) == (State.CANCELLED, True)
    assert kinds(await said(pool)).count(OrderSettled) == 2


async def test_only_returns_of_invoiced_goods_get_a_red_invoice(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "2"), returned("T1", "1"))
    await done(pool, invoice("F1"))
    await deliver(pool, service, shipped("D2", "1"), returned("T2", "1", "D1"), returned("T3", "1", "D2"))
    answer = await ask(pool, service, credit_note("N1"))
    note, settled = answer.events
    assert (note["data"]["returns"], settled["type"]) == (["T2"], "order.order_settled.v1")
    assert [(r.return_id, r.invoice_id, r.credit_note_id) for r in (await read(pool)).returns] == [
        ("T1", None, None), ("T2", "F1", "N1"), ("T3", None, None),
    ]
    assert refusal(await ask(pool, service, invoice("F2"))) == (409, "order_id", "nothing_to_invoice")
    billed = [e for e in await said(pool) if isinstance(e, InvoiceIssued)]
    assert [i.gross for i in billed] == [D(note["data"]["gross"])]


async def test_the_last_return_settles_when_nothing_else_is_due(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "1"))
    await done(pool, invoice("F1"), pay("P1", "37.66"))
    told = await deliver(pool, service, shipped("D2", "2"), returned("T1", "2", "D2"))
    assert kinds(told) == [SaleDelivered, SaleReturned, OrderSettled]


async def test_a_credit_beside_an_open_delivery_does_not_settle(pool: Pool) -> None:
    """They are two sums of money: one is paid back, the other is paid."""
    await open_company(pool)
    await approved(pool, "SO-1")
    await deliver(pool, service, shipped("D1", "1"))
    await done(pool, pay("P1", "37.66"))
    await deliver(pool, service, shipped("D2", "1"), shipped("D3", "1"))
    await done(pool, invoice("F1"), pay("P2", "37.67"))
    await deliver(pool, service, returned("T1", "1", "D1"))
    await done(pool, credit_note("N1"))
    assert await opens(pool) == [-FIRST, D(0), FIRST]
    assert not (await read(pool)).settled
    await done(pool, refund("B1", "37.66", "SO-1"), pay("P3", "37.66", "SO-1"))
    assert (await read(pool)).settled


async def test_several_returns_of_several_orders_in_one_batch(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, place("SO-1"), place("SO-2"))
    told = await deliver(
        pool, service,
        reserved("SO-1"), shipped("D1", "2"), reserved("SO-2"), returned("T1", "1"), shipped("D2", "3", "SO-2"),
        returned("T2", "1", "D2", "SO-2"), shipped("D3", "1"), returned("T3", "1", "D3"),
        returned("T4", "1", "D2", "SO-2"), returned("T5", "1"),
    )
    back = {e.return_id: e.gross for e in told if isinstance(e, SaleReturned)}
    delivered = {e.delivery_id: e.gross for e in told if isinstance(e, SaleDelivered)}
    assert back["T1"] + back["T5"] == delivered["D1"]
    assert (back["T3"], back["T2"] + back["T4"]) == (delivered["D3"], FIRST + SECOND)
    assert [e.order_id for e in told if isinstance(e, OrderSettled)] == ["SO-1"]
    assert await opens(pool, "SO-2") == [FIRST]
    await nothing_was_rejected(pool)


async def test_a_return_of_more_than_was_delivered_is_rejected_and_the_others_go_on(pool: Pool) -> None:
    await sold(pool)
    await approved(pool, "SO-2")
    await deliver(pool, service, shipped("D2", order_id="SO-2"))
    told = await deliver(pool, service, returned("T1", "4"), returned("T2", "1", "D2", "SO-2"))
    assert [r.return_id for r in told if isinstance(r, SaleReturned)] == ["T2"]
    [rejected] = await pool.fetch("select reason from rejected")
    assert "no_more_returned_than_delivered" in rejected["reason"]


# -- money ------------------------------------------------------------------------------------------------------------


async def test_a_refund_takes_credits_then_advances_and_never_more(pool: Pool) -> None:
    await sold(pool, invoice("F1"), pay("P1", "120.00"))
    await approved(pool, "SO-2")
    await done(pool, pay("P2", "5", "SO-2"))
    await deliver(pool, service, returned("T1", "1"))
    too_much = await ask(pool, service, refund("B1", "49.68"))
    assert refusal(too_much) == (422, "amount", "more_than_owed")
    assert "49.67" in too_much.errors[0]["message_zh"]
    await done(pool, refund("B1", "40.00"))
    paid = next(e for e in await said(pool) if isinstance(e, RefundPaid))
    assert (paid.customer_id, paid.order_id, paid.paid_on, paid.currency) == ("K1", None, LATER, "CNY")
    assert (paid.amount, paid.from_returns, paid.from_advances) == (D(40), FIRST, D("2.34"))
    assert refusal(await ask(pool, service, refund("B2", "0.01", "SO-1"))) == (422, "amount", "more_than_owed")
    assert refusal(await ask(pool, service, refund("B2", "5.01", "SO-2"))) == (422, "amount", "more_than_owed")
    assert (await customer(pool)).advances == D("9.67")
    await done(pool, refund("B2", "9.67"))
    assert (await customer(pool)).advances == 0
    assert [(r.refund_id, r.from_returns, r.from_advances) for r in (await read(pool, "SO-2")).refunds] == [
        ("B2", D(0), D(5))
    ]


async def test_one_refund_settles_several_orders(pool: Pool) -> None:
    await open_company(pool)
    await approved(pool, "SO-1", "SO-2")
    await deliver(pool, service, shipped("D1"), shipped("D2", order_id="SO-2"))
    await done(pool, invoice("F1"), invoice("F2", "SO-2"), pay("P1", "225.98"))
    await deliver(pool, service, returned("T1", "1"), returned("T2", "3", "D2", "SO-2"))
    await done(pool, credit_note("N1"), credit_note("N2", "SO-2"))
    answer = await ask(pool, service, refund("B1", str(FIRST + GROSS)))
    assert [event["type"] for event in answer.events] == ["order.refund_paid.v1"] + ["order.order_settled.v1"] * 2


async def test_a_part_that_was_paid_is_paid_back(pool: Pool) -> None:
    await sold(pool, pay("P1", "50.00", "SO-1"))
    await deliver(pool, service, returned("T1"))
    assert await opens(pool) == [D("-50.00")]
    await done(pool, refund("B1", "20.00", "SO-1"))
    answer = await ask(pool, service, refund("B2", "30.00", "SO-1"))
    assert [event["type"] for event in answer.events] == ["order.refund_paid.v1", "order.order_settled.v1"]


async def test_money_received_never_pays_a_credit(pool: Pool) -> None:
    await sold(pool, pay("P1", "112.99"))
    await approved(pool, "SO-2")
    await deliver(pool, service, returned("T1", "1"), shipped("D2", order_id="SO-2"))
    await done(pool, pay("P2", "100"), pay("P3", "50"))
    received = [e for e in await said(pool) if isinstance(e, PaymentReceived)]
    assert [[(a.delivery_id, a.amount) for a in e.allocations] for e in received[1:]] == [
        [("D2", D(100))], [("D2", GROSS - 100)]
    ]
    owes = await customer(pool)
    assert (owes.receivable, owes.advances) == (-FIRST, D("37.01"))


# -- credit -----------------------------------------------------------------------------------------------------------


async def test_what_came_back_frees_credit(pool: Pool) -> None:
    await sold(pool, pay("P1", "112.99"), place("SO-2"), place("SO-3"), limit="150.65")
    assert kinds(await deliver(pool, service, reserved("SO-2"), reserved("SO-3"))) == [
        OrderApproved, ApprovalRequested
    ]
    await done(pool, place("SO-4"))
    await deliver(pool, service, shipped("D2", order_id="SO-2"), returned("T1", "2", "D1"))
    owes = await customer(pool)
    assert (owes.receivable, owes.exposure) == (FIRST, FIRST)
    assert kinds(await deliver(pool, service, reserved("SO-4"))) == [OrderApproved]


async def test_a_changed_credit_limit_counts_from_then_on(pool: Pool) -> None:
    await open_company(pool, limit="100.00")
    await done(pool, *[place(order_id) for order_id in ("SO-1", "SO-2", "SO-3")])
    assert kinds(await deliver(pool, service, reserved("SO-1"))) == [ApprovalRequested]
    await deliver(pool, service, limit_changed("50.00"), limit_changed("0", "K2"), limit_changed("200.00"))
    assert [(await customer(pool, c)).credit_limit for c in ("K1", "K2")] == [D("200.00"), D(0)]
    assert kinds(await deliver(pool, service, reserved("SO-2"), reserved("SO-3"))) == [
        OrderApproved, ApprovalRequested
    ]
    await nothing_was_rejected(pool)


# -- once, and side by side -------------------------------------------------------------------------------------------


async def test_ids_are_used_once_but_a_repeated_key_gets_the_first_answer(pool: Pool) -> None:
    await sold(pool, invoice("F1"), pay("P1", "112.99"))
    await deliver(pool, service, returned("T1", "1"))
    first = await ask(pool, service, credit_note("N1"), key="k1")
    assert await ask(pool, service, credit_note("N1"), key="k1") == first
    assert refusal(await ask(pool, service, credit_note("N2"))) == (409, "order_id", "nothing_to_credit")
    paid = await ask(pool, service, refund("B1", "10"), key="k2")
    assert await ask(pool, service, refund("B1", "10"), key="k2") == paid
    await deliver(pool, service, returned("T2", "1"))
    assert refusal(await ask(pool, service, credit_note("N1"))) == (409, "credit_note_id", "duplicate_credit_note")
    assert refusal(await ask(pool, service, refund("B1", "10"))) == (409, "refund_id", "duplicate_refund")
    assert await opens(pool) == [D("10.00") - FIRST - SECOND]


async def test_two_companies_with_equal_ids_live_side_by_side(pool: Pool) -> None:
    for company in ("C1", "C2"):
        await open_company(pool, company)
        await done(pool, place(), company=company)
        await deliver(pool, service, reserved(), shipped("D1"), company=company)
        await done(pool, invoice("F1"), pay("P1", "112.99"), company=company)
    await deliver(pool, service, returned("T1"), company="C1")
    await deliver(pool, service, returned("T1", "1"), limit_changed("5"), company="C2")
    await done(pool, credit_note("N1"), refund("B1", "112.99"), company="C1")
    assert (await read(pool, company="C1")).settled
    other = await read(pool, company="C2")
    assert (other.settled, [d.open for d in other.deliveries], other.credit_notes) == (False, [-FIRST], [])
    assert (await customer(pool, company="C1")).credit_limit == D("1000.00")
    await done(pool, refund("B1", "37.66"), credit_note("N1"), company="C2")
    assert (await read(pool, company="C2")).settled
    await nothing_was_rejected(pool)


async def test_what_happened_is_never_changed(pool: Pool) -> None:
    await assert_never_changed(pool, "sale_return", "credit_note", "credited_return", "refund", "refund_part")


async def test_a_credit_is_paid_back_once(pool: Pool) -> None:
    await sold(pool, invoice("F1"), pay("P1", "112.99"))
    await deliver(pool, service, returned("T1"))
    await done(pool, credit_note("N1"))
    answers = await asyncio.gather(*[ask(pool, service, refund(f"B{n}", "112.99")) for n in range(4)])
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
    assert (await read(pool)).settled


async def test_returns_money_and_paper_at_the_same_moment_settle_in_the_end(pool: Pool) -> None:
    await open_company(pool, limit="100000.00")
    ids = [f"SO-{n}" for n in range(8)]
    await approved(pool, *ids)
    await deliver(pool, service, *[shipped(f"D{n}", order_id=order_id) for n, order_id in enumerate(ids)])
    await asyncio.gather(
        *[deliver(pool, service, returned(f"T{n}", "1", f"D{n}", order_id)) for n, order_id in enumerate(ids)],
        *[done(pool, invoice(f"F{n}", order_id)) for n, order_id in enumerate(ids)],
        *[done(pool, pay(f"P{n}", "112.99", order_id)) for n, order_id in enumerate(ids)],
    )
    for n, order_id in enumerate(ids):
        await ask(pool, service, credit_note(f"N{n}", order_id))  # refused where the return lowered the invoice
    await done(pool, refund("B1", str(FIRST * 8)))
    assert [(await read(pool, order_id)).settled for order_id in ids] == [True] * 8
    billed = {order_id: D(0) for order_id in ids}
    for event in await said(pool):
        if isinstance(event, InvoiceIssued | CreditNoteIssued):
            billed[event.order_id] += event.gross if isinstance(event, InvoiceIssued) else -event.gross
    assert set(billed.values()) == {GROSS - FIRST}
    await nothing_was_rejected(pool)
