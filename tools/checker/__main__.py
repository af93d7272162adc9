"""`python -m tools.checker --order URL --inventory URL --accounting URL --crm URL`: a line per check, 1 on a fault."""

import argparse
import asyncio
import os
import sys

from tools.checker import check
from tools.checker.databases import PRODUCERS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.checker", description="Checks the books from the databases.")
    for name in PRODUCERS:
        variable = f"{name.upper()}_DATABASE_URL"
        parser.add_argument(f"--{name}", metavar="URL", default=os.environ.get(variable), help=f"or {variable}")
    given = vars(parser.parse_args())
    if missing := [name for name in PRODUCERS if not given[name]]:
        parser.error(f"no database URL for {', '.join(missing)}")
    report = asyncio.run(check(given))
    for finding in report.findings:
        print(finding)
    wrong = sum(not finding.ok for finding in report.findings)
    print(f"checker: {len(report.findings)} checks, {wrong} with faults, {report.counts['vouchers']} vouchers, "
          f"debit {report.debit:f}, credit {report.credit:f}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
