"""Under load everything is killed, cut off and frozen, or restarted in order: nothing is lost and nothing is doubled.

Short runs with fixed seeds; `make chaos` and `make chaos-night` are the long ones.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 900  # on an idle machine a run takes about a minute
PATIENCE = "6"  # stretches the limits of recovery: other programs may run on this machine


def chaos(*arguments: str, **size: int) -> dict[str, str]:
    """Run it, and read its last line; a run that found anything wrong fails the test with what it showed."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.chaos", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=LIMIT_SECONDS, env={**os.environ, "PATIENCE": PATIENCE, **{name: str(n) for name, n in size.items()}},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6000:]
    last_line = done.stdout.strip().splitlines()[-1]
    assert last_line.startswith("chaos: ")
    return dict(re.findall(r"(\w+)=(\S+)", last_line))


def assert_whole(found: dict[str, str], events: int) -> None:
    assert int(found["acknowledged"]) >= 0.95 * events
    assert found["ok"] == found["acknowledged"]
    nothing = {"lost": "0", "duplicated": "0", "parked": "0", "gaps": "0", "trial_balance": "0.00", "tie_out": "ok"}
    assert {name: found[name] for name in nothing} == nothing


def test_nothing_is_lost_or_doubled_whatever_is_killed() -> None:
    found = chaos(KILLS=12, EVENTS=800, SEED=20171)
    assert int(found["kills"]) >= 12
    assert_whole(found, 800)


def test_rolling_restarts_lose_and_double_nothing() -> None:
    assert_whole(chaos("rolling", RESTARTS=20, EVENTS=1000, SEED=20172), 1000)


@pytest.mark.slow
def test_twenty_rolling_restarts_of_the_whole_fleet() -> None:
    assert_whole(chaos("rolling", RESTARTS=160, EVENTS=8000, SEED=20173), 8000)
