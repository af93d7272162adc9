"""Deliveries, invoices, receipts, and which receipt paid which delivery."""

from collections.abc import Collection, Sequence

from services.order.domain.values import Advance, Dues, Open, Uninvoiced
from services.order.store.accounts import Known, company_of
from shared.db import Db, columns
from shared.events.order import InvoiceIssued, PaymentAllocated, PaymentReceived, SaleDelivered


async def insert_deliveries(db: Db, deliveries: Sequence[SaleDelivered]) -> None:
    await db.execute(
        """
        insert into delivery (company, delivery_id, order_id, customer_id, delivered_on, currency, net, tax, gross,
                              open)
        select $1, d.*, d.gross
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[]) as d (delivery_id, order_id, customer_id, delivered_on, currency, net, tax, gross)
        """,
        db.company,
        *columns([
            (d.delivery_id, d.order_id, d.customer_id, d.delivered_on, d.currency, d.net, d.tax, d.gross)
            for d in deliveries
        ], 8),
    )


async def insert_delivery_lines(db: Db, deliveries: Sequence[SaleDelivered]) -> None:
    await db.execute(
        """
        insert into delivery_line (company, delivery_id, line, sku, quantity, net, tax)
        select $1, l.*
        from unnest($2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[]) as l
        """,
        db.company,
        *columns([
            (d.delivery_id, line.line, line.sku, line.quantity, line.net, line.tax)
            for d in deliveries for line in d.lines
        ], 6),
    )


async def load_dues(db: Db, order_ids: Collection[str]) -> dict[str, Dues]:
    """Stable while the orders and, for what is unpaid, their customers are locked."""
    rows = await db.fetch(
        """
        select d.order_id, count(*) as deliveries,
               count(*) filter (where d.invoice_id is null and not d.returned_in_full) as uninvoiced,
               (select count(*) from sale_return r
                where r.company = $1 and r.order_id = d.order_id and r.invoice_id is not null and not exists (
                    select from credited_return c where c.company = $1 and c.return_id = r.return_id
                )) as uncredited,
               sum(abs(d.open)) as unpaid
        from delivery d where d.company = $1 and d.order_id = any($2) group by d.order_id order by d.order_id
        """,
        db.company, list(order_ids),
    )
    return {
        row["order_id"]: Dues(row["deliveries"], row["uninvoiced"], row["uncredited"], row["unpaid"]) for row in rows
    }


async def load_uninvoiced(db: Db, order_ids: Collection[str]) -> list[Uninvoiced]:
    rows = await db.fetch(
        """
        select delivery_id, order_id, net - returned_net as net, tax - returned_tax as tax from delivery
        where company = $1 and order_id = any($2) and invoice_id is null and not returned_in_full
        order by delivered_on, delivery_id
        """,
        db.company, list(order_ids),
    )
    return [Uninvoiced(**row) for row in rows]


async def load_invoice_ids(db: Db, invoice_ids: Sequence[str]) -> set[str]:
    rows = await db.fetch(
        "select invoice_id from invoice where company = $1 and invoice_id = any($2)", db.company, invoice_ids
    )
    return {row["invoice_id"] for row in rows}


async def insert_invoices(db: Db, invoices: Sequence[InvoiceIssued]) -> None:
    await db.execute(
        """
        insert into invoice (company, invoice_id, order_id, customer_id, issued_on, currency, net, tax, gross)
        select $1, i.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[]) as i
        """,
        db.company,
        *columns([
            (i.invoice_id, i.order_id, i.customer_id, i.issued_on, i.currency, i.net, i.tax, i.gross) for i in invoices
        ], 8),
    )


async def update_invoiced(db: Db, invoices: Sequence[InvoiceIssued]) -> None:
    await db.execute(
        """
        update delivery d set invoice_id = i.invoice_id
        from unnest($2::text[], $3::text[]) as i (delivery_id, invoice_id)
        where d.company = $1 and d.delivery_id = i.delivery_id
        """,
        db.company, *columns([(delivery_id, i.invoice_id) for i in invoices for delivery_id in i.deliveries], 2),
    )


