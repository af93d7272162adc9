"""What the HTTP door shows of suppliers, purchase orders, bills, and receipts that wait for them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from services.inventory.domain.purchasing.ordering import State
from shared.db import Db


class Supplier(BaseModel):
    """`balance` is what is owed for all bills; below zero: the supplier owes us."""

    supplier_id: str
    name: str
    balance: Decimal


class OpenInvoice(BaseModel):
    """`open` is what is still owed; below zero when goods went back after they were paid."""

    supplier_invoice_id: str
    invoiced_on: date
    gross: Decimal
    open: Decimal


class SupplierDetail(Supplier):
    open_invoices: list[OpenInvoice]


class PurchaseHeader(BaseModel):
    """A purchase order without its lines."""

    purchase_id: str
    supplier_id: str
    ordered_on: date
    warehouse: str
    currency: str
    net: Decimal
    state: State


class PurchaseLine(BaseModel):
    line: int
    sku: str
    quantity: Decimal
    unit_cost: Decimal
    net: Decimal
    received: Decimal


class PurchaseReceipt(BaseModel):
    receipt_id: str
    received_on: date
    cost: Decimal


class Purchase(PurchaseHeader):
    lines: list[PurchaseLine]
    receipts: list[PurchaseReceipt]


class InvoiceLine(BaseModel):
    """net = accrued + variance."""

    line: int
    receipt_id: str
    receipt_line: int
    sku: str
    quantity: Decimal
    accrued: Decimal
    variance: Decimal
    net: Decimal
    tax: Decimal


class InvoicePayment(BaseModel):
    supplier_payment_id: str
    paid_on: date
    amount: Decimal


class InvoiceReturn(BaseModel):
    """What goods that went back took off the bill."""

    purchase_return_id: str
    returned_on: date
    net: Decimal
    tax: Decimal


class SupplierInvoice(OpenInvoice):
    """One with an `opening_id` was owed when the books were opened: it has no lines, and only its gross is known."""

    supplier_id: str
    opening_id: str | None
    currency: str
    accrued: Decimal
    variance: Decimal
    net: Decimal
    tax: Decimal
    lines: list[InvoiceLine]
    payments: list[InvoicePayment]
    returns: list[InvoiceReturn]


class Unbilled(BaseModel):
    """A receipt line that waits for its bill: `unbilled` of its quantity, accrued (暂估) at `accrued`."""

    receipt_id: str
    line: int
    supplier_id: str
    purchase_id: str | None
    received_on: date
    sku: str
    warehouse: str
    quantity: Decimal
    unbilled: Decimal
    accrued: Decimal


class UnbilledPage(BaseModel):
    """`next` is the `after` of the next page; null on the last one."""

    items: list[Unbilled]
    next: str | None


async def suppliers(
    db: Db, found_in: tuple[str, str] | None, after: str | None, limit: int
) -> list[Supplier]:
    """By id, all or those that have a word between two texts; `after` is the last one of the page before."""
    if found_in is None:
        rows = await db.fetch(
            "select supplier_id from supplier where company = $1 and supplier_id > $2 order by supplier_id limit $3",
            db.company, after or "", limit,
        )
    else:
        rows = await db.fetch(
            """
            select distinct supplier_id from supplier_word
            where company = $1 and word between $4 and $5 and supplier_id > $2 order by supplier_id limit $3
            """,
            db.company, after or "", limit, *found_in,
        )
    return await suppliers_of(db, [row["supplier_id"] for row in rows])


async def suppliers_of(db: Db, ids: Sequence[str]) -> list[Supplier]:
    """Those of these suppliers that exist, by id."""
    rows = await db.fetch(
        """
        select s.supplier_id, s.name, coalesce(i.balance, 0) as balance
        from supplier s cross join lateral (
            select sum(open) as balance from supplier_invoice
            where company = $1 and supplier_id = s.supplier_id and open <> 0
        ) as i
        where s.company = $1 and s.supplier_id = any ($2::text[]) order by s.supplier_id
        """,
        db.company, list(ids),
    )
    return [Supplier(**row) for row in rows]


async def supplier(db: Db, supplier_id: str) -> SupplierDetail | None:
    """With its bills that are not settled, oldest first."""
    name = await db.fetchval(
        "select name from supplier where company = $1 and supplier_id = $2", db.company, supplier_id
    )
    if name is None:
        return None
    rows = await db.fetch(
        """
        select supplier_invoice_id, invoiced_on, gross, open from supplier_invoice
        where company = $1 and supplier_id = $2 and open <> 0 order by invoiced_on, supplier_invoice_id
        """,
        db.company, supplier_id,
    )
    invoices = [OpenInvoice(**row) for row in rows]
    balance = sum((invoice.open for invoice in invoices), Decimal(0))
    return SupplierDetail(supplier_id=supplier_id, name=name, balance=balance, open_invoices=invoices)


async def purchases(
    db: Db, *, state: State | None, supplier_ids: Sequence[str], after: str | None, limit: int
) -> list[PurchaseHeader]:
    """By id; `after` is the last one of the page before."""
    rows = await db.fetch(
        """
        select purchase_id, supplier_id, ordered_on, warehouse, currency, net, state from purchase_order
        where company = $1 and ($2::text is null or state = $2)
          and ($3::text[] = '{}' or supplier_id = any ($3))
          and purchase_id > coalesce($4, '')
        order by purchase_id limit $5
        """,
        db.company, state, list(supplier_ids), after, limit,
    )
    return [PurchaseHeader(**row) for row in rows]


async def purchase(db: Db, purchase_id: str) -> Purchase | None:
    """With its lines and what came in for it."""
    head = await db.fetchrow(
        """
        select purchase_id, supplier_id, ordered_on, warehouse, currency, net, state from purchase_order
        where company = $1 and purchase_id = $2
        """,
        db.company, purchase_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, sku, quantity, unit_cost, net, received from purchase_order_line
        where company = $1 and purchase_id = $2 order by line
        """,
        db.company, purchase_id,
    )
    receipts = await db.fetch(
        """
        select receipt_id, received_on, cost from receipt
        where company = $1 and purchase_id = $2 order by received_on, receipt_id
        """,
        db.company, purchase_id,
    )
    return Purchase(
        **head, lines=[PurchaseLine(**line) for line in lines],
        receipts=[PurchaseReceipt(**receipt) for receipt in receipts],
    )


