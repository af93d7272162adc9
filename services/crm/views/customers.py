"""Customers: the list, and the page that shows all that is known of one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from services.crm.domain.values import Kind
from services.crm.views.care import (
    Communication,
    Complaint,
    Contact,
    communications_of,
    contacts_of,
    open_complaints,
)
from shared.db import Db
from shared.search import search_range

Sort = Literal["id", "name", "-name"]
PAGE_ROWS = 20  # of each list on a customer's page


class Customer(BaseModel):
    """Master data, and balance = delivered - returned - paid + refunded; below zero the customer has money with us."""

    customer_id: str
    name: str
    salesperson: str | None
    credit_limit: Decimal
    balance: Decimal


class Order(BaseModel):
    """An order with the gross of what happened to it; its header is null until `OrderPlaced` is heard.

    `state` as in the order service, but a short order is `placed`. `paid` is what receipts paid of its deliveries.
    """

    order_id: str
    ordered_on: date | None
    salesperson: str | None
    state: str | None
    settled: bool
    net: Decimal | None
    tax: Decimal | None
    gross: Decimal | None
    delivered: Decimal
    returned: Decimal
    invoiced: Decimal
    paid: Decimal


class Document(BaseModel):
    """A delivery, return, invoice, red invoice, receipt or refund; returns and red invoices are positive too."""

    document_id: str
    order_id: str | None
    happened_on: date
    amount: Decimal


class Purchase(BaseModel):
    """What was bought of a product, less what came back; the name is null until the product is heard of."""

    sku: str
    name: str | None
    unit: str | None
    quantity: Decimal
    net: Decimal
    last_bought: date | None


class CustomerPage(Customer):
    """All about one customer (客户全景). `advances` is money received that pays no delivery yet.

    Each list shows the newest 20, complaints those due soonest.
    """

    currency: str
    delivered: Decimal
    returned: Decimal
    paid: Decimal
    refunded: Decimal
    advances: Decimal
    contacts: list[Contact]
    complaints: list[Complaint]
    communications: list[Communication]
    orders: list[Order]
    deliveries: list[Document]
    returns: list[Document]
    invoices: list[Document]
    credit_notes: list[Document]
    payments: list[Document]
    refunds: list[Document]
    purchases: list[Purchase]


async def list_customers(db: Db, text: str | None, sort: Sort, after: str | None, limit: int) -> list[Customer]:
    """By id or name; what is searched for, by id. `after` is the last customer of the page before."""
    if found_in := search_range(text) if text else None:
        return await _search(db, found_in, after, limit)
    if sort == "name":
        return await _by_name(db, after, limit)
    return await (_by_name_backwards(db, after, limit) if sort == "-name" else _by_id(db, after, limit))


async def customers_of(db: Db, ids: Sequence[str]) -> list[Customer]:
    """Those of these customers that exist, by id."""
    rows = await db.fetch(
        """
        select c.customer_id, c.name, c.salesperson, c.credit_limit,
               coalesce(a.delivered - a.returned - a.paid + a.refunded, 0) as balance
        from customer c left join customer_account a on a.company = $1 and a.customer_id = c.customer_id
        where c.company = $1 and c.customer_id = any ($2::text[]) order by c.customer_id
        """,
        db.company, list(ids),
    )
    return [Customer(**row) for row in rows]


async def _by_name(db: Db, after: str | None, limit: int) -> list[Customer]:
    rows = await db.fetch(
        """
        select c.customer_id, c.name, c.salesperson, c.credit_limit,
               coalesce(a.delivered - a.returned - a.paid + a.refunded, 0) as balance
        from customer c left join customer_account a on a.company = $1 and a.customer_id = c.customer_id
        where c.company = $1 and ($2::text is null or (c.name, c.customer_id) > (
            (select name from customer where company = $1 and customer_id = $2), $2))
        order by c.name, c.customer_id limit $3
        """,
        db.company, after, limit,
    )
    return [Customer(**row) for row in rows]


async def _by_name_backwards(db: Db, after: str | None, limit: int) -> list[Customer]:
    rows = await db.fetch(
        """
        select c.customer_id, c.name, c.salesperson, c.credit_limit,
               coalesce(a.delivered - a.returned - a.paid + a.refunded, 0) as balance
        from customer c left join customer_account a on a.company = $1 and a.customer_id = c.customer_id
        where c.company = $1 and ($2::text is null or (c.name, c.customer_id) < (
            (select name from customer where company = $1 and customer_id = $2), $2))
        order by c.name desc, c.customer_id desc limit $3
        """,
        db.company, after, limit,
    )
    return [Customer(**row) for row in rows]


async def _by_id(db: Db, after: str | None, limit: int) -> list[Customer]:
    rows = await db.fetch(
        """
        select c.customer_id, c.name, c.salesperson, c.credit_limit,
               coalesce(a.delivered - a.returned - a.paid + a.refunded, 0) as balance
        from customer c left join customer_account a on a.company = $1 and a.customer_id = c.customer_id
        where c.company = $1 and c.customer_id > coalesce($2, '')
        order by c.customer_id limit $3
        """,
        db.company, after, limit,
    )
    return [Customer(**row) for row in rows]


async def _search(db: Db, found_in: tuple[str, str], after: str | None, limit: int) -> list[Customer]:
    """Those that have a word between two texts."""
    rows = await db.fetch(
        """
        with found as (
            select distinct customer_id from customer_word
            where company = $1 and word between $4 and $5 and customer_id > coalesce($2, '')
            order by customer_id limit $3
        )
        select c.customer_id, c.name, c.salesperson, c.credit_limit,
               coalesce(a.delivered - a.returned - a.paid + a.refunded, 0) as balance
        from found join customer c on c.company = $1 and c.customer_id = found.customer_id
             left join customer_account a on a.company = $1 and a.customer_id = c.customer_id
        order by c.customer_id
        """,
        db.company, after, limit, *found_in,
    )
    return [Customer(**row) for row in rows]


async def find_customer(db: Db, customer_id: str) -> CustomerPage | None:
    header = await db.fetchrow(
        """
        select *, delivered - returned - paid + refunded as balance from (
            select c.customer_id, c.name, c.salesperson, c.credit_limit, b.currency,
                   coalesce(a.delivered, 0) as delivered, coalesce(a.returned, 0) as returned,
                   coalesce(a.paid, 0) as paid, coalesce(a.refunded, 0) as refunded,
                   coalesce(a.advances, 0) as advances
            from customer c join company b on b.company = $1
                 left join customer_account a on a.company = $1 and a.customer_id = $2
            where c.company = $1 and c.customer_id = $2
        ) as account
        """,
        db.company, customer_id,
    )
    if header is None:
        return None
    documents = await _documents(db, customer_id)
    return CustomerPage(
        **header,
        contacts=await contacts_of(db, customer_id),
        complaints=await open_complaints(db, customer_id, None, PAGE_ROWS),
        communications=await communications_of(db, customer_id, None, PAGE_ROWS),
        orders=await _orders(db, customer_id),
        deliveries=documents[Kind.DELIVERY],
        returns=documents[Kind.RETURN],
        invoices=documents[Kind.INVOICE],
        credit_notes=documents[Kind.CREDIT_NOTE],
        payments=documents[Kind.PAYMENT],
        refunds=documents[Kind.REFUND],
        purchases=await _purchases(db, customer_id),
    )


async def _orders(db: Db, customer_id: str) -> list[Order]:
    """Newest first; those whose `OrderPlaced` is still on its way are the newest."""
    rows = await db.fetch(
        """
        select o.*, case when o.settled and o.said <> 'cancelled' then 'settled'
                         when o.said = 'approved' and o.shipped >= o.quantity then 'delivered'
                         else o.said end as state
        from (
            select order_id, ordered_on, salesperson, state as said, quantity, shipped, net, tax, gross, delivered,
                   returned, invoiced, paid, coalesce(settled_at > coalesce(returned_at, 0), false) as settled
            from customer_order where company = $1 and customer_id = $2
            order by ordered_on desc, order_id desc limit $3
        ) as o
        order by o.ordered_on desc, o.order_id desc
        """,
        db.company, customer_id, PAGE_ROWS,
    )
    return [Order(**row) for row in rows]


async def _documents(db: Db, customer_id: str) -> dict[str, list[Document]]:
    """The newest of each kind."""
    rows = await db.fetch(
        """
        select d.* from unnest($3::text[]) as k (kind) cross join lateral (
            select kind, document_id, order_id, happened_on, amount from document
            where company = $1 and customer_id = $2 and kind = k.kind
            order by happened_on desc, document_id desc limit $4
        ) as d
        order by d.kind, d.happened_on desc, d.document_id desc
        """,
        db.company, customer_id, list(Kind), PAGE_ROWS,
    )
    documents: dict[str, list[Document]] = defaultdict(list)
    for row in rows:
        documents[row["kind"]].append(Document(**row))
    return documents


async def _purchases(db: Db, customer_id: str) -> list[Purchase]:
    """Last bought first."""
    rows = await db.fetch(
        """
        select p.sku, product.name, product.unit, p.quantity, p.net, p.last_bought
        from customer_purchase p left join product on product.company = $1 and product.sku = p.sku
        where p.company = $1 and p.customer_id = $2
        order by p.last_bought desc, p.sku desc limit $3
        """,
        db.company, customer_id, PAGE_ROWS,
    )
    return [Purchase(**row) for row in rows]
