"""Suppliers and purchase orders."""

from collections.abc import Collection, Iterable, Sequence

from services.inventory.domain.purchasing.ordering import Expected, Purchase
from services.inventory.domain.purchasing.values import Books
from shared.db import Db, columns
from shared.events.inventory import PurchaseOrdered, SupplierRegistered
from shared.search import endings


async def books(db: Db) -> Books | None:
    """What the company's books say; None if it has none."""
    row = await db.fetchrow("select currency, vat_rate, opened_on from company where company = $1", db.company)
    return Books(**row) if row else None


async def known_suppliers(db: Db, ids: Iterable[str]) -> frozenset[str]:
    """Which of these suppliers exist."""
    rows = await db.fetch(
        "select supplier_id from supplier where company = $1 and supplier_id = any ($2::text[])",
        db.company, list(set(ids)),
    )
    return frozenset(row["supplier_id"] for row in rows)


async def lock_suppliers(db: Db, ids: Iterable[str]) -> frozenset[str]:
    """Which of these suppliers exist; nobody else bills, pays or returns anything of theirs now, but documents that
    only name them go on."""
    rows = await db.fetch(
        """
        select supplier_id from supplier where company = $1 and supplier_id = any ($2::text[])
        order by supplier_id for no key update
        """,
        db.company, list(set(ids)),
    )
    return frozenset(row["supplier_id"] for row in rows)


async def save_suppliers(db: Db, suppliers: Sequence[SupplierRegistered]) -> None:
    await db.execute(
        "insert into supplier (company, supplier_id, name) select $1, s.* from unnest($2::text[], $3::text[]) as s",
        db.company, *columns([(s.supplier_id, s.name) for s in suppliers], 2),
    )
    words = [(word, s.supplier_id) for s in suppliers for word in endings(s.name) | endings(s.supplier_id)]
    await db.execute(
        """
        insert into supplier_word (company, word, supplier_id) select $1, w.* from unnest($2::text[], $3::text[]) as w
        """,
        db.company, *columns(words, 2),
    )


async def taken_purchases(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select purchase_id from purchase_order where company = $1 and purchase_id = any ($2::text[])", db.company, ids
    )
    return frozenset(row["purchase_id"] for row in rows)


async def save_purchases(db: Db, ordered: Sequence[PurchaseOrdered]) -> None:
    """New purchase orders and their lines."""
    await db.execute(
        """
        insert into purchase_order (company, purchase_id, supplier_id, ordered_on, warehouse, currency, net)
        select $1, p.*
        from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::numeric[]) as p
        """,
        db.company,
        *columns([(p.purchase_id, p.supplier_id, p.ordered_on, p.warehouse, p.currency, p.net) for p in ordered], 6),
    )
    await db.execute(
        """
        insert into purchase_order_line (company, purchase_id, line, sku, quantity, unit_cost, net)
        select $1, l.*
        from unnest($2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[]) as l
        """,
        db.company,
        *columns([(p.purchase_id, x.line, x.sku, x.quantity, x.unit_cost, x.net) for p in ordered for x in p.lines], 6),
    )


async def lock_purchases(db: Db, ids: Collection[str]) -> dict[str, Purchase]:
    """Lock and load purchase orders. Lock the stock first."""
    if not ids:
        return {}
    heads = await db.fetch(
        """
        select purchase_id, supplier_id, warehouse from purchase_order
        where company = $1 and purchase_id = any ($2::text[]) order by purchase_id for update
        """,
        db.company, list(ids),
    )
    rows = await db.fetch(
        """
        select purchase_id, sku, quantity, unit_cost, received from purchase_order_line
        where company = $1 and purchase_id = any ($2::text[])
        """,
        db.company, list(ids),
    )
    lines: dict[str, dict[str, Expected]] = {head["purchase_id"]: {} for head in heads}
    for row in rows:
        lines[row["purchase_id"]][row["sku"]] = Expected(row["quantity"], row["unit_cost"], row["received"])
    return {h["purchase_id"]: Purchase(**h, lines=lines[h["purchase_id"]]) for h in heads}


async def update_purchases(db: Db, purchases: Sequence[Purchase]) -> None:
    """Write locked purchase orders after receipts."""
    if not purchases:
        return
    await db.execute(
        """
        update purchase_order p set state = n.state from unnest($2::text[], $3::text[]) as n (purchase_id, state)
        where p.company = $1 and p.purchase_id = n.purchase_id
        """,
        db.company, *columns([(p.purchase_id, p.state) for p in purchases], 2),
    )
    await db.execute(
        """
        update purchase_order_line l set received = n.received
        from unnest($2::text[], $3::text[], $4::numeric[]) as n (purchase_id, sku, received)
        where l.company = $1 and l.purchase_id = n.purchase_id and l.sku = n.sku
        """,
        db.company,
        *columns([(p.purchase_id, sku, line.received) for p in purchases for sku, line in p.lines.items()], 3),
    )
