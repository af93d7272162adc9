"""What crm refuses, through its doors, and how companies are kept apart."""

from decimal import Decimal

import pytest

from services.crm.handlers import service
from services.crm.views import customers
from shared.db import Pool
from shared.events import Command
from shared.testing import ask, deliver, said
from tests.crm.stories import (
    approved,
    complaint,
    contact,
    delivered,
    done,
    limit,
    open_company,
    page,
    placed,
    received,
    register,
    reminders,
    rename,
    resolve,
    talk,
    view,
)
from tests.shared.facts import nothing_was_rejected, refusal

D = Decimal


@pytest.mark.parametrize(("command", "expected"), [
    (register("K3", "K1"), (409, "customers.1.customer_id", "duplicate_customer")),
    (register("K3", limit="0.001"), (422, "customers.0.credit_limit", "too_many_decimals")),
    (rename("K9", name="x"), (404, "customer_id", "unknown_customer")),
    (rename(), (422, "name", "nothing_to_change")),
    (rename(name=" "), (422, "name", "blank")),
    (limit("1", "K9"), (404, "customer_id", "unknown_customer")),
    (limit("1.001"), (422, "credit_limit", "too_many_decimals")),
    (contact(customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (contact(name=" "), (422, "name", "blank")),
    (talk(customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (talk(contact_id="P9"), (422, "contact_id", "unknown_contact")),
    (complaint(customer_id="K9"), (422, "customer_id", "unknown_customer")),
    (resolve(), (404, "complaint_id", "unknown_complaint")),
])
async def test_refusals_name_the_field_and_change_nothing(
    pool: Pool, command: Command, expected: tuple[int, str, str]
) -> None:
    await open_company(pool)
    before = await said(pool), await page(pool)
    assert refusal(await ask(pool, service, command)) == expected
    assert (await said(pool), await page(pool)) == before
    assert await view(pool, lambda db: customers.find_customer(db, "K3")) is None


@pytest.mark.parametrize("command", [register(), limit("1"), contact(), talk(), complaint()])
async def test_a_company_without_books_is_refused(pool: Pool, command: Command) -> None:
    assert refusal(await ask(pool, service, command)) == (422, "company", "unknown_company")


@pytest.mark.parametrize(("command", "roles"), [
    (register(), ["accountant"]), (rename(name="x"), ["warehouse"]), (limit("1"), ["sales"]),
    (contact(), ["accountant"]), (talk(), ["admin"]), (complaint(), ["warehouse"]), (resolve(), ["chief_accountant"]),
])
async def test_who_may_not(pool: Pool, command: Command, roles: list[str]) -> None:
    assert refusal(await ask(pool, service, command, roles=roles)) == (403, "actor", "forbidden")


async def test_ids_are_used_once(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, contact(), talk(), complaint(), resolve())
    assert refusal(await ask(pool, service, contact())) == (409, "contact_id", "duplicate_contact")
    assert refusal(await ask(pool, service, talk())) == (409, "communication_id", "duplicate_communication")
    assert refusal(await ask(pool, service, complaint())) == (409, "complaint_id", "duplicate_complaint")
    assert refusal(await ask(pool, service, resolve())) == (409, "complaint_id", "already_resolved")


async def test_two_companies_with_equal_ids_live_side_by_side(pool: Pool) -> None:
    for company in ("C1", "C2"):
        await open_company(pool, company)
        await done(pool, rename(name=f"{company} 公司"), contact(), talk(follow_up_on="2026-03-09"), complaint(),
                   company=company)
        await deliver(pool, service, placed(), approved(), delivered("D1", ("S1", 3)), company=company)
    await done(pool, limit("5"), resolve(), company="C1")
    await deliver(pool, service, received("P1", "339", SO_1="339"), company="C1")

    one, other = await page(pool, company="C1"), await page(pool, company="C2")
    assert (one.name, one.credit_limit, one.balance) == ("C1 公司", D(5), D(0))
    assert (len(one.complaints), len(one.payments), one.orders[0].paid) == (0, 1, D(339))
    assert (other.name, other.credit_limit, other.balance) == ("C2 公司", D(1000), D(339))
    assert (len(other.complaints), len(other.payments), other.orders[0].paid) == (1, 0, D(0))
    assert [r.kind for r in await reminders(pool, company="C1")] == ["follow_up"]
    assert [r.kind for r in await reminders(pool, company="C2")] == ["complaint", "follow_up"]
    listed = await view(pool, lambda db: customers.list_customers(db, "公司", "id", None, 9), "C2")
    assert [(c.customer_id, c.name) for c in listed] == [("K1", "C2 公司"), ("K2", "华为技术有限公司")]
    await nothing_was_rejected(pool)
