"""Golden vouchers: `vouchers/*.md` each hold one event and the vouchers it makes by the default pack.

After a change that is meant, write them again with `GOLDEN=write pytest tests/accounting/test_vouchers.py`, and read
the difference as an accountant would. A new file needs only its title and the event's JSON.
"""

import os
import re
from pathlib import Path

import pytest

from services.accounting.domain.posting import Line, Posting, Voucher, post
from services.accounting.domain.reading import READERS
from shared.events import Event
from shared.testing import Script
from tests.accounting import examples

FOLDER = Path(__file__).parent / "vouchers"
FILES = sorted(FOLDER.glob("*.md"))
CASE = re.compile(r"\A# (?P<title>.+)\n\n`(?P<type>[a-z_.0-9]+)`\n\n```json\n(?P<body>.+?)\n```\n", re.DOTALL)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_golden_voucher(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    case = CASE.match(text)
    assert case, f"{file.name} must begin with a title, the event's type and its JSON"
    event = Event.registry[case["type"]].model_validate_json(case["body"])
    made = f"{case.group()}\n{render(post(Script().say(event), examples.terms()))}"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8")


def test_every_event_that_posts_has_a_golden_voucher() -> None:
    shown = {case["type"] for file in FILES if (case := CASE.match(file.read_text(encoding="utf-8")))}
    assert set(examples.assbe().rules_by_event) == set(READERS) == shown


def render(posting: Posting) -> str:
    if posting.none:
        return f"不记账: {posting.none.zh} ({posting.none.en})\n"
    return "\n".join(_voucher(voucher) for voucher in posting.vouchers)


def _voucher(voucher: Voucher) -> str:
    rule = f"规则 `{voucher.rule.id}` 第 {voucher.rule.part} 部分"
    head = f"## {voucher.word}字凭证 {voucher.on}: {voucher.summary}\n\n{rule}\n\n"
    table = "| 科目 | Account | 借方 | 贷方 | 数量 | 辅助核算 |\n|---|---|---:|---:|---:|---|\n"
    debit = sum(line.amount for line in voucher.lines if line.side == "D")
    credit = sum(line.amount for line in voucher.lines if line.side == "C")
    return f"{head}{table}{''.join(map(_line, voucher.lines))}| 合计 | Total | {debit} | {credit} | | |\n"


def _line(line: Line) -> str:
    account = examples.assbe().chart[line.account]
    debit, credit = (line.amount, "") if line.side == "D" else ("", line.amount)
    dimensions = ", ".join(f"{name} {value}" for name, value in line.dimensions.items())
    quantity = "" if line.quantity is None else line.quantity
    return f"| {line.account} {account.zh} | {account.en} | {debit} | {credit} | {quantity} | {dimensions} |\n"
