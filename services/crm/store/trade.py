"""What was heard of orders, deliveries and money: each statement adds to what is there, or makes the row.

Rows are locked in one order: orders, accounts, purchases, each by key.
"""

from collections.abc import Sequence

from services.crm.domain.trade import AccountChange, Document, OrderChange, PurchaseChange
from shared.db import Db, columns
from shared.money import ZERO


async def insert_documents(db: Db, documents: Sequence[Document]) -> None:
    await db.execute(
        """
        insert into document (company, kind, document_id, customer_id, order_id, happened_on, amount)
        select $1, d.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::numeric[]) as d
        """,
        db.company,
        *columns([
            (d.kind, d.document_id, d.customer_id, d.order_id, d.happened_on, d.amount) for d in documents
        ], 6),
    )


async def add_to_orders(db: Db, changes: Sequence[OrderChange]) -> None:
    """What is null says nothing new. `greatest` leaves nulls out."""
    await db.execute(
        """
        insert into customer_order as o (company, order_id, customer_id, ordered_on, salesperson, quantity, net, tax,
                                         gross, state, settled_at, returned_at, shipped, delivered, returned, invoiced,
                                         paid)
        select $1, n.*
        from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[],
                    $9::numeric[], $10::text[], $11::bigint[], $12::bigint[], $13::numeric[], $14::numeric[],
                    $15::numeric[], $16::numeric[], $17::numeric[])
             as n (order_id, customer_id, ordered_on, salesperson, quantity, net, tax, gross, state, settled_at,
                   returned_at, shipped, delivered, returned, invoiced, paid)
        order by n.order_id
        on conflict (company, order_id) do update set
            ordered_on = coalesce(excluded.ordered_on, o.ordered_on),
            salesperson = coalesce(excluded.salesperson, o.salesperson),
            quantity = coalesce(excluded.quantity, o.quantity),
            net = coalesce(excluded.net, o.net),
            tax = coalesce(excluded.tax, o.tax),
            gross = coalesce(excluded.gross, o.gross),
            state = coalesce(excluded.state, o.state),
            settled_at = greatest(excluded.settled_at, o.settled_at),
            returned_at = greatest(excluded.returned_at, o.returned_at),
            shipped = o.shipped + excluded.shipped,
            delivered = o.delivered + excluded.delivered,
            returned = o.returned + excluded.returned,
            invoiced = o.invoiced + excluded.invoiced,
            paid = o.paid + excluded.paid
        """,
        db.company, *columns([_order_row(change) for change in changes], 16),
    )


def _order_row(change: OrderChange) -> tuple[object, ...]:
    placed = change.placed
    header: tuple[object, ...] = (None,) * 6
    if placed:
        quantity = sum((line.quantity for line in placed.lines), ZERO)
        header = (placed.ordered_on, placed.salesperson, quantity, placed.net, placed.tax, placed.gross)
    return (
        change.order_id, change.customer_id, *header, change.state, change.settled_at, change.returned_at,
        change.shipped, change.delivered, change.returned, change.invoiced, change.paid,
    )


async def add_to_accounts(db: Db, changes: Sequence[AccountChange]) -> None:
    await db.execute(
        """
        insert into customer_account as a (company, customer_id, delivered, returned, paid, refunded, advances)
        select $1, n.*
        from unnest($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[])
             as n (customer_id, delivered, returned, paid, refunded, advances)
        order by n.customer_id
        on conflict (company, customer_id) do update set
            delivered = a.delivered + excluded.delivered,
            returned = a.returned + excluded.returned,
            paid = a.paid + excluded.paid,
            refunded = a.refunded + excluded.refunded,
            advances = a.advances + excluded.advances
        """,
        db.company,
        *columns([(c.customer_id, c.delivered, c.returned, c.paid, c.refunded, c.advances) for c in changes], 6),
    )


async def add_to_purchases(db: Db, changes: Sequence[PurchaseChange]) -> None:
    await db.execute(
        """
        insert into customer_purchase as p (company, customer_id, sku, quantity, net, last_bought)
        select $1, n.*
        from unnest($2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::date[])
             as n (customer_id, sku, quantity, net, last_bought)
        order by n.customer_id, n.sku
        on conflict (company, customer_id, sku) do update set
            quantity = p.quantity + excluded.quantity,
            net = p.net + excluded.net,
            last_bought = greatest(p.last_bought, excluded.last_bought)
        """,
        db.company, *columns([(c.customer_id, c.sku, c.quantity, c.net, c.last_bought) for c in changes], 5),
    )
