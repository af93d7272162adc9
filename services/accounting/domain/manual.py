"""Vouchers made by hand (手工凭证): what a draft may say, who may do what with it, and what is posted of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from services.accounting.domain.pack import Bilingual, Kind
from services.accounting.domain.posting import MAIN, Line, Posting, Row, Signed, Terms, Voucher
from services.accounting.domain.reading import DIMENSIONS
from shared import money
from shared.events import Command
from shared.events.accounting import AskedVoucherLine
from shared.refusal import Refusal, Text

VERSION = 1  # of the shape of the facts and of what is made of them
Step = Literal["checked", "signed", "posted", "discarded"]
ELSEWHERE = Bilingual(zh="手工凭证只记入其所属账簿", en="a voucher by hand is posted in its own ledger only")

UNKNOWN_ACCOUNT = Text("科目表中没有科目 {account}", "account {account} is not in the chart")
SUMMARY_ACCOUNT = Text("科目 {account} 不是末级科目", "account {account} has accounts below it and takes no lines")
CONTROL_ACCOUNT = Text(
    "科目 {account} 是统驭科目，只能由业务事件变动，请在业务系统中处理",
    "account {account} is a control account: only events move it, so do it where the business is",
)
MEMO_ACCOUNT = Text(
    "科目 {account} 是备查科目，不用于手工凭证", "account {account} is a memo account, not for vouchers by hand"
)
NO_AMOUNT = Text("金额不能为零", "an amount is not zero")
DECIMALS = Text("{amount} 的小数位数超过 {currency}", "{amount} has more decimals than {currency} has")
UNBALANCED = Text("借贷不平，差额 {difference}", "debits less credits are {difference}")
CLOSED = Text("{on} 所在月份已结账，最早可用 {first}", "the month of {on} is closed; the first open day is {first}")
DISCARDED = Text("草稿 {draft_id} 已作废", "draft {draft_id} was discarded")
POSTED = Text("草稿 {draft_id} 已记账", "draft {draft_id} was posted")
DONE = Text("草稿 {draft_id} 已经过这一步", "draft {draft_id} has passed this step already")
SELF_APPROVAL = Text("不能审核自己填制的凭证", "nobody checks a voucher that they made")
CASHIER = Text("出纳不得兼任制单或审核", "the cashier is neither who made the voucher nor who checked it")
UNCHECKED = Text("草稿 {draft_id} 尚未审核", "draft {draft_id} was not checked yet")
UNSIGNED = Text(
    "草稿 {draft_id} 涉及现金或银行存款，须出纳签字", "draft {draft_id} moves money, so the cashier has to sign it"
)


class ChartAccount(NamedTuple):
    """What matters of an account to somebody who writes on it."""

    kind: Kind
    takes_lines: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft with what became of it: step -> who did it."""

    draft_id: str
    kind: str
    maker: str
    content: Mapping[str, Any]
    steps: Mapping[str, str]


def ledger_of(content: Mapping[str, Any]) -> str:
    """The ledger that a draft, or its facts, is for."""
    return str(content.get("ledger", MAIN))


def control_accounts(terms: Terms) -> frozenset[str]:
    """Accounts that one producer's events move and nobody else."""
    return frozenset(code for role in terms.pack.control if (code := terms.code(role)))


# -- drafting ---------------------------------------------------------------------------------------------------------


def why_not_drafted(
    command: Command, on: date, lines: Sequence[AskedVoucherLine], chart: Mapping[str, ChartAccount], terms: Terms
) -> Refusal | None:
    """What is wrong with a draft; names the line."""
    if on < terms.open_from:
        params = {"on": on.isoformat(), "first": terms.open_from.isoformat()}
        return Refusal(command, "on", "period_closed", CLOSED, params)
    control = control_accounts(terms)
    for index, line in enumerate(lines):
        if refusal := why_not_line(command, f"lines.{index}", line, chart, control, terms.currency):
            return refusal
    difference = sum((line.amount if line.side == "D" else -line.amount for line in lines), Decimal(0))
    if difference:
        return Refusal(command, "lines", "unbalanced", UNBALANCED, {"difference": f"{difference:f}"})
    return None


def why_not_line(
    command: Command, place: str, line: AskedVoucherLine, chart: Mapping[str, ChartAccount], control: frozenset[str],
    currency: str,
) -> Refusal | None:
    """What is wrong with a line; `place` is the field that it stands in."""
    def refuse(field: str, code: str, text: Text) -> Refusal:
        params = {"account": line.account, "amount": f"{line.amount:f}", "currency": currency}
        return Refusal(command, f"{place}.{field}", code, text, params)

    account = chart.get(line.account)
    if account is None:
        return refuse("account", "unknown_account", UNKNOWN_ACCOUNT)
    if reason := why_not_account(line.account, account, control):
        return refuse("account", *reason)
    if not line.amount:
        return refuse("amount", "zero_amount", NO_AMOUNT)
    if not money.fits(line.amount, currency):
        return refuse("amount", "too_many_decimals", DECIMALS)
    return None


