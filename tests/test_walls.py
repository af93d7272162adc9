"""The walls between the rooms (pyproject.toml, [tool.importlinter]) stand."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]


def test_no_import_goes_through_a_wall(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_library_takes_the_name_of_a_room() -> None:
    assert not {"services", "shared", "tools", "tests"} & set(packages_distributions())


def test_every_contract_is_about_what_exists() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for module in {module for contract in contracts for module in contract.get("source_modules", [])}:
        assert any(ROOT.glob(module.replace(".", "/"))) or any(ROOT.glob(module.replace(".", "/") + ".py")), module
