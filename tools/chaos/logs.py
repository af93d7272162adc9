"""What the services wrote into their logs that nobody expects, even while everything around them breaks."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

UNEXPECTED = {"error", "critical"}


def unexpected(files: Iterable[Path]) -> Counter[str]:
    """Errors, and lines that are no log lines at all (a traceback of an interpreter), with how often they came."""
    found: Counter[str] = Counter()
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if text := _unexpected(line.rstrip()):
                    found[f"{path.stem}: {text}"] += 1
    return found


def _unexpected(line: str) -> str:
    try:
        entry = json.loads(line)
        level = entry["level"]
    except (ValueError, KeyError, TypeError):
        return line[:200]
    if level not in UNEXPECTED:
        return ""
    last = str(entry.get("exception", "")).strip().rpartition("\n")[2]
    return f"{entry.get('event')} {last}"[:200]
