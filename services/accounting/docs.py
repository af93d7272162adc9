"""Writes docs/posting-rules.md from the packs and the golden examples, so that it never says what is not so."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from services.accounting import packs
from services.accounting.domain.linter import Finding, lint
from services.accounting.domain.pack import Account, Bilingual, Pack, Rule, RuleLine, parse
from services.accounting.domain.posting import Heard, Line, MappedAccount, Posting, Row, Terms, Voucher, apply
from services.accounting.domain.reading import READERS, read
from shared.events import Event

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("docs.template.md")
PAGE = ROOT / "docs/posting-rules.md"
EXAMPLES = ROOT / "tests/accounting/vouchers/events"
SEED = ROOT / "tests/accounting/seed_literal.toml"

EXAMPLE = re.compile(
    r"\A# (?P<zh>.+) · (?P<en>.+)\n\n(?P<story_zh>.+)\n\n(?P<story_en>.+)\n\n`(?P<type>[a-z_.0-9]+)`\n\n"
    r"```json\n(?P<body>.+?)\n```\n\Z",
    re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    """One event with what happened; `name` is its file's, and its rule's where it is the event's main example."""

    name: str
    title: Bilingual
    story: Bilingual
    event: Event


def examples() -> list[Example]:
    """The golden examples. ValueError names a file that has another shape."""
    return [_example(file) for file in sorted(EXAMPLES.glob("*.md"))]


