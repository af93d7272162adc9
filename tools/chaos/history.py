"""What was acknowledged to the client, and what was done to the services meanwhile: a JSON object a line."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class History:
    """Writes `history.jsonl`; keeps nothing in memory but the sums."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._began = time.monotonic()
        self.acknowledged = self.kills = self.hits = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def acknowledge(self, key: str, owner: str, events: Sequence[Mapping[str, Any]], *, by_queue: bool) -> None:
        """The client was told that these events came of its command."""
        self.acknowledged += len(events)
        self._write("acknowledged", key=key, owner=owner, door="queue" if by_queue else "http", events=[
            {"id": event["id"], "type": event["type"]} for event in events
        ])

    def kill(self, victims: Sequence[str], in_flight: int | None) -> None:
        """Processes were killed while so many events were under way (None: the database could not say)."""
        self.kills += len(victims)
        self.hits += len(victims) if in_flight else 0
        self._write("killed", victims=victims, in_flight=in_flight)

    def note(self, what: str, **details: Any) -> None:
        """Anything else that helps to understand the run."""
        self._write(what, **details)

    def close(self) -> None:
        self._file.close()

    def _write(self, what: str, **details: Any) -> None:
        self._file.write(json.dumps({"at": round(self.seconds, 3), "what": what, **details}, ensure_ascii=False) + "\n")
        self._file.flush()
