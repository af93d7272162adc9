"""Proves a pack before it may post: balanced, complete, and each control account moved by one producer only."""

from services.accounting.domain.linter import names, proofs
from services.accounting.domain.linter.finding import Finding
from services.accounting.domain.pack import Pack, Rule

__all__ = ["Finding", "lint"]


def lint(pack: Pack) -> list[Finding]:
    """Everything that is wrong with a pack; empty if it may post."""
    findings = [
        *names.chart(pack), *names.roles(pack), *names.controls(pack), *names.coverage(pack), *names.parts(pack),
        *proofs.stock(pack),
    ]
    sound: list[Rule] = []
    for rule in pack.rules:
        wrong = [*names.of_rule(rule, pack), *proofs.of_rule(rule, pack)]
        findings += wrong
        if not wrong:
            sound.append(rule)
    return [*findings, *proofs.reversals(pack, sound)]
