"""Companies, products, customers, and the words by which customers are found."""

from collections.abc import Collection, Mapping, Sequence

from services.crm.domain.customers import words
from services.crm.domain.values import Customer, Known
from shared.db import Db, columns
from shared.events.crm import CreditLimitChanged
from shared.events.inventory import ProductRegistered


async def save_company(db: Db, currency: str) -> None:
    """The books that were opened first give the company its currency."""
    await db.execute(
        "insert into company (company, currency) values ($1, $2) on conflict do nothing", db.company, currency
    )


async def save_products(db: Db, products: Sequence[ProductRegistered]) -> None:
    await db.execute(
        """
        insert into product (company, sku, name, unit)
        select $1, p.* from unnest($2::text[], $3::text[], $4::text[]) as p
        on conflict do nothing
        """,
        db.company, *columns([(p.sku, p.name, p.unit) for p in products], 3),
    )


async def load_for_registering(db: Db, customer_ids: Sequence[str]) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               array(select customer_id from customer where company = $1 and customer_id = any ($2)) as taken
        """,
        db.company, customer_ids,
    )
    assert row is not None, "a select without from gives one row"
    return Known(row["currency"], frozenset(row["taken"]))


async def lock_for_limits(db: Db, customer_ids: Collection[str]) -> Known:
    currency = await db.fetchval("select currency from company where company = $1", db.company)
    return Known(currency, customers=frozenset(await lock_customers(db, customer_ids)))


async def lock_customers(db: Db, customer_ids: Collection[str]) -> dict[str, Customer]:
    rows = await db.fetch(
        """
        select customer_id, name, salesperson, credit_limit
        from customer where company = $1 and customer_id = any ($2)
        order by customer_id for no key update
        """,
        db.company, list(customer_ids),
    )
    return {row["customer_id"]: Customer(**row) for row in rows}


async def insert_customers(db: Db, customers: Sequence[Customer]) -> None:
    await db.execute(
        """
        insert into customer (company, customer_id, name, salesperson, credit_limit)
        select $1, c.* from unnest($2::text[], $3::text[], $4::text[], $5::numeric[]) as c
        """,
        db.company, *columns([(c.customer_id, c.name, c.salesperson, c.credit_limit) for c in customers], 4),
    )
    await _insert_words(db, [(word, c.customer_id) for c in customers for word in words(c)])


async def update_customers(db: Db, before: Mapping[str, Customer], after: Mapping[str, Customer]) -> None:
    """Save names and salespeople; the customers are locked."""
    changed = [customer for key, customer in after.items() if customer != before[key]]
    await db.execute(
        """
        update customer c set name = n.name, salesperson = n.salesperson
        from unnest($2::text[], $3::text[], $4::text[]) as n (customer_id, name, salesperson)
        where c.company = $1 and c.customer_id = n.customer_id
        """,
        db.company, *columns([(c.customer_id, c.name, c.salesperson) for c in changed], 3),
    )
    await _delete_words(db, [
        (word, c.customer_id) for c in changed for word in words(before[c.customer_id]) - words(c)
    ])
    await _insert_words(db, [
        (word, c.customer_id) for c in changed for word in words(c) - words(before[c.customer_id])
    ])


async def _insert_words(db: Db, found_by: Sequence[tuple[str, str]]) -> None:
    await db.execute(
        """
        insert into customer_word (company, word, customer_id)
        select $1, w.* from unnest($2::text[], $3::text[]) as w
        """,
        db.company, *columns(found_by, 2),
    )


async def _delete_words(db: Db, found_by: Sequence[tuple[str, str]]) -> None:
    await db.execute(
        """
        delete from customer_word w using unnest($2::text[], $3::text[]) as old (word, customer_id)
        where w.company = $1 and w.word = old.word and w.customer_id = old.customer_id
        """,
        db.company, *columns(found_by, 2),
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
