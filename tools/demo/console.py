"""The console of a demo that is kept: the browser's files, and somebody for each role."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from tools.demo.fleet import ROOT, Member
from tools.demo.people import PEOPLE

VENDOR = ROOT / "services/console/static/vendor"
ACCOUNTS = {**PEOPLE, "auditor": "zhou.auditor", "admin": "wang.admin"}


def is_dressed(screen: Console) -> bool:
    """True if the browser's files are there, or can be had."""
    if (VENDOR / ".of").exists():
        return True
    screen.print("控制台的浏览器文件 the browser files of the console: npm ci", markup=False)
    done = subprocess.run(["sh", "tools/browser_files.sh"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        screen.print(f"没有控制台 no console: {done.stderr.strip()[-300:]}", markup=False)
    return done.returncode == 0


async def make_accounts(member: Member, company: str) -> dict[str, tuple[str, str]]:
    """role -> (account, password), made at random and kept nowhere else than in the demo's own folder."""
    made = await asyncio.gather(*(_make(member, company, role, name) for role, name in ACCOUNTS.items()))
    return dict(zip(ACCOUNTS, zip(ACCOUNTS.values(), made, strict=True), strict=True))


async def _make(member: Member, company: str, role: str, name: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.console", "account", "add", name, "--company", company, "--role", role,
        cwd=ROOT, env=dict(member.environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    lines = output.decode().split()
    if process.returncode or not lines:
        raise RuntimeError(f"no account {name}: {output.decode(errors='replace')[-500:]}")
    return lines[-1]


def shown(member: Member, people: Mapping[str, tuple[str, str]], folder: Path) -> str:
    """Where the console is, and a sign-in for each role; written down besides, for later."""
    lines = [f"  {role:<18}{name:<18}{password}" for role, (name, password) in people.items()]
    text = "\n".join([f"控制台 console: {member.url}/    role, account, password:", *lines])
    file = folder / "console"
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    return f"{text}\n  (also in {file.relative_to(ROOT)})"
