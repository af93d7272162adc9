"""The list of mutants is in step with the code: each can be applied, and the tests that catch it exist."""

import ast

import pytest

from tools.mutants import ROOT, Mutant, mutants

MUTANTS = mutants()
FEWEST = 40  # the list does not shrink by accident


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_it_can_be_applied_and_its_tests_exist(mutant: Mutant) -> None:
    assert mutant.applied_to(ROOT) != (ROOT / mutant.file).read_text()
    assert mutant.tests
    for test in mutant.tests:
        path, _, name = test.partition("::")
        functions = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text()))
                     if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, test


def test_no_promise_lost_its_mutants() -> None:
    assert len({mutant.breaks for mutant in MUTANTS}) == len(MUTANTS) >= FEWEST
