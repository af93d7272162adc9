"""`python -m tools.contracts` writes docs/events; it refuses to break what is published."""

import sys

from tools.contracts import files

if __name__ == "__main__":
    try:
        for path in files.write():
            print(f"docs/events/{path}")
    except (files.BreakingError, FileNotFoundError) as error:
        sys.exit(f"contracts: {error}")
