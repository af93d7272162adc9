"""SQL of orders, customers and receivables that only reads."""

from collections import defaultdict

from services.order.views.listing import Sort, Wanted, list_orders
from services.order.views.shapes import (
    CreditNote,
    Customer,
    DeliveredLine,
    Delivery,
    Invoice,
    OrderDetail,
    OrderHeader,
    OrderLine,
    Payment,
    Receivable,
    Refund,
    Return,
    Summary,
)
from shared.db import Db

__all__ = [
    "Customer",
    "OrderDetail",
    "OrderHeader",
    "Receivable",
    "Sort",
    "Summary",
    "Wanted",
    "find_customer",
    "find_order",
    "list_orders",
    "list_receivables",
    "summarize",
]


async def find_order(db: Db, order_id: str) -> OrderDetail | None:
    header = await db.fetchrow("select * from sales_order where company = $1 and order_id = $2", db.company, order_id)
    if header is None:
        return None
    return OrderDetail(
        **header,
        lines=await _lines(db, order_id),
        deliveries=await _deliveries(db, order_id),
        returns=await _returns(db, order_id),
        invoices=await _invoices(db, order_id),
        credit_notes=await _credit_notes(db, order_id),
        payments=await _payments(db, order_id),
        refunds=await _refunds(db, order_id),
    )


async def _lines(db: Db, order_id: str) -> list[OrderLine]:
    rows = await db.fetch(
        """
        select l.*, coalesce(r.returned, 0) as returned
        from order_line l left join (
            select dl.line, sum(dl.returned) as returned
            from delivery d join delivery_line dl on dl.company = $1 and dl.delivery_id = d.delivery_id
            where d.company = $1 and d.order_id = $2 group by dl.line
        ) as r using (line)
        where l.company = $1 and l.order_id = $2 order by l.line
        """,
        db.company, order_id,
    )
    return [OrderLine(**row) for row in rows]


async def _deliveries(db: Db, order_id: str) -> list[Delivery]:
    rows = await db.fetch(
        """
        select *, returned_net + returned_tax as returned
        from delivery where company = $1 and order_id = $2 order by delivered_on, delivery_id
        """,
        db.company, order_id,
    )
    lines = await _delivered_lines(db, order_id)
    return [Delivery(**row, lines=lines[row["delivery_id"]]) for row in rows]


async def _delivered_lines(db: Db, order_id: str) -> dict[str, list[DeliveredLine]]:
    rows = await db.fetch(
        """
        select l.delivery_id, l.line, l.sku, l.quantity, l.returned
        from delivery d join delivery_line l on l.company = $1 and l.delivery_id = d.delivery_id
        where d.company = $1 and d.order_id = $2 order by l.delivery_id, l.line
        """,
        db.company, order_id,
    )
    lines: dict[str, list[DeliveredLine]] = defaultdict(list)
    for row in rows:
        lines[row["delivery_id"]].append(DeliveredLine(**row))
    return lines


async def _returns(db: Db, order_id: str) -> list[Return]:
    rows = await db.fetch(
        """
        select r.*, c.credit_note_id
        from sale_return r left join credited_return c on c.company = $1 and c.return_id = r.return_id
        where r.company = $1 and r.order_id = $2 order by r.returned_on, r.return_id
        """,
        db.company, order_id,
    )
    return [Return(**row) for row in rows]


async def _invoices(db: Db, order_id: str) -> list[Invoice]:
    rows = await db.fetch(
        "select * from invoice where company = $1 and order_id = $2 order by issued_on, invoice_id",
        db.company, order_id,
    )
    return [Invoice(**row) for row in rows]


async def _credit_notes(db: Db, order_id: str) -> list[CreditNote]:
    rows = await db.fetch(
        "select * from credit_note where company = $1 and order_id = $2 order by issued_on, credit_note_id",
        db.company, order_id,
    )
    return [CreditNote(**row) for row in rows]


