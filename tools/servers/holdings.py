"""What a run has started and must end, written down so that its guard or a later run can end it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

FILE = "held.json"
PATIENCE = 20.0  # seconds that a server gets to end in order before it is killed


@dataclass(frozen=True)
class Process:
    """A process that we started. `born` tells it from a later process that was given the same id."""

    pid: int
    born: str
    ending: int = signal.SIGTERM  # the signal that makes it end in order

    @classmethod
    def of(cls, pid: int, ending: int = signal.SIGTERM) -> Self:
        """The process that runs under this id now."""
        return cls(pid, _born(pid) or "gone", ending)

    @property
    def alive(self) -> bool:
        """True while it runs; a zombie does not run."""
        return _born(self.pid) == self.born

    def send(self, number: int) -> None:
        """Send a signal, to this process only and only while it is the one we started."""
        if self.alive:
            os.kill(self.pid, number)

    def end(self) -> None:
        """Ask it to end, wait, and kill it if it does not."""
        self.send(self.ending)
        if not self.gone_within(PATIENCE):
            self.send(signal.SIGKILL)
            self.gone_within(PATIENCE)

    def gone_within(self, seconds: float) -> bool:
        """Wait until it is gone; False if it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.alive


class Holdings:
    """The processes, containers and folders of one run, in a file of a folder of its own under `.run/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.afterwards: list[Callable[[], object]] = []  # what this process itself must collect or close in the end
        self._guard: Guard | None = None
        self._lock = threading.Lock()

    @property
    def exist(self) -> bool:
        """False once they were released."""
        return (self.folder / FILE).exists()

    @property
    def guarded(self) -> bool:
        """True while the run's guard lives, or for servers that were left running on purpose."""
        guard = self._read().get("guard")
        return guard is None or Process(**guard).alive

    def open(self, guard: "Guard | None") -> None:
        """Begin with nothing but the guard that will release them; None: they stay until `down`."""
        self._guard = guard
        self._write({"guard": guard and vars(guard.process), "processes": [], "containers": [], "folders": []})

    def finish(self) -> None:
        """Have the guard release everything now."""
        if self._guard:
            self._guard.release()
        for closing in self.afterwards:
            closing()

    def add(self, *, process: Process | None = None, container: str | None = None, folder: Path | None = None) -> None:
        """Remember one thing more."""
        with self._lock:
            held = self._read()
            if process:
                held["processes"].append(vars(process))
            if container:
                held["containers"].append(container)
            if folder:
                held["folders"].append(str(folder))
            self._write(held)

    def release(self) -> None:
        """End everything, last started first, and remove the data. Nothing that we did not start is touched."""
        if not self.exist:
            return
        held = self._read()
        for process in reversed(held["processes"]):
            Process(**process).end()
        if held["containers"]:
            from tools.servers import containers  # needed only where a Docker engine was used

            containers.remove(held["containers"])
        for folder in held["folders"]:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads((self.folder / FILE).read_text())
        return held

    def _write(self, held: dict[str, Any]) -> None:
        beside = self.folder / f"{FILE}.new"
        beside.write_text(json.dumps(held, indent=1))
        beside.replace(self.folder / FILE)


class Guard:
    """A small process that releases a run's holdings when the run ends, however it ends: also by kill -9.

    It reads from a pipe that only the run holds open; the system closes it with the run. So there is one way to
    end, and no signal handlers in the process that runs the tests or the demo.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.servers", "guard", str(folder)], cwd=root, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.process = Process.of(self._process.pid)

    def release(self) -> None:
        """Have the guard end everything now, and wait for it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def guard(folder: Path) -> None:
    """What the guard process does: wait for the end of the run, then release what it held."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Holdings(folder).release()


def sweep(run: Path) -> None:
    """Release what runs without a living guard left behind, for example after the machine was switched off."""
    for file in run.glob(f"*/{FILE}"):
        holdings = Holdings(file.parent)
        if not holdings.guarded:
            holdings.release()


def _born(pid: int) -> str | None:
    """When the system says that a process began; None if there is none, or only its zombie."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, born = fields[0], fields[19]
    else:
        command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        state, _, born = shown.strip().partition(" ")
    return None if not state or state[0] in "ZX" else born