async def supplier_invoice(db: Db, supplier_invoice_id: str) -> SupplierInvoice | None:
    """With its lines, what paid it, and what went back."""
    head = await db.fetchrow(
        """
        select supplier_invoice_id, supplier_id, opening_id, invoiced_on, currency, accrued, variance, net, tax, gross,
               open
        from supplier_invoice where company = $1 and supplier_invoice_id = $2
        """,
        db.company, supplier_invoice_id,
    )
    if head is None:
        return None
    lines = await db.fetch(
        """
        select line, receipt_id, receipt_line, sku, quantity, accrued, variance, net, tax from supplier_invoice_line
        where company = $1 and supplier_invoice_id = $2 order by line
        """,
        db.company, supplier_invoice_id,
    )
    return SupplierInvoice(
        **head, lines=[InvoiceLine(**line) for line in lines],
        payments=await _payments(db, supplier_invoice_id), returns=await _returns(db, supplier_invoice_id),
    )


async def _payments(db: Db, supplier_invoice_id: str) -> list[InvoicePayment]:
    rows = await db.fetch(
        """
        select p.supplier_payment_id, p.paid_on, a.amount
        from supplier_payment_allocation a
             join supplier_payment p on p.company = $1 and p.supplier_payment_id = a.supplier_payment_id
        where a.company = $1 and a.supplier_invoice_id = $2 order by p.paid_on, p.supplier_payment_id
        """,
        db.company, supplier_invoice_id,
    )
    return [InvoicePayment(**row) for row in rows]


async def _returns(db: Db, supplier_invoice_id: str) -> list[InvoiceReturn]:
    rows = await db.fetch(
        """
        select r.purchase_return_id, r.returned_on, c.net, c.tax
        from (
            select purchase_return_id, sum(net) as net, sum(tax) as tax from purchase_return_credit
            where company = $1 and supplier_invoice_id = $2 group by purchase_return_id
        ) as c join purchase_return r on r.company = $1 and r.purchase_return_id = c.purchase_return_id
        order by r.returned_on, r.purchase_return_id
        """,
        db.company, supplier_invoice_id,
    )
    return [InvoiceReturn(**row) for row in rows]


async def match_queue(
    db: Db, *, supplier_id: str | None, after: tuple[str, int], limit: int
) -> UnbilledPage:
    """Receipt lines that wait for their bill, oldest first, from the one after `after` on."""
    rows = await db.fetch(
        """
        select m.receipt_id, m.line, m.supplier_id, r.purchase_id, m.received_on, m.sku, m.warehouse, m.quantity,
               m.unbilled, m.accrued
        from receipt_match m join receipt r on r.company = $1 and r.receipt_id = m.receipt_id
        where m.company = $1 and m.unbilled > 0 and ($2::text is null or m.supplier_id = $2)
          and (m.received_on, m.receipt_id, m.line) > (
              coalesce((select received_on from receipt where company = $1 and receipt_id = $3), date '-infinity'),
              $3, $4)
        order by m.received_on, m.receipt_id, m.line limit $5
        """,
        db.company, supplier_id, *after, limit + 1,
    )
    items = [Unbilled(**row) for row in rows[:limit]]
    return UnbilledPage(items=items, next=f"{items[-1].receipt_id}/{items[-1].line}" if len(rows) > limit else None)
