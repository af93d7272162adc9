"""The proofs of accounting on the demo's ledger, by the commands that users have."""

import asyncio
import re
import sys

from tools import verify_pack
from tools.demo.fleet import ROOT, Member
from tools.demo.plan import COMPANY

FAILED = "FAILED: "  # what the line of a proof begins with that says nothing by itself


async def prove(accounting: Member, period: str) -> list[str]:
    """Run every proof, and verify the pack of a month without the database; returns a line for each."""
    code, said = await _run(accounting, "prove", "all")
    lines = said.splitlines()
    wrong = [line for line in lines if not re.match(r"proof \w+: ok ", line)]
    code_pack, written = await _run(accounting, "pack", "--company", COMPANY, "--period", period)
    pack = verify_pack.Pack().read(written.splitlines())
    faults = ["it could not be written"] if code_pack else pack.verify()
    seen = f"{len(pack.vouchers)} vouchers of {period}, root {pack.root[:16]}, by tools/verify_pack.py"
    lines.append(f"proof pack: FAILED {'; '.join(faults[:5])}" if faults else f"proof pack: ok {seen}")
    if code or wrong or faults:
        lines.append(f"{FAILED}not every proof holds")
    return lines


async def _run(accounting: Member, *arguments: str) -> tuple[int, str]:
    """A command of the service, with the service's own settings and rights; its exit code and what it said. How far it
    is goes to the terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.accounting", *arguments, cwd=ROOT, env=dict(accounting.environment),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
