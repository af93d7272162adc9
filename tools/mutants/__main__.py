"""`python -m tools.mutants [WORD]`: break a copy of the checkout, once per mutant, and see its tests fail.

WORD picks the mutants that have it in their description. Exit code 1 if any mutant survives or does not apply.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tools.mutants import ROOT, Mutant, OutdatedError, mutants
from tools.servers import Servers, servers

COPIED = ("services", "shared", "tests", "tools", "deploy", "pyproject.toml")
LIMIT_SECONDS = 300
TESTS_FAILED = 1  # pytest's exit code; others mean that it could not even collect


def main() -> int:
    word = " ".join(sys.argv[1:])
    chosen = [mutant for mutant in mutants() if word in mutant.breaks]
    began = time.monotonic()
    verdicts: Counter[str] = Counter()
    with servers() as running, tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy_checkout(copy)
        for mutant in chosen:
            started = time.monotonic()
            verdict, output = _try(mutant, copy, running)
            verdicts[verdict] += 1
            print(f"{verdict:<9}{time.monotonic() - started:>5.0f} s  {mutant.breaks}  ({mutant.file})", flush=True)
            if verdict != "caught":
                print(output, flush=True)
    print(f"mutants: n={len(chosen)} caught={verdicts['caught']} survived={verdicts['survived']} "
          f"broken={verdicts['broken']} outdated={verdicts['outdated']} seconds={time.monotonic() - began:.0f}")
    return 0 if chosen and verdicts["caught"] == len(chosen) else 1


def _copy_checkout(copy: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)


def _try(mutant: Mutant, copy: Path, running: Servers) -> tuple[str, str]:
    """The verdict on one mutant, and what pytest said; the copy is whole again afterwards."""
    target = copy / mutant.file
    whole = target.read_text(encoding="utf-8")
    try:
        target.write_text(mutant.applied_to(copy), encoding="utf-8")
        return _verdict(*_run_tests(mutant, copy, running))
    except OutdatedError as error:
        return "outdated", str(error)
    finally:
        target.write_text(whole, encoding="utf-8")


def _verdict(code: int | None, output: str) -> tuple[str, str]:
    """`caught` only if a test itself failed: an error of a fixture or of an import proves nothing."""
    if code == 0:
        return "survived", output
    failed = any(line.startswith("FAILED ") for line in output.splitlines())
    return ("caught" if code == TESTS_FAILED and failed else "broken"), output[-3000:]


def _run_tests(mutant: Mutant, copy: Path, running: Servers) -> tuple[int | None, str]:
    """The exit code, None if the tests did not end, and the output."""
    environment = {
        **os.environ, "DATABASE_URL": running.database_url, "RABBITMQ_URL": running.rabbitmq_url,
        "RABBITMQ_MANAGEMENT_URL": running.management_url, "RABBITMQ_USERS": json.dumps(dict(running.users)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "-p", "no:cacheprovider", *mutant.tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS, check=False,
        )
    except subprocess.TimeoutExpired as late:
        return None, f"not within {late.timeout} s"
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
