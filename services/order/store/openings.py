"""What was owed, and paid in advance, when the books were opened."""

from collections.abc import Sequence

from services.order.domain.openings import Known, delivery_id
from services.order.store.accounts import company_of
from shared.db import Db, columns
from shared.events.openings import AdvanceOpened, OpenReceivables, ReceivableOpened


async def load_known(db: Db, commands: Sequence[OpenReceivables]) -> Known:
    documents = [row.document for command in commands for row in command.rows]
    row = await db.fetchrow(
        """
        select (select currency from company where company = $1) as currency,
               (select vat_rate from company where company = $1) as vat_rate,
               (select opened_on from company where company = $1) as opened_on,
               array(select customer_id from customer where company = $1 and customer_id = any($2)) as customers,
               array(select opening_id from delivery where company = $1 and opening_id = any($3)
                     union select opening_id from payment where company = $1 and opening_id = any($3)) as sheets,
               array(select delivery_id from delivery where company = $1 and delivery_id = any($4)) as deliveries,
               array(select payment_id from payment where company = $1 and payment_id = any($5)) as payments
        """,
        db.company, [row.customer_id for command in commands for row in command.rows],
        [command.opening_id for command in commands], [delivery_id(document) for document in documents], documents,
    )
    assert row is not None, "a select without from gives one row"
    sets = (frozenset(row[name]) for name in ("customers", "sheets", "deliveries", "payments"))
    return Known(company_of(row["currency"], row["vat_rate"]), row["opened_on"], *sets)


async def insert_receivables(db: Db, opened: Sequence[ReceivableOpened]) -> None:
    """As deliveries that belong to no order."""
    await db.execute(
        """
        insert into delivery (company, delivery_id, opening_id, customer_id, delivered_on, currency, net, tax, gross,
                              open)
        select $1, o.delivery_id, o.opening_id, o.customer_id, o.dated, o.currency, o.amount, 0, o.amount, o.amount
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[])
             as o (delivery_id, opening_id, customer_id, dated, currency, amount)
        """,
        db.company,
        *columns([(o.delivery_id, o.opening_id, o.customer_id, o.dated, o.currency, o.amount) for o in opened], 6),
    )


async def insert_advances(db: Db, opened: Sequence[AdvanceOpened]) -> None:
    """As receipts of which nothing is allocated."""
    await db.execute(
        """
        insert into payment (company, payment_id, opening_id, customer_id, received_on, currency, amount, unallocated)
        select $1, o.payment_id, o.opening_id, o.customer_id, o.dated, o.currency, o.amount, o.amount
        from unnest($2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::numeric[])
             as o (payment_id, opening_id, customer_id, dated, currency, amount)
        """,
        db.company,
        *columns([(o.payment_id, o.opening_id, o.customer_id, o.dated, o.currency, o.amount) for o in opened], 6),
    )
