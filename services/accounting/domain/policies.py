"""Changes of the rules of a ledger: what a proposal may say, and the journal row that puts it in force.

A change never moves a balance. So only accounts that a close empties (收入, 费用) change their roles, and an account
that was posted on never gets accounts below it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from services.accounting.domain.pack import Account, Bilingual, Kind, Pack
from services.accounting.domain.posting import Posting, Row, Terms
from services.accounting.domain.reading import ITEMS, READERS, Identity
from shared.events.policies import AskedMapping, ProposeMapping, ProposePack
from shared.refusal import Text

VERSION = 1  # of the shape of the facts and of what is made of them
EMPTIED: frozenset[Kind] = frozenset({"revenue", "expense"})  # by every close, so that nothing is left behind
CHANGED = Bilingual(zh="规则变更没有价值变动", en="a change of rules moves no value")

CLOSED = Text("{day} 所在月份已结账，最早可自 {first} 起生效",
              "the month of {day} is closed; the first open day is {first}")
BEFORE = Text("已有变更自 {last} 起生效，不能早于该日",
              "a change takes effect on {last}; choose that day or a later one")
NOTHING = Text("没有任何变更", "there is no change in it")
UNKNOWN_ROLE = Text("规则包没有角色 {role}", "the pack has no role {role}")
BALANCE_ROLE = Text(
    "角色 {role} 的科目有余额结转到以后（统驭科目或资产负债科目），改变后旧科目的余额无法冲销，不能变更",
    "the account of role {role} carries a balance on (a control or balance sheet account); on another account it could "
    "never be relieved, so it stays",
)
UNKNOWN_ACCOUNT = Text("科目表中没有科目 {account}", "account {account} is not in the chart")
SUMMARY = Text("科目 {account} 不是末级科目", "account {account} has accounts below it and takes no lines")
OTHER_KIND = Text("科目 {account} 与角色 {role} 的类别不同", "account {account} is of another kind than role {role}")
TAKEN = Text("科目 {account} 已由角色 {other} 使用", "account {account} plays the role {other}")
NOT_CARRIED = Text(
    "{event} 不带 {by}，角色 {role} 不能按它区分", "{event} does not carry {by}, so role {role} cannot be split by it"
)
TWO_WAYS = Text("角色 {role} 只能按一个维度区分", "role {role} is split by one dimension only")
NO_MEMBERS = Text("by 和 members 须同时给出", "`by` and `members` come together")
TWICE = Text("{what} 重复出现", "{what} stands there twice")
EXISTS = Text("科目 {account} 已存在", "account {account} is in the chart already")
NO_PARENT = Text("科目 {account} 没有上级科目", "account {account} has no account above it")
POSTED = Text("科目 {account} 已有凭证或草稿，不能再设明细科目",
              "account {account} was posted or drafted on, so it can have no accounts below it")
LEFT_BEHIND = Text("科目 {account} 将不再是末级科目，请同时为角色 {role} 指定明细科目",
                   "account {account} will take no lines; map role {role} to one of the accounts below it")
AT_ONCE = Text("科目 {account} 立即不再是末级科目，角色 {role} 须自第一个未结账日 {first} 起变更",
               "account {account} takes no lines at once, so role {role} has to change from the first open day {first}")
OTHER_STANDARD = Text("本账簿按 {standard} 记账，科目含义不同；另一准则请在建账时另设账簿",
                      "this ledger is kept by {standard}, whose accounts mean other things; another standard is kept "
                      "in a ledger of its own, opened with the books")
UNKNOWN_PACK = Text("没有规则包 {standard} {version}", "there is no pack {standard} {version}")
NOT_YET = Text("规则包 {standard} {version} 自 {day} 起才可使用", "pack {standard} {version} may be used from {day} on")
SAME = Text("已按规则包 {standard} {version} 记账", "pack {standard} {version} is in force already")
UNLIKE = Text("科目 {account} 在两个版本中类别或方向不同", "account {account} has another kind or side in that version")
NEW_PARENT = Text("科目 {account} 在该版本中不再是末级科目", "account {account} takes no lines in that version")
UNLIKE_CONTROL = Text("统驭科目角色 {role} 在两个版本中不同", "the control account of role {role} is another one there")


class ChartRow(NamedTuple):
    """An account of the ledger; `used` if it was posted on or stands in a draft."""

    zh: str
    en: str
    kind: Kind
    side: str
    takes_lines: bool
    used: bool


class Objection(NamedTuple):
    """What is wrong with a proposal; `field` is a path in it."""

    field: str
    code: str
    text: Text
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The newest version of a ledger's rules with its chart: what a change begins with."""

    terms: Terms
    since: date
    splits: Sequence[Mapping[str, Any]]
    chart: Mapping[str, ChartRow]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal with what became of it."""

    proposal_id: str
    ledger: str
    kind: str
    proposed_by: str
    content: Mapping[str, Any]
    step: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What would be in force: the pack, the whole role map and its splits, and the accounts that come with it."""

    pack: Pack
    roles: Mapping[str, str]
    splits: Sequence[Mapping[str, Any]]
    chart: Sequence[Account]

    def facts(self, proposal: Proposal, version: int) -> dict[str, Any]:
        """Of the journal row; beside them stands all that was proposed."""
        return {
            **proposal.content, "proposal_id": proposal.proposal_id, "proposed_by": proposal.proposed_by,
            "mapping_version": version, "standard": self.pack.standard, "pack_version": self.pack.version,
            "roles": dict(self.roles), "splits": list(self.splits),
            "chart": [account.model_dump() for account in self.chart],
        }


