"""What of the receipts is still to be billed, bills, and what paid them."""

from collections.abc import Collection, Iterable, Sequence

from services.inventory.domain.costing import RECEIPT, Move, Pool
from services.inventory.domain.purchasing.paying import Owed
from services.inventory.domain.purchasing.values import LineKey, Match
from shared.db import Db, columns
from shared.events.inventory import GoodsReceived, SupplierInvoiced, SupplierPaid
from shared.events.openings import PayableOpened

# -- what of the receipts is still to be billed -----------------------------------------------------------------------


async def add_matches(db: Db, received: Sequence[GoodsReceived], moves: Sequence[Move]) -> None:
    """New receipt lines wait to be billed; `moves` are what they did to stock."""
    place = {(m.document.document_id, m.line): m.n for m in moves if m.document.kind == RECEIPT}
    rows = [
        (r.receipt_id, x.line, r.supplier_id, r.received_on, x.sku, r.warehouse, place[r.receipt_id, x.line],
         x.quantity, x.cost)
        for r in received for x in r.lines
    ]
    await db.execute(
        """
        insert into receipt_match (company, receipt_id, line, supplier_id, received_on, sku, warehouse, move, quantity,
                                   cost, unbilled, accrued)
        select $1, m.*, m.quantity, m.cost
        from unnest($2::text[], $3::integer[], $4::text[], $5::date[], $6::text[], $7::text[], $8::bigint[],
                    $9::numeric[], $10::numeric[])
             as m (receipt_id, line, supplier_id, received_on, sku, warehouse, move, quantity, cost)
        """,
        db.company, *columns(rows, 9),
    )


async def pools_of_receipt_lines(db: Db, keys: Iterable[LineKey]) -> set[Pool]:
    """Where these receipt lines went; that never changes."""
    rows = await db.fetch(
        """
        select distinct m.sku, m.warehouse
        from receipt_match m join unnest($2::text[], $3::integer[]) as k (receipt_id, line) using (receipt_id, line)
        where m.company = $1
        """,
        db.company, *columns(list(set(keys)), 2),
    )
    return {Pool(row["sku"], row["warehouse"]) for row in rows}


async def load_matches(db: Db, keys: Iterable[LineKey]) -> dict[LineKey, Match]:
    """Where receipt lines stand; stable while their suppliers are locked."""
    rows = await db.fetch(
        """
        select m.receipt_id, m.line, m.supplier_id, m.sku, m.warehouse, m.move, m.quantity, m.cost, m.unbilled,
               m.accrued, m.variance, m.returned
        from receipt_match m join unnest($2::text[], $3::integer[]) as k (receipt_id, line) using (receipt_id, line)
        where m.company = $1
        """,
        db.company, *columns(list(set(keys)), 2),
    )
    return {
        key: Match(
            key, row["supplier_id"], Pool(row["sku"], row["warehouse"]), row["move"], row["quantity"], row["cost"],
            row["unbilled"], row["accrued"], row["variance"], row["returned"],
        )
        for row in rows for key in [LineKey(row["receipt_id"], row["line"])]
    }


async def update_matches(db: Db, matches: Sequence[Match]) -> None:
    """Write receipt lines after bills and returns."""
    await db.execute(
        """
        update receipt_match m
        set unbilled = n.unbilled, accrued = n.accrued, variance = n.variance, returned = n.returned
        from unnest($2::text[], $3::integer[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[])
             as n (receipt_id, line, unbilled, accrued, variance, returned)
        where m.company = $1 and m.receipt_id = n.receipt_id and m.line = n.line
        """,
        db.company, *columns([(*m.key, m.unbilled, m.accrued, m.variance, m.returned) for m in matches], 6),
    )


# -- bills and payments -----------------------------------------------------------------------------------------------


async def taken_supplier_invoices(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        """
        select supplier_invoice_id from supplier_invoice
        where company = $1 and supplier_invoice_id = any ($2::text[])
        """,
        db.company, ids,
    )
    return frozenset(row["supplier_invoice_id"] for row in rows)


async def taken_supplier_payments(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        """
        select supplier_payment_id from supplier_payment
        where company = $1 and supplier_payment_id = any ($2::text[])
        """,
        db.company, ids,
    )
    return frozenset(row["supplier_payment_id"] for row in rows)