async def _payments(db: Db, order_id: str) -> list[Payment]:
    """Receipts that paid deliveries of the order, and receipts that name it."""
    rows = await db.fetch(
        """
        with paid as (
            select a.payment_id, sum(a.amount) as allocated
            from delivery d join allocation a on a.company = $1 and a.delivery_id = d.delivery_id
            where d.company = $1 and d.order_id = $2
            group by a.payment_id
        ), ids as (
            select payment_id from paid
            union
            select payment_id from payment where company = $1 and order_id = $2
        )
        select p.payment_id, p.received_on, p.amount, coalesce(paid.allocated, 0) as allocated,
               case when p.order_id = $2 then p.unallocated else 0 end as advance
        from ids join payment p on p.company = $1 and p.payment_id = ids.payment_id
             left join paid on paid.payment_id = ids.payment_id
        order by p.received_on, p.payment_id
        """,
        db.company, order_id,
    )
    return [Payment(**row) for row in rows]


async def _refunds(db: Db, order_id: str) -> list[Refund]:
    rows = await db.fetch(
        """
        select r.refund_id, r.paid_on, r.amount,
               coalesce(sum(p.amount) filter (where p.delivery_id is not null), 0) as from_returns,
               coalesce(sum(p.amount) filter (where p.payment_id is not null), 0) as from_advances
        from refund_part p join refund r on r.company = $1 and r.refund_id = p.refund_id
        where p.company = $1 and p.order_id = $2
        group by r.refund_id, r.paid_on, r.amount order by r.paid_on, r.refund_id
        """,
        db.company, order_id,
    )
    return [Refund(**row) for row in rows]


async def find_customer(db: Db, customer_id: str) -> Customer | None:
    row = await db.fetchrow(
        """
        select *, committed + receivable - advances as exposure from (
            select c.customer_id, c.credit_limit,
                (select coalesce(sum(o.committed), 0) from sales_order o
                 where o.company = $1 and o.customer_id = $2 and o.committed > 0) as committed,
                (select coalesce(sum(d.open), 0) from delivery d
                 where d.company = $1 and d.customer_id = $2 and d.open <> 0) as receivable,
                (select coalesce(sum(p.unallocated), 0) from payment p
                 where p.company = $1 and p.customer_id = $2 and p.unallocated > 0) as advances
            from customer c where c.company = $1 and c.customer_id = $2
        ) as credit
        """,
        db.company, customer_id,
    )
    return Customer(**row) if row else None


async def list_receivables(db: Db, after: str | None, limit: int) -> list[Receivable]:
    """By customer; `after` is the last customer of the page before."""
    rows = await db.fetch(
        """
        select customer_id, sum(greatest(open, 0)) as open, sum(greatest(-open, 0)) as credits, sum(open) as balance,
               count(*) filter (where open > 0) as deliveries, min(delivered_on) filter (where open > 0) as oldest
        from delivery where company = $1 and open <> 0 and customer_id > coalesce($2, '')
        group by customer_id order by customer_id limit $3
        """,
        db.company, after, limit,
    )
    return [Receivable(**row) for row in rows]


async def summarize(db: Db) -> Summary:
    """Counts every row of the company: for people and checkers, never for a hot path."""
    states = await db.fetch(
        "select state, count(*) as orders from sales_order where company = $1 group by state order by state", db.company
    )
    counts = await db.fetchrow(
        """
        select d.*, (select count(*) from invoice where company = $1) as invoices,
               (select count(*) from payment where company = $1 and opening_id is null) as payments,
               (select count(*) from sale_return where company = $1) as returns,
               (select count(*) from credit_note where company = $1) as credit_notes,
               (select count(*) from refund where company = $1) as refunds
        from (
            select count(*) as deliveries, count(invoice_id) as invoiced, count(*) filter (where open = 0) as paid
            from delivery where company = $1 and order_id is not null
        ) as d
        """,
        db.company,
    )
    assert counts is not None, "an aggregate gives one row"
    return Summary(orders={row["state"]: row["orders"] for row in states}, **counts)
