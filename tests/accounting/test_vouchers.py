"""Golden vouchers: `vouchers/events/*.md` hold an event each, `vouchers/<pack>/*.md` what it comes to by each pack.

After a change that is meant, write them again with `GOLDEN=write pytest tests/accounting/test_vouchers.py`, and read
the difference as an accountant would. A new example needs only its file in `events`.
"""

import json
import os
from pathlib import Path

import pytest

from services.accounting import docs, packs
from services.accounting.docs import Example
from services.accounting.domain.journal import decide
from services.accounting.domain.pack import Pack
from services.accounting.domain.posting import post
from services.accounting.domain.reading import READERS
from shared.testing import Script
from tests.accounting import examples

FOLDER = Path(__file__).parent / "vouchers"
EXAMPLES = docs.examples()
PACKS = packs.all_packs()


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.standard)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_golden_voucher(example: Example, pack: Pack) -> None:
    posting = post(Script().say(example.event), examples.policies(pack))
    made = f"# {example.title.zh} · {example.title.en}\n\n{docs.vouchers(posting, pack)}"
    file = FOLDER / pack.standard / f"{example.name}.md"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.standard)
def test_the_journal_row_alone_leads_to_the_same_vouchers(pack: Pack) -> None:
    """Whatever was posted live can be decided again from what the journal keeps, which is JSON."""
    for example in EXAMPLES:
        posted = post(Script().say(example.event), examples.policies(pack))
        stored = posted.row._replace(facts=json.loads(json.dumps(posted.row.facts)))
        assert decide(stored, examples.terms(pack)) == posted


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.standard)
def test_every_event_that_posts_has_a_golden_voucher(pack: Pack) -> None:
    assert set(pack.rules_by_event) == set(READERS) == {example.event.type for example in EXAMPLES}
    assert {file.stem for file in (FOLDER / pack.standard).iterdir()} == {example.name for example in EXAMPLES}


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.standard)
def test_the_main_example_of_a_rule_shows_all_its_lines(pack: Pack) -> None:
    by_name = {example.name: example for example in EXAMPLES}
    for rules in pack.rules_by_event.values():
        posting = post(by_name[rules[0].id].event, examples.policies(pack))
        for rule, voucher in zip(rules, posting.vouchers, strict=True):
            assert {(pack.roles[line.role], line.side) for line in rule.lines} == {
                (line.account, line.side) for line in voucher.lines
            }


def test_the_packs_differ_only_where_the_standards_do() -> None:
    """Whoever changes a rule of one pack changes the other, or says here why not."""
    small, large, _ = PACKS
    assert (small.rules, small.none, small.control) == (large.rules, large.none, large.control)
    assert {role for role, code in small.roles.items() if large.roles[role] != code} == {
        "advances", "cost_of_sales", "count_gain", "count_loss", "opening_balances", "profit", "retained",
        "revenue",
    }


def test_ifrs_differs_only_in_what_is_invoiced_and_when() -> None:
    """Its rules name the same roles, but for what is delivered and not invoiced yet."""
    small, _, ifrs = PACKS
    lines = {(rule.id, rule.part): rule.lines for rule in small.rules}
    assert {rule.id for rule in ifrs.rules if lines[rule.id, rule.part] != rule.lines} == {
        "sale-delivered", "sale-returned", "invoice-issued", "credit-note-issued",
    }
    assert ifrs.none == small.none
    assert set(ifrs.control) - set(small.control) == {"unbilled"}
