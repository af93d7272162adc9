"""Contacts, talks and complaints. Whoever writes of a customer locks its row first."""

from collections.abc import Collection, Sequence

from services.crm.domain.values import Complaint, Known
from shared.db import Db, columns
from shared.events.crm import AddContact, FileComplaint, LogCommunication, ResolveComplaint


async def load_for_contacts(db: Db, contact_ids: Sequence[str], customer_ids: Sequence[str]) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               array(select contact_id from contact where company = $1 and contact_id = any ($2)) as taken,
               array(select customer_id from customer where company = $1 and customer_id = any ($3)) as customers
        """,
        db.company, contact_ids, customer_ids,
    )
    assert row is not None, "a select without from gives one row"
    return Known(row["currency"], frozenset(row["taken"]), frozenset(row["customers"]))


async def insert_contacts(db: Db, contacts: Sequence[AddContact]) -> None:
    await db.execute(
        """
        insert into contact (company, contact_id, customer_id, name, title, phone, email)
        select $1, c.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) as c
        """,
        db.company,
        *columns([(c.contact_id, c.customer_id, c.name, c.title, c.phone, c.email) for c in contacts], 6),
    )


async def load_for_communications(
    db: Db, communication_ids: Sequence[str], customer_ids: Collection[str], contact_ids: Sequence[str]
) -> Known:
    """The customers' rows are locked already, so two talks with one customer see each other."""
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               array(select communication_id from communication
                     where company = $1 and communication_id = any ($2)) as taken,
               array(select customer_id from customer where company = $1 and customer_id = any ($3)) as customers
        """,
        db.company, communication_ids, list(customer_ids),
    )
    assert row is not None, "a select without from gives one row"
    contacts = await db.fetch(
        "select contact_id, customer_id from contact where company = $1 and contact_id = any ($2)",
        db.company, contact_ids,
    )
    return Known(
        row["currency"], frozenset(row["taken"]), frozenset(row["customers"]),
        {contact["contact_id"]: contact["customer_id"] for contact in contacts},
    )


async def insert_communications(db: Db, talks: Sequence[LogCommunication]) -> None:
    await db.execute(
        """
        insert into communication (company, communication_id, customer_id, contact_id, channel, talked_at, talked_on,
                                   author, text, follow_up_on)
        select $1, c.*
        from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::date[], $8::text[],
                    $9::text[], $10::date[]) as c
        """,
        db.company,
        *columns([
            (t.communication_id, t.customer_id, t.contact_id, t.channel, t.talked_at, t.talked_at.date(), t.actor.name,
             t.text, t.follow_up_on)
            for t in talks
        ], 9),
    )


async def follow_up(db: Db, customer_ids: Collection[str]) -> None:
    """A follow-up is done by the first later talk with the customer on its day or after; talks may be written down in
    any order."""
    await db.execute(
        """
        update communication asked set followed_up_by = done.communication_id
        from communication again cross join lateral (
            select later.communication_id from communication later
            where later.company = $1 and later.customer_id = again.customer_id and later.talked_at > again.talked_at
                  and later.talked_on >= again.follow_up_on
            order by later.talked_at, later.communication_id limit 1
        ) as done
        where again.company = $1 and again.customer_id = any ($2)
              and again.follow_up_on is not null and again.followed_up_by is null
              and asked.company = $1 and asked.communication_id = again.communication_id
        """,
        db.company, list(customer_ids),
    )


async def load_for_complaints(
    db: Db, complaint_ids: Sequence[str], customer_ids: Sequence[str], order_ids: Sequence[str]
) -> Known:
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               array(select complaint_id from complaint where company = $1 and complaint_id = any ($2)) as taken,
               array(select customer_id from customer where company = $1 and customer_id = any ($3)) as customers
        """,
        db.company, complaint_ids, customer_ids,
    )
    assert row is not None, "a select without from gives one row"
    orders = await db.fetch(
        "select order_id, customer_id from customer_order where company = $1 and order_id = any ($2)",
        db.company, order_ids,
    )
    return Known(
        row["currency"], frozenset(row["taken"]), frozenset(row["customers"]),
        orders={order["order_id"]: order["customer_id"] for order in orders},
    )


async def insert_complaints(db: Db, complaints: Sequence[FileComplaint]) -> None:
    await db.execute(
        """
        insert into complaint (company, complaint_id, customer_id, order_id, filed_at, filed_by, due_at, assignee, text)
        select $1, c.*
        from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[], $8::text[],
                    $9::text[]) as c
        """,
        db.company,
        *columns([
            (c.complaint_id, c.customer_id, c.order_id, c.filed_at, c.actor.name, c.due_at, c.assignee, c.text)
            for c in complaints
        ], 8),
    )


async def lock_complaints(db: Db, complaint_ids: Sequence[str]) -> dict[str, Complaint]:
    rows = await db.fetch(
        """
        select complaint_id, customer_id, filed_at, resolved_at is not null as resolved
        from complaint where company = $1 and complaint_id = any ($2)
        order by complaint_id for no key update
        """,
        db.company, complaint_ids,
    )
    return {row["complaint_id"]: Complaint(**row) for row in rows}


async def resolve_complaints(db: Db, resolutions: Sequence[ResolveComplaint]) -> None:
    """The complaints are locked."""
    await db.execute(
        """
        update complaint c set resolved_at = r.resolved_at, resolved_by = r.resolved_by, resolution = r.resolution
        from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[])
             as r (complaint_id, resolved_at, resolved_by, resolution)
        where c.company = $1 and c.complaint_id = r.complaint_id
        """,
        db.company, *columns([(r.complaint_id, r.resolved_at, r.actor.name, r.text) for r in resolutions], 4),
    )
