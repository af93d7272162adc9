"""What people ask of crm, against a real Postgres, through its doors."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from services.crm.handlers import service
from services.crm.views import care
from shared.db import Pool
from shared.events.crm import (
    CommunicationLogged,
    ComplaintFiled,
    ComplaintResolved,
    CreditLimitChanged,
    CustomerRegistered,
)
from shared.testing import ask, deliver, said
from tests.crm.stories import (
    ALWAYS,
    DAY,
    LATER,
    NOON,
    books,
    complaint,
    contact,
    done,
    found,
    limit,
    open_company,
    page,
    placed,
    register,
    reminders,
    rename,
    resolve,
    talk,
    view,
)
from tests.shared.facts import kinds, nothing_was_rejected, refusal

D = Decimal


async def test_the_life_of_a_customer(pool: Pool) -> None:
    await deliver(pool, service, books())
    await done(pool, register("K1"), limit("2500.50"), rename(name="华为", salesperson="wu"), contact())
    await done(pool, talk(contact_id="P1"), complaint(), resolve(), actor="bob")
    customer = await page(pool)
    assert (customer.name, customer.salesperson, customer.credit_limit) == ("华为", "wu", D("2500.50"))
    assert (customer.currency, customer.balance, customer.advances) == ("CNY", D(0), D(0))
    assert [(c.name, c.phone) for c in customer.contacts] == [("张三丰", "13800138000")]
    [talked] = customer.communications
    assert (talked.contact_id, talked.author, talked.channel, talked.talked_at) == ("P1", "bob", "phone", NOON)
    assert customer.complaints == []
    [resolved] = await view(pool, lambda db: care.list_complaints(db, None, True, None, 9))
    assert (resolved.state, resolved.resolution, resolved.filed_by, resolved.resolved_by) == (
        "resolved", "已换新茶", "bob", "bob"
    )
    assert kinds(await said(pool)) == [
        CustomerRegistered, CreditLimitChanged, CommunicationLogged, ComplaintFiled, ComplaintResolved,
    ]
    await nothing_was_rejected(pool)


async def test_credit_limits_are_said_with_the_currency_of_the_books(pool: Pool) -> None:
    await deliver(pool, service, books("JPY"))
    await done(pool, register("K1", limit="1000"), limit("2000"))
    assert [(e.credit_limit, e.currency) for e in await said(pool)  # type: ignore[attr-defined]
            ] == [(D(1000), "JPY"), (D(2000), "JPY")]
    assert (await page(pool)).credit_limit == D(2000)


async def test_a_repeated_key_does_nothing_again_even_if_nothing_was_said(pool: Pool) -> None:
    await open_company(pool)
    for command in (contact(), rename(name="新名"), talk(), complaint()):
        first = await ask(pool, service, command, key=command.type)
        assert first.ok
        assert await ask(pool, service, command, key=command.type) == first
    other = await ask(pool, service, contact(name="李四"), key=contact().type)
    assert refusal(other) == (409, "idempotency_key", "key_reused")
    assert len((await page(pool)).contacts) == 1


async def test_a_renamed_customer_is_found_by_its_new_name_only(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, rename(name="中国茶业"), rename("K2", name="茶业公司"))
    assert await found(pool, "华为") == []
    assert await found(pool, "茶业") == ["K1", "K2"]
    await done(pool, rename(name="中国茶业"))
    assert await found(pool, "中国") == ["K1"]


async def test_customers_are_found_by_any_part_of_name_or_id(pool: Pool) -> None:
    await deliver(pool, service, books())
    await done(pool, register("K-001", name="华为技术有限公司"), register("K-002", name="Ｂlue%  Tea_Co 有限公司"),
               register("Z-7", name="北京华联"))
    for text, expected in {
        "华": ["K-001", "Z-7"], "华为": ["K-001"], "为技": ["K-001"], "有限公司": ["K-001", "K-002"],
        "blue% tea": ["K-002"], "TEA_C": ["K-002"], "k-00": ["K-001", "K-002"], "7": ["Z-7"], "ｚ": ["Z-7"],
        "%": ["K-002"], "_": ["K-002"], "华 为": [], "x": [], " ": ["K-001", "K-002", "Z-7"],
    }.items():
        assert await found(pool, text) == expected, text
    assert await found(pool, "有限公司", after="K-001") == ["K-002"]
    assert await found(pool, "有限公司", limit=1) == ["K-001"]
    assert await found(pool, after="K-001", limit=1) == ["K-002"]


async def test_a_later_talk_on_the_day_or_after_is_the_follow_up(pool: Pool) -> None:
    await open_company(pool)
    asked = talk("T1", follow_up_on=LATER)
    await done(pool, asked, talk("T2", talked_at=NOON + timedelta(days=3)), talk("T3", customer_id="K2"))
    assert [r.document_id for r in await reminders(pool)] == ["T1"], "too early, or with somebody else"
    await done(pool, talk("T4", talked_at=NOON + timedelta(days=7), follow_up_on=LATER))
    assert [r.document_id for r in await reminders(pool)] == ["T4"], "a talk does not follow itself up"
    await done(pool, talk("T5", talked_at=NOON + timedelta(days=7, hours=1)))
    assert await reminders(pool) == []
    talks = await view(pool, lambda db: care.communications_of(db, "K1", None, 9))
    assert [(t.communication_id, t.followed_up_by) for t in talks] == [
        ("T5", None), ("T4", "T5"), ("T2", None), ("T1", "T4")
    ]


async def test_talks_written_down_late_count_too(pool: Pool) -> None:
    await open_company(pool)
    await done(pool, talk("T2", talked_at=NOON + timedelta(days=9)), talk("T1", follow_up_on=LATER))
    assert await reminders(pool) == []


async def test_reminders_come_soonest_first_with_what_is_overdue(pool: Pool) -> None:
    await open_company(pool)
    await done(
        pool, complaint("B1", due_at=NOON + timedelta(hours=1), assignee="wu"), complaint("B2", customer_id="K2"),
        complaint("B3"), talk("T1", follow_up_on=DAY), talk("T2", customer_id="K2", follow_up_on=LATER), resolve("B3"),
    )
    now = NOON + timedelta(hours=2)
    due = await reminders(pool, now=now)
    assert [(r.kind, r.document_id, r.overdue, r.who) for r in due] == [
        ("complaint", "B1", True, "wu"), ("follow_up", "T1", False, "anna"), ("complaint", "B2", False, "anna"),
        ("follow_up", "T2", False, "anna"),
    ]
    assert (due[0].due_at, due[0].due_on, due[1].due_at, due[1].due_on) == (NOON + timedelta(hours=1), DAY, None, DAY)
    assert due[0].customer_name == "华为技术有限公司"
    assert [r.document_id for r in await reminders(pool, until=now)] == ["B1", "T1"]
    assert [r.document_id for r in await reminders(pool, limit=1)] == ["B1"]
    assert [r.overdue for r in await reminders(pool, now=ALWAYS)] == [True] * 4


async def test_days_are_counted_in_the_callers_time_zone(pool: Pool) -> None:
    await open_company(pool)
    midnight = NOON - timedelta(hours=12)  # in China; the day before in London
    await done(pool, complaint("B1", filed_at=midnight, due_at=midnight), talk("T1", follow_up_on=DAY))
    assert [(r.due_on, r.overdue) for r in await reminders(pool, until=ALWAYS.astimezone(NOON.tzinfo), now=NOON)] == [
        (DAY, True), (DAY, False)
    ]
    assert [r.due_on for r in await reminders(pool, now=NOON)] == [DAY - timedelta(days=1), DAY]
    assert len(await reminders(pool, until=midnight)) == 2
    assert len(await reminders(pool, until=midnight.astimezone(ALWAYS.tzinfo))) == 1


async def test_complaints_are_listed_page_by_page(pool: Pool) -> None:
    await open_company(pool)
    for n in (3, 1, 2):
        await done(pool, complaint(f"B{n}", due_at=NOON + timedelta(hours=n), filed_at=NOON - timedelta(hours=n)))
    await done(pool, complaint("X", customer_id="K2"), resolve("X"))

    async def is_open(customer_id: str | None = None, after: str | None = None, limit: int = 9) -> list[str]:
        rows = await view(pool, lambda db: care.open_complaints(db, customer_id, after, limit))
        return [c.complaint_id for c in rows]

    async def listed(
        customer_id: str | None = None, resolved: bool = False, after: str | None = None, limit: int = 9
    ) -> list[str]:
        rows = await view(pool, lambda db: care.list_complaints(db, customer_id, resolved, after, limit))
        return [c.complaint_id for c in rows]

    assert await is_open() == ["B1", "B2", "B3"]
    assert (await is_open("K2"), await is_open(after="B1", limit=1)) == ([], ["B2"])
    await done(pool, resolve("B1"))
    assert await is_open("K1", after="B1") == ["B2", "B3"], "the place of a page is not lost"
    assert (await listed(), await listed("K1")) == (["X", "B1", "B2", "B3"], ["B1", "B2", "B3"])
    assert (await listed(resolved=True), await listed(after="B1", limit=1)) == (["X", "B1"], ["B2"])
    assert [c.complaint_id for c in (await page(pool)).complaints] == ["B2", "B3"]


async def test_the_page_shows_the_newest_talks(pool: Pool) -> None:
    await open_company(pool)
    for n in range(22):
        await done(pool, talk(f"T{n}", talked_at=NOON + timedelta(minutes=n)))
    shown = [t.communication_id for t in (await page(pool)).communications]
    assert shown == [f"T{n}" for n in range(21, 1, -1)]
    older = await view(pool, lambda db: care.communications_of(db, "K1", shown[-1], 9))
    assert [t.communication_id for t in older] == ["T1", "T0"]


async def test_two_talks_at_once_do_not_miss_each_other(pool: Pool) -> None:
    await open_company(pool)
    at_once = [talk(f"T{n}", talked_at=NOON + timedelta(minutes=n), follow_up_on=DAY) for n in range(4)]
    answers = await asyncio.gather(*(ask(pool, service, command) for command in at_once))
    assert all(answer.ok for answer in answers)
    assert [r.document_id for r in await reminders(pool)] == ["T3"], "each is followed up by the next"


async def test_a_customer_registered_twice_at_once_is_there_once(pool: Pool) -> None:
    await deliver(pool, service, books())
    answers = await asyncio.gather(*(ask(pool, service, register("K1")) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert len(await said(pool)) == 1


async def test_a_complaint_about_a_known_order(pool: Pool) -> None:
    await open_company(pool)
    await deliver(pool, service, placed())
    await done(pool, complaint(order_id="SO-1"), complaint("B2", order_id="SO-9"))
    answer = await ask(pool, service, complaint("B3", customer_id="K2", order_id="SO-1"))
    assert refusal(answer) == (422, "order_id", "order_of_other_customer")
