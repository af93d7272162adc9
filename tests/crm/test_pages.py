"""The customer's page, live from events, in whatever order they are heard."""

import asyncio
import random
from decimal import Decimal

import pytest

from services.crm.handlers import service
from services.crm.views import customers
from shared.db import Pool
from shared.events import Event
from shared.events.openings import AdvanceOpened, ReceivableOpened
from shared.events.order import (
    Allocation,
    ApprovalRequested,
    OrderCancelDeclined,
    OrderCancelled,
    OrderCancelRequested,
    OrderRejected,
    PaymentReceived,
)
from shared.inbox import sort_out
from shared.testing import Script, deliver, hear, raw
from tests.crm.stories import (
    DAY,
    LATER,
    allocated,
    approved,
    books,
    credited,
    delivered,
    done,
    invoiced,
    open_company,
    page,
    placed,
    product,
    received,
    refunded,
    register,
    returned,
    settled,
)
from tests.shared.facts import nothing_was_rejected

D = Decimal


def held(order_id: str) -> ApprovalRequested:
    return ApprovalRequested(order_id=order_id, customer_id="K1", maker="anna", exposure=D(0), credit_limit=D(0))


def rejected(order_id: str) -> OrderRejected:
    return OrderRejected(
        order_id=order_id, customer_id="K1", rejected_on=LATER, currency="CNY", reason="too much", net=D(300)
    )


def cancelling(order_id: str) -> OrderCancelRequested:
    return OrderCancelRequested(order_id=order_id, customer_id="K1", requested_on=LATER, reason="r")


def cancelled(order_id: str) -> OrderCancelled:
    return OrderCancelled(
        order_id=order_id, customer_id="K1", cancelled_on=LATER, currency="CNY", reason="r", lines=(), net=D(200)
    )


# In the order in which they were said.
STORY: list[Event] = [
    product("S1"), product("S2"),
    placed("SO-1", 3), approved("SO-1"), delivered("D1", ("S1", 1)), delivered("D2", ("S1", 1), ("S2", 1), on=LATER),
    invoiced("F1", 3), received("P1", "200", SO_1="200"), received("P2", "300", SO_1="139"), settled("SO-1"),
    returned("R1", ("S1", 1)), credited("N1", 1), refunded("RF1", "113", "11"), settled("SO-1"),
    placed("SO-2", 3, LATER), held("SO-2"), rejected("SO-2"),
    placed("SO-3", 3), approved("SO-3"), delivered("D3", ("S1", 1), order_id="SO-3"), allocated("P2", "113", "SO-3"),
    cancelling("SO-3"), cancelled("SO-3"), invoiced("F3", 1, "SO-3"), settled("SO-3"),
    placed("SO-4", 1), approved("SO-4"), cancelling("SO-4"), delivered("D4", ("S3", 1), order_id="SO-4"),
    OrderCancelDeclined(order_id="SO-4", customer_id="K1"), received("P4", "113", LATER, SO_4="113"),
    invoiced("F4", 1, "SO-4"), settled("SO-4"), returned("R4", ("S3", 1), order_id="SO-4"),
    placed("SO-5", 2), held("SO-5"),
    placed("SO-6", 2, customer_id="K2"), delivered("D6", ("S1", 1), order_id="SO-6", customer_id="K2"),
]


async def hear_story(pool: Pool, company: str, shuffle: random.Random | None = None) -> None:
    """Let the story be heard, in its order and one batch, or shuffled in small batches and everything twice."""
    script = Script()
    messages = [raw(script.say(event, company=company)) for event in STORY]
    if shuffle is None:
        await service.receive(pool, *sort_out(messages))
        return
    messages = [*messages, *messages]
    shuffle.shuffle(messages)
    while messages:
        size = shuffle.choice([1, 2, 5, 20])
        await service.receive(pool, *sort_out(messages[:size]))
        messages = messages[size:]
    while await service.sweep(pool):
        pass


async def test_the_page_shows_all_that_happened(pool: Pool) -> None:
    await open_company(pool)
    await hear_story(pool, "C1")
    await nothing_was_rejected(pool)
    shown = await page(pool)
    assert [(o.order_id, o.state, o.settled) for o in shown.orders] == [
        ("SO-2", "rejected", False), ("SO-5", "held", False), ("SO-4", "delivered", False),
        ("SO-3", "cancelled", True), ("SO-1", "settled", True),
    ]
    first = shown.orders[-1]
    assert (first.ordered_on, first.salesperson, first.net, first.tax, first.gross) == (
        DAY, "li", D(300), D(39), D(339)
    )
    assert (first.delivered, first.returned, first.invoiced, first.paid) == (D(339), D(113), D(226), D(339))
    assert (shown.delivered, shown.returned, shown.paid, shown.refunded) == (D(565), D(226), D(613), D(124))
    assert (shown.balance, shown.advances) == (D(-150), D(37))
    assert [(d.document_id, d.order_id, d.happened_on, d.amount) for d in shown.deliveries] == [
        ("D2", "SO-1", LATER, D(226)), ("D4", "SO-4", DAY, D(113)), ("D3", "SO-3", DAY, D(113)),
        ("D1", "SO-1", DAY, D(113)),
    ]
    assert [d.document_id for d in shown.invoices] == ["F4", "F3", "F1"]
    assert [d.document_id for d in shown.payments] == ["P4", "P2", "P1"]
    assert [(d.document_id, d.amount) for d in shown.returns] == [("R4", D(113)), ("R1", D(113))]
    assert [d.document_id for d in shown.credit_notes] == ["N1"]
    assert [(d.document_id, d.order_id, d.amount) for d in shown.refunds] == [("RF1", None, D(124))]
    assert [(p.sku, p.name, p.quantity, p.net, p.last_bought) for p in shown.purchases] == [
        ("S2", "茶 S2", D(1), D(100), LATER), ("S1", "茶 S1", D(2), D(200), LATER), ("S3", None, D(0), D(0), DAY),
    ]
    assert (await page(pool, "K2")).balance == D(113)


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_hearing_gives_the_same_page(pool: Pool, seed: int) -> None:
    """Company C1 hears everything in order, C2 shuffled, in small batches and twice."""
    await open_company(pool, "C1")
    await open_company(pool, "C2")
    await hear_story(pool, "C1")
    await hear_story(pool, "C2", random.Random(seed))
    await nothing_was_rejected(pool)
    for customer_id in ("K1", "K2"):
        assert await page(pool, customer_id, "C2") == await page(pool, customer_id, "C1")