def row(proposal: Proposal, change: Change, ledger: Ledger, approver: str) -> Row:
    """The journal row that puts a proposal in force."""
    return Row(proposal.kind, approver, change.facts(proposal, ledger.terms.mapping_version + 1), VERSION, None)


def decide(row: Row, terms: Terms) -> Posting:
    """No voucher: the rows after it are posted by other rules."""
    assert row.reader_version == VERSION
    return Posting(row, terms, (), CHANGED)


# -- a mapping --------------------------------------------------------------------------------------------------------


def mapped(asked: ProposeMapping, ledger: Ledger) -> Change:
    """What a mapping that nothing speaks against leads to."""
    named = {entry.role for entry in asked.mappings}
    splits = [split for split in ledger.splits if split["role"] not in named]
    splits += [entry.model_dump(mode="json") for entry in asked.mappings if entry.by]
    own = {entry.role: entry.account for entry in asked.mappings if not entry.by}
    roles = {role: account.code for role, account in ledger.terms.accounts.items()} | own
    parents = {**{code: (a.kind, a.side) for code, a in ledger.chart.items()}}
    chart = []
    for new in sorted(asked.accounts, key=lambda account: account.code):
        parents[new.code] = parents[new.code[:-2]]
        kind, side = parents[new.code]
        chart.append(Account.model_validate({**new.model_dump(), "kind": kind, "side": side}))
    return Change(ledger.terms.pack, roles, splits, chart)


def against_mapping(asked: ProposeMapping, ledger: Ledger) -> list[Objection]:
    """Everything that is wrong with it; mappings are looked at once the accounts are right."""
    found = [*_against_day(asked.effective_on, ledger)]
    if not asked.accounts and not asked.mappings:
        found.append(Objection("mappings", "nothing", NOTHING, {}))
    found += _against_accounts(asked, ledger)
    if not found:
        found += _against_entries(asked, ledger)
    if not found:
        found += _left_behind(asked, mapped(asked, ledger), ledger)
    return found


def _against_day(day: date, ledger: Ledger) -> Iterator[Objection]:
    first = ledger.terms.open_from
    if day < first:
        yield Objection("effective_on", "period_closed", CLOSED, {"day": f"{day}", "first": f"{first}"})
    elif day < ledger.since:
        yield Objection("effective_on", "before_another", BEFORE, {"last": f"{ledger.since}"})