async def load_for_receipts(db: Db, payment_ids: Sequence[str], customer_ids: Sequence[str]) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               (select vat_rate from company where company = $1) as vat_rate,
               array(select payment_id from payment where company = $1 and payment_id = any($2)) as ids,
               array(select customer_id from customer where company = $1 and customer_id = any($3)) as customers
        """,
        db.company, payment_ids, customer_ids,
    )
    assert row is not None, "a select without from gives one row"
    return Known(company_of(row["currency"], row["vat_rate"]), frozenset(row["ids"]), frozenset(row["customers"]))


async def load_customer_of(db: Db, order_ids: Sequence[str]) -> dict[str, str]:
    """Whose orders these are; that never changes."""
    rows = await db.fetch(
        "select order_id, customer_id from sales_order where company = $1 and order_id = any($2)",
        db.company, order_ids,
    )
    return {row["order_id"]: row["customer_id"] for row in rows}


async def load_open(db: Db, order_ids: Sequence[str], customer_ids: Sequence[str]) -> list[Open]:
    """Open deliveries of these orders and of these customers, oldest first; stable while the customers are locked."""
    rows = await db.fetch(
        """
        select delivery_id, order_id, customer_id, open from (
            select delivery_id, order_id, customer_id, open, delivered_on from delivery
            where company = $1 and order_id = any($2) and open > 0
            union
            select delivery_id, order_id, customer_id, open, delivered_on from delivery
            where company = $1 and customer_id = any($3) and open > 0
        ) as either
        order by delivered_on, delivery_id
        """,
        db.company, order_ids, customer_ids,
    )
    return [Open(**row) for row in rows]


async def insert_payments(db: Db, payments: Sequence[PaymentReceived]) -> None:
    await db.execute(
        """
        insert into payment (company, payment_id, customer_id, order_id, received_on, currency, amount, unallocated)
        select $1, p.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[]) as p
        """,
        db.company,
        *columns([
            (p.payment_id, p.customer_id, p.order_id, p.received_on, p.currency, p.amount, p.unallocated)
            for p in payments
        ], 7),
    )


async def load_advances(db: Db, customer_ids: Sequence[str]) -> list[Advance]:
    """What is left of receipts, oldest first; stable while the customers are locked."""
    rows = await db.fetch(
        """
        select payment_id, customer_id, order_id, received_on, unallocated as left, opening_id is not null as opened
        from payment where company = $1 and customer_id = any($2) and unallocated > 0
        order by received_on, payment_id
        """,
        db.company, customer_ids,
    )
    return [Advance(**row) for row in rows]


async def update_advances(db: Db, advances: Sequence[Advance]) -> None:
    await db.execute(
        """
        update payment p set unallocated = n.unallocated
        from unnest($2::text[], $3::numeric[]) as n (payment_id, unallocated)
        where p.company = $1 and p.payment_id = n.payment_id
        """,
        db.company, *columns([(advance.payment_id, advance.left) for advance in advances], 2),
    )


async def insert_allocations(db: Db, paid: Sequence[PaymentReceived | PaymentAllocated]) -> None:
    """Record what paid what, and lower what is open of the deliveries."""
    await db.execute(
        """
        with paid as (
            insert into allocation (company, payment_id, allocated_on, delivery_id, amount)
            select $1, a.* from unnest($2::text[], $3::date[], $4::text[], $5::numeric[]) as a
            returning delivery_id, amount
        )
        update delivery d set open = d.open - p.amount
        from (select delivery_id, sum(amount) as amount from paid group by delivery_id) as p
        where d.company = $1 and d.delivery_id = p.delivery_id
        """,
        db.company,
        *columns([
            (p.payment_id, p.received_on if isinstance(p, PaymentReceived) else p.allocated_on, a.delivery_id, a.amount)
            for p in paid for a in p.allocations
        ], 4),
    )
