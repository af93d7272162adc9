"""Small services over real events and commands, whose every effect leaves a row that a test can count."""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from shared.db import Db, Pool, columns
from shared.events import Event
from shared.events.inventory import StockReserved
from shared.events.order import CancelOrder, OrderApproved, OrderCancelRequested, OrderSettled
from shared.refusal import Refusal, Text
from shared.service import Service

ROOT = Path(__file__).parent / "sample"
TODAY = date(2026, 3, 1)
NOT_NOW = Text("订单 {order_id} 现在不能取消", "order {order_id} cannot be cancelled now")


class BugError(Exception):
    """What a handler raises that has a bug."""


def approved(order_id: str = "SO-1") -> OrderApproved:
    return OrderApproved(order_id=order_id, customer_id="CU-1", approver="credit-policy")


def settled(order_id: str = "SO-1") -> OrderSettled:
    return OrderSettled(order_id=order_id, customer_id="CU-1")


def cancel(order_id: str = "SO-1", reason: str = "changed their mind") -> CancelOrder:
    return CancelOrder(order_id=order_id, cancelled_on=TODAY, reason=reason)


def listener(
    name: str = "inventory", *, ordered: bool = True, bad: Collection[tuple[str, int]] = (), speaks: bool = True
) -> Service:
    """Reserves stock for each approved order, and says so if it `speaks`. It has a bug for the events (order_id,
    version) that are `bad`."""
    service = Service(name, ordered=ordered)

    @service.on(OrderApproved, OrderSettled)
    async def note(db: Db, events: Sequence[OrderApproved | OrderSettled]) -> list[Event]:
        await _leave_effects(db, events)
        if any((event.order_id, event.envelope.version) in bad for event in events):
            raise BugError("this one again")
        return [
            StockReserved(order_id=event.order_id, warehouse="main", lines=())
            for event in events if speaks and isinstance(event, OrderApproved)
        ]

    return service


def desk(name: str = "order") -> Service:
    """Cancels orders; refuses for the reason `refuse`, and has a bug for the reason `bug`."""
    service = Service(name)

    @service.does(CancelOrder)
    async def cancel_order(db: Db, commands: Sequence[CancelOrder]) -> list[Event | Refusal]:
        return [await _cancel(db, command) for command in commands]

    return service


async def _cancel(db: Db, command: CancelOrder) -> Event | Refusal:
    if command.reason == "refuse":
        return Refusal(command, "order_id", "not_now", NOT_NOW, {"order_id": command.order_id}, 409)
    await db.execute(
        "insert into effect (company, subject, version) values ($1, $2, 0)", db.company, f"order/{command.order_id}"
    )
    if command.reason == "bug":
        raise BugError(command.order_id)
    return OrderCancelRequested(
        order_id=command.order_id, customer_id="CU-1", requested_on=command.cancelled_on, reason=command.reason
    )


async def _leave_effects(db: Db, events: Sequence[Event]) -> None:
    rows = [(event.subject, event.envelope.version) for event in events]
    await db.execute(
        "insert into effect (company, subject, version) select $1, * from unnest($2::text[], $3::integer[])",
        db.company, *columns(rows, 2),
    )


async def effects(pool: Pool, company: str = "C1") -> list[tuple[str, int]]:
    """(order_id, version) of all that was done, in the order in which it was done."""
    rows = await pool.fetch("select subject, version from effect where company = $1 order by n", company)
    return [(row["subject"].removeprefix("order/"), row["version"]) for row in rows]


async def reasons(pool: Pool, company: str = "C1") -> list[str]:
    """Why messages are in `rejected`."""
    return [row["reason"] for row in await pool.fetch("select reason from rejected where company = $1", company)]


async def waiting(pool: Pool) -> int:
    """How many events wait for an earlier version."""
    return int(await pool.fetchval("select count(*) from pending"))
