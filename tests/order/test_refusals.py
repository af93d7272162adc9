"""What the order service refuses, through its doors, and how companies are kept apart."""

import pytest

from services.order.domain.values import State
from services.order.handlers import service
from shared.db import Pool
from shared.events import Command
from shared.events.order import (
    ApproveOrder,
    RejectOrder,
)
from shared.testing import ask, deliver, said
from tests.order.stories import (
    DAY,
    GROSS,
    cancel,
    credit_note,
    customer,
    done,
    invoice,
    open_company,
    pay,
    place,
    read,
    refund,
    released,
    reserved,
    shipped,
)
from tests.shared.facts import nothing_was_rejected, refusal


@pytest.mark.parametrize(("command", "expected"), [
    (place(sku="S9"), (422, "lines.0.sku", "unknown_sku")),
    (place(customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (place(currency="XXX"), (422, "currency", "unknown_currency")),
    (place(currency="USD"), (422, "currency", "other_currency")),
    (pay("P1", "1.001"), (422, "amount", "too_many_decimals")),
    (pay("P1", "1", "SO-9"), (404, "order_id", "unknown_order")),
    (pay("P1", "1", customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (ApproveOrder(order_id="SO-9"), (404, "order_id", "unknown_order")),
    (RejectOrder(order_id="SO-9", rejected_on=DAY, reason="r"), (404, "order_id", "unknown_order")),
    (cancel("SO-9"), (404, "order_id", "unknown_order")),
    (invoice("F1", "SO-9"), (404, "order_id", "unknown_order")),
    (credit_note("N1", "SO-9"), (404, "order_id", "unknown_order")),
    (refund("R1", "1.001"), (422, "amount", "too_many_decimals")),
    (refund("R1", "1"), (422, "amount", "more_than_owed")),
    (refund("R1", "1", "SO-9"), (404, "order_id", "unknown_order")),
    (refund("R1", "1", customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (refund("R1", "1", currency="USD"), (422, "currency", "other_currency")),
])
async def test_refusals_name_the_field_and_change_nothing(
    pool: Pool, command: Command, expected: tuple[int, str, str]
) -> None:
    await open_company(pool)
    before = await said(pool)
    assert refusal(await ask(pool, service, command)) == expected
    assert len(await said(pool)) == len(before)


@pytest.mark.parametrize("command", [place(), pay("P1", "1"), refund("R1", "1")])
async def test_a_company_without_books_is_refused(pool: Pool, command: Command) -> None:
    assert refusal(await ask(pool, service, command)) == (422, "company", "unknown_company")


async def test_ids_are_used_once_but_a_repeated_key_gets_the_first_answer(pool: Pool) -> None:
    await open_company(pool)
    first = await ask(pool, service, place(), key="k1")
    assert await ask(pool, service, place(), key="k1") == first
    assert refusal(await ask(pool, service, place(), key="k2")) == (409, "order_id", "duplicate_order")
    await deliver(pool, service, reserved(), shipped("D1"))
    await done(pool, invoice("F1"), pay("P1", "1"))
    assert refusal(await ask(pool, service, invoice("F1"))) == (409, "invoice_id", "duplicate_invoice")
    assert refusal(await ask(pool, service, invoice("F2"))) == (409, "order_id", "nothing_to_invoice")
    assert refusal(await ask(pool, service, pay("P1", "1"))) == (409, "payment_id", "duplicate_payment")
    assert len((await read(pool)).payments) == 1


async def test_two_companies_with_equal_ids_live_side_by_side(pool: Pool) -> None:
    for company in ("C1", "C2"):
        await open_company(pool, company)
        await done(pool, place(), company=company)
        await deliver(pool, service, reserved(), company=company)
    await deliver(pool, service, shipped("D1"), company="C1")
    await done(pool, invoice("F1"), pay("P1", "112.99"), company="C1")
    assert (await read(pool, company="C1")).state == State.SETTLED
    assert (await read(pool, company="C2")).state == State.APPROVED
    assert (await customer(pool, company="C2")).exposure == GROSS
    await deliver(pool, service, shipped("D1", "1"), company="C2")
    await done(pool, cancel(), company="C2")
    await deliver(pool, service, released("2", "1"), company="C2")
    assert (await read(pool, company="C2")).state == State.CANCELLED
    assert (await read(pool, company="C1")).state == State.SETTLED
    await nothing_was_rejected(pool)
