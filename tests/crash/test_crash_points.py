"""A process ends before and after each of its side effects, one by one; it comes again, and nothing is lost or doubled.

Every piece of a service's process is tried with real facts: commands by both doors, the relay, the consumers. All other
pieces run on. What becomes of an order must be what becomes of one that nothing disturbed, in every service: events
with their versions, what was heard, journal, vouchers to the line, the order itself. In the end the independent checker
looks at all four databases.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, get_args
from uuid import uuid4

import pytest

from shared import mender
from shared.amqp import AGAIN, COMMANDS, open_channel
from shared.events.order import OrderSayAgain
from shared.wire import Raw
from tests.crash.company import Company, cancel, open_company, pay, place, ship
from tests.crash.forks import Ended, Forks, open_forks
from tests.crash.pieces import Request
from tests.crash.points import ENDED, Point, When
from tests.shared.rabbit import Rabbit
from tools.servers.users import Urls

QUESTIONS, ANSWERS = "test.questions", "test.answers"
HEARERS = ("inventory consumer", "accounting consumer", "crm consumer")  # of what order says

Orders = dict[str, str]  # the orders that a turn is about, and the state in which each of them ends
Work = Callable[[Company, str], Awaitable[Orders]]


class Scenario(NamedTuple):
    """A piece, what it is given to do, and its side effects in their order."""

    piece: str
    work: Work
    effects: str
    asleep: tuple[str, ...] = ()  # other pieces, whose answers would come in between
    batch: int = 500
    rejected: int = 0  # messages of each turn that cannot be handled
    ships: bool = False  # each turn ships an order that was approved before
    done: Callable[[Company], Awaitable[None]] | None = None  # sees at the end of each turn that it did its part


async def place_by_queue(company: Company, order_id: str) -> Orders:
    await company.send(place(order_id), order_id)
    return {order_id: "approved"}


async def place_by_http(_company: Company, order_id: str) -> Orders:
    return {order_id: "approved"}  # the request itself is the work


async def ship_by_queue(company: Company, _: str) -> Orders:
    order_id = company.approved.popleft()
    await company.send(ship(order_id), order_id)
    return {order_id: "delivered"}


async def place_two(company: Company, order_id: str) -> Orders:
    orders = {order_id: "approved", f"{order_id}-2": "approved"}
    for each in orders:
        await company.ask(place(each))
    return orders


async def place_two_and_pay(company: Company, order_id: str) -> Orders:
    orders = await place_two(company, order_id)
    await company.ask(pay(order_id))
    return orders


async def place_two_published(company: Company, order_id: str) -> Orders:
    orders = await place_two(company, order_id)
    await company.until_published()
    return orders


async def place_and_ship(company: Company, order_id: str) -> Orders:
    """What inventory says to both is in its log."""
    shipped = company.approved.popleft()
    await company.ask(place(order_id))
    await company.ask(ship(shipped))
    await company.until_said("inventory.stock_reserved.v1", order_id)
    return {order_id: "approved", shipped: "delivered"}


async def place_and_ship_published(company: Company, order_id: str) -> Orders:
    orders = await place_and_ship(company, order_id)
    await company.until_published()
    return orders


async def place_and_ship_to_the_end(company: Company, order_id: str) -> Orders:
    """Everything that any service says of an order that is placed, and of one that is shipped."""
    orders = await place_and_ship(company, order_id)
    await company.until_ended(orders)
    return orders


async def cancel_in_disorder(company: Company, order_id: str) -> Orders:
    """Inventory gets something that is no event, the second event of an order, and then the first one, one by one."""
    await company.ask(place(order_id))
    await company.ask(cancel(order_id))
    await company.rabbit.publish("", Raw("inventory.events", {}, order_id.encode(), order_id))
    await company.say_reversed("order")
    return {order_id: "cancelled"}


async def lose_two_and_notice(company: Company, order_id: str) -> Orders:
    """Inventory sees that order said more than it heard."""
    orders = await place_two(company, order_id)
    await company.lose("order")
    await company.notice("inventory", "order")
    await company.listen(QUESTIONS, COMMANDS, "order.say_again.v1")
    return orders


async def it_was_asked_for(company: Company) -> None:
    """By inventory, from where it has everything; order is asleep and finds the questions later."""
    asked = [json.loads(message.body) for message in await company.take_all(QUESTIONS)]
    (hole,) = await company.pools["inventory"].fetch("select first, last, types from hole where source = 'order'")
    wanted = {"hearer": "inventory", "first": hole["first"], "last": hole["last"], "types": hole["types"].split()}
    assert asked
    assert all(question == wanted for question in asked)


async def lose_two_and_say_again(company: Company, order_id: str) -> Orders:
    """Order has been asked by inventory to say again what did not arrive."""
    orders = await place_two(company, order_id)
    first, last = await company.lose("order")
    await company.ask(OrderSayAgain(hearer="inventory", first=first, last=last))
    await company.listen(ANSWERS, AGAIN, "inventory.#")
    return orders


async def it_was_said_again(company: Company) -> None:
    """All of it, with the statement at its end."""
    said = [message.headers["cloudEvents_position"] for message in await company.take_all(ANSWERS)]
    last = await company.pools["order"].fetchval("select max(position) from event")
    assert {last - 1, last} == set(said)
    assert said[-1] == said[-2] == last, "the second event, and a statement of its position"


SCENARIOS = [
    Scenario("order queue door", place_by_queue,
             "begin insert insert insert insert commit ack"),
    Scenario("order http door", place_by_http,
             "begin insert insert insert insert commit"),
    Scenario("order relay", place_two_and_pay,
             "claim place publish confirm publish confirm publish confirm advance", asleep=("inventory consumer",)),
    Scenario("inventory consumer", place_two_published,
             "begin insert update commit begin insert insert insert update insert commit ack"),
    Scenario("inventory queue door", ship_by_queue,
             "begin insert insert update update update insert insert commit ack", ships=True),
    Scenario("inventory relay", place_and_ship,
             "claim place publish confirm publish confirm advance", ships=True),
    Scenario("order consumer", place_and_ship_published,
             "begin insert update update insert insert insert commit begin insert update insert commit ack",
             ships=True),
    Scenario("inventory consumer", cancel_in_disorder,
             "insert ack begin insert insert commit ack "
             "begin delete insert insert insert update insert update update update insert commit ack",
             asleep=("order relay", "inventory relay"), batch=1, rejected=1),
    Scenario("accounting consumer", place_and_ship_to_the_end,
             "begin insert insert commit ack", ships=True),
    Scenario("crm consumer", place_and_ship_to_the_end,
             "begin insert insert insert insert insert commit ack", ships=True),
    Scenario("inventory mender", lose_two_and_notice,
             "claim place advance publish confirm publish confirm update",
             asleep=("inventory relay", "order relay", "order queue door"), done=it_was_asked_for),
    Scenario("order mender", lose_two_and_say_again,
             "claim place advance publish confirm "
             "publish confirm update place advance publish confirm publish confirm update",
             asleep=("order relay", *HEARERS), batch=1, done=it_was_said_again),
]


@pytest.fixture(scope="module")
async def company(virtual_host: tuple[str, Urls]) -> AsyncIterator[Company]:
    """Trades through the whole module, so that every check in the end looks at all that happened."""
    with pytest.MonkeyPatch.context() as patch:
        url, users = virtual_host
        async with open_channel(url) as channel:
            rabbit = Rabbit(url, users, channel)
            patch.setattr(mender, "STATE_SECONDS", 3600.0)  # a relay states once, when it starts
            async with open_company(rabbit) as company:
                await company.begin()
                yield company
            await rabbit.clean_up()


@pytest.fixture(scope="module")
async def forks() -> AsyncIterator[Forks]:
    async with open_forks() as forks:
        yield forks


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.piece}: {scenario.work.__name__}")
async def test_a_process_that_ends_at_any_side_effect_loses_and_doubles_nothing(
    company: Company, forks: Forks, scenario: Scenario
) -> None:
    """One effect follows another, so that after one is before the next; after the last one is a point of its own."""
    last = len(scenario.effects.split())
    await enumerate_points(company, forks, scenario, [*(Point(n, "before") for n in range(1, last + 1)),
                                                      Point(last, "after")])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.piece}: {scenario.work.__name__}")
async def test_on_both_sides_of_every_effect_and_again(company: Company, forks: Forks, scenario: Scenario) -> None:
    last = len(scenario.effects.split())
    await enumerate_points(company, forks, scenario, 2 * [
        Point(n, when) for n in range(1, last + 1) for when in get_args(When)])


async def enumerate_points(company: Company, forks: Forks, scenario: Scenario, points: Sequence[Point]) -> None:
    """A turn for each point, between two that nothing disturbs: so there is no further point that was left out."""
    name = f"{scenario.piece}-{uuid4().hex[:4]}".replace(" ", "-")
    if scenario.ships:
        await company.get_ready(name, len(points) + 2)
    told: list[tuple[Point | None, Orders]] = []
    async with company.without(scenario.piece, *scenario.asleep):
        for turn, point in enumerate([None, *points, None]):
            ended, orders = await walk(company, forks, scenario, f"{name}-{turn}", point)
            assert ended.code == (ENDED if point else 0), f"{point}: {ended}"
            told.append((point, orders))
        assert " ".join(ended.effects) == scenario.effects
    await company.clear_rejected(scenario.piece.partition(" ")[0], scenario.rejected * len(told))
    await all_as_undisturbed(company, told)


async def walk(
    company: Company, forks: Forks, scenario: Scenario, order_id: str, point: Point | None
) -> tuple[Ended, Orders]:
    """One turn: the work, a process that ends at the point, and another one that finishes. The next turn finds all at
    rest, so that its side effects are the same."""
    orders = await scenario.work(company, order_id)
    request = Request("/orders", order_id, place(order_id).model_dump(mode="json"))
    job = await company.job(scenario.piece, scenario.batch, request)
    assert job, "nothing to do"
    ended = await forks.run(job, point)
    if ended.code == ENDED and (rest := await company.job(scenario.piece, scenario.batch, request)):
        second = await forks.run(rest)
        assert second.code == 0, f"after {point} it does not finish: {second.effects}"
    if scenario.done:
        await scenario.done(company)
    if not scenario.asleep:
        await company.until_ended(orders, but=job.service if job.piece == "relay" else "")
    return ended, orders


async def all_as_undisturbed(company: Company, told: Sequence[tuple[Point | None, Orders]]) -> None:
    """Let everything be heard, and see that every turn came to the same."""
    async with company.without():
        for _, orders in told:
            await company.until_ended(orders)
        await company.until_all_heard()
    expected = [await company.record(order_id) for order_id in told[0][1]]
    assert all(record["vouchers"] for record in expected)
    for point, orders in told:
        assert [await company.record(order_id) for order_id in orders] == expected, point
    report = await company.check()
    assert report.ok, [str(finding) for finding in report.findings if not finding.ok]