async def test_two_replicas_at_once_give_the_same_page(pool: Pool) -> None:
    """Both hear everything, each in an order of its own; what they cannot do at the same time they do again."""
    await open_company(pool, "C1")
    await open_company(pool, "C2")
    await hear_story(pool, "C1")
    script = Script()
    events = [script.say(event, company="C2") for event in STORY]

    async def replica(seed: int) -> None:
        own = random.Random(seed).sample(events, len(events))
        for start in range(0, len(own), 7):
            await hear(pool, service, *own[start : start + 7])

    await asyncio.gather(replica(1), replica(2))
    while await service.sweep(pool):
        pass
    await nothing_was_rejected(pool)
    assert await page(pool, company="C2") == await page(pool, company="C1")


async def test_what_is_heard_before_the_customer_and_its_order_is_not_lost(pool: Pool) -> None:
    await deliver(pool, service, delivered("D1", ("S1", 1)), received("P1", "50", SO_1="50"))
    await deliver(pool, service, books())
    await done(pool, register())
    early = await page(pool)
    [order] = early.orders
    assert (order.order_id, order.state, order.gross, order.delivered, order.paid) == (
        "SO-1", None, None, D(113), D(50)
    )
    assert (early.balance, early.purchases[0].name) == (D(63), None)
    await deliver(pool, service, placed(quantity=1), approved(), product("S1"))
    late = await page(pool)
    assert (late.orders[0].state, late.orders[0].gross, late.purchases[0].name) == (
        "delivered", D(113), "茶 S1"
    )
    assert late.balance == 63


async def test_what_was_owed_before_the_books_counts_and_belongs_to_no_order(pool: Pool) -> None:
    await open_company(pool)
    owed = ReceivableOpened(delivery_id="opening/XS-1", document="XS-1", opening_id="O", customer_id="K1", dated=DAY,
                            currency="CNY", amount=D(100))
    before = AdvanceOpened(payment_id="SK-1", opening_id="O", customer_id="K1", dated=DAY, currency="CNY", amount=D(7))
    pays = Allocation(order_id="", delivery_id="opening/XS-1", amount=D(60))
    paid = PaymentReceived(payment_id="P1", customer_id="K1", received_on=LATER, currency="CNY", amount=D(60),
                           allocations=(pays,), allocated=D(60), unallocated=D(0))
    await deliver(pool, service, owed, before, paid)
    await nothing_was_rejected(pool)
    shown = await page(pool)
    assert (shown.balance, shown.advances, shown.orders) == (D(33), D(7), [])
    assert [(d.document_id, d.order_id, d.amount) for d in shown.deliveries] == [("opening/XS-1", None, D(100))]
    assert [d.document_id for d in shown.payments] == ["P1", "SK-1"]


@pytest.mark.parametrize("settled_first", [True, False])
async def test_a_return_after_the_settlement_opens_the_order_again(pool: Pool, settled_first: bool) -> None:
    """Which came first is told by order's log, not by what is heard first."""
    await open_company(pool)
    script = Script()
    before = [script.say(event) for event in (placed(quantity=1), approved(), delivered("D1", ("S1", 1)))]
    settlement, back = script.say(settled()), script.say(returned("R1", ("S1", 1)))
    pair = [settlement, back] if settled_first else [back, settlement]
    for event in (*before, *pair):
        await service.receive(pool, *sort_out([raw(event)]))
    [order] = (await page(pool)).orders
    assert (order.state, order.settled) == ("delivered", False)
    await service.receive(pool, *sort_out([raw(script.say(settled()))]))
    [order] = (await page(pool)).orders
    assert (order.state, order.settled) == ("settled", True)


async def test_the_page_stays_short(pool: Pool) -> None:
    await open_company(pool)
    many = [delivered(f"D{n:02}", (f"S{n:02}", 1), order_id=f"SO-{n:02}") for n in range(25)]
    await deliver(pool, service, *many, *[placed(f"SO-{n:02}") for n in range(25)])
    shown = await page(pool)
    assert shown.balance == 25 * 113
    for ids in (
        [o.order_id[3:] for o in shown.orders], [d.document_id[1:] for d in shown.deliveries],
        [p.sku[1:] for p in shown.purchases],
    ):
        assert ids == [f"{n:02}" for n in range(24, 24 - customers.PAGE_ROWS, -1)]
