"""`make audit`: bandit over our own code, pip-audit over the locks. The exit code is 0 only if neither finds anything.

pip-audit asks PyPI, calls what it is not told about "skipped" and says nothing of it in its exit code. So whoever
cannot reach PyPI, or reaches a mirror without advisories, would see green; here that is said in capitals, and only when
nothing at all could be asked is it no failure.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
SKIPPED = "audit: SKIPPED, no advisory source is reachable from here: nobody has looked for known vulnerabilities"


def main() -> int:
    """Both audits, whatever the first one finds."""
    bandit = subprocess.run(
        [sys.executable, "-m", "bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive",
         "services", "shared", "tools"],
        cwd=ROOT, check=False,
    )
    print("audit: bandit found", "faults" if bandit.returncode else "nothing", flush=True)
    return max(bandit.returncode, audit_locks())


def audit_locks() -> int:
    """What is known against the locked libraries."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off",
               "--format=json", "--timeout=15", *(word for lock in LOCKS for word in ("--requirement", lock))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        libraries = json.loads(done.stdout)["dependencies"]
    except ValueError:  # it ended before it had an answer to print
        reached = "ConnectionError" not in done.stderr and "Timeout" not in done.stderr
        print(done.stderr[-2000:] if reached else SKIPPED)
        return 1 if reached else 0
    code, words = judge(libraries)
    print("\n".join(words))
    return code


def judge(libraries: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The exit code, and what to say of pip-audit's findings."""
    asked = [library for library in libraries if "skip_reason" not in library]
    if not asked:
        return 0, [SKIPPED]
    wrong = [
        f"audit: {library['name']} {library['version']}: {found['id']}, mended in {', '.join(found['fix_versions'])}"
        for library in asked for found in library["vulns"]
    ]
    wrong += [f"audit: {library['name']}: {library['skip_reason']}" for library in libraries if library not in asked]
    return (1, wrong) if wrong else (0, [f"audit: nothing is known against {len(asked)} locked libraries"])


if __name__ == "__main__":
    sys.exit(main())
