"""The services as processes of their own: migrated, started, watched, started again when one dies, and ended."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tools.servers.holdings import Guard, Holdings, Process
from tools.servers.native import free_ports

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / ".run"
KEPT = RUN / "demo"
PRODUCERS = ("order", "inventory", "accounting", "crm")  # who says what happened
SERVICES = (*PRODUCERS, "webhooks")
ALL = (*SERVICES, "console")  # the console only where somebody looks at it: a demo that is kept
FOREIGN = {"DATABASE_URL", "RABBITMQ_URL", "RABBITMQ_USERS"}  # administrators' addresses are not for services
WATCH_SECONDS = 0.25
READY_SECONDS = 90.0
END_SECONDS = 20.0


class NotReadyError(RuntimeError):
    """A service could not be prepared or did not become ready; the text holds the end of its log."""


@dataclass
class Member:
    """One process of a service: where it listens, and what was seen of it. Its one-shot jobs have other settings."""

    name: str
    service: str
    environment: Mapping[str, str]
    jobs: Mapping[str, Mapping[str, str]]
    url: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    peak_kib: int = 0

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)


class Fleet:
    """Starts and ends the services. Whatever happens to this process, its guard ends them (unless they are kept)."""

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.folder = KEPT if keep else RUN / f"demo-{secrets.token_hex(3)}"
        self.members: dict[str, Member] = {}
        self._holdings = Holdings(self.folder)
        self.folder.mkdir(parents=True)
        self._holdings.open(None if keep else Guard(ROOT, self.folder))

    def add(
        self, service: str, settings: Mapping[str, str], jobs: Mapping[str, Mapping[str, str]], *, name: str = ""
    ) -> Member:
        """A service with its settings, on a free port, and the settings of `migrate` and `topology`; each of several
        replicas has a name of its own."""
        name = name or service
        port = self._free_port()
        inherited = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        environment = {
            **inherited, **settings, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
        }
        log = RUN / "logs" / f"{name}.log"
        jobs = {job: {**inherited, **own} for job, own in jobs.items()}
        self.members[name] = Member(name, service, environment, jobs, f"http://127.0.0.1:{port}", log)
        return self.members[name]

    @property
    def urls(self) -> dict[str, list[str]]:
        """service -> where its replicas listen."""
        return {service: [replica.url for replica in self.replicas(service)] for service in ALL}

    def replicas(self, service: str) -> list[Member]:
        return [member for member in self.members.values() if member.service == service]

    async def prepare(self) -> None:
        """Migrate every database and declare every queue."""
        (RUN / "logs").mkdir(parents=True, exist_ok=True)
        for step in ("migrate", "topology"):
            firsts = {member.service: member for member in reversed(self.members.values())}
            await asyncio.gather(*(_run_once(member, step) for member in firsts.values()))

    async def start(self) -> None:
        """Start all, and wait until each says that it is ready."""
        for member in self.members.values():
            member.log.write_bytes(b"")
            self._start(member)
        await asyncio.gather(*(wait_ready(member) for member in self.members.values()))

    async def begin(self, member: Member) -> None:
        """Start one, and wait until it says that it is ready."""
        self._start(member)
        await wait_ready(member)

    def stop(self, member: Member) -> None:
        """End one in order, or at once if that takes too long, and wait for it."""
        if member.process:
            member.process.terminate()
            try:
                member.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
            member.process = None

    async def watch(self) -> None:
        """Until cancelled: start again what died, and remember the peak memory of each."""
        while True:
            for member in self.members.values():
                member.peak_kib = max(member.peak_kib, peak_kib(member.process))
                if member.process is None or member.process.poll() is not None:
                    self._start(member)
            await asyncio.sleep(WATCH_SECONDS)

    def end(self) -> None:
        """End all services and wait for them; kept ones stay."""
        if self.keep:
            return
        running = [member.process for member in self.members.values() if member.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        self._holdings.release()  # kills what did not end
        self._holdings.finish()
        for process in running:
            process.wait()

    def _free_port(self) -> int:
        """Not one of those that clients get: it must still be free when a killed service comes back."""
        taken = {int(member.environment["HTTP_PORT"]) for member in self.members.values()}
        return next(port for port in free_ports(len(taken) + 1) if port not in taken)

    def _start(self, member: Member) -> None:
        with member.log.open("ab") as log:
            member.process = subprocess.Popen(
                [sys.executable, "-m", f"services.{member.service}", "serve"], cwd=ROOT, env=dict(member.environment),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        member.starts += 1
        self._holdings.add(process=Process.of(member.process.pid))


async def _run_once(member: Member, step: str) -> None:
    """`migrate` or `topology` of one service."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{member.service}", step, cwd=ROOT, env=dict(member.jobs[step]),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise NotReadyError(f"{member.name} {step} failed:\n{output.decode(errors='replace')[-2000:]}")


async def wait_ready(member: Member) -> None:
    """Until it says so itself; NotReadyError when it dies or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    said = "nothing"
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            with suppress(httpx2.TransportError):
                response = await client.get(f"{member.url}/readyz")
                if response.status_code == httpx2.codes.OK:
                    return
                said = response.text
            if member.process and member.process.poll() is not None:
                break
            await asyncio.sleep(0.1)
    tail = member.log.read_text(errors="replace")[-2000:]
    raise NotReadyError(f"{member.name} is not ready, /readyz says {said}; the end of {member.log}:\n{tail}")


def peak_kib(process: subprocess.Popen[bytes] | None) -> int:
    """The peak memory of a process, where the system tells (Linux); else 0."""
    if process is None:
        return 0
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
