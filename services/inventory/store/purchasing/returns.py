"""Returns to suppliers, and what they take off bills."""

from collections.abc import Iterable, Sequence

from services.inventory.domain.purchasing.returning import Billed, Credit, Receipt
from services.inventory.domain.purchasing.values import LineKey
from shared.db import Db, columns
from shared.events.inventory import PurchaseReturned


async def taken_purchase_returns(db: Db, ids: Sequence[str]) -> frozenset[str]:
    rows = await db.fetch(
        "select purchase_return_id from purchase_return where company = $1 and purchase_return_id = any ($2::text[])",
        db.company, ids,
    )
    return frozenset(row["purchase_return_id"] for row in rows)


async def load_receipts(db: Db, ids: Sequence[str]) -> dict[str, Receipt]:
    rows = await db.fetch(
        "select receipt_id, supplier_id, warehouse from receipt where company = $1 and receipt_id = any ($2::text[])",
        db.company, ids,
    )
    return {row["receipt_id"]: Receipt(**row) for row in rows}


async def load_billed(db: Db, keys: Iterable[LineKey]) -> dict[LineKey, list[Billed]]:
    """The bills of receipt lines, newest first, with what returns took off them; stable while their suppliers are
    locked."""
    rows = await db.fetch(
        """
        select l.supplier_invoice_id, l.line, l.receipt_id, l.receipt_line, l.quantity, l.net, l.tax,
               c.quantity as returned, c.net as returned_net, c.tax as returned_tax
        from unnest($2::text[], $3::integer[]) as k (receipt_id, receipt_line)
             join supplier_invoice_line l using (receipt_id, receipt_line)
             join supplier_invoice i on i.company = $1 and i.supplier_invoice_id = l.supplier_invoice_id
             cross join lateral (
                 select coalesce(sum(quantity), 0) as quantity, coalesce(sum(net), 0) as net,
                        coalesce(sum(tax), 0) as tax
                 from purchase_return_credit
                 where company = $1 and supplier_invoice_id = l.supplier_invoice_id and invoice_line = l.line
             ) as c
        where l.company = $1
        order by i.invoiced_on desc, l.supplier_invoice_id desc, l.line desc
        """,
        db.company, *columns(list(set(keys)), 2),
    )
    bills: dict[LineKey, list[Billed]] = {}
    for row in rows:
        key = LineKey(row["receipt_id"], row["receipt_line"])
        bills.setdefault(key, []).append(Billed(
            row["supplier_invoice_id"], row["line"], key, row["quantity"], row["net"], row["tax"], row["returned"],
            row["returned_net"], row["returned_tax"],
        ))
    return bills


async def save_purchase_returns(db: Db, returned: Sequence[PurchaseReturned]) -> None:
    """New returns and their lines."""
    heads = [
        (r.purchase_return_id, r.receipt_id, r.supplier_id, r.returned_on, r.currency, r.accrued, r.net, r.tax,
         r.residual, r.stock)
        for r in returned
    ]
    await db.execute(
        """
        insert into purchase_return (company, purchase_return_id, receipt_id, supplier_id, returned_on, currency,
                                     accrued, net, tax, residual, stock)
        select $1, r.*
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[], $10::numeric[], $11::numeric[]) as r
        """,
        db.company, *columns(heads, 10),
    )
    lines = [
        (r.purchase_return_id, x.line, r.receipt_id, x.receipt_line, x.sku, x.quantity, x.accrued, x.net, x.tax,
         x.residual, x.stock)
        for r in returned for x in r.lines
    ]
    await db.execute(
        """
        insert into purchase_return_line (company, purchase_return_id, line, receipt_id, receipt_line, sku, quantity,
                                          accrued, net, tax, residual, stock)
        select $1, l.*
        from unnest($2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::numeric[], $8::numeric[],
                    $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[]) as l
        """,
        db.company, *columns(lines, 11),
    )


async def save_credits(db: Db, credits: Sequence[Credit]) -> None:
    """What returns took off bills, and what is open of them then."""
    rows = [
        (c.supplier_invoice_id, c.invoice_line, c.purchase_return_id, c.return_line, c.quantity, c.net, c.tax)
        for c in credits
    ]
    await db.execute(
        """
        with credit as (
            insert into purchase_return_credit (company, supplier_invoice_id, invoice_line, purchase_return_id,
                                                return_line, quantity, net, tax)
            select $1, c.*
            from unnest($2::text[], $3::integer[], $4::text[], $5::integer[], $6::numeric[], $7::numeric[],
                        $8::numeric[]) as c
            returning supplier_invoice_id, net + tax as gross
        )
        update supplier_invoice i set open = i.open - c.gross
        from (select supplier_invoice_id, sum(gross) as gross from credit group by supplier_invoice_id) as c
        where i.company = $1 and i.supplier_invoice_id = c.supplier_invoice_id
        """,
        db.company, *columns(rows, 7),
    )