def _against_accounts(asked: ProposeMapping, ledger: Ledger) -> Iterator[Objection]:
    known = {*ledger.chart, *(account.code for account in asked.accounts)}
    seen: set[str] = set()
    for index, account in enumerate(asked.accounts):
        def object_(code: str, text: Text, named: str = account.code, index: int = index) -> Objection:
            return Objection(f"accounts.{index}.code", code, text, {"account": named, "what": named})

        parent = account.code[:-2]
        if account.code in ledger.chart:
            yield object_("exists", EXISTS)
        elif account.code in seen:
            yield object_("twice", TWICE)
        elif len(account.code) == 4 or parent not in known:
            yield object_("no_parent", NO_PARENT)
        elif parent in ledger.chart and ledger.chart[parent].takes_lines and ledger.chart[parent].used:
            yield object_("posted_parent", POSTED, parent)
        seen.add(account.code)


def _against_entries(asked: ProposeMapping, ledger: Ledger) -> Iterator[Objection]:
    change, by = mapped(asked, ledger), dict[str, str]()
    kinds = {code: account.kind for code, account in ledger.chart.items()} | {a.code: a.kind for a in change.chart}
    parents = {*(code for code, a in ledger.chart.items() if not a.takes_lines), *(a.code[:-2] for a in change.chart)}
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(asked.mappings):
        def object_(field: str, code: str, text: Text, index: int = index, entry: AskedMapping = entry,
                    **params: str) -> Objection:
            named = {"role": entry.role, "account": entry.account, "by": entry.by or "", **params}
            return Objection(f"mappings.{index}.{field}", code, text, named)

        own = ledger.terms.accounts.get(entry.role)
        if own is None:
            yield object_("role", "unknown_role", UNKNOWN_ROLE)
            continue
        kind = ledger.chart[own.code].kind
        others = [role for role, code in change.roles.items() if code == entry.account and role != entry.role
                  and ledger.terms.code(role) != own.code]
        if kind not in EMPTIED or entry.role in ledger.terms.pack.control:
            yield object_("role", "balance_role", BALANCE_ROLE)
        elif entry.account not in kinds:
            yield object_("account", "unknown_account", UNKNOWN_ACCOUNT)
        elif entry.account in parents:
            yield object_("account", "summary_account", SUMMARY)
        elif kinds[entry.account] != kind:
            yield object_("account", "other_kind", OTHER_KIND)
        elif others:
            yield object_("account", "taken", TAKEN, other=others[0])
        elif bool(entry.by) != bool(entry.members):
            yield object_("members", "no_members", NO_MEMBERS)
        elif entry.by and by.setdefault(entry.role, entry.by) != entry.by:
            yield object_("by", "two_dimensions", TWO_WAYS)
        elif entry.by and (event := not_carried(ledger.terms.pack, entry.role, entry.by)):
            yield object_("by", "not_carried", NOT_CARRIED, event=event)
        for member in entry.members or ("",):
            if (entry.role, member) in seen:
                yield object_("members", "twice", TWICE, what=member or entry.role)
            seen.add((entry.role, member))


def not_carried(pack: Pack, role: str, by: str) -> str | None:
    """The first event with a line of a role that cannot be told apart by a dimension; None if all can.

    An event carries the dimension itself, or its items do and the amount is by an identity the sum of theirs.
    """
    for rule in pack.rules:
        for line in rule.lines:
            if line.role != role:
                continue
            reader = READERS[rule.event]
            of_items = Identity(line.amount, (f"{ITEMS}{line.amount}",)) in reader.identities
            if by not in reader.dimensions and not (by in reader.item_dimensions and (line.each or of_items)):
                return rule.event
    return None


