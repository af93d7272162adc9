"""What moved the subledger, by the documents as they are now."""

from shared.db import Db
from shared.events.tieout import Movement


async def movements(db: Db, role: str, key: str, after: int, until: int) -> list[Movement]:
    """Per event behind position `after` and up to `until` by how much it moved a pool's or supplier's balance, or all
    of them (key ''). The events say which documents; what these are worth is read in their own tables."""
    rows = await db.fetch(
        """
        with said as materialized (
            select e.position, e.id, e.type, m.kind, convert_from(e.body, 'UTF8')::jsonb ->> m.field as document
            from event e
            join (values ('inventory.stock_opened.v1', 'opening', 'opening_id'),
                         ('inventory.goods_received.v1', 'receipt', 'receipt_id'),
                         ('inventory.goods_shipped.v1', 'shipment', 'shipment_id'),
                         ('inventory.goods_returned.v1', 'customer_return', 'return_id'),
                         ('inventory.purchase_returned.v1', 'purchase_return', 'purchase_return_id'),
                         ('inventory.stock_counted.v1', 'count', 'count_id'),
                         ('inventory.cost_adjusted.v1', 'adjustment', 'adjustment_id'),
                         ('inventory.supplier_invoiced.v1', 'bill', 'supplier_invoice_id'),
                         ('inventory.payable_opened.v1', 'bill', 'supplier_invoice_id'),
                         ('inventory.supplier_paid.v1', 'payment', 'supplier_payment_id'))
                 as m (type, kind, field) using (type)
            where e.company = $1 and e.position > $4 and e.position <= $5
        ), moved as (
            select s.position, v.sku || '/' || v.warehouse as key, m.role, m.amount from said s
            join stock_move v on v.company = $1 and v.document_id = s.document and v.kind = s.kind
            cross join lateral (values ('inventory', v.value),
                                       ('inventory_quantity', case when v.value <> 0 then v.quantity else 0 end))
                 as m (role, amount)
            union all
            select s.position, a.sku || '/' || a.warehouse, 'inventory', a.stock from said s
            join stock_adjustment a on a.company = $1 and a.adjustment_id = s.document
            where s.kind = 'adjustment'
            union all
            select s.position, r.supplier_id, 'accrued_payable', r.cost from said s
            join receipt r on r.company = $1 and r.receipt_id = s.document
            where s.kind = 'receipt'
            union all
            select s.position, i.supplier_id, m.role, m.amount from said s
            join supplier_invoice i on i.company = $1 and i.supplier_invoice_id = s.document
            cross join lateral (values ('payable', i.gross), ('accrued_payable', -i.accrued)) as m (role, amount)
            where s.kind = 'bill'
            union all
            select s.position, p.supplier_id, 'payable', -p.amount from said s
            join supplier_payment p on p.company = $1 and p.supplier_payment_id = s.document
            where s.kind = 'payment'
            union all
            select s.position, r.supplier_id, m.role, m.amount from said s
            join purchase_return r on r.company = $1 and r.purchase_return_id = s.document
            cross join lateral (values ('payable', -r.net - r.tax), ('accrued_payable', -r.accrued)) as m (role, amount)
            where s.kind = 'purchase_return'
        )
        select position, s.id, s.type, sum(moved.amount) as amount from moved join said s using (position)
        where moved.role = $2 and (moved.key = $3 or $3 = '')
        group by position, s.id, s.type having sum(moved.amount) <> 0 order by position
        """,
        db.company, role, key, after, until,
    )
    return [
        Movement(position=row["position"], event_id=row["id"], type=row["type"], amount=row["amount"]) for row in rows
    ]
