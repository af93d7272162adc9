"""What moved the subledger, by the documents as they are now."""

from shared.db import Db
from shared.events.tieout import Movement


async def movements(db: Db, role: str, key: str, after: int, until: int) -> list[Movement]:
    """Per event behind position `after` and up to `until` by how much it moved a customer's balance, or all of them
    (key ''). The events say which documents; what these are worth is read in their own tables."""
    rows = await db.fetch(
        """
        with said as materialized (
            select position, id, type, convert_from(body, 'UTF8')::jsonb as b from event
            where company = $1 and position > $4 and position <= $5 and type in (
                'order.sale_delivered.v1', 'order.sale_returned.v1', 'order.invoice_issued.v1',
                'order.credit_note_issued.v1', 'order.payment_received.v1', 'order.payment_allocated.v1',
                'order.refund_paid.v1', 'order.receivable_opened.v1', 'order.advance_opened.v1')
        ), paid as (
            select s.position, s.b ->> 'payment_id' as payment_id, sum(a.amount) as amount
            from said s cross join jsonb_array_elements(s.b -> 'allocations') as named
            join allocation a on a.company = $1 and a.payment_id = s.b ->> 'payment_id'
                             and a.delivery_id = named ->> 'delivery_id'
            where s.type in ('order.payment_received.v1', 'order.payment_allocated.v1')
            group by 1, 2
        ), moved as (
            select s.position, d.customer_id as key, m.role, m.amount from said s
            join delivery d on d.company = $1 and d.delivery_id = s.b ->> 'delivery_id'
            cross join lateral (values ('ar', d.gross), ('pending_output_vat', d.tax)) as m (role, amount)
            where s.type in ('order.sale_delivered.v1', 'order.receivable_opened.v1')
            union all
            select s.position, r.customer_id, m.role, m.amount from said s
            join sale_return r on r.company = $1 and r.return_id = s.b ->> 'return_id'
            cross join lateral (values ('ar', -r.gross), ('pending_output_vat', -r.tax)) as m (role, amount)
            where s.type = 'order.sale_returned.v1'
            union all
            select s.position, i.customer_id, 'pending_output_vat', -i.tax from said s
            join invoice i on i.company = $1 and i.invoice_id = s.b ->> 'invoice_id'
            where s.type = 'order.invoice_issued.v1'
            union all
            select s.position, n.customer_id, 'pending_output_vat', n.tax from said s
            join credit_note n on n.company = $1 and n.credit_note_id = s.b ->> 'credit_note_id'
            where s.type = 'order.credit_note_issued.v1'
            union all
            select paid.position, p.customer_id, role, -paid.amount from paid
            join payment p on p.company = $1 and p.payment_id = paid.payment_id
            cross join unnest(array['ar', 'advances']) as role
            union all
            select s.position, p.customer_id, 'advances', p.amount from said s
            join payment p on p.company = $1 and p.payment_id = s.b ->> 'payment_id'
            where s.type in ('order.payment_received.v1', 'order.advance_opened.v1')
            union all
            select s.position, r.customer_id, m.role, m.amount from said s
            join refund r on r.company = $1 and r.refund_id = s.b ->> 'refund_id'
            cross join lateral (values ('ar', r.from_returns), ('advances', -r.from_advances)) as m (role, amount)
            where s.type = 'order.refund_paid.v1'
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
