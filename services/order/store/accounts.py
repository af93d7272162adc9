"""Companies, products, customers, and what a customer owes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.order.domain.values import Company, Credit
from shared.db import Db, columns
from shared.events.accounting import BooksOpened
from shared.events.crm import CreditLimitChanged, CustomerRegistered


@dataclass(frozen=True, slots=True)
class Known:
    """What a batch of commands refers to, as far as it exists; `ids` are those of the commands' own aggregates."""

    company: Company | None
    ids: frozenset[str]
    customers: frozenset[str] = frozenset()
    skus: frozenset[str] = frozenset()


def company_of(currency: str | None, vat_rate: Decimal | None) -> Company | None:
    """The company of a row, if it has books."""
    return None if currency is None or vat_rate is None else Company(currency, vat_rate)


async def save_company(db: Db, books: BooksOpened) -> None:
    """The books that were opened first give the company its currency."""
    await db.execute(
        """
        insert into company (company, currency, vat_rate, opened_on) values ($1, $2, $3, $4) on conflict do nothing
        """,
        db.company, books.currency, books.vat_rate, books.opened_on,
    )


async def save_products(db: Db, skus: Sequence[str]) -> None:
    await db.execute(
        "insert into product (company, sku) select $1, unnest($2::text[]) on conflict do nothing", db.company, skus
    )


async def insert_customers(db: Db, customers: Sequence[CustomerRegistered]) -> None:
    await db.execute(
        """
        insert into customer (company, customer_id, credit_limit)
        select $1, c.customer_id, c.credit_limit from unnest($2::text[], $3::numeric[]) as c (customer_id, credit_limit)
        """,
        db.company, *columns([(c.customer_id, c.credit_limit) for c in customers], 2),
    )


async def update_credit_limits(db: Db, changes: Sequence[CreditLimitChanged]) -> None:
    """The customers are locked; the last change of each counts."""
    limits = {change.customer_id: change.credit_limit for change in changes}
    await db.execute(
        """
        update customer c set credit_limit = n.credit_limit
        from unnest($2::text[], $3::numeric[]) as n (customer_id, credit_limit)
        where c.company = $1 and c.customer_id = n.customer_id
        """,
        db.company, *columns(list(limits.items()), 2),
    )


async def lock_customers(db: Db, customer_ids: Collection[str]) -> None:
    await db.execute(
        """
        select from customer where company = $1 and customer_id = any($2)
        order by customer_id for no key update
        """,
        db.company, list(customer_ids),
    )


async def lock_customers_of(db: Db, order_ids: Collection[str]) -> list[str]:
    """Lock the customers of these orders; returns their ids."""
    rows = await db.fetch(
        """
        select customer_id from customer
        where company = $1 and customer_id in (
            select customer_id from sales_order where company = $1 and order_id = any($2)
        )
        order by customer_id for no key update
        """,
        db.company, list(order_ids),
    )
    return [row["customer_id"] for row in rows]


async def load_credits(db: Db, customer_ids: Sequence[str]) -> dict[str, Credit]:
    """Reads only what is open, through partial indexes; what is open below zero lowers the receivable."""
    rows = await db.fetch(
        """
        select c.customer_id, c.credit_limit,
            (select coalesce(sum(o.committed), 0) from sales_order o
             where o.company = $1 and o.customer_id = c.customer_id and o.committed > 0) as committed,
            (select coalesce(sum(d.open), 0) from delivery d
             where d.company = $1 and d.customer_id = c.customer_id and d.open <> 0) as receivable,
            (select coalesce(sum(p.unallocated), 0) from payment p
             where p.company = $1 and p.customer_id = c.customer_id and p.unallocated > 0) as advances
        from customer c where c.company = $1 and c.customer_id = any($2)
        """,
        db.company, customer_ids,
    )
    return {
        row["customer_id"]: Credit(row["credit_limit"], row["committed"], row["receivable"], row["advances"])
        for row in rows
    }
