"""The private servers: they come back with their data after a crash, and nothing outlives its run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.servers import ROOT, programs
from tools.servers.holdings import Guard, Holdings, Process, sweep
from tools.servers.native import Postgres, free_ports
from tools.servers.server import NotStarted, listens

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def holdings(tmp_path: Path) -> Holdings:
    folder = tmp_path / "run"
    folder.mkdir()
    return Holdings(folder)


def sleeper(holdings: Holdings) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(SLEEP)
    holdings.add(process=Process.of(child.pid))
    return child


@pytest.mark.skipif(not programs.found_postgres(), reason="no PostgreSQL programs on this machine")
def test_postgres_keeps_what_was_committed_when_it_is_killed(holdings: Holdings) -> None:
    holdings.open(Guard(ROOT, holdings.folder))
    try:
        postgres = Postgres(holdings)
        postgres.ctl("-c", "create table t as select 1 as x")
        before = postgres.pid, postgres.url
        postgres.kill()
        with pytest.raises(NotStarted):
            postgres.ctl("-c", "select 1")
        postgres.start()
        assert postgres.ctl("-Atc", "select x, current_setting('fsync') from t").strip() == "1|on"
        assert postgres.pid != before[0]
        assert postgres.url == before[1]
    finally:
        holdings.finish()
    assert not listens(postgres.url)
    assert not holdings.folder.exists()
    assert not postgres.data.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_guard_ends_everything_when_its_run_is_killed(holdings: Holdings, number: int) -> None:
    program = (
        "import signal, sys, time; from pathlib import Path; from tools.servers.holdings import Guard, Holdings;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a job in the background ignores it
        "h = Holdings(Path(sys.argv[2])); h.open(Guard(Path(sys.argv[1]), h.folder)); print(flush=True); time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, ROOT, holdings.folder], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with run:
        assert run.stdout
        run.stdout.readline()
        child = sleeper(holdings)
        os.kill(run.pid, number)
    assert child.wait(timeout=20) == -signal.SIGTERM
    gone_by = time.monotonic() + 10
    while holdings.folder.exists() and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert not holdings.folder.exists()


def test_a_later_run_cleans_up_behind_one_whose_guard_died_too(holdings: Holdings) -> None:
    guard = Guard(ROOT, holdings.folder)
    holdings.open(guard)
    child = sleeper(holdings)
    sweep(holdings.folder.parent)
    assert child.poll() is None, "a guarded run is somebody else's"
    guard.process.send(signal.SIGKILL)
    guard.release()
    sweep(holdings.folder.parent)
    assert child.wait(timeout=5) == -signal.SIGTERM
    assert not holdings.folder.exists()


def test_a_process_that_was_given_an_old_id_is_left_alone() -> None:
    child = subprocess.Popen(SLEEP)
    Process(child.pid, "long ago").end()
    assert child.poll() is None
    Process.of(child.pid).end()
    assert child.wait() == -signal.SIGTERM


def test_free_ports_are_below_those_of_clients() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_000 for port in ports)
