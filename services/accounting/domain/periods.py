"""Checks before a close (结账检查), as data: what must hold, whether it does, and what to do if it does not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from services.accounting.domain import closing
from services.accounting.domain.closing import Balance
from services.accounting.domain.posting import Terms
from shared.refusal import Text

CLEARING = ("pending_pl", "price_variance")  # roles whose accounts only pass things on
NAMED = 5  # how many of the things in the way are named

Hole = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The vouchers of a word in the period: how many there are, and the last number."""

    word: str
    vouchers: int
    last: int


@dataclass(frozen=True, slots=True)
class Tie:
    """A role of a producer: up to which position of its log both sides were compared (0: never), and how many
    customers, suppliers or products differ."""

    role: str
    source: str
    position: int
    differences: int


@dataclass(frozen=True, slots=True)
class State:
    """What the checks look at, all of it as of now.

    `heard` are the producers that said anything, `sealed` the position at which each sealed the period, `holes` the
    positions that are missing of each, but for those that were let go. `older` says of how many more nothing is known.
    """

    period: str
    terms: Terms
    heard: frozenset[str]
    sealed: Mapping[str, int]
    holes: Mapping[str, Sequence[Hole]]
    older: Mapping[str, int]
    numbers: Sequence[Numbers]
    undelivered: Sequence[str]
    drafts: Sequence[str]
    balances: Sequence[Balance]
    ties: Sequence[Tie]
    difference: Decimal
    beside: Sequence["State"] = ()  # of the company's other ledgers


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `name` says what must hold, `todo` what to do where it does not; `params` fill both."""

    code: str
    status: Literal["ok", "failed", "unavailable"]
    name: Text
    todo: Text
    params: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, str]:
        """As the API shows it; what to do is said only where there is something to do."""
        said = {"code": self.code, "status": self.status,
                "zh": self.name.zh.format(**self.params), "en": self.name.en.format(**self.params)}
        if self.status == "ok":
            return said
        return {**said, "todo_zh": self.todo.zh.format(**self.params), "todo_en": self.todo.en.format(**self.params)}

    def refusal(self) -> Text:
        """The whole of a failed check in a sentence."""
        return Text(f"{self.name.zh}：{self.todo.zh}", f"{self.name.en}: {self.todo.en}")


def checks(state: State) -> list[Check]:
    """All checks, in the order in which one would look into them; of ledgers beside the main one what is their own."""
    return [check(state) for check in CHECKS] + [
        _of(other.terms.ledger, check(other)) for other in state.beside for check in OF_LEDGER
    ]


def _of(ledger: str, check: Check) -> Check:
    name = Text(f"账簿 {ledger}：{check.name.zh}", f"ledger {ledger}: {check.name.en}")
    return replace(check, name=name)


def failed(state: State) -> list[Check]:
    """What stands against a close; what cannot be checked yet does not."""
    return [check for check in checks(state) if check.status == "failed"]


def _check(code: str, wrong: bool, name: Text, todo: Text, **params: str) -> Check:
    return Check(code, "failed" if wrong else "ok", name, todo, {"found": "", **params})


def _listed(found: Sequence[str]) -> str:
    return ", ".join(found[:NAMED]) + (" ..." if len(found) > NAMED else "")


def _in_order(state: State) -> Check:
    first = f"{state.terms.open_from:%Y-%m}"
    return _check(
        "in_order", state.period != first,
        Text("按月依次结账", "months are closed one after the other"),
        Text("第一个未结账的月份是 {found}，请先结该月", "the first open month is {found}; close that one"),
        found=first,
    )


def _roles(state: State) -> Check:
    missing = [role for role in closing.ROLES if role not in state.terms.accounts]
    return _check(
        "roles_mapped", bool(missing),
        Text("结转所需的角色都有对应科目", "accounts play the roles that a close needs"),
        Text("请为角色 {found} 指定科目", "map the roles {found} to accounts"), found=_listed(missing),
    )


def _sealed(state: State) -> Check:
    return _check(
        "sealed", bool(missing := sorted(_producers(state) - set(state.sealed))),
        Text("业务系统均已封存本月", "every producer has sealed the month"),
        Text("请先在 {found} 封存本月 (SealPeriod)，并等待消息到达",
             "seal the month in {found} (SealPeriod), and wait until that is heard"), found=_listed(missing),
    )


def _producers(state: State) -> set[str]:
    """Whose events move control accounts, of those that said anything at all."""
    return {control.owner for control in state.terms.pack.control.values()} & state.heard


def _complete(state: State) -> Check:
    missing = [f"{source} {first}-{last}" for source, hole in _holes_before_seals(state) for first, last in [hole]]
    missing += [f"{source} ({count})" for source, count in sorted(state.older.items()) if count]
    return _check(
        "positions_complete", bool(missing),
        Text("封存之前的事件无缺号", "no position is missing up to the seals"),
        Text("缺少 {found}：等待补传，或在被拒消息中重试或放弃",
             "{found} is missing: wait until it is said again, or retry or dismiss it among the rejected messages"),
        found=_listed(missing),
    )


def _holes_before_seals(state: State) -> Iterator[tuple[str, Hole]]:
    for source, holes in sorted(state.holes.items()):
        seal = state.sealed.get(source)
        yield from ((source, hole) for hole in holes if seal is None or hole[0] <= seal)


def _gapless(state: State) -> Check:
    wrong = [f"{n.word} {n.vouchers}/{n.last}" for n in state.numbers if n.vouchers != n.last]
    return _check(
        "numbers_gapless", bool(wrong), Text("凭证号连续", "voucher numbers have no gap"),
        Text("凭证号不连续 {found}：数据已损坏，请从日记重建账簿",
             "numbers of {found} leave gaps: the data is damaged, rebuild the ledger from the journal"),
        found=_listed(wrong),
    )


def _delivered(state: State) -> Check:
    return _check(
        "shipments_valued", bool(state.undelivered),
        Text("每张发货单都有销售收入", "every shipment has its delivery value"),
        Text("发货单 {found} 尚无 SaleDelivered：等待 order 处理，或在其被拒消息中查找",
             "there is no SaleDelivered of shipment {found}: wait for order, or look into its rejected messages"),
        found=_listed(state.undelivered),
    )


def _no_drafts(state: State) -> Check:
    return _check(
        "no_drafts", bool(state.drafts), Text("没有未记账的凭证草稿", "no draft of a voucher waits"),
        Text("草稿 {found} 尚未记账：请审核并记账，或作废", "post or discard the drafts {found}"),
        found=_listed(state.drafts),
    )


def _balanced(state: State) -> Check:
    return _check(
        "trial_balance_zero", state.difference != 0, Text("试算平衡", "the trial balance is zero"),
        Text("借贷相差 {found}：数据已损坏，请从日记重建账簿",
             "debits and credits differ by {found}: the data is damaged, rebuild the ledger from the journal"),
        found=f"{state.difference:f}",
    )


def _cleared(state: State) -> Check:
    at = {balance.account: balance.amount for balance in state.balances}
    codes = [state.terms.accounts[role].code for role in CLEARING if role in state.terms.accounts]
    wrong = [f"{code} ({at[code]:f})" for code in codes if at.get(code)]
    return _check(
        "clearing_empty", bool(wrong), Text("待处理财产损溢等过渡科目无余额", "clearing accounts are empty"),
        Text("{found} 尚有余额：请批准盘点差异，或等待存货成本调整",
             "{found} is left: approve the differences of counts, or wait for the cost adjustment"),
        found=_listed(wrong),
    )


def _vat(state: State) -> Check:
    """The close carries it itself; what it can do depends on the roles only."""
    mapped = all(role in state.terms.accounts for role in ("vat_transfer", "vat_unpaid"))
    owed = max(closing.owed_vat(state.balances, state.terms), Decimal(0)) if mapped else Decimal(0)
    return _check(
        "vat_transferred", not mapped,
        Text("未交增值税随结账转出 ({owed})", "unpaid VAT is transferred by the close ({owed})"),
        Text("请为角色 vat_transfer, vat_unpaid 指定科目", "map the roles vat_transfer and vat_unpaid to accounts"),
        owed=f"{owed:f}",
    )


def _tied(state: State) -> Check:
    """Up to the seals; of a producer that never stated its subledger nothing can be said."""
    name = Text("明细账与总账相符", "subledgers equal the ledger")
    ties = [tie for tie in state.ties if tie.source in _producers(state)]
    wrong = [f"{tie.role} ({tie.differences})" for tie in ties if tie.differences]
    late = sorted({tie.source for tie in ties if 0 < tie.position < state.sealed.get(tie.source, 0)})
    if not wrong and any(tie.position == 0 for tie in ties):
        return Check("subledgers_tied", "unavailable", name, Text(
            "order 和 inventory 还没有报出明细余额，暂未核对",
            "order and inventory have not stated their subledgers yet, so it was not checked",
        ))
    return _check(
        "subledgers_tied", bool(wrong or late), name,
        Text("{found} 不符或尚未核对到封存之处：见 GET /tieout；也可立即重新报数 (StateSubledger)",
             "{found} differ, or are not compared up to the seal: see GET /tieout, or state them now (StateSubledger)"),
        found=_listed([*wrong, *late]),
    )


CHECKS: Sequence[Callable[[State], Check]] = (
    _in_order, _roles, _sealed, _complete, _gapless, _delivered, _no_drafts, _balanced, _cleared, _vat, _tied,
)
OF_LEDGER: Sequence[Callable[[State], Check]] = (_roles, _gapless, _balanced, _cleared, _vat, _tied)
