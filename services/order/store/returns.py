"""Returns, credit notes and refunds."""

from collections.abc import Collection, Sequence

from services.order.domain.returns import DeliveryLines
from services.order.domain.values import Delivery, DeliveryLine, Owed, RefundPart, Uncredited
from services.order.store.accounts import Known, company_of
from shared.db import Db, columns
from shared.events.order import CreditNoteIssued, RefundPaid, SaleReturned


async def load_deliveries(db: Db, delivery_ids: Collection[str]) -> dict[str, Delivery]:
    """Stable while their customers are locked."""
    rows = await db.fetch(
        """
        select delivery_id, order_id, open, returned_net, returned_tax, returned_in_full
        from delivery where company = $1 and delivery_id = any($2)
        """,
        db.company, list(delivery_ids),
    )
    return {row["delivery_id"]: Delivery(**row) for row in rows}


async def load_delivery_lines(db: Db, delivery_ids: Collection[str]) -> DeliveryLines:
    """Stable while their customers are locked."""
    rows = await db.fetch(
        """
        select delivery_id, line, sku, quantity, net, tax, returned, returned_net, returned_tax
        from delivery_line where company = $1 and delivery_id = any($2) order by delivery_id, line
        """,
        db.company, list(delivery_ids),
    )
    lines: dict[str, dict[int, DeliveryLine]] = {}
    for row in rows:
        lines.setdefault(row["delivery_id"], {})[row["line"]] = DeliveryLine(**row)
    return lines


async def update_delivery_lines(db: Db, lines: Sequence[DeliveryLine]) -> None:
    await db.execute(
        """
        update delivery_line l
        set returned = n.returned, returned_net = n.returned_net, returned_tax = n.returned_tax
        from unnest($2::text[], $3::integer[], $4::numeric[], $5::numeric[], $6::numeric[])
             as n (delivery_id, line, returned, returned_net, returned_tax)
        where l.company = $1 and l.delivery_id = n.delivery_id and l.line = n.line
        """,
        db.company,
        *columns([(n.delivery_id, n.line, n.returned, n.returned_net, n.returned_tax) for n in lines], 5),
    )


async def update_deliveries(db: Db, deliveries: Sequence[Delivery]) -> None:
    await db.execute(
        """
        update delivery d
        set open = n.open, returned_net = n.returned_net, returned_tax = n.returned_tax,
            returned_in_full = n.returned_in_full
        from unnest($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::boolean[])
             as n (delivery_id, open, returned_net, returned_tax, returned_in_full)
        where d.company = $1 and d.delivery_id = n.delivery_id
        """,
        db.company,
        *columns([(n.delivery_id, n.open, n.returned_net, n.returned_tax, n.returned_in_full) for n in deliveries], 5),
    )


async def insert_returns(db: Db, returns: Sequence[SaleReturned]) -> None:
    """With the invoice that their delivery has now; stable while their orders are locked."""
    await db.execute(
        """
        with returned as (
            insert into sale_return (company, return_id, delivery_id, order_id, customer_id, returned_on, currency, net,
                                     tax, gross, invoice_id)
            select $1, r.*, d.invoice_id
            from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::text[], $8::numeric[],
                        $9::numeric[], $10::numeric[])
                 as r (return_id, delivery_id, order_id, customer_id, returned_on, currency, net, tax, gross)
                 join delivery d on d.company = $1 and d.delivery_id = r.delivery_id
            returning return_id, customer_id, tax, invoice_id
        )
        insert into uncredited_return (company, return_id, customer_id, tax)
        select $1, return_id, customer_id, tax from returned where invoice_id is not null
        """,
        db.company,
        *columns([
            (r.return_id, r.delivery_id, r.order_id, r.customer_id, r.returned_on, r.currency, r.net, r.tax, r.gross)
            for r in returns
        ], 9),
    )


async def load_uncredited(db: Db, order_ids: Collection[str]) -> list[Uncredited]:
    """Returns of what was invoiced before it came back; stable while the orders are locked."""
    rows = await db.fetch(
        """
        select return_id, order_id, net, tax from sale_return r
        where company = $1 and order_id = any($2) and invoice_id is not null and not exists (
            select from credited_return c where c.company = $1 and c.return_id = r.return_id
        )
        order by returned_on, return_id
        """,
        db.company, list(order_ids),
    )
    return [Uncredited(**row) for row in rows]


