"""The checker finds nothing in sound books, and names every fault that is put into them."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from shared.testing import admin_of, admin_url, database_at
from tests.tools.company import traded
from tools.checker import backlog, check

Urls = dict[str, str]
ROOT = Path(__file__).parents[2]
UNLOCK = "alter table {0} disable trigger user"


@pytest.fixture(scope="module")
async def sound() -> AsyncIterator[Urls]:
    """Two companies side by side; no test changes these databases."""
    async with traded("DEMO", "OTHER") as urls:
        yield urls


@asynccontextmanager
async def copy_of(url: str) -> AsyncIterator[str]:
    """A copy of a database, to put a fault into."""
    name = f"test_fault_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(admin_url())
    try:
        await admin.execute(f'create database "{name}" template "{urlsplit(url).path[1:]}"')
        yield admin_of(database_at(url, name))
    finally:
        await admin.execute(f'drop database if exists "{name}" with (force)')
        await admin.close()


async def test_sound_books_have_no_fault(sound: Urls) -> None:
    report = await check(sound)
    assert [str(finding) for finding in report.findings if not finding.ok] == []
    assert report.ok
    assert report.tied
    assert report.debit == report.credit > 0
    assert report.counts["vouchers"] > 20
    assert {tie.company for tie in report.ties} == {"DEMO", "OTHER"}
    assert all(tie.ledger for tie in report.ties if tie.account != "140402")
    assert all(figure.count for figure in report.figures)
    revalued = next(finding.seen for finding in report.findings if finding.name == "late_costs")
    assert revalued == "8 pools valued again, 0 left out"
    behind = await backlog(sound)
    assert behind.quiet
    assert behind.said > 50


async def test_parked_messages_are_a_fault(sound: Urls) -> None:
    report = await check(sound, parked=2)
    assert [finding.name for finding in report.findings if not finding.ok] == ["leftovers"]
    assert report.counts["parked"] == 2


async def test_what_was_dismissed_need_not_be_in_the_journal(sound: Urls) -> None:
    """It is counted, and it is no fault; the same message is one as long as nobody let it go."""
    async with copy_of(sound["order"]) as order, copy_of(sound["accounting"]) as accounting:
        said, heard = await asyncpg.connect(order), await asyncpg.connect(accounting)
        await said.execute(UNLOCK.format("event"))
        position = await said.fetchval(
            """
            insert into event (company, id, subject, version, type, time, actor, correlation_id, body, position)
            select 'DEMO', gen_random_uuid(), 'command/X', 1, 'order.command_rejected.v1', now(), 'x',
                   gen_random_uuid(), '{}', max(position) + 1 from event where company = 'DEMO' returning position
            """
        )
        await said.execute("update relay_cursor set published = $1 where company = 'DEMO'", position)
        await heard.execute(
            """
            insert into rejected (company, id, digest, routing_key, headers, body, reason, at)
            values ('DEMO', gen_random_uuid(), '', 'x', $1, '', 'a bug', now())
            """,
            f'{{"cloudEvents_source": "/fenlu/order", "cloudEvents_position": {position}}}',
        )
        urls = {**sound, "order": order, "accounting": accounting}
        open_still = await check(urls)
        await heard.execute("update rejected set dismissed_at = now()")
        let_go = await check(urls)
        await said.close()
        await heard.close()
    faults = {finding.name for finding in open_still.findings if not finding.ok}
    assert (faults, open_still.counts["rejected"]) == ({"journal", "leftovers"}, 1)
    assert (let_go.ok, let_go.counts["rejected"], let_go.counts["dismissed"]) == (True, 0, 1)


@dataclass(frozen=True)
class Fault:
    """Damage to one database, and the checks that must name it."""

    name: str
    database: str
    tables: tuple[str, ...]
    damage: str
    named_by: frozenset[str]


def fault(name: str, database: str, tables: str, damage: str, *named_by: str) -> Fault:
    return Fault(name, database, tuple(tables.split()), damage, frozenset(named_by))


def body(path: str, value: str, where: str) -> str:
    """Changes one value in the body of events in the log."""
    return f"""update event set body = convert_to(jsonb_set(convert_from(body, 'UTF8')::jsonb, '{{{path}}}', '{value}')
               ::text, 'UTF8') where company = 'DEMO' and {where}"""


BILL = "type = 'inventory.supplier_invoiced.v1' and subject = 'supplier_invoice/B1'"
ADJUSTED = "type = 'inventory.cost_adjusted.v1' and subject = 'adjustment/supplier_invoice:B1'"
SENT_BACK = "type = 'inventory.purchase_returned.v1' and subject = 'purchase_return/PR1'"
TAKEN_BACK = "type = 'inventory.goods_returned.v1' and subject = 'fulfilment/LATE'"
CREDIT_NOTE = "type = 'order.credit_note_issued.v1' and subject = 'credit_note/N-WHOLE'"

FAULTS = [
    # the ledger
    fault("a line's amount", "accounting", "voucher_line",
          "update voucher_line set amount = amount + 1 where company = 'DEMO' and seq = 5 and line = 1",
          "balance", "period_balances"),
    fault("a whole voucher doubled", "accounting", "voucher_line", """
          update voucher_line set amount = amount * 2 where (company, seq) =
              (select company, seq from voucher where event_type = 'order.payment_received.v1' limit 1)
          """, "period_balances", "tie_1002", "tie_1122"),
    fault("what was owed before the books", "accounting", "voucher_line", """
          update voucher_line set amount = amount + 1 where (company, seq) in
              (select company, seq from voucher where event_type = 'order.receivable_opened.v1')
          """, "period_balances", "tie_1122", "tie_3199", "open_items"),
    fault("an advance of before the books, said otherwise", "order", "event",
          body("amount", '"31"', "type = 'order.advance_opened.v1'"), "payments", "tie_2203", "tie_3199"),
    fault("a debt of before the books, said otherwise", "inventory", "event",
          body("amount", '"71"', "subject = 'supplier_invoice/B-OLD'"), "matching", "tie_220201", "tie_3199"),
    fault("the customer of a line", "accounting", "voucher_line",
          "update voucher_line set customer = 'C0' where company = 'DEMO' and account = '1122' and side = 'C'",
          "tie_1122"),
    fault("the account of a line", "accounting", "voucher_line",
          "update voucher_line set account = '1221' where company = 'DEMO' and account = '1122'",
          "period_balances", "tie_1122"),
    fault("pieces of a stock line", "accounting", "voucher_line", """
          update voucher_line set quantity = quantity + 1
          where company = 'DEMO' and account = '1405' and product = 'B' and side = 'D'
          """, "tie_1405"),
    fault("a voucher without its lines", "accounting", "voucher_line",
          "delete from voucher_line where company = 'DEMO' and seq = 5", "whole_vouchers", "period_balances"),
    fault("a voucher gone", "accounting", "voucher voucher_line", """
          delete from voucher_line where company = 'DEMO' and seq = 3;
          delete from voucher where company = 'DEMO' and seq = 3
          """, "outcomes", "numbers", "period_balances"),
    fault("a voucher twice", "accounting", "voucher", """
          alter table voucher drop constraint voucher_company_ledger_event_id_rule_id_part_key;
          insert into voucher select (v).* from (select jsonb_populate_record(v, '{"seq": 9999, "number": 9999}') as v
                                                 from voucher v where company = 'DEMO' and seq = 5) as copy
          """, "outcomes", "numbers", "whole_vouchers"),
    fault("a voucher by hand on a control account", "accounting", "voucher_line", """
          update voucher_line set account = '1122' where company = 'DEMO' and account = '5602'
          """, "outcomes", "period_balances"),
    fault("a voucher in another month", "accounting", "voucher", """
          update voucher set period = '2026-03', number = 1 where company = 'DEMO' and seq = 5
          """, "whole_vouchers", "numbers"),
    fault("a kept balance", "accounting", "period_balance",
          "update period_balance set debit = debit + 1 where company = 'DEMO' and account = '1122'", "period_balances"),
    fault("sums by dimension that miss vouchers", "accounting", "dimension_head",
          "insert into dimension_head values ('DEMO', 'main', 5)", "dimension_balances"),
    fault("an open item", "accounting", "open_item",
          "update open_item set open = open + 1 where company = 'DEMO' and document = 'S-PARTS-2'",
          "open_items", "open_documents"),
    fault("what is open at two documents of a customer", "accounting", "open_item", """
          update open_item set open = open + case document when 'S-PARTS-2' then 1 else -1 end
          where company = 'DEMO' and kind = 'receivable' and document in ('S-PARTS-2', 'S-PARTS-1')
          """, "open_documents"),
    # journal and logs
    fault("a journal row gone", "accounting", "journal", """
          alter table journal_beside drop constraint journal_beside_company_entry_fkey;
          delete from journal where company = 'DEMO' and event_type = 'order.order_approved.v1' and entry < 20
          """, "journal", "numbers"),
    fault("a journal row of nothing", "accounting", "journal", """
          insert into journal select (j).* from (select jsonb_populate_record(j, jsonb_build_object('entry', (select
              max(entry) + 1 from journal), 'position', 9999, 'event_id', gen_random_uuid())) as j
              from journal j where company = 'DEMO' and event_type = 'order.order_placed.v1' limit 1) as made
          """, "journal"),
    fault("no reason for no voucher", "accounting", "journal",
          "update journal set none_zh = null, none_en = null where company = 'DEMO' and source = 'inventory'",
          "outcomes"),
    fault("an event gone", "order", "event", """
          delete from event where company = 'DEMO' and type = 'order.order_settled.v1'
          """, "positions", "journal"),
    fault("an event's type", "inventory", "event", """
          update event set type = 'inventory.stock_opened.v1' where type = 'inventory.goods_received.v1'
          """, "journal", "tie_220202"),
    fault("an unpublished event", "order", "event relay_cursor",
          "update relay_cursor set published = published - 1 where company = 'DEMO'", "positions", "leftovers"),
    fault("an event without a position", "order", "event relay_cursor", """
          insert into event (company, id, subject, version, type, time, actor, correlation_id, body)
          select 'DEMO', gen_random_uuid(), 'order/X', 2, type, now(), 'x', gen_random_uuid(), '{}'
          from event where company = 'DEMO' and type = 'order.order_settled.v1' limit 1
          """, "positions", "versions", "leftovers"),
    fault("a rejected message", "inventory", "rejected", """
          insert into rejected values ('DEMO', gen_random_uuid(), '', 'x', '{}', '', 'lines: unreadable', now())
          """, "leftovers"),
    fault("a waiting message", "order", "pending",
          "insert into pending values ('DEMO', gen_random_uuid(), 'inventory', 'x', 2, '{}', '', now())", "leftovers"),
    # facts that do not fit each other
    fault("the net of a delivery", "order", "event",
          body("net", '"1.00"', "type = 'order.sale_delivered.v1' and subject = 'delivery/S-WHOLE'"),
          "delivery_shares", "invoices"),
    fault("the net of a delivered line", "order", "event",
          body("lines,0,net", '"19.98"', "type = 'order.sale_delivered.v1' and subject = 'delivery/S-PARTS-1'"),
          "delivery_shares", "orders", "tie_1122", "tie_5001", "tie_9001"),
    fault("pieces of a delivery", "order", "event",
          body("lines,0,quantity", '"2"', "type = 'order.sale_delivered.v1' and subject = 'delivery/S-PARTS-1'"),
          "delivery_shares", "shipped_is_delivered", "orders"),
    fault("the price of an order", "order", "event",
          body("lines,0,unit_price", '"18"', "type = 'order.order_placed.v1' and subject = 'order/SHORT'"),
          "order_values"),
    fault("the tax of an invoice", "order", "event",
          body("tax", '"0.01"', "type = 'order.invoice_issued.v1' and subject = 'invoice/I-WHOLE'"),
          "invoices", "tie_222106", "tie_22210101"),
    fault("the amount of a receipt of money", "order", "event",
          body("amount", '"8.00"', "type = 'order.payment_received.v1' and subject = 'payment/P-SHORT'"),
          "payments", "tie_2203", "tie_1002"),
    fault("the cost of a shipment", "inventory", "event",
          body("lines,0,cost", '"1.00"', "type = 'inventory.goods_shipped.v1' and subject = 'fulfilment/WHOLE'"),
          "moves", "tie_1405", "tie_5401"),
    # purchasing
    fault("the sum of a bill", "inventory", "event", body("gross", '"9.99"', BILL), "matching"),
    fault("what a bill relieves", "inventory", "event", body("lines,0,accrued", '"9.99"', BILL),
          "matching", "tie_220202"),
    fault("what a bill differs by", "inventory", "event", body("lines,0,variance", '"5.00"', BILL),
          "matching", "tie_140402", "late_costs"),
    fault("the net of a bill", "inventory", "event", body("lines,0,net", '"10.49"', BILL), "matching", "tie_220201"),
    fault("the tax of a bill", "inventory", "event", body("lines,0,tax", '"0.01"', BILL),
          "matching", "tie_22210102", "tie_220201"),
    fault("pieces of a bill", "inventory", "event", body("lines,0,quantity", '"8"', BILL), "matching"),
    fault("the supplier of a bill", "inventory", "event", body("supplier_id", '"S2"', BILL),
          "matching", "tie_220201", "tie_220202", "tie_22210102"),
    fault("a payment to a supplier", "inventory", "event",
          body("allocations,0,amount", '"1.00"', "type = 'inventory.supplier_paid.v1'"),
          "matching", "tie_220201", "tie_1002"),
    fault("more than was ordered", "inventory", "event",
          body("lines,0,quantity", '"4"', "subject = 'receipt/R3'"), "purchases", "moves", "tie_1405"),
    fault("a cost adjusted in stock", "inventory", "event", body("lines,0,stock", '"1.00"', ADJUSTED),
          "matching", "adjustments", "tie_1405", "tie_140402"),
    fault("a cost adjusted in cost of sales", "inventory", "event", body("lines,0,consumed", '"1.00"', ADJUSTED),
          "matching", "adjustments", "tie_5401", "tie_140402"),
    fault("what went back to a supplier", "inventory", "event", body("lines,0,stock", '"1.00"', SENT_BACK),
          "matching", "moves", "tie_1405"),
    fault("what the supplier takes off the accrual", "inventory", "event", body("lines,0,accrued", '"1.00"', SENT_BACK),
          "matching", "tie_220202"),
    fault("what the supplier takes off its bill", "inventory", "event",
          body("lines,0,tax", '"1.00"', "subject = 'purchase_return/PR2'"), "matching", "tie_220201", "tie_22210102"),
    fault("what the pool gave on top", "inventory", "event", body("lines,0,residual", '"1.00"', SENT_BACK),
          "matching", "tie_5401"),
    fault("what waits for its bill", "inventory", "receipt_match",
          "update receipt_match set accrued = accrued - 1 where company = 'DEMO' and receipt_id = 'R4'", "matching"),
    fault("what is open of a bill", "inventory", "supplier_invoice",
          "update supplier_invoice set open = open - 1 where company = 'DEMO'", "matching"),
    fault("what came in for a purchase order", "inventory", "purchase_order_line",
          "update purchase_order_line set received = received - 1 where company = 'DEMO'", "purchases"),
    fault("a kept adjustment", "inventory", "stock_adjustment",
          "update stock_adjustment set stock = stock + 1, consumed = consumed - 1 where company = 'DEMO'",
          "adjustments", "stock"),
    # stocktakes
    fault("the loss of a stocktake", "inventory", "event",
          body("lines,0,loss", '"9.00"', "type = 'inventory.stock_counted.v1' and subject = 'count/K1'"),
          "moves", "tie_1405", "tie_5711"),
    fault("the loss of a stocktake that waits", "inventory", "event",
          body("lines,0,loss", '"9.00"', "type = 'inventory.stock_counted.v1' and subject = 'count/K2'"),
          "moves", "tie_1405", "tie_1901"),
    fault("an approval gone", "inventory", "event",
          "delete from event where company = 'DEMO' and type = 'inventory.count_approved.v1'",
          "positions", "journal", "tie_1901", "tie_5301", "tie_5711"),
    # what came back from customers
    fault("pieces that came back", "inventory", "event", body("lines,0,quantity", '"1"', TAKEN_BACK),
          "taken_back_is_returned", "moves", "tie_1405"),
    fault("the cost of what came back", "inventory", "event", body("lines,0,cost", '"1.00"', TAKEN_BACK),
          "moves", "tie_1405", "tie_5401"),
    fault("the net of a return", "order", "event", body("lines,0,net", '"1.00"', "subject = 'return/T-LATE'"),
          "return_shares", "tie_1122", "tie_5001"),
    fault("the worth of a return", "order", "event", body("gross", '"1.00"', "subject = 'return/T-LATE'"),
          "return_shares", "deliveries"),
    fault("an invoice with what came back", "order", "event", body("net", '"179.91"', "subject = 'invoice/I-LATE'"),
          "invoices"),
    fault("the tax of a credit note", "order", "event", body("tax", '"1.00"', CREDIT_NOTE),
          "credit_notes", "tie_222106", "tie_22210101"),
    fault("a return that was never invoiced in a credit note", "order", "event",
          body("returns,0", '"T-LATE"', CREDIT_NOTE), "credit_notes"),
    fault("the amount of a refund", "order", "event", body("amount", '"1.00"', "subject = 'refund/F-WHOLE'"),
          "refunds", "tie_1002"),
    fault("where a refund comes from", "order", "event", body("from_returns", '"1.00"', "subject = 'refund/F-SHORT'"),
          "refunds", "tie_1122", "tie_2203"),
    fault("a kept part of a refund", "order", "refund_part",
          "update refund_part set amount = amount - 1 where company = 'DEMO'", "refunds", "deliveries", "payments"),
    fault("a return without its credit note", "order", "credited_return",
          "delete from credited_return where company = 'DEMO'", "settled"),
    # customers
    fault("a credit limit", "order", "customer",
          "update customer set credit_limit = 1 where company = 'DEMO' and customer_id = 'C1'", "customers"),
    fault("a customer that crm does not know", "crm", "event",
          "delete from event where company = 'DEMO' and subject = 'customer/C1'", "customers", "journal", "positions"),
    fault("a shipment that nobody heard", "inventory", "event", """
          insert into event (company, id, subject, version, type, time, actor, correlation_id, body, position)
          select company, gen_random_uuid(), subject, version + 3, type, time, actor, correlation_id,
                 convert_to(replace(convert_from(body, 'UTF8'), 'S-WHOLE', 'S-LOST'), 'UTF8'),
                 (select max(position) + 1 from event where company = 'DEMO')
          from event where company = 'DEMO' and type = 'inventory.goods_shipped.v1' and subject = 'fulfilment/WHOLE'
          """, "journal", "positions", "shipped_is_delivered", "moves", "tie_1405"),
    # tables that people look at
    fault("a stock value", "inventory", "stock", "update stock set value = value + 1 where sku = 'A'", "stock",
          "late_costs"),
    fault("a move", "inventory", "stock_move",
          "update stock_move set value = value - 1 where company = 'DEMO' and sku = 'A' and n = 3",
          "stock", "moves"),
    fault("a reservation", "inventory", "stock",
          "update stock set reserved = reserved + 1 where company = 'DEMO' and sku = 'A'", "reservations"),
    fault("an order's state", "order", "sales_order",
          "update sales_order set state = 'approved', settled = false where order_id = 'STOPPED'", "orders", "backlog"),
    fault("what is open of a delivery", "order", "delivery",
          "update delivery set open = open - 1 where delivery_id = 'S-PARTS-2'", "deliveries"),
    fault("an allocation", "order", "allocation", "update allocation set amount = amount + 1", "deliveries"),
    fault("an advance", "order", "payment", "update payment set unallocated = 0 where company = 'DEMO'", "payments"),
]


@pytest.mark.parametrize("damage", FAULTS, ids=lambda damage: damage.name)
async def test_a_fault_is_named(sound: Urls, damage: Fault) -> None:
    async with copy_of(sound[damage.database]) as url:
        connection = await asyncpg.connect(url)
        for table in damage.tables:
            await connection.execute(UNLOCK.format(table))
        await connection.execute(damage.damage)
        await connection.close()
        report = await check(sound | {damage.database: url})
    found = {finding.name for finding in report.findings if not finding.ok}
    assert damage.named_by <= found, [str(finding) for finding in report.findings if not finding.ok]
    assert all(finding.faults[0].strip() for finding in report.findings if not finding.ok)
    assert not report.ok


def test_the_command_line_prints_a_line_per_check(sound: Urls) -> None:
    given = [word for name, url in sound.items() for word in (f"--{name}", url)]
    done = subprocess.run([sys.executable, "-m", "tools.checker", *given], cwd=ROOT, capture_output=True, text=True,
                          check=False, env=dict(os.environ))
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert lines[-1].startswith("checker: ")