def why_not_account(code: str, account: ChartAccount, control: frozenset[str]) -> tuple[str, Text] | None:
    """Why no hand may write on an account: the code of the refusal and its text; None if one may."""
    if not account.takes_lines:
        return "summary_account", SUMMARY_ACCOUNT
    if code in control:
        return "control_account", CONTROL_ACCOUNT
    return ("memo_account", MEMO_ACCOUNT) if account.kind == "memo" else None


def dimensions_of(terms: Terms) -> Mapping[str, tuple[str, ...]]:
    """Account -> what its lines carry by the rules, in the usual order. A hand may leave it out, or say others."""
    found: dict[str, set[str]] = {}
    for line in (line for rule in terms.pack.rules for line in rule.lines):
        if code := terms.code(line.role):
            found.setdefault(code, set()).update(line.dimensions)
    return {code: tuple(name for name in DIMENSIONS if name in names) for code, names in found.items()}


def plain(lines: Iterable[AskedVoucherLine], chart: Mapping[str, ChartAccount]) -> list[dict[str, Any]]:
    """Lines as facts: plain JSON."""
    return [
        {
            "account": line.account,
            "kind": chart[line.account].kind,
            "side": line.side,
            "amount": f"{line.amount:f}",
            "dimensions": {name: value for name in DIMENSIONS if (value := getattr(line, name)) is not None},
            "quantity": None if line.quantity is None else f"{line.quantity:f}",
            "summary": line.summary,
        }
        for line in lines
    ]


# -- what becomes of a draft ------------------------------------------------------------------------------------------


def why_not(step: Step, draft: Draft, by: str, command: Command, terms: Terms) -> Refusal | None:
    """Who may not take this step with the draft, or why it is not its turn."""
    def refuse(code: str, text: Text, status: int = 409) -> Refusal:
        return Refusal(command, "draft_id", code, text, {"draft_id": draft.draft_id}, status)

    if "discarded" in draft.steps:
        return refuse("discarded", DISCARDED)
    if "posted" in draft.steps:
        return refuse("posted", POSTED)
    if step in draft.steps:
        return refuse("done", DONE)
    if step == "checked" and by == draft.maker:
        return refuse("self_approval", SELF_APPROVAL, 403)
    if step == "checked" and by == draft.steps.get("signed"):
        return refuse("incompatible_duties", CASHIER, 403)
    if step == "signed" and by in (draft.maker, draft.steps.get("checked")):
        return refuse("incompatible_duties", CASHIER, 403)
    if step == "posted" and "checked" not in draft.steps:
        return refuse("unchecked", UNCHECKED)
    if step == "posted" and "signed" not in draft.steps and _moves_money(draft, terms):
        return refuse("unsigned", UNSIGNED)
    return None


def next_step(draft: Draft, taken: Step, terms: Terms) -> Step | None:
    """What a draft waits for once a step is taken; None for nothing more."""
    if taken in ("posted", "discarded"):
        return None
    done = {*draft.steps, taken}
    if "checked" not in done:
        return "checked"
    return "signed" if "signed" not in done and _moves_money(draft, terms) else "posted"


def _moves_money(draft: Draft, terms: Terms) -> bool:
    lines = [*draft.content["lines"], *draft.content.get("of", {}).get("lines", ())]
    return bool({line["account"] for line in lines} & {terms.code("cash"), terms.code("bank")})


# -- posting ----------------------------------------------------------------------------------------------------------


def row(draft: Draft, poster: str) -> Row:
    """The journal row of a draft that is posted."""
    facts = {
        **draft.content, "draft_id": draft.draft_id, "maker": draft.maker, "checker": draft.steps["checked"],
        "cashier": draft.steps.get("signed"),
    }
    return Row(draft.kind, poster, facts, VERSION, None)


def post(row: Row, terms: Terms) -> Posting:
    """The voucher that a draft said."""
    assert row.reader_version == VERSION
    facts = row.facts
    if ledger_of(facts) != terms.ledger:
        return Posting(row, terms, (), ELSEWHERE)
    lines = lines_of(facts["lines"])
    made = voucher("manual", 1, facts["summary"], lines, facts["attachments"], row, terms)
    return Posting(row, terms, (made,), None)


def lines_of(plain_lines: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The lines that facts were written from."""
    return [
        Line(line["account"], False, line["side"], Decimal(line["amount"]), line["dimensions"],
             None if line["quantity"] is None else Decimal(line["quantity"]), line["summary"])
        for line in plain_lines
    ]


def voucher(
    rule: str, part: int, summary: str, lines: Sequence[Line], attachments: int, row: Row, terms: Terms
) -> Voucher:
    """A voucher of a draft, on its day if that is open when it is posted."""
    facts, on = row.facts, date.fromisoformat(row.facts["on"])
    return Voucher(
        rule=rule, version=VERSION, part=part, word=terms.word(lines), on=max(on, terms.open_from), business_date=on,
        summary=summary, lines=tuple(lines), attachments=attachments,
        signed=Signed(facts["maker"], facts["checker"], row.actor, facts["cashier"]),
    )
