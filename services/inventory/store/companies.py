"""Companies, their policies, and products."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from services.inventory.domain.policies import NegativeStock
from shared.db import Db, columns
from shared.events.accounting import BooksOpened
from shared.events.inventory import NegativeStockAllowed, ProductRegistered
from shared.search import endings


async def add_companies(db: Db, opened: Sequence[BooksOpened]) -> None:
    await db.execute(
        """
        insert into company (company, currency, vat_rate, opened_on)
        select $1, b.* from unnest($2::text[], $3::numeric[], $4::date[]) as b
        """,
        db.company, *columns([(books.currency, books.vat_rate, books.opened_on) for books in opened], 3),
    )


async def currency(db: Db) -> str | None:
    """The currency of the company's books; None if it has no books."""
    found: str | None = await db.fetchval("select currency from company where company = $1", db.company)
    return found


async def known_products(db: Db, skus: Iterable[str]) -> frozenset[str]:
    """Which of these products exist."""
    rows = await db.fetch(
        "select sku from product where company = $1 and sku = any ($2::text[])", db.company, list(set(skus))
    )
    return frozenset(row["sku"] for row in rows)


async def save_products(
    db: Db, products: Sequence[ProductRegistered], standard_costs: Mapping[str, Decimal | None]
) -> None:
    await db.execute(
        """
        insert into product (company, sku, name, unit, standard_cost)
        select $1, p.* from unnest($2::text[], $3::text[], $4::text[], $5::numeric[]) as p
        """,
        db.company, *columns([(p.sku, p.name, p.unit, standard_costs[p.sku]) for p in products], 4),
    )
    await db.execute(
        """
        insert into product_word (company, word, sku) select $1, w.* from unnest($2::text[], $3::text[]) as w
        """,
        db.company, *columns([(word, p.sku) for p in products for word in endings(p.name) | endings(p.sku)], 2),
    )


async def negative_stock(db: Db) -> NegativeStock:
    """What the company has decided about negative stock so far."""
    rows = await db.fetch(
        "select allowed_from, allow from negative_stock where company = $1 order by said", db.company
    )
    return NegativeStock(tuple((row["allowed_from"], row["allow"]) for row in rows))


async def save_negative_stock(db: Db, decided: Sequence[NegativeStockAllowed]) -> None:
    await db.execute(
        """
        insert into negative_stock (company, allowed_from, allow)
        select $1, n.allowed_from, n.allow
        from unnest($2::date[], $3::boolean[]) with ordinality as n (allowed_from, allow, place) order by n.place
        """,
        db.company, *columns([(d.allowed_from, d.allow) for d in decided], 2),
    )