def _example(file: Path) -> Example:
    found = EXAMPLE.match(file.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{file.name}: wants '# zh · en', a story in zh, one in en, `type`, and the event as json")
    return Example(
        file.stem, Bilingual(zh=found["zh"], en=found["en"]), Bilingual(zh=found["story_zh"], en=found["story_en"]),
        Event.registry[found["type"]].model_validate_json(found["body"]),
    )


def sample_terms(pack: Pack) -> Terms:
    """What books in CNY opened on 2025-01-01 decide, by a pack's own role map."""
    accounts = {role: MappedAccount(code, pack.chart[code].kind == "memo") for role, code in pack.roles.items()}
    return Terms("CNY", date(2025, 1, 1), pack, 1, accounts)


def seed_findings() -> list[Finding]:
    """What is wrong with the founding text's four entries; that it is silent about other events is no fault of them."""
    found = lint(parse(SEED.read_text(encoding="utf-8")))
    return [finding for finding in found if finding.code != "uncovered_event"]


def write(_arguments: Sequence[str] = ()) -> int:
    """Write the page; the exit code is always 0."""
    PAGE.write_text(page(packs.proven_packs(), examples()), encoding="utf-8")
    return 0


def page(all_packs: Sequence[Pack], shown: Iterable[Example]) -> str:
    """The whole page: roles, every posting event with rule and worked example, reasons for none, the erratum."""
    by_name = {example.name: example for example in shown}
    first = all_packs[0]
    events = dict.fromkeys(rule.event for rule in first.rules)
    return TEMPLATE.read_text(encoding="utf-8").format(
        accounts=_roles(all_packs),
        events="\n".join(_section(by_name[first.rules_by_event[event][0].id], all_packs) for event in events),
        reasons=_reasons(all_packs),
        refusals="\n".join(f"* `{finding.place}`: {finding.zh}。<br>{finding.en}." for finding in seed_findings()),
    )


# -- roles and reasons ------------------------------------------------------------------------------------------------


def _roles(all_packs: Sequence[Pack]) -> str:
    names = [f"{pack.name.zh} `{pack.standard}` {pack.version}" for pack in all_packs]
    roles = dict.fromkeys(role for pack in all_packs for role in pack.roles)
    rows = [[f"`{role}`", *(_player(role, pack) for pack in all_packs), _owner(role, all_packs)] for role in roles]
    header = ["角色 Role", *names, "统驭: 由谁变动, 按何核算 · Control: moved by, kept by"]
    return _table(header, rows)


def _player(role: str, pack: Pack) -> str:
    return _account(pack.chart[pack.roles[role]]) if role in pack.roles else "—"


def _owner(role: str, all_packs: Sequence[Pack]) -> str:
    control = next((pack.control[role] for pack in all_packs if role in pack.control), None)
    return f"{control.owner}: {', '.join(control.dimensions) or '—'}" if control else ""


def _reasons(all_packs: Sequence[Pack]) -> str:
    rows = []
    for event in sorted(all_packs[0].reasons):
        given = dict.fromkeys(f"{pack.reasons[event].zh}<br>{pack.reasons[event].en}" for pack in all_packs)
        rows.append([f"`{event}`", "<br>".join(given)])
    return _table(["事件 Event", "理由 Reason"], rows)


# -- one event --------------------------------------------------------------------------------------------------------


def _section(example: Example, all_packs: Sequence[Pack]) -> str:
    event = example.event
    known = "; ".join(f"`{identity}`" for identity in READERS[event.type].identities)
    return "\n".join([
        f"### {example.title.zh} · {example.title.en}\n",
        f"`{event.type}`{f' · 恒等式 identities: {known}' if known else ''}\n",
        f"{example.story.zh}\n",
        f"{example.story.en}\n",
        _by_pack(all_packs, lambda pack: "\n".join(map(_rule, pack.rules_by_event[event.type]))),
        _by_pack(all_packs, lambda pack: vouchers(_posted(event, pack), pack)),
    ])


def _posted(event: Event, pack: Pack) -> Posting:
    """What an event that nobody said would come to."""
    terms = sample_terms(pack)
    reading = read(event, terms.currency)
    heard = Heard(UUID(int=0), event.type, event.owner, None)
    return apply(reading, Row("event", "", reading.facts(), reading.reader_version, heard), terms)


def _by_pack(all_packs: Sequence[Pack], said: Callable[[Pack], str]) -> str:
    """What is said of each pack; what is the same of all is said once."""
    texts: dict[str, list[str]] = {}
    for pack in all_packs:
        texts.setdefault(said(pack), []).append(f"{pack.name.zh} `{pack.standard}`")
    if len(texts) == 1:
        return next(iter(texts))
    return "\n".join(f"**{' · '.join(names)}**\n\n{text}" for text, names in texts.items())


def _rule(rule: Rule) -> str:
    part = f" 第 {rule.part} 部分 part {rule.part}" if rule.part > 1 else ""
    reverses = f" · 冲回 reverses `{rule.reverses}`" if rule.reverses else ""
    lines = "".join(f"* {_rule_line(rule, line)}\n" for line in rule.lines)
    return f"规则 Rule `{rule.id}`{part} · {rule.word}字 word {rule.word}{reverses}\n\n{lines}"


def _rule_line(rule: Rule, line: RuleLine) -> str:
    side = "借 Dr" if line.side == "D" else "贷 Cr"
    red = " 红字 red" if rule.sign(line) < 0 else ""
    by = ", ".join([*line.dimensions, *(["数量 quantity"] if line.quantity else [])])
    return f"{side}{red} `{line.role}` ← `{'items.' if line.each else ''}{line.amount}`{f' ({by})' if by else ''}"


# -- vouchers ---------------------------------------------------------------------------------------------------------


def vouchers(posting: Posting, pack: Pack) -> str:
    """What an event came to, as an accountant reads it."""
    if posting.none:
        return f"不记账: {posting.none.zh} ({posting.none.en})\n"
    return "\n".join(_voucher(voucher, pack) for voucher in posting.vouchers)


def _voucher(voucher: Voucher, pack: Pack) -> str:
    debit = sum(line.amount for line in voucher.lines if line.side == "D")
    credit = sum(line.amount for line in voucher.lines if line.side == "C")
    header = ["科目", "Account", "借方 Dr", "贷方 Cr", "数量 Qty", "辅助核算 By"]
    rows = [_line(line, pack.chart[line.account]) for line in voucher.lines]
    rows.append(["合计", "Total", str(debit), str(credit), "", ""])
    head = f"{voucher.word}字凭证 {voucher.on}: {voucher.summary} (`{voucher.rule}` {voucher.part})"
    return f"{head}\n\n{_table(header, rows, numbers=range(2, 5))}"


def _line(line: Line, account: Account) -> list[str]:
    debit, credit = (str(line.amount), "") if line.side == "D" else ("", str(line.amount))
    quantity = "" if line.quantity is None else str(line.quantity)
    by = ", ".join(f"{name} {value}" for name, value in line.dimensions.items())
    return [f"{account.code} {account.zh}", account.en, debit, credit, quantity, by]


def _account(account: Account) -> str:
    return f"{account.code} {account.zh} {account.en}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    rule = ["---:" if column in numbers else "---" for column in range(len(header))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))
