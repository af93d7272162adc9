"""Tie-out: which account of the ledger a stated role stands for, what differs, and which event parts the two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from shared.events.tieout import Movement, MovementsWanted, PartingFound
from shared.money import ZERO
from shared.refusal import Text


class Role(NamedTuple):
    """A part of a subledger. Its lines are those of the accounts that play one of `account_roles`, by the dimensions
    that make its key; `sign` is 1 where debits make it grow. `pieces` counts quantities instead of money."""

    source: str
    account_roles: tuple[str, ...]
    dimension: Literal["customer", "supplier", "pool"]
    sign: int
    pieces: bool
    name: Text


ROLES: Mapping[str, Role] = {
    "ar": Role("order", ("ar", "unbilled"), "customer", 1, False, Text("应收账款", "receivables")),
    "advances": Role("order", ("advances",), "customer", -1, False, Text("预收账款", "advances received")),
    "pending_output_vat": Role(
        "order", ("pending_output_vat",), "customer", -1, False, Text("待转销项税额", "output VAT not invoiced yet")
    ),
    "inventory": Role("inventory", ("inventory",), "pool", 1, False, Text("库存商品金额", "value of stock")),
    "inventory_quantity": Role("inventory", ("inventory",), "pool", 1, True, Text("库存商品数量", "pieces in stock")),
    "payable": Role("inventory", ("payable",), "supplier", -1, False, Text("应付账款", "payables")),
    "accrued_payable": Role(
        "inventory", ("accrued_payable",), "supplier", -1, False, Text("暂估应付款", "goods received, not invoiced")
    ),
}

BY_EVENT = Text(
    "{name} {key}：业务 {stated}，总账 {posted}；第一笔不符的是 {type} {event_id}（{source} 日志第 {position} 号）："
    "单据 {event_stated}，凭证 {event_posted}",
    "{name} {key}: subledger {stated}, ledger {posted}; the first event that parts them is {type} {event_id} (position "
    "{position} of {source}'s log): documents {event_stated}, vouchers {event_posted}",
)
BY_BALANCE = Text(
    "{name} {key}：业务 {stated}，总账 {posted}；每一笔业务都与凭证相符，余额却与它自己的变动不符："
    "有人绕过 {source} 服务改了数据",
    "{name} {key}: subledger {stated}, ledger {posted}; every event agrees with its vouchers, but the balance differs "
    "from its own movements: it was changed behind the back of {source}",
)
TODO = {
    "searching": Text(
        "正在查找第一笔不符的事件，几秒后再看",
        "the first event that parts them is being looked for; look again in some seconds",
    ),
    "event": Text(
        "对照该事件的单据与凭证（/events/{event_id}/vouchers）：单据被改动的，按备份或原始凭证改回；事件被放弃的，重新提交业务",
        "compare the event's document with its vouchers (/events/{event_id}/vouchers): put a document that was changed "
        "right, by a backup or the source document; enter the business of an event that was dismissed anew",
    ),
    "balance": Text(
        "查数据库日志中谁改了 {source} 的数据，把余额改回其变动之和；凭证没有错，不要调整总账",
        "find in the database's log who changed {source}'s data, and set the balance back to the sum of its movements; "
        "the vouchers are right, so do not adjust the ledger",
    ),
}


class Place(NamedTuple):
    """A key of a role in one ledger; the key '' is the whole role."""

    ledger: str
    role: str
    key: str


class Sides(NamedTuple):
    """What the owner states, and what the lines make of it."""

    stated: Decimal
    posted: Decimal


@dataclass(frozen=True, slots=True)
class Search:
    """A difference whose first event is looked for in the stretch behind `after` and up to `until` of its owner's log.

    First it is where the difference came up, behind `since`, up to `found_at`; if all agrees there, all before it.
    """

    place: Place
    source: str
    sides: Sides
    found_at: int
    since: int
    after: int
    until: int

    def wanted(self) -> MovementsWanted:
        """The question to the owner."""
        return MovementsWanted(
            subledger=self.source, role=self.place.role, key=self.place.key, after=self.after, until=self.until
        )


class Parting(NamedTuple):
    """The first event that moved both sides differently."""

    position: int
    sides: Sides


def apart(found: Mapping[Place, Sides]) -> dict[Place, Sides]:
    """The differences to look into: of a whole role only what its keys do not explain."""
    explained: dict[tuple[str, str], Decimal] = {}
    for place, sides in found.items():
        if place.key:
            whole = place.ledger, place.role
            explained[whole] = explained.get(whole, ZERO) + sides.stated - sides.posted
    return {
        place: sides for place, sides in found.items()
        if place.key or sides.stated - sides.posted != explained.get((place.ledger, place.role), ZERO)
    }


def first_parting(
    movements: Iterable[tuple[int, Decimal]], lines: Iterable[tuple[int, Decimal]]
) -> Parting | None:
    """The lowest position at which owner and ledger do not say the same; what one of them does not name is zero."""
    stated, posted = dict(movements), dict(lines)
    for position in sorted({*stated, *posted}):
        sides = Sides(stated.get(position, ZERO), posted.get(position, ZERO))
        if sides.stated != sides.posted:
            return Parting(position, sides)
    return None


def go_on(search: Search, seen_until: int) -> Search | None:
    """Where to look next when nothing parts up to `seen_until`; None when everything was seen."""
    if seen_until < search.until:
        after, until = seen_until, search.until
    elif search.until == search.found_at and search.since:
        after, until = 0, search.since
    else:
        return None
    return Search(search.place, search.source, search.sides, search.found_at, search.since, after, until)


def message(search: Search, parting: Parting | None, event: tuple[UUID, str] | None) -> Text:
    """What was found, for people."""
    role = ROLES[search.place.role]
    sides = {"stated": shown(search.sides.stated), "posted": shown(search.sides.posted), "source": search.source}
    if parting is None:
        key = search.place.key
        return Text(
            BY_BALANCE.zh.format(name=role.name.zh, key=key or "合计", **sides),
            BY_BALANCE.en.format(name=role.name.en, key=key or "in all", **sides),
        )
    event_id, event_type = event or ("?", "?")
    params = {
        **sides, "event_id": str(event_id), "type": event_type, "position": parting.position,
        "event_stated": shown(parting.sides.stated), "event_posted": shown(parting.sides.posted),
    }
    key = search.place.key
    return Text(
        BY_EVENT.zh.format(name=role.name.zh, key=key or "合计", **params),
        BY_EVENT.en.format(name=role.name.en, key=key or "in all", **params),
    )


def found(
    search: Search, parting: Parting | None, event: tuple[UUID, str] | None, stated_at: object
) -> PartingFound:
    """What accounting says of a search that has come to its end."""
    text = message(search, parting, event)
    return PartingFound.model_validate({
        "subledger": search.source, "role": search.place.role, "key": search.place.key, "ledger": search.place.ledger,
        "stated": search.sides.stated, "posted": search.sides.posted, "position": search.found_at,
        "stated_at": stated_at, "reason": "event" if parting else "balance",
        "event_id": event[0] if event else None, "event_type": event[1] if event else None,
        "event_position": parting.position if parting else None,
        "event_stated": parting.sides.stated if parting else None,
        "event_posted": parting.sides.posted if parting else None,
        "message_zh": text.zh, "message_en": text.en,
    })


def shown(value: Decimal) -> str:
    """Money and pieces without the zeros that only the columns have."""
    return f"{value.normalize():f}"


def of_source(source: str) -> dict[str, Role]:
    """The roles that a producer states."""
    return {name: role for name, role in ROLES.items() if role.source == source}


def named(movements: Sequence[Movement], position: int) -> tuple[UUID, str] | None:
    """The event at a position, if it moved the subledger."""
    return next(((m.event_id, m.type) for m in movements if m.position == position), None)
