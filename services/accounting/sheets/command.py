"""`python -m services.accounting import KIND FILE --token-file T [--url U]`: reads the sheet, and asks the service that
owns what stands in it as the person whose token it is; so both doors are one function, and nobody is impersonated.

Vouchers, opening balances and accounts are accounting's; receivables are order's, payables inventory's.
"""

import argparse
import hashlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.accounting.sheets.reading import CHART, PAYABLES, RECEIVABLES, VOUCHERS, Layout, SheetError, read


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sheet: its columns, the door that it goes to, and the field of the command that holds its id."""

    layout: Layout
    door: str
    id_field: str = "import_id"


KINDS = {
    "vouchers": Kind(VOUCHERS, "/imports/vouchers"),
    "opening-balances": Kind(VOUCHERS, "/imports/opening-balances"),
    "accounts": Kind(CHART, "/imports/accounts"),
    "receivables": Kind(RECEIVABLES, "/openings/receivables", "opening_id"),
    "payables": Kind(PAYABLES, "/openings/payables", "opening_id"),
}


def main(arguments: Sequence[str]) -> int:
    """Import a file; the exit code is 1 if anything is wrong with it, and then nothing was kept."""
    parser = argparse.ArgumentParser(prog="python -m services.accounting import")
    parser.add_argument("kind", choices=[*KINDS])
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000",
                        help="where the owner listens: accounting; of receivables order, of payables inventory")
    parser.add_argument("--token-file", type=Path, required=True, help="the token of who imports, and so is the maker")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    args = parser.parse_args(arguments)
    try:
        rows = read(args.file, KINDS[args.kind].layout)
    except SheetError as error:
        print(error, file=sys.stderr)
        return 1
    events = _ask(args.url, args.kind, args.token_file.read_text().strip(), args.language, import_id(args.file), rows)
    if events is None:
        return 1
    _tell(args.kind, import_id(args.file), rows, events)
    return 0


def import_id(path: Path) -> str:
    """Of a file's content: the same file again is refused."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _ask(
    url: str, kind: str, token: str, language: str, sheet: str, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]] | None:
    """The events that came of it; None if it was refused or nobody answers, which is told."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": language,
               "Idempotency-Key": f"import-{kind}-{sheet}"}
    body = json.dumps({KINDS[kind].id_field: sheet, "rows": rows}).encode()
    request = urllib.request.Request(f"{url}{KINDS[kind].door}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # nosec B310: who calls it says where it is
            events: list[dict[str, Any]] = json.load(answer)["events"]
            return events
    except urllib.error.HTTPError as refused:
        for error in json.load(refused).get("errors", []):
            print(_words(error, rows, KINDS[kind].layout, language), file=sys.stderr)
    except (urllib.error.URLError, json.JSONDecodeError) as error:
        why = getattr(error, "reason", error)
        print(f"{url} 没有应答 no answer: {why}; 再试一次，不会重复导入 try again, nothing is imported twice",
              file=sys.stderr)
    return None


def _words(error: dict[str, Any], rows: Sequence[dict[str, Any]], layout: Layout, language: str) -> str:
    """What is wrong. A service names row and column of what it decided; its door, the place in the request."""
    message, place = str(error.get("message") or error), str(error.get("field")).split(".")
    if len(place) != 3 or place[0] != "rows" or place[2] not in layout.columns:
        return message
    row, column = rows[int(place[1])]["row"], layout.columns[place[2]]
    begins = f"第 {row} 行 {column.zh}：" if language == "zh" else f"row {row}, {column.en}: "
    return message if message.startswith(begins) else begins + message


def _tell(kind: str, sheet: str, rows: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]]) -> None:
    if kind == "accounts":
        print(f"proposal {sheet}, to be approved by somebody else (提议须由他人批准)")
    elif KINDS[kind].id_field == "opening_id":
        total = sum(Decimal(row["amount"]) for row in rows)
        print(f"{len(rows)} documents, {total:f} in all (已录入 {len(rows)} 张期初单据，合计 {total:f})")
    else:
        for event in events:
            print(f"draft {event['data']['draft_id']} of {event['data']['on']}")
        print(f"{len(events)} drafts, to be checked by somebody else (草稿须由他人审核)")
