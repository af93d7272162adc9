"""`python -m services.accounting serve|migrate|topology|replay|lint|docs|prove|pack|export|import|whatif`."""

from pathlib import Path

from services.accounting import docs, packs
from services.accounting.api import router
from services.accounting.domain.linter import lint
from services.accounting.follower import Follower
from services.accounting.handlers import service
from services.accounting.handlers.tieout import Comparer
from services.accounting.proofs import command
from services.accounting.sheets import command as sheets
from shared.main import run


def lint_packs(_arguments: list[str]) -> int:
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
        "prove": ("prove the books: prove NAME|all [--company C] (证明账簿)", command.main),
        "pack": ("write a month's proof pack: pack --company C --period 2025-01 (期间证明包)", command.pack),
        "export": ("write a ledger for beancount, ledger or hledger (导出账簿)", command.export),
        "import": ("bring in vouchers, openings or accounts of a CSV or XLSX (导入凭证, 期初余额, 期初应收应付)",
                   sheets.main),
        "whatif": ("say what another pack would change (换一套准则会怎样)", command.whatif),
    }, beside=[lambda _app, pool: Follower(pool), lambda _app, pool: Comparer(service, pool)])
