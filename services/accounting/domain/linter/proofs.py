"""Proofs by symbols: voucher lines are added up as named amounts, and totals are replaced by their parts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.accounting.domain.linter.finding import Finding, listed
from services.accounting.domain.pack import Pack, Rule, RuleLine
from services.accounting.domain.reading import ITEMS, READERS, UNMOVED, Identity, Reader

TWICE = ("; 货物在出入库时已经记账, 这样会重复入账", "; goods are posted when they move, so they are booked twice")
TAX = {"tax", f"{ITEMS}tax"}


def of_rule(rule: Rule, pack: Pack) -> Iterator[Finding]:
    """What one rule must keep, once all its amounts exist."""
    reader = READERS.get(rule.event)
    if reader and all(line.amount in reader.offered(of_items=line.each is not None) for line in rule.lines):
        place = f"rule {rule.id} part {rule.part}"
        yield from _balance(place, rule, reader)
        yield from _untaxed_revenue(place, rule, reader, pack)


def _balance(place: str, rule: Rule, reader: Reader) -> Iterator[Finding]:
    """Debits less credits, without totals: all must cancel out."""
    rest = _reduce(_moved(rule, rule.lines), reader.identities)
    if rest:
        debit = _sum(_moved(rule, (line for line in rule.lines if line.side == "D")))
        credit = _sum(_negated(_moved(rule, (line for line in rule.lines if line.side == "C"))))
        known = "; ".join(map(str, reader.identities))
        gap = _sum(rest)
        yield Finding(
            place, "unbalanced",
            f"借贷不平: 借方 {debit}, 贷方 {credit}, 差额 {gap}; 已知恒等式: {known or '无'}",
            f"does not balance: debit {debit}, credit {credit}, difference {gap}; known: {known or 'nothing'}",
        )


def _untaxed_revenue(place: str, rule: Rule, reader: Reader, pack: Pack) -> Iterator[Finding]:
    """VAT is charged on top of a price: it is owed to the state and never revenue."""
    for code in sorted({pack.roles.get(line.role, "") for line in rule.lines}):
        account = pack.chart.get(code)
        if account is None or account.kind != "revenue":
            continue
        moved = _moved(rule, (line for line in rule.lines if pack.roles.get(line.role) == code))
        if TAX & set(_reduce(moved, reader.identities)):
            zh, en = _entry(moved)
            yield Finding(
                place, "tax_in_revenue",
                f"增值税是价外税, 不是收入: 科目 {code} {account.zh} 现{zh}, 其中含税额",
                f"VAT is not revenue: account {code} {account.en} gets a {en}, which holds tax",
            )


def stock(pack: Pack) -> Iterator[Finding]:
    """The inventory account moves by exactly what the value of stock changes by, so the two are always equal."""
    code = pack.roles.get("inventory", "")
    account = pack.chart.get(code)
    name_zh, name_en = (f"{code} {account.zh}", f"{code} {account.en}") if account else (code, code)
    for event, reader in READERS.items():
        if event not in pack.rules_by_event and event not in pack.reasons:
            continue  # `names.coverage` says it
        moved: Counter[str] = Counter()
        rules = pack.rules_by_event.get(event, ())
        for rule in rules:
            moved.update(_moved(rule, (line for line in rule.lines if pack.roles.get(line.role) == code)))
        if _reduce(moved, reader.identities) == _reduce(reader.stock.change, reader.identities):
            continue
        must, makes = _way(reader.stock.change), _way(moved)
        should, does = _entry(reader.stock.change), _entry(moved)
        twice_zh, twice_en = TWICE if reader.stock is UNMOVED else ("", "")
        yield Finding(
            ", ".join(f"rule {rule.id} part {rule.part}" for rule in rules) or event, "stock_value",
            f"{reader.stock.zh} ({event}): 科目 {name_zh} 应{must[0]} ({should[0]}), 规则却使其{makes[0]} ({does[0]})"
            f"{twice_zh}",
            f"{reader.stock.en} ({event}): account {name_en} must {must[1]} ({should[1]}), but the rules make it "
            f"{makes[1]} ({does[1]}){twice_en}",
        )


def reversals(pack: Pack, sound: Sequence[Rule]) -> Iterator[Finding]:
    """A rule and the one that it reverses cancel out: every amount and quantity, per account and dimensions.

    Asked of sound rules only: what is wrong with one of the two is said already.
    """
    first = {rule.id: rule for rule in pack.rules if rule.part == 1}
    for rule in sound:
        if rule.reverses is None:
            continue
        place, origin = f"rule {rule.id} part {rule.part}", first.get(rule.reverses)
        if origin is None:
            yield Finding(
                place, "unknown_rule", f"没有可冲回的规则 {rule.reverses}",
                f"there is no rule {rule.reverses} to reverse",
            )
            continue
        left = _left(pack, origin, rule) if origin in sound else {}
        for (code, dimensions), rest in left.items():
            zh, en = _entry(rest)
            yield Finding(
                place, "not_reversed",
                f"规则 {rule.id} 应冲回 {origin.id}, 但两者相加, 科目 {code} (辅助核算 {listed(dimensions)}) 余{zh}",
                f"rule {rule.id} is to reverse {origin.id}, but together they leave account {code} "
                f"(by {listed(dimensions)}) with {en}",
            )


def _left(pack: Pack, *rules: Rule) -> dict[tuple[str, tuple[str, ...]], Counter[str]]:
    """What some rules come to together, per account and dimensions, where it is not zero. Amounts keep their names."""
    sums: dict[tuple[str, tuple[str, ...]], Counter[str]] = {}
    for rule in rules:
        for line in rule.lines:
            place = pack.roles.get(line.role, line.role), tuple(sorted(line.dimensions))
            moved = _moved(rule, [line])
            if line.quantity:
                moved.update({f"{ITEMS}quantity": sum(moved.values())})
            sums.setdefault(place, Counter()).update(moved)
    return {place: moved for place, moved in sums.items() if any(moved.values())}


# -- symbols ----------------------------------------------------------------------------------------------------------


def _moved(rule: Rule, lines: Iterable[RuleLine]) -> Counter[str]:
    """Debits less credits of some lines of a rule, as symbols."""
    difference: Counter[str] = Counter()
    for line in lines:
        name = f"{ITEMS}{line.amount}" if line.each else line.amount
        difference[name] += rule.sign(line) * (1 if line.side == "D" else -1)
    return difference


def _negated(change: Mapping[str, int]) -> dict[str, int]:
    return {name: -times for name, times in change.items()}


def _reduce(change: Mapping[str, int], identities: Iterable[Identity]) -> dict[str, int]:
    """The same sum without totals; each total has one identity, so the end is the same whichever goes first."""
    parts_of = {identity.total: identity.parts for identity in identities}
    reduced = Counter(change)
    while totals := [name for name in reduced if name in parts_of]:
        for total in totals:
            times = reduced.pop(total)
            for part in parts_of[total]:
                reduced[part] += times
    return {name: times for name, times in reduced.items() if times}


def _sum(change: Mapping[str, int]) -> str:
    sorted_ = sorted((n < 0, name, n) for name, n in change.items() if n)
    terms = [(n, name if abs(n) == 1 else f"{abs(n)} × {name}") for _, name, n in sorted_]
    return " ".join(f"{'+' if n > 0 else '-'} {term}" for n, term in terms).removeprefix("+ ") or "0"


def _entry(change: Mapping[str, int]) -> tuple[str, str]:
    """A change as an accountant says it, in Chinese and English."""
    signs = {times > 0 for times in change.values() if times}
    if not signs:
        return "不记", "no entry"
    if signs == {False}:
        return f"贷记 {_sum(_negated(change))}", f"credit {_sum(_negated(change))}"
    return f"借记 {_sum(change)}", f"debit {_sum(change)}"


def _way(change: Mapping[str, int]) -> tuple[str, str]:
    """Which way a change moves an account that stands in debit, in Chinese and English."""
    signs = {times > 0 for times in change.values() if times}
    if len(signs) > 1:
        return "变动", "change"
    return ("增加", "rise") if True in signs else ("减少", "fall") if signs else ("不变", "stay")