async def load_credit_note_ids(db: Db, credit_note_ids: Sequence[str]) -> set[str]:
    rows = await db.fetch(
        "select credit_note_id from credit_note where company = $1 and credit_note_id = any($2)",
        db.company, credit_note_ids,
    )
    return {row["credit_note_id"] for row in rows}


async def insert_credit_notes(db: Db, notes: Sequence[CreditNoteIssued]) -> None:
    await db.execute(
        """
        insert into credit_note (company, credit_note_id, order_id, customer_id, issued_on, currency, net, tax, gross)
        select $1, n.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[]) as n
        """,
        db.company,
        *columns([
            (n.credit_note_id, n.order_id, n.customer_id, n.issued_on, n.currency, n.net, n.tax, n.gross)
            for n in notes
        ], 8),
    )


async def insert_credited(db: Db, notes: Sequence[CreditNoteIssued]) -> None:
    await db.execute(
        """
        with credited as (
            insert into credited_return (company, return_id, credit_note_id)
            select $1, c.* from unnest($2::text[], $3::text[]) as c
            returning return_id
        )
        delete from uncredited_return u using credited c where u.company = $1 and u.return_id = c.return_id
        """,
        db.company, *columns([(return_id, n.credit_note_id) for n in notes for return_id in n.returns], 2),
    )


async def load_for_refunds(db: Db, refund_ids: Sequence[str], customer_ids: Sequence[str]) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               (select vat_rate from company where company = $1) as vat_rate,
               array(select refund_id from refund where company = $1 and refund_id = any($2)) as ids,
               array(select customer_id from customer where company = $1 and customer_id = any($3)) as customers
        """,
        db.company, refund_ids, customer_ids,
    )
    assert row is not None, "a select without from gives one row"
    return Known(company_of(row["currency"], row["vat_rate"]), frozenset(row["ids"]), frozenset(row["customers"]))


async def load_owed(db: Db, customer_ids: Sequence[str]) -> list[Owed]:
    """Credits of deliveries, then advances, of these those that name no order first; oldest first each.

    Stable while the customers are locked.
    """
    rows = await db.fetch(
        """
        select customer_id, order_id, delivery_id, payment_id, amount from (
            select customer_id, order_id, delivery_id, null as payment_id, -open as amount, delivered_on as since
            from delivery where company = $1 and customer_id = any($2) and open < 0
            union all
            select customer_id, order_id, null, payment_id, unallocated, received_on
            from payment where company = $1 and customer_id = any($2) and unallocated > 0
        ) as owed
        order by payment_id is not null, payment_id is not null and order_id is not null, since, delivery_id, payment_id
        """,
        db.company, customer_ids,
    )
    return [Owed(**row) for row in rows]


async def insert_refunds(db: Db, refunds: Sequence[RefundPaid]) -> None:
    await db.execute(
        """
        insert into refund (company, refund_id, customer_id, order_id, paid_on, currency, amount, from_returns,
                            from_advances)
        select $1, r.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[]) as r
        """,
        db.company,
        *columns([
            (r.refund_id, r.customer_id, r.order_id, r.paid_on, r.currency, r.amount, r.from_returns, r.from_advances)
            for r in refunds
        ], 8),
    )


async def insert_refund_parts(db: Db, parts: Sequence[RefundPart]) -> None:
    """Record what was paid back, and take it from the deliveries' credits and from the receipts."""
    await db.execute(
        """
        with paid as (
            insert into refund_part (company, refund_id, part, delivery_id, payment_id, order_id, amount)
            select $1, p.*
            from unnest($2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::numeric[]) as p
            returning delivery_id, payment_id, amount
        ), sums as (
            select delivery_id, payment_id, sum(amount) as amount from paid group by delivery_id, payment_id
        ), credits as (
            update delivery d set open = d.open + s.amount
            from sums s where d.company = $1 and d.delivery_id = s.delivery_id
        )
        update payment p set unallocated = p.unallocated - s.amount
        from sums s where p.company = $1 and p.payment_id = s.payment_id
        """,
        db.company,
        *columns([
            (p.refund_id, p.part, p.source.delivery_id, p.source.payment_id, p.source.order_id, p.amount)
            for p in parts
        ], 6),
    )
