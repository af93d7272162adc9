"""The audit is green only when somebody has looked, and says so when nobody could."""

from typing import Any

from tools.audit import SKIPPED, judge

FINE = {"name": "attrs", "version": "25.1.0", "vulns": []}
UNKNOWN = {"name": "pyjwt", "skip_reason": "Dependency not found on PyPI and could not be audited: pyjwt (2.15.1)"}
BAD: dict[str, Any] = {
    "name": "pyjwt", "version": "2.11.0", "vulns": [{"id": "CVE-2026-32597", "fix_versions": ["2.12.0"]}],
}


def test_nothing_known_is_green() -> None:
    assert judge([FINE]) == (0, ["audit: nothing is known against 1 locked libraries"])


def test_a_known_vulnerability_is_a_failure() -> None:
    assert judge([FINE, BAD]) == (1, ["audit: pyjwt 2.11.0: CVE-2026-32597, mended in 2.12.0"])


def test_a_library_that_nobody_looked_at_is_a_failure() -> None:
    code, (word,) = judge([FINE, UNKNOWN])
    assert code == 1
    assert "could not be audited" in word


def test_without_any_advisory_source_it_says_so_aloud() -> None:
    assert judge([UNKNOWN, UNKNOWN]) == (0, [SKIPPED])
