"""Everything that a pack names exists, is named once, and may be used where it is used."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from string import Formatter

from services.accounting.domain.linter.finding import Finding, listed, unknown_dimension, unknown_role
from services.accounting.domain.pack import MEMO_WORD, Pack, Rule, RuleLine
from services.accounting.domain.reading import DIMENSIONS, READERS, Reader
from shared.events import Event

# -- the chart and the roles ------------------------------------------------------------------------------------------


def chart(pack: Pack) -> Iterator[Finding]:
    for code, times in Counter(account.code for account in pack.accounts).items():
        if times > 1:
            yield Finding(code, "account_twice", f"科目 {code} 重复出现", f"account {code} stands in the chart twice")
    for code in pack.chart:
        if len(code) > 4 and code[:-2] not in pack.chart:
            yield Finding(
                code, "account_without_parent", f"科目 {code} 没有上级科目 {code[:-2]}",
                f"account {code} has no parent account {code[:-2]}",
            )


def roles(pack: Pack) -> Iterator[Finding]:
    for role, code in pack.roles.items():
        if code not in pack.chart:
            yield Finding(
                role, "unknown_account", f"角色 {role} 对应的科目 {code} 不在科目表中",
                f"role {role} is mapped to account {code}, which is not in the chart",
            )
        elif code in pack.summary_accounts:
            yield Finding(
                role, "summary_account", f"角色 {role} 对应的科目 {code} 不是末级科目, 不能记账",
                f"role {role} is mapped to account {code}, which has accounts below it and takes no lines",
            )


def controls(pack: Pack) -> Iterator[Finding]:
    owners: dict[str, dict[str, str]] = defaultdict(dict)
    for role, control in pack.control.items():
        if role not in pack.roles:
            yield unknown_role(f"control {role}", role)
            continue
        owners[pack.roles[role]][control.owner] = role
        for name in control.dimensions:
            if name not in DIMENSIONS:
                yield unknown_dimension(f"control {role}", name)
    for code, by_owner in owners.items():
        if len(by_owner) > 1:
            names = ", ".join(sorted(by_owner))
            yield Finding(
                code, "two_owners", f"统驭科目 {code} 有多个归属服务: {names}",
                f"control account {code} has more than one owner: {names}",
            )


# -- coverage ---------------------------------------------------------------------------------------------------------


def coverage(pack: Pack) -> Iterator[Finding]:
    """Every registered event has rules or a reason, not both, not neither; nothing else is named."""
    reasons = Counter(reason.event for reason in pack.none)
    for event in sorted(Event.registry):
        ruled = event in pack.rules_by_event
        if not ruled and not reasons[event]:
            yield Finding(
                event, "uncovered_event", f"事件 {event} 既没有记账规则, 也没有不记账的理由",
                f"event {event} has neither a rule nor a reason for none",
            )
        if ruled and reasons[event]:
            yield Finding(
                event, "rule_and_reason", f"事件 {event} 既有记账规则, 又有不记账的理由",
                f"event {event} has a rule and also a reason for none",
            )
        if reasons[event] > 1:
            yield Finding(
                event, "reason_twice", f"事件 {event} 有多条不记账的理由",
                f"event {event} has more than one reason for none",
            )
    for event in sorted({*reasons, *pack.rules_by_event} - set(Event.registry)):
        yield Finding(event, "unknown_event", f"没有名为 {event} 的事件", f"there is no event named {event}")


def parts(pack: Pack) -> Iterator[Finding]:
    by_id: dict[str, list[Rule]] = defaultdict(list)
    for rule in pack.rules:
        by_id[rule.id].append(rule)
    for rule_id, rules in by_id.items():
        numbers = sorted(rule.part for rule in rules)
        if numbers != list(range(1, len(rules) + 1)):
            yield Finding(
                f"rule {rule_id}", "parts_not_counted",
                f"规则 {rule_id} 的分部编号应为 1 到 {len(rules)}, 现为 {numbers}",
                f"the parts of rule {rule_id} must be numbered 1 to {len(rules)}, not {numbers}",
            )
        if len({rule.event for rule in rules}) > 1:
            yield Finding(
                f"rule {rule_id}", "parts_of_two_events", f"规则 {rule_id} 的各部分属于不同的事件",
                f"the parts of rule {rule_id} belong to different events",
            )


# -- one rule ---------------------------------------------------------------------------------------------------------


def of_rule(rule: Rule, pack: Pack) -> list[Finding]:
    if rule.event not in Event.registry:
        return []  # `coverage` says it
    place = f"rule {rule.id} part {rule.part}"
    reader = READERS.get(rule.event)
    if reader is None:
        return [Finding(
            place, "unreadable_event", f"规则 {rule.id}: 事件 {rule.event} 不提供任何金额",
            f"rule {rule.id}: event {rule.event} offers no amounts",
        )]
    findings = [*_texts(place, rule, reader)]
    for line in rule.lines:
        findings += _names(place, line, reader)
        findings += _account(place, rule, line, pack)
    return findings


def _texts(place: str, rule: Rule, reader: Reader) -> Iterator[Finding]:
    try:
        names = [name for _, name, _, _ in Formatter().parse(rule.summary) if name is not None]
    except ValueError as error:
        yield Finding(place, "bad_summary", f"摘要模板有误: {error}", f"bad summary template: {error}")
        return
    for name in names:
        if name not in reader.texts:
            yield Finding(
                place, "unknown_text",
                f"摘要引用了事件 {rule.event} 没有的 {{{name}}}, 可用: {listed(reader.texts)}",
                f"the summary names {{{name}}}, which {rule.event} does not offer; it offers {listed(reader.texts)}",
            )


def _names(place: str, line: RuleLine, reader: Reader) -> Iterator[Finding]:
    offered = reader.offered(of_items=line.each is not None)
    dimensions = {*reader.dimensions, *(reader.item_dimensions if line.each else ())}
    of_zh, of = ("明细", "items of ") if line.each else ("", "")
    if line.amount not in offered:
        yield Finding(
            place, "unknown_amount",
            f"事件 {reader.event.type} 的{of_zh}没有金额 {line.amount}, 可用: {listed(offered)}",
            f"there is no amount {line.amount} in {of}event {reader.event.type}; on offer: {listed(offered)}",
        )
    for name in line.dimensions:
        if name not in dimensions:
            yield unknown_dimension(place, name, dimensions)
    if line.quantity and not (line.each and reader.items and reader.items.quantity):
        yield Finding(
            place, "no_quantity", f"角色 {line.role} 的行要求数量, 但没有明细数量可用",
            f"the line of role {line.role} wants a quantity, but there is none without items that have one",
        )


def _account(place: str, rule: Rule, line: RuleLine, pack: Pack) -> Iterator[Finding]:
    code = pack.roles.get(line.role)
    if code is None:
        yield unknown_role(place, line.role)
        return
    account = pack.chart.get(code)
    if account is None:
        return  # `roles` says it
    memo_voucher = rule.word == MEMO_WORD
    if memo_voucher != (account.kind == "memo"):
        yield Finding(
            place, "memo_mixed",
            f"凭证字 {rule.word} 不能使用科目 {code} {account.zh}; 备查科目只用于备字凭证, 备字凭证只用备查科目",
            f"word {rule.word} may not use account {code} {account.en}; "
            f"memo accounts go with word {MEMO_WORD}, and only they",
        )
    yield from _control_line(place, rule, line, pack, code)


def _control_line(place: str, rule: Rule, line: RuleLine, pack: Pack, code: str) -> Iterator[Finding]:
    producer = Event.registry[rule.event].owner
    for role, control in pack.control.items():
        if pack.roles.get(role) != code:
            continue
        if producer != control.owner:
            yield Finding(
                place, "two_producers",
                f"统驭科目 {code} 只能由 {control.owner} 的事件变动, 而 {rule.event} 来自 {producer}",
                f"control account {code} is moved by events of {control.owner} only, "
                f"but {rule.event} comes from {producer}",
            )
        if set(line.dimensions) != set(control.dimensions):
            yield Finding(
                place, "control_dimensions",
                f"统驭科目 {code} 的辅助核算应为 {listed(control.dimensions)}, 现为 {listed(line.dimensions)}",
                f"control account {code} is kept by {listed(control.dimensions)}, not by {listed(line.dimensions)}",
            )
