"""Every part of the bench, so small that its figures mean nothing: each says its line, and did what it measured.

Each part checks what it measured (the independent checker, counts), and ends with another exit code if it is wrong.
"""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tools.bench import page
from tools.bench.__main__ import PARTS
from tools.bench.line import WANTED, Line, shown

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 600
NEEDED = {
    "posting": {"vouchers_per_s", "raw_consume_per_s", "ratio"},
    "relay": {"published_per_s", "raw_confirmed_publish_per_s", "ratio"},
    "walk": {"orders_per_s", "vouchers_per_s", "order_ms", "accounting_ms"},
    "walk-http": {"orders_per_s", "vouchers_per_s"},
    "latency": {"p50_ms", "p99_ms"},
    "growth": {"growth", "posting", "trial_balance", "page"},
    "memory": {"max_rss_mb"},
    "poison": {"ratio"},
    "rebuild": {"entries_per_s"},
    "pages": {"first_load_kb", "list_p95_ms", "sql_p95_ms", "ratio"},
}


@pytest.mark.slow
@pytest.mark.parametrize("parts", [
    pytest.param(["posting", "relay", "walk"], id="some"),
    pytest.param(["latency", "poison", "memory", "rebuild", "growth"], id="others"),
])
def test_every_part_measures_and_says_its_line(parts: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench", *parts], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=LIMIT_SECONDS, env={**os.environ, "SCALE": "0.01", "GROWTH_LINES": "50000"},
    )
    assert "Traceback" not in done.stderr, done.stderr[-6000:]
    found = {}
    for line in done.stdout.splitlines():
        matched = re.fullmatch(r"bench (\S+): (.+)", line)
        assert matched, line
        found[matched[1]] = {name: float(value) for name, value in re.findall(r"(\w+)=(\S+)", matched[2])}
    said = {part: needed for part, needed in NEEDED.items() if part.partition("-")[0] in parts}
    assert {part: needed - found[part].keys() for part, needed in said.items()} == {part: set() for part in said}
    assert all(value > 0 for figures in found.values() for name, value in figures.items() if not name.endswith("_ms"))


@pytest.mark.parametrize(("ratio", "passes", "verdict"), [
    (0.34, False, "ratio ≥ 0.45: not yet (gate 0.35: MISSED)"),
    (0.40, True, "ratio ≥ 0.45: not yet (gate 0.35: passed)"),
    (0.45, True, "ratio ≥ 0.45: reached (gate 0.35: passed)"),
])
def test_a_line_says_what_is_reached(ratio: float, passes: bool, verdict: str) -> None:
    line = Line("posting", {"ratio": ratio})
    assert (line.passes, line.verdicts) == (passes, [verdict])


def test_times_and_sizes_must_stay_below() -> None:
    assert Line("latency", {"p50_ms": 40, "p99_ms": 260}).verdicts == ["p50_ms ≤ 50: reached", "p99_ms ≤ 250: not yet"]


def test_three_digits() -> None:
    assert [shown(value) for value in (1234.5, 56.78, 0.456)] == ["1234", "56.8", "0.46"]


def test_the_page_says_when_the_machine_was_not_its_own() -> None:
    line, machine = Line("relay", {"ratio": 0.5}, ("5 × 15000 events",)), {"CPU": "two cores"}
    calm, busy = (page.text([line], machine, load, date(2026, 1, 2)) for load in (0.3, 2.5))
    assert "bench relay: ratio=0.50" in calm
    assert "* CPU: two cores" in calm
    assert "too low" not in calm
    assert "too low" in busy


def test_every_part_has_its_meaning_and_what_is_wanted() -> None:
    assert set(page.MEANING) == set(WANTED) | {"walk-http"} == set(NEEDED)
    assert set(WANTED) == set(PARTS)
