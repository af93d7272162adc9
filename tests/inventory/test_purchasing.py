"""Purchasing on a real Postgres: suppliers, purchase orders, receipts, bills, payments; what is refused, and why."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.inventory.handlers import service
from shared.db import Pool
from shared.events.inventory import ReceiptLine
from shared.testing import ask, said
from tests.inventory.builders import D, receipt
from tests.inventory.ledger import check_ledger
from tests.inventory.purchases import (
    begin,
    bill,
    done,
    pay,
    purchase,
    received,
    refused,
    send_back,
    stock,
    suppliers,
    tie,
)
from tests.shared.facts import assert_never_changed


@pytest.fixture(autouse=True)
async def ties(pool: Pool) -> AsyncIterator[None]:
    yield
    await check_ledger(pool)
    await tie(pool)


async def progress(pool: Pool, purchase_id: str) -> tuple[str, list[tuple[str, str]]]:
    """The state of a purchase order, and (quantity, received) of its lines."""
    state = await pool.fetchval("select state from purchase_order where purchase_id = $1", purchase_id)
    rows = await pool.fetch(
        "select quantity, received from purchase_order_line where purchase_id = $1 order by line", purchase_id
    )
    return state, [(f"{row['quantity']:f}", f"{row['received']:f}") for row in rows]


async def owed(pool: Pool, company: str = "C1") -> dict[str, str]:
    """What is open of each bill."""
    rows = await pool.fetch(
        "select supplier_invoice_id, open from supplier_invoice where company = $1 order by 1", company
    )
    return {row["supplier_invoice_id"]: f"{row['open']:f}" for row in rows}


# -- suppliers and purchase orders ------------------------------------------------------------------------------------


async def test_a_company_without_books_can_do_nothing(pool: Pool) -> None:
    for command in (
        suppliers("S1"), purchase("P1", ("TEA", "1", "1")), receipt("R1", ("TEA", "1", "1")),
        bill("B1", ("R1", 1, "1", "1")), pay("Z1", "1"), send_back("V1", "R1", (1, "1")),
    ):
        assert await refused(pool, command) == (422, "company", "unknown_company")


async def test_suppliers_are_registered_once(pool: Pool) -> None:
    await begin(pool)
    assert await refused(pool, suppliers("S3", "S1")) == (409, "suppliers.1.supplier_id", "duplicate_supplier")
    assert await refused(pool, suppliers("S3", "S3")) == (409, "suppliers.1.supplier_id", "duplicate_supplier")
    [event] = await done(pool, suppliers("S3"))
    assert event == {"type": "supplier_registered", "supplier_id": "S3", "name": "供应商 S3"}


async def test_a_purchase_order_says_what_is_expected(pool: Pool) -> None:
    await begin(pool)
    [event] = await done(pool, purchase("P1", ("TEA", "3", "3.333333"), ("CUP", "2", "5")))
    assert (event["type"], event["supplier_id"], event["currency"], event["net"]) == (
        "purchase_ordered", "S1", "CNY", "20.00",
    )
    assert [(x["line"], x["sku"], x["unit_cost"], x["net"]) for x in event["lines"]] == [
        (1, "TEA", "3.333333", "10.00"), (2, "CUP", "5", "10.00"),
    ]
    assert await progress(pool, "P1") == ("open", [("3", "0"), ("2", "0")])


async def test_refused_purchase_orders_name_the_field(pool: Pool) -> None:
    await begin(pool)
    await done(pool, purchase("P1", ("TEA", "1", "1")))
    line = ("TEA", "1", "1")
    for command, expected in (
        (purchase("P1", line), (409, "purchase_id", "duplicate_purchase")),
        (purchase("P2", line, supplier="NO"), (422, "supplier_id", "unknown_supplier")),
        (purchase("P2", line, ("NO", "1", "1")), (422, "lines.1.sku", "unknown_sku")),
        (purchase("P2", line, line), (422, "lines.1.sku", "repeated_sku")),
        (purchase("P2", ("TEA", "999999999", "999999")), (422, "lines.0.quantity", "amount_too_large")),
    ):
        assert await refused(pool, command) == expected
    assert await pool.fetchval("select count(*) from purchase_order") == 1


# -- receipts ---------------------------------------------------------------------------------------------------------


async def test_partial_receipts_fill_a_purchase_order(pool: Pool) -> None:
    await begin(pool)
    await done(pool, purchase("P1", ("TEA", "10", "12.5"), ("CUP", "4", "2")))
    [event] = await done(pool, received("R1", "P1", ("TEA", "4")))
    assert (event["purchase_id"], event["cost"], event["lines"][0]["unit_cost"]) == ("P1", "50.00", "12.5")
    assert await progress(pool, "P1") == ("part_received", [("10", "4"), ("4", "0")])
    # The same product twice, and once at a cost that the warehouse knows better.
    other = received("R2", "P1", ("CUP", "4"), ("TEA", "2"))
    dearer = ReceiptLine(sku="TEA", quantity=D(4), unit_cost=D(13))
    [event] = await done(pool, other.model_copy(update={"lines": (*other.lines, dearer)}))
    assert [line["cost"] for line in event["lines"]] == ["8.00", "25.00", "52.00"]
    assert await progress(pool, "P1") == ("received", [("10", "10"), ("4", "4")])
    assert await stock(pool) == (D(10), D(127))


async def test_more_than_ordered_is_refused(pool: Pool) -> None:
    await begin(pool)
    await done(pool, purchase("P1", ("TEA", "10", "1")), received("R1", "P1", ("TEA", "4")))
    over = received("R2", "P1", ("TEA", "3"), ("TEA", "3.000001"))
    assert await refused(pool, over) == (422, "lines.1.quantity", "over_received")
    assert await progress(pool, "P1") == ("part_received", [("10", "4")])
    assert await stock(pool) == (D(4), D(4))
    await done(pool, received("R2", "P1", ("TEA", "3"), ("TEA", "3")))
    assert await refused(pool, received("R3", "P1", ("TEA", "1"))) == (422, "lines.0.quantity", "over_received")


async def test_refused_receipts_name_the_field(pool: Pool) -> None:
    await begin(pool)
    await done(pool, purchase("P1", ("TEA", "1", "1")), received("R1", "P1", ("TEA", "1")))
    for command, expected in (
        (received("R1", "P1", ("TEA", "1")), (409, "receipt_id", "duplicate_receipt")),
        (received("R2", "P1", ("TEA", "1"), supplier="NO"), (422, "supplier_id", "unknown_supplier")),
        (received("R2", "P1", ("TEA", "1"), supplier="S2"), (422, "supplier_id", "order_of_other_supplier")),
        (received("R2", "P1", ("TEA", "1"), warehouse="east"), (422, "warehouse", "order_for_other_warehouse")),
        (received("R2", "P9", ("TEA", "1")), (404, "purchase_id", "unknown_purchase")),
        (received("R2", "P1", ("CUP", "1")), (422, "lines.0.sku", "not_ordered")),
        (received("R2", None, ("TEA", "1")), (422, "lines.0.unit_cost", "unknown_cost")),
        (received("R2", None, ("NO", "1")), (422, "lines.0.sku", "unknown_sku")),
    ):
        assert await refused(pool, command) == expected
    assert await stock(pool) == (D(1), D(1))


async def test_two_receipts_of_one_order_at_the_same_moment(pool: Pool) -> None:
    await begin(pool)
    await done(pool, purchase("P1", ("TEA", "10", "1")))
    answers = await asyncio.gather(*(ask(pool, service, received(f"R{i}", "P1", ("TEA", "4"))) for i in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 201, 422, 422, 422]
    assert await progress(pool, "P1") == ("part_received", [("10", "8")])


# -- bills ------------------------------------------------------------------------------------------------------------


async def test_a_bill_at_the_same_price_empties_the_accrual(pool: Pool) -> None:
    await begin(pool)
    [event] = await done(pool, receipt("R1", ("TEA", "100", "60")), bill("B1", ("R1", 1, "100", "60")))
    assert event == {
        "type": "supplier_invoiced", "supplier_invoice_id": "B1", "supplier_id": "S1", "invoiced_on": "2026-01-05",
        "currency": "CNY", "accrued": "6000.00", "variance": "0.00", "net": "6000.00", "tax": "780.00",
        "gross": "6780.00",
        "lines": [{
            "line": 1, "receipt_id": "R1", "receipt_line": 1, "sku": "TEA", "quantity": "100", "accrued": "6000.00",
            "variance": "0.00", "net": "6000.00", "tax": "780.00", "gross": "6780.00",
        }],
    }
    assert await owed(pool) == {"B1": "6780.00"}
    assert await stock(pool) == (D(100), D(6000))


async def test_partial_bills_share_the_accrual_to_the_last_cent(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "3", "3.3333")))
    bills = [await done(pool, bill(f"B{i}", ("R1", 1, "1", "3.3333"))) for i in range(3)]
    # 10.00 in three pieces; each piece is worth 3.33, and what a share has more is a variance.
    assert [[(e["type"], e["accrued"], e["variance"]) for e in events[:1]] for events in bills] == [
        [("supplier_invoiced", "3.33", "0.00")], [("supplier_invoiced", "3.34", "-0.01")],
        [("supplier_invoiced", "3.33", "0.00")],
    ]
    assert await stock(pool) == (D(3), D("9.99"))
    assert await refused(pool, bill("B9", ("R1", 1, "0.000001", "1"))) == (422, "lines.0.quantity", "over_billed")


async def test_two_receipts_in_one_bill(pool: Pool) -> None:
    await begin(pool)
    events = await done(
        pool, receipt("R1", ("TEA", "10", "10"), ("CUP", "5", "2")), receipt("R2", ("TEA", "10", "11")),
        bill("B1", ("R1", 1, "10", "12"), ("R2", 1, "4", "11"), ("R1", 2, "5", "2", "1.31"), ("R2", 1, "6", "10")),
    )
    assert [(e["type"]) for e in events] == ["supplier_invoiced", "cost_adjusted"]
    assert [(x["accrued"], x["variance"], x["net"], x["tax"]) for x in events[0]["lines"]] == [
        ("100.00", "20.00", "120.00", "15.60"), ("44.00", "0.00", "44.00", "5.72"), ("10.00", "0.00", "10.00", "1.31"),
        ("66.00", "-6.00", "60.00", "7.80"),
    ]
    assert (events[0]["net"], events[0]["tax"], events[0]["gross"]) == ("234.00", "30.43", "264.43")
    assert events[1]["adjustment_id"] == "supplier_invoice:B1"
    assert [(x["sku"], x["stock"], x["consumed"]) for x in events[1]["lines"]] == [("TEA", "14.00", "0.00")]
    assert await stock(pool) == (D(20), D(224))


async def test_refused_bills_name_the_field_and_leave_nothing(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10")), bill("B1", ("R1", 1, "4", "10")))
    good = ("R1", 1, "1", "10")
    for command, expected in (
        (bill("B1", good), (409, "supplier_invoice_id", "duplicate_supplier_invoice")),
        (bill("B2", good, supplier="NO"), (422, "supplier_id", "unknown_supplier")),
        (bill("B2", good, currency="USD"), (422, "currency", "other_currency")),
        (bill("B2", good, supplier="S2"), (422, "lines.0.receipt_id", "receipt_of_other_supplier")),
        (bill("B2", good, ("R9", 1, "1", "1")), (422, "lines.1.receipt_id", "unknown_receipt_line")),
        (bill("B2", good, ("R1", 2, "1", "1")), (422, "lines.1.receipt_id", "unknown_receipt_line")),
        (bill("B2", good, ("R1", 1, "5.5", "10")), (422, "lines.1.quantity", "over_billed")),
        (bill("B2", good, ("R1", 1, "1", "10", "1.001")), (422, "lines.1.tax", "too_many_decimals")),
        (bill("B2", ("R1", 1, "6", "99999999999")), (422, "lines.0.unit_cost", "amount_too_large")),
        (bill("B2", ("R1", 1, "1", "1", "999999999999")), (422, "lines.0.tax", "amount_too_large")),
    ):
        assert await refused(pool, command) == expected
    assert await owed(pool) == {"B1": "45.20"}
    assert await pool.fetchval("select unbilled from receipt_match") == D(6)


async def test_one_bill_from_many_connections_is_booked_once(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10")))
    same = await asyncio.gather(*(ask(pool, service, bill("B1", ("R1", 1, "2", "10")), key="k") for _ in range(4)))
    assert [answer.events == same[0].events for answer in same] == [True] * 4
    assert {answer.status for answer in same} == {201}
    other = await asyncio.gather(*(ask(pool, service, bill("B2", ("R1", 1, "2", "11"))) for _ in range(4)))
    assert sorted(answer.status for answer in other) == [201, 409, 409, 409]
    rest = await asyncio.gather(*(ask(pool, service, bill(f"B-{i}", ("R1", 1, "4", "9"))) for i in range(4)))
    assert sorted(answer.status for answer in rest) == [201, 422, 422, 422]
    assert len(await owed(pool)) == 3


# -- payments ---------------------------------------------------------------------------------------------------------


async def test_payments_pay_the_oldest_bill_first_and_never_more_than_is_owed(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "100")), bill("B2", ("R1", 1, "1", "100", "13")))
    await done(pool, bill("B1", ("R1", 1, "2", "100", "26")))
    assert await refused(pool, pay("Z1", "339.01")) == (422, "amount", "more_than_owed")
    [event] = await done(pool, pay("Z1", "250"))
    assert event["amount"] == "250"
    assert [(a["supplier_invoice_id"], a["amount"]) for a in event["allocations"]] == [
        ("B1", "226.00"), ("B2", "24.00"),
    ]
    assert await owed(pool) == {"B1": "0.00", "B2": "89.00"}
    assert await refused(pool, pay("Z2", "89.01")) == (422, "amount", "more_than_owed")
    await done(pool, pay("Z2", "89"))
    assert await owed(pool) == {"B1": "0.00", "B2": "0.00"}
    assert await refused(pool, pay("Z3", "0.01")) == (422, "amount", "more_than_owed")


async def test_refused_payments_name_the_field(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "1", "100")), bill("B1", ("R1", 1, "1", "100")), pay("Z1", "1"))
    for command, expected in (
        (pay("Z1", "1"), (409, "supplier_payment_id", "duplicate_supplier_payment")),
        (pay("Z2", "1", supplier="NO"), (422, "supplier_id", "unknown_supplier")),
        (pay("Z2", "1", supplier="S2"), (422, "amount", "more_than_owed")),
        (pay("Z2", "1", currency="USD"), (422, "currency", "other_currency")),
        (pay("Z2", "1.001"), (422, "amount", "too_many_decimals")),
    ):
        assert await refused(pool, command) == expected
    assert await owed(pool) == {"B1": "112.00"}


async def test_payments_at_the_same_moment_pay_at_most_what_is_owed(pool: Pool) -> None:
    await begin(pool)
    await done(pool, receipt("R1", ("TEA", "10", "10")))
    await done(pool, *(bill(f"B{i}", ("R1", 1, "1", "10", "0")) for i in range(5)))
    answers = await asyncio.gather(*(ask(pool, service, pay(f"Z{i}", "15")) for i in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 201, 201, 422, 422]
    assert sum(D(amount) for amount in (await owed(pool)).values()) == 5


# -- companies and tables ---------------------------------------------------------------------------------------------


async def test_two_companies_side_by_side(pool: Pool) -> None:
    for company, currency in (("C1", "CNY"), ("C2", "JPY")):
        await begin(pool, company, currency)
        await done(pool, purchase("P1", ("TEA", "3", "33.5")), received("R1", "P1", ("TEA", "3")), company=company)
    await done(pool, bill("B1", ("R1", 1, "3", "33.5")))
    assert await owed(pool, "C2") == {}
    assert await refused(pool, pay("Z1", "1", currency="JPY"), "C2") == (422, "amount", "more_than_owed")
    [event] = await done(pool, bill("B1", ("R1", 1, "1", "34"), currency="JPY"), company="C2")
    assert (event["accrued"], event["tax"], event["currency"]) == ("34", "4", "JPY")
    assert await owed(pool) == {"B1": "113.57"}
    assert await stock(pool, company="C2") == (D(3), D(101))


async def test_facts_are_append_only(pool: Pool) -> None:
    await begin(pool)
    await done(
        pool, receipt("R1", ("TEA", "10", "10")), bill("B1", ("R1", 1, "9", "10")), pay("Z1", "1"),
        send_back("V1", "R1", (1, "2")),
    )
    await assert_never_changed(
        pool, "supplier_invoice_line", "supplier_payment", "supplier_payment_allocation", "purchase_return",
        "purchase_return_line", "purchase_return_credit",
    )
    assert await stock(pool) == (D(8), D(80))
    assert len(await said(pool)) == 8
