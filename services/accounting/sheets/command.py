"""`python -m services.accounting import vouchers|opening-balances|accounts FILE --token-file T [--url U]`: reads the
sheet, and asks the service for it as the person whose token it is; so both doors are one function,
and nobody is impersonated."""

import argparse
import hashlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from services.accounting.sheets.reading import CHART, VOUCHERS, SheetError, read

KINDS = {"vouchers": VOUCHERS, "opening-balances": VOUCHERS, "accounts": CHART}


def main(arguments: Sequence[str]) -> int:
    """Import a file; the exit code is 1 if anything is wrong with it, and then nothing was kept."""
    parser = argparse.ArgumentParser(prog="python -m services.accounting import")
    parser.add_argument("kind", choices=[*KINDS])
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where accounting listens")
    parser.add_argument("--token-file", type=Path, required=True, help="the token of who imports, and so is the maker")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    args = parser.parse_args(arguments)
    try:
        rows = read(args.file, KINDS[args.kind])
    except SheetError as error:
        print(error, file=sys.stderr)
        return 1
    return _ask(args.url, args.kind, args.token_file.read_text().strip(), args.language,
                {"import_id": import_id(args.file), "rows": rows})


def import_id(path: Path) -> str:
    """Of a file's content: the same file again is refused."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _ask(url: str, kind: str, token: str, language: str, body: dict[str, object]) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": language,
               "Idempotency-Key": f"import-{kind}-{body['import_id']}"}
    request = urllib.request.Request(f"{url}/imports/{kind}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # nosec B310: who calls it says where it is
            events = json.load(answer)["events"]
    except urllib.error.HTTPError as refused:
        for error in json.load(refused).get("errors", []):
            print(error.get("message") or error, file=sys.stderr)
        return 1
    except (urllib.error.URLError, json.JSONDecodeError) as error:
        why = getattr(error, "reason", error)
        print(f"{url} 没有应答 no answer: {why}; 再试一次，不会重复导入 try again, nothing is imported twice",
              file=sys.stderr)
        return 1
    if kind == "accounts":
        print(f"proposal {body['import_id']}, to be approved by somebody else (提议须由他人批准)")
        return 0
    for event in events:
        print(f"draft {event['data']['draft_id']} of {event['data']['on']}")
    print(f"{len(events)} drafts, to be checked by somebody else (草稿须由他人审核)")
    return 0
