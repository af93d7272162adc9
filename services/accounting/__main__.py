"""`python -m services.accounting serve|migrate|topology|replay|lint|docs`."""

from pathlib import Path

from services.accounting import docs, packs
from services.accounting.api import router
from services.accounting.domain.linter import lint
from services.accounting.handlers import service
from services.accounting.handlers.tieout import Comparer
from shared.main import run


def lint_packs() -> int:
    """Print what is wrong with each rule pack, in Chinese and English; the exit code is 1 if anything is."""
    wrong = 0
    for pack in packs.all_packs():
        findings = lint(pack)
        for finding in findings:
            print(f"{pack.standard} {pack.version} · {finding.place}: {finding.zh} / {finding.en}")
        print(f"{pack.standard} {pack.version}: {len(pack.rules)} rules, {len(findings)} findings")
        wrong += len(findings)
    return 1 if wrong else 0


if __name__ == "__main__":
    run(service, router, Path(__file__).parent, {
        "lint": ("prove the posting rules (检查规则包)", lint_packs),
        "docs": ("write docs/posting-rules.md of this checkout (生成记账规则文档)", docs.write),
    }, beside=lambda _app, pool: Comparer(service, pool).run())
