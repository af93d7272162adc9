"""Orders and their lines."""

from collections.abc import Collection, Sequence

from services.order.domain.fulfilment import OrderLines
from services.order.domain.values import Line, Order, State
from services.order.store.accounts import Known, company_of
from shared.db import Db, columns
from shared.events.order import OrderPlaced


async def load_for_placing(
    db: Db, order_ids: Sequence[str], customer_ids: Sequence[str], skus: Sequence[str]
) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               (select vat_rate from company where company = $1) as vat_rate,
               array(select order_id from sales_order where company = $1 and order_id = any($2)) as ids,
               array(select customer_id from customer where company = $1 and customer_id = any($3)) as customers,
               array(select sku from product where company = $1 and sku = any($4)) as skus
        """,
        db.company, order_ids, customer_ids, skus,
    )
    assert row is not None, "a select without from gives one row"
    return Known(
        company_of(row["currency"], row["vat_rate"]),
        frozenset(row["ids"]), frozenset(row["customers"]), frozenset(row["skus"]),
    )


async def insert_orders(db: Db, orders: Sequence[OrderPlaced], makers: Sequence[str]) -> None:
    await db.execute(
        """
        insert into sales_order (company, order_id, customer_id, ordered_on, currency, warehouse, salesperson, maker,
                                 state, net, tax, gross)
        select $1, o.order_id, o.customer_id, o.ordered_on, o.currency, o.warehouse, o.salesperson, o.maker,
               'placed', o.net, o.tax, o.gross
        from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[], $9::numeric[],
                    $10::numeric[], $11::numeric[])
             as o (order_id, customer_id, ordered_on, currency, warehouse, salesperson, maker, net, tax, gross)
        """,
        db.company,
        *columns([
            (o.order_id, o.customer_id, o.ordered_on, o.currency, o.warehouse, o.salesperson, maker, o.net, o.tax,
             o.gross)
            for o, maker in zip(orders, makers, strict=True)
        ], 10),
    )


async def insert_lines(db: Db, orders: Sequence[OrderPlaced]) -> None:
    await db.execute(
        """
        insert into order_line (company, order_id, line, sku, quantity, unit_price, tax_rate, net, tax)
        select $1, l.*
        from unnest($2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[],
                    $9::numeric[]) as l
        """,
        db.company,
        *columns([
            (o.order_id, line.line, line.sku, line.quantity, line.unit_price, line.tax_rate, line.net, line.tax)
            for o in orders for line in o.lines
        ], 8),
    )


async def lock_orders(db: Db, order_ids: Collection[str]) -> dict[str, Order]:
    rows = await db.fetch(
        """
        select order_id, customer_id, currency, salesperson, maker, approver, state, settled, net, gross, committed,
               stopped_on, stop_reason
        from sales_order where company = $1 and order_id = any($2)
        order by order_id for no key update
        """,
        db.company, list(order_ids),
    )
    return {row["order_id"]: Order(**{**row, "state": State(row["state"])}) for row in rows}


async def update_orders(db: Db, orders: Sequence[Order]) -> None:
    await db.execute(
        """
        update sales_order o
        set approver = n.approver, state = n.state, settled = n.settled, committed = n.committed,
            stopped_on = n.stopped_on, stop_reason = n.stop_reason
        from unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::numeric[], $7::date[], $8::text[])
             as n (order_id, approver, state, settled, committed, stopped_on, stop_reason)
        where o.company = $1 and o.order_id = n.order_id
        """,
        db.company,
        *columns([
            (o.order_id, o.approver, o.state, o.settled, o.committed, o.stopped_on, o.stop_reason) for o in orders
        ], 7),
    )


async def load_lines(db: Db, order_ids: Collection[str]) -> OrderLines:
    """Stable while their orders are locked."""
    rows = await db.fetch(
        """
        select order_id, line, sku, quantity, net, tax, delivered, delivered_net, delivered_tax
        from order_line where company = $1 and order_id = any($2) order by order_id, line
        """,
        db.company, list(order_ids),
    )
    lines: dict[str, dict[int, Line]] = {}
    for row in rows:
        lines.setdefault(row["order_id"], {})[row["line"]] = Line(**row)
    return lines


async def update_lines(db: Db, lines: Sequence[Line]) -> None:
    await db.execute(
        """
        update order_line l
        set delivered = n.delivered, delivered_net = n.delivered_net, delivered_tax = n.delivered_tax
        from unnest($2::text[], $3::integer[], $4::numeric[], $5::numeric[], $6::numeric[])
             as n (order_id, line, delivered, delivered_net, delivered_tax)
        where l.company = $1 and l.order_id = n.order_id and l.line = n.line
        """,
        db.company,
        *columns([(n.order_id, n.line, n.delivered, n.delivered_net, n.delivered_tax) for n in lines], 5),
    )