def _left_behind(asked: ProposeMapping, change: Change, ledger: Ledger) -> Iterator[Objection]:
    """Accounts that get accounts below them while they play a role. The chart changes at once, roles from a day on."""
    parents = {account.code[:-2] for account in change.chart}
    first = ledger.terms.open_from
    for role, account in ledger.terms.accounts.items():
        if account.code in parents and change.roles[role] in parents:
            params = {"account": account.code, "role": role}
            yield Objection("accounts", "role_left_behind", LEFT_BEHIND, params)
        elif account.code in parents and asked.effective_on > first:
            params = {"account": account.code, "role": role, "first": f"{first}"}
            yield Objection("effective_on", "at_once", AT_ONCE, params)
    for split in change.splits:
        if split["account"] in parents:
            params = {"account": split["account"], "role": split["role"]}
            yield Objection("accounts", "role_left_behind", LEFT_BEHIND, params)


# -- another version of the pack --------------------------------------------------------------------------------------


def activated(pack: Pack, ledger: Ledger) -> Change:
    """The new version with its accounts beside the ledger's; what the company mapped itself stays."""
    own = {role: account.code for role, account in ledger.terms.accounts.items()}
    before = ledger.terms.pack.roles
    roles = {role: own[role] if role in own and own[role] != before.get(role) else code
             for role, code in pack.roles.items()}
    new = [account for account in pack.accounts if account.code not in ledger.chart]
    return Change(pack, roles, [split for split in ledger.splits if split["role"] in roles], new)


def against_pack(asked: ProposePack, pack: Pack | None, ledger: Ledger) -> list[Objection]:
    """Everything that is wrong with it; the accounts are compared once the pack is the right one."""
    now = ledger.terms.pack
    params = {"standard": asked.standard, "version": str(asked.version)}
    found = [*_against_day(asked.effective_on, ledger)]
    if asked.standard != now.standard:
        found.append(Objection("standard", "other_standard", OTHER_STANDARD, {"standard": now.standard}))
    elif pack is None:
        found.append(Objection("version", "unknown_pack", UNKNOWN_PACK, params))
    elif pack.version == now.version:
        found.append(Objection("version", "same_version", SAME, params))
    elif asked.effective_on < pack.effective_on:
        found.append(Objection("effective_on", "not_in_force", NOT_YET, {**params, "day": f"{pack.effective_on}"}))
    elif not found:
        found += _not_lined_up(pack, ledger)
    return found


def _not_lined_up(pack: Pack, ledger: Ledger) -> Iterator[Objection]:
    """What keeps the ledger's balances from being moved on by the rules of the new version."""
    def object_(code: str, text: Text, **params: str) -> Objection:
        return Objection("version", code, text, params)

    change, now = activated(pack, ledger), ledger.terms
    for account in pack.accounts:
        here = ledger.chart.get(account.code)
        if here and (here.kind, here.side) != (account.kind, account.side):
            yield object_("accounts_differ", UNLIKE, account=account.code)
    kinds = {code: account.kind for code, account in ledger.chart.items()} | {a.code: a.kind for a in change.chart}
    parents = {account.code[:-2] for account in change.chart}
    for parent in sorted(parents & set(ledger.chart)):
        if ledger.chart[parent].takes_lines:
            yield object_("new_parent", NEW_PARENT, account=parent)
    for role, code in change.roles.items():
        own = now.code(role)
        if own is not None and own != code and not {kinds[own], kinds[code]} <= EMPTIED:
            yield object_("balance_role", BALANCE_ROLE, role=role)
        elif code in parents or (code in ledger.chart and not ledger.chart[code].takes_lines):
            yield object_("summary_account", SUMMARY, account=code)
    for role in sorted({*pack.control, *now.pack.control}):
        if role in now.accounts and pack.control.get(role) != now.pack.control.get(role):
            yield object_("control_differs", UNLIKE_CONTROL, role=role)
    for split in change.splits:
        if event := not_carried(pack, split["role"], split["by"]):
            yield object_("not_carried", NOT_CARRIED, role=split["role"], by=split["by"], event=event)

