"""Contacts, talks, complaints, and what is to be done next."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from shared.db import Db
from shared.events.crm import Channel


class Contact(BaseModel):
    contact_id: str
    name: str
    title: str | None
    phone: str | None
    email: str | None


class Communication(BaseModel):
    """A talk; `followed_up_by` is the later talk that did what `follow_up_on` asked."""

    communication_id: str
    customer_id: str
    contact_id: str | None
    channel: Channel
    talked_at: datetime
    author: str
    text: str
    follow_up_on: date | None
    followed_up_by: str | None


class Complaint(BaseModel):
    complaint_id: str
    customer_id: str
    order_id: str | None
    state: Literal["open", "resolved"]
    filed_at: datetime
    filed_by: str
    due_at: datetime
    assignee: str | None
    text: str
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class Reminder(BaseModel):
    """A complaint to resolve, or a talk to follow up; `document_id` is its id.

    A complaint is due at a time, a follow-up on a day. `who` is the assignee, or who wrote it down.
    """

    kind: Literal["complaint", "follow_up"]
    document_id: str
    customer_id: str
    customer_name: str
    due_on: date
    due_at: datetime | None
    overdue: bool
    who: str
    text: str


async def contacts_of(db: Db, customer_id: str) -> list[Contact]:
    rows = await db.fetch(
        """
        select contact_id, name, title, phone, email
        from contact where company = $1 and customer_id = $2 order by contact_id limit 200
        """,
        db.company, customer_id,
    )
    return [Contact(**row) for row in rows]


async def communications_of(db: Db, customer_id: str, after: str | None, limit: int) -> list[Communication]:
    """Newest first; `after` is the last talk of the page before."""
    rows = await db.fetch(
        """
        select communication_id, customer_id, contact_id, channel, talked_at, author, text, follow_up_on, followed_up_by
        from communication
        where company = $1 and customer_id = $2 and (talked_at, communication_id) < (
            coalesce((select talked_at from communication where company = $1 and communication_id = $3),
                     timestamptz 'infinity'),
            coalesce($3, ''))
        order by talked_at desc, communication_id desc limit $4
        """,
        db.company, customer_id, after, limit,
    )
    return [Communication(**row) for row in rows]


async def open_complaints(db: Db, customer_id: str | None, after: str | None, limit: int) -> list[Complaint]:
    """Soonest due first; `after` is the last complaint of the page before, even if it is resolved by now."""
    rows = await db.fetch(
        """
        select *, 'open' as state from complaint
        where company = $1 and resolved_at is null and customer_id = coalesce($2, customer_id)
              and (due_at, complaint_id) > (
            coalesce((select due_at from complaint where company = $1 and complaint_id = $3),
                     timestamptz '-infinity'),
            coalesce($3, ''))
        order by due_at, complaint_id limit $4
        """,
        db.company, customer_id, after, limit,
    )
    return [Complaint(**row) for row in rows]


async def list_complaints(
    db: Db, customer_id: str | None, resolved_only: bool, after: str | None, limit: int
) -> list[Complaint]:
    """Newest first; `after` is the last complaint of the page before."""
    rows = await db.fetch(
        """
        select *, case when resolved_at is null then 'open' else 'resolved' end as state from complaint
        where company = $1 and customer_id = coalesce($2, customer_id) and (resolved_at is not null or not $3)
              and (filed_at, complaint_id) < (
            coalesce((select filed_at from complaint where company = $1 and complaint_id = $4),
                     timestamptz 'infinity'),
            coalesce($4, ''))
        order by filed_at desc, complaint_id desc limit $5
        """,
        db.company, customer_id, resolved_only, after, limit,
    )
    return [Complaint(**row) for row in rows]


async def reminders(db: Db, until: datetime, now: datetime, limit: int) -> list[Reminder]:
    """What is open and due until a moment, soonest first; days are those of the time zone of `until`.

    On one day the follow-ups come after the complaints, since they may be done at any time of it.
    """
    here = now.astimezone(until.tzinfo)
    rows = await db.fetch(
        """
        with due as (
            (select 'complaint' as kind, complaint_id as document_id, customer_id,
                    (due_at at time zone $4::interval)::date as due_on, due_at, due_at < $5 as overdue,
                    coalesce(assignee, filed_by) as who, text
             from complaint where company = $1 and resolved_at is null and due_at <= $2
             order by complaint.due_at, complaint_id limit $7)
            union all
            (select 'follow_up', communication_id, customer_id, follow_up_on, null, follow_up_on < $6, author, text
             from communication
             where company = $1 and follow_up_on is not null and followed_up_by is null and follow_up_on <= $3
             order by follow_up_on, communication_id limit $7)
        )
        select due.*, c.name as customer_name
        from due join customer c on c.company = $1 and c.customer_id = due.customer_id
        order by due.due_on, due.due_at, due.document_id limit $7
        """,
        db.company, until, until.date(), until.utcoffset(), now, here.date(), limit,
    )
    return [Reminder(**row) for row in rows]