async def save_supplier_invoices(db: Db, invoices: Sequence[SupplierInvoiced]) -> None:
    """New bills and their lines; all of a bill is owed."""
    heads = [
        (i.supplier_invoice_id, i.supplier_id, i.invoiced_on, i.currency, i.accrued, i.variance, i.net, i.tax, i.gross)
        for i in invoices
    ]
    await db.execute(
        """
        insert into supplier_invoice (company, supplier_invoice_id, supplier_id, invoiced_on, currency, accrued,
                                      variance, net, tax, gross, open)
        select $1, i.*, i.gross
        from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[],
                    $9::numeric[], $10::numeric[])
             as i (supplier_invoice_id, supplier_id, invoiced_on, currency, accrued, variance, net, tax, gross)
        """,
        db.company, *columns(heads, 9),
    )
    lines = [
        (i.supplier_invoice_id, x.line, x.receipt_id, x.receipt_line, x.sku, x.quantity, x.accrued, x.variance, x.net,
         x.tax)
        for i in invoices for x in i.lines
    ]
    await db.execute(
        """
        insert into supplier_invoice_line (company, supplier_invoice_id, line, receipt_id, receipt_line, sku, quantity,
                                           accrued, variance, net, tax)
        select $1, l.*
        from unnest($2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[], $10::numeric[], $11::numeric[]) as l
        """,
        db.company, *columns(lines, 10),
    )


async def brought_in(db: Db, opening_ids: Sequence[str]) -> frozenset[str]:
    """Which of these sheets of openings came in already."""
    rows = await db.fetch(
        """
        select distinct opening_id from supplier_invoice where company = $1 and opening_id = any ($2::text[])
        """,
        db.company, opening_ids,
    )
    return frozenset(row["opening_id"] for row in rows)


async def save_payables(db: Db, opened: Sequence[PayableOpened]) -> None:
    """What was owed before the books, as bills without lines."""
    await db.execute(
        """
        insert into supplier_invoice (company, supplier_invoice_id, opening_id, supplier_id, invoiced_on, currency,
                                      accrued, variance, net, tax, gross, open)
        select $1, o.document, o.opening_id, o.supplier_id, o.dated, o.currency, 0, 0, o.amount, 0, o.amount, o.amount
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[])
             as o (document, opening_id, supplier_id, dated, currency, amount)
        """,
        db.company,
        *columns([(o.supplier_invoice_id, o.opening_id, o.supplier_id, o.dated, o.currency, o.amount)
                  for o in opened], 6),
    )


async def load_owed(db: Db, supplier_ids: Collection[str]) -> list[Owed]:
    """Bills that are not settled, oldest first; stable while their suppliers are locked."""
    rows = await db.fetch(
        """
        select supplier_invoice_id, supplier_id, open from supplier_invoice
        where company = $1 and supplier_id = any ($2::text[]) and open <> 0
        order by invoiced_on, supplier_invoice_id
        """,
        db.company, list(supplier_ids),
    )
    return [Owed(**row) for row in rows]


async def save_supplier_payments(db: Db, paid: Sequence[SupplierPaid]) -> None:
    """New payments, what each paid of which bill, and what is open of the bills then."""
    await db.execute(
        """
        insert into supplier_payment (company, supplier_payment_id, supplier_id, paid_on, currency, amount)
        select $1, p.* from unnest($2::text[], $3::text[], $4::date[], $5::text[], $6::numeric[]) as p
        """,
        db.company,
        *columns([(p.supplier_payment_id, p.supplier_id, p.paid_on, p.currency, p.amount) for p in paid], 5),
    )
    await db.execute(
        """
        with paid as (
            insert into supplier_payment_allocation (company, supplier_payment_id, supplier_invoice_id, amount)
            select $1, a.* from unnest($2::text[], $3::text[], $4::numeric[]) as a
            returning supplier_invoice_id, amount
        )
        update supplier_invoice i set open = i.open - p.amount
        from (select supplier_invoice_id, sum(amount) as amount from paid group by supplier_invoice_id) as p
        where i.company = $1 and i.supplier_invoice_id = p.supplier_invoice_id
        """,
        db.company,
        *columns([(p.supplier_payment_id, a.supplier_invoice_id, a.amount) for p in paid for a in p.allocations], 3),
    )
