"""The laws of the code that no linter knows (CONTRIBUTING.md): sizes, and who may do what."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    path.relative_to(ROOT) for room in ("services", "shared", "tools") for path in (ROOT / room).rglob("*.py")
)
PRODUCT = [path for path in ROOMS if path.parts[0] != "tools"]
LONGEST_FILE = 400
LONGEST_FUNCTION = 70

# Who may do it beside every __main__.py, and why.
READS_ENVIRONMENT = {
    "shared/testing.py": "finds the servers that the test session brought up",
}
OPENS_TRANSACTIONS = {
    "shared/service.py": "the shell of every use case",
    "shared/migrate.py": "each migration is one transaction, before the service serves",
}
SQL_METHODS = {"fetch", "fetchrow", "fetchval", "execute", "executemany", "cursor", "prepare"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method, with the method's name."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


@pytest.mark.parametrize("path", ROOMS, ids=str)
def test_files_and_functions_are_short(path: Path) -> None:
    lines = len((ROOT / path).read_text().splitlines())
    assert lines <= LONGEST_FILE, f"{path} has {lines} lines: make it a folder of the same name"
    for function in functions_of(path):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{path}:{function.lineno} {function.name} has {length} lines"


@pytest.mark.parametrize("path", ROOMS, ids=str)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)) or not (ROOT / path).read_text().strip(), path


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.parts[0] == "services"], ids=str)
def test_sql_is_a_literal_in_the_function_that_runs_it(path: Path) -> None:
    for method, call in calls_of(path):
        if method in SQL_METHODS:
            literal = bool(call.args) and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
            assert literal, f"{path}:{call.lineno} .{method}( takes SQL that is not a literal"


def imported_by(path: Path) -> Iterator[str]:
    """The top names of all that a file imports."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]


def test_images_hold_every_library_that_services_import() -> None:
    """Tests run with the libraries of developers, too, among which a forgotten one may be."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    distributions = packages_distributions()
    for path in PRODUCT:
        for name in set(imported_by(path)) - {"services", "shared"} - sys.stdlib_module_names:
            own = {distribution.lower().replace("_", "-") for distribution in distributions[name]}
            assert own & locked or path.as_posix() == "shared/testing.py", f"{path} imports {name}"


def reads_environment(path: Path) -> bool:
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name):
                names.add(name)
            case ast.ImportFrom(module="os", names=imported):
                names.update(alias.name for alias in imported)
    return bool(names & {"environ", "environb", "getenv", "getenvb"})


def test_only_settings_and_main_read_the_environment() -> None:
    readers = {path.as_posix() for path in PRODUCT if path.name != "__main__.py" and reads_environment(path)}
    assert readers - {"shared/settings.py"} == set(READS_ENVIRONMENT)


def test_only_the_shell_opens_transactions() -> None:
    openers = {path.as_posix() for path in PRODUCT if any(method == "transaction" for method, _ in calls_of(path))}
    assert openers == set(OPENS_TRANSACTIONS)
