"""The demo's orders end the same although every service is killed, again and again, while they are under way."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.servers import Servers

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 150
KILLS = 8
SEED = 20171
LIMIT_SECONDS = 240

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the services through /proc")


def test_orders_end_the_same_although_services_are_killed(servers: Servers, tmp_path: Path) -> None:
    screen = tmp_path / "screen"
    with screen.open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "tools.demo"], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, "ORDERS": str(ORDERS), "DATABASE_URL": servers.database_url,
                 "RABBITMQ_URL": servers.rabbitmq_url, "RABBITMQ_USERS": json.dumps(dict(servers.users))},
        )
    killed = 0
    try:
        for pid in _victims(demo, screen, random.Random(SEED)):
            os.kill(pid, signal.SIGKILL)
            killed += 1
        demo.wait(timeout=LIMIT_SECONDS)
    finally:
        demo.kill()
    output = screen.read_text()
    last_line = output.strip().splitlines()[-1]
    assert demo.returncode == 0, output[-4000:]
    assert re.match(rf"demo: orders={ORDERS} .* rejected=0 pending=0 parked=0 unpublished=0 tie_out=ok", last_line)
    assert killed == KILLS, f"the demo ended after {killed} kills"


def _victims(demo: subprocess.Popen[bytes], screen: Path, dice: random.Random) -> Iterator[int]:
    """Processes of the services in turn, from the time when all are ready; ends early when the demo ends."""
    while demo.poll() is None and "services are ready" not in screen.read_text():
        time.sleep(0.05)
    for name in ["order", "inventory", "accounting", "crm"] * (KILLS // 4):
        time.sleep(dice.uniform(0.5, 1.5))
        while demo.poll() is None and name not in _services(demo.pid):
            time.sleep(0.05)
        if demo.poll() is not None:
            return
        yield _services(demo.pid)[name]


def _services(parent: int) -> dict[str, int]:
    """name -> pid of the services that this demo runs."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except FileNotFoundError:
        return {}
    found = {}
    for pid in children:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except FileNotFoundError:
            continue
        name = next((part.removeprefix("services.") for part in command if part.startswith("services.")), None)
        if name and "serve" in command:
            found[name] = int(pid)
    return found
