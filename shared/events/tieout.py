"""Tie-out (账账核对): what owners of subledgers state, and what accounting asks and finds when its ledger differs.

Balances stand on the side where they normally are: a receivable of 5 and a debt of 5 are both `5`. A key is the id of a
customer or supplier, or `sku/warehouse`; the empty key is the whole role.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.events.base import Command, Event, Part
from shared.money import Balance

ASKERS = frozenset({"operator", "admin", "accountant", "chief_accountant"})


class StateSubledger(Command):
    """State a subledger now, at a clean cut of its owner's log; `whole` states every key again."""

    whole: bool = False


class OrderStateSubledger(StateSubledger, owner="order", name="state_subledger", allowed=ASKERS):
    """State now what customers owe, have paid in advance, and were not invoiced; `whole` lists every customer again.

    立即报出应收、预收和待转销项税额的明细余额，供会计核对；whole 表示重新列出全部客户。
    """


class InventoryStateSubledger(StateSubledger, owner="inventory", name="state_subledger", allowed=ASKERS):
    """State now what lies in stock and is owed to suppliers; `whole` lists every product and supplier again.

    立即报出存货、应付和暂估的明细余额，供会计核对；whole 表示重新列出全部商品和供应商。
    """


class StatedBalance(Part):
    role: str
    key: str
    amount: Balance


class SubledgerStated(Event):
    """Balances of a subledger as its owner keeps them, without anything that is later in the log than this event.

    Listed are the whole of each role and the keys that changed since the statement before. A long list comes in
    `parts` events, one right behind the other.
    """

    subledger: str
    part: int
    parts: int
    balances: tuple[StatedBalance, ...]


class OrderSubledgerStated(
    SubledgerStated, owner="order", about=("subledger", "subledger"), name="subledger_stated"
):
    """What customers owe, have paid in advance and were not invoiced, as order keeps it at this place of its log.

    order 在其日志此处报出的应收、预收和待转销项税额余额：各项合计，以及上次以来有变动的客户。
    """


class InventorySubledgerStated(
    SubledgerStated, owner="inventory", about=("subledger", "subledger"), name="subledger_stated"
):
    """What is in stock and owed to suppliers, as inventory keeps it at this place of its log.

    inventory 在其日志此处报出的存货、应付和暂估余额：各项合计，以及上次以来有变动的商品和供应商。
    """


class Movement(Part):
    """By how much an event moved a balance, by its owner's documents as they are now."""

    position: int
    event_id: UUID
    type: str
    amount: Balance


class SubledgerDetailed(Event):
    """What moved a key of a subledger behind position `after` and up to `until`; events that did not are left out."""

    subledger: str
    role: str
    key: str
    after: int
    until: int
    movements: tuple[Movement, ...]


class OrderSubledgerDetailed(
    SubledgerDetailed, owner="order", about=("subledger", "subledger"), name="subledger_detailed"
):
    """What moved a customer's balance in a stretch of order's log, one row per event.

    order 日志一段之内使某客户余额变动的各笔业务，供会计查找第一笔不符的事件。
    """


class InventorySubledgerDetailed(
    SubledgerDetailed, owner="inventory", about=("subledger", "subledger"), name="subledger_detailed"
):
    """What moved a product's or supplier's balance in a stretch of inventory's log, one row per event.

    inventory 日志一段之内使某商品或供应商余额变动的各笔业务，供会计查找第一笔不符的事件。
    """


class MovementsWanted(Event, owner="accounting", about=("tie", "role")):
    """The ledger differs from a subledger, and accounting wants to see what moved it in a stretch of its owner's log.

    总账与明细账不符，会计请明细账的服务列出一段日志中的变动。
    """

    subledger: str
    role: str
    key: str
    after: int
    until: int


class PartingFound(Event, owner="accounting", about=("tie", "role")):
    """Where ledger and subledger part: the first event that moved both differently. Without one the balance differs
    from its own movements: it was changed behind its service's back.

    总账与明细账的差异已查明：第一笔使两者不符的事件；没有这样的事件时，余额与它自己的变动不符，即有人绕过服务修改了数据。
    """

    subledger: str
    role: str
    key: str
    ledger: str
    stated: Balance
    posted: Balance
    position: int
    stated_at: datetime
    reason: Literal["event", "balance"]
    event_id: UUID | None = None
    event_type: str | None = None
    event_position: int | None = None
    event_stated: Balance | None = None
    event_posted: Balance | None = None
    message_zh: str
    message_en: str
