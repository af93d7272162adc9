"""`python -m services.accounting prove NAME|all`: a line per proof and ledger; the exit code is 1 if one fails.

Beside it `pack`, `export` and `whatif`, which write what they are asked for.
"""

import argparse
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import uvloop

from services.accounting import packs
from services.accounting.domain.pack import PackError
from services.accounting.proofs.chain import as_of, prove_chain
from services.accounting.proofs.explain import explain
from services.accounting.proofs.export import FORMATS, exported, prove_export
from services.accounting.proofs.pack import period_pack
from services.accounting.proofs.place import Place, Result, places
from services.accounting.proofs.rebuild import digest, rebuild
from services.accounting.proofs.tieout import tie_out
from services.accounting.proofs.whatif import prove_whatif, what_if
from shared.db import open_pool
from shared.memory import collect_rarely
from shared.settings import DatabaseSettings, read_settings

PROOFS: Mapping[str, Callable[[Place], Awaitable[Result]]] = {
    "explain": explain,
    "rebuild": rebuild,
    "digest": digest,
    "asof": as_of,
    "chain": prove_chain,
    "whatif": prove_whatif,
    "export": prove_export,
    "tieout": tie_out,
}


def main(arguments: Sequence[str]) -> int:
    """Prove what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m services.accounting prove")
    parser.add_argument("name", choices=[*PROOFS, "all"])
    parser.add_argument("--company", help="only this one's ledgers")
    parser.add_argument("--ledger", help="only those of this name")
    args = parser.parse_args(arguments)
    names = list(PROOFS) if args.name == "all" else [args.name]
    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    collect_rarely()
    return uvloop.run(_prove(url, names, args.company, args.ledger))


async def _prove(url: str, names: Sequence[str], company: str | None, ledger: str | None) -> int:
    pool = await open_pool(url, size=4, command_timeout=600)
    try:
        found = await places(pool, company, ledger, _bar)
        if not found:
            print("no such ledger", file=sys.stderr)
            return 1
        wrong = 0
        for place in found:
            for name in names:
                result = await PROOFS[name](place)
                _clear()
                where = f" [{place.company} {place.ledger}]" if len(found) > 1 else ""
                print(f"{result}{where}", flush=True)
                wrong += not result.ok
        return 1 if wrong else 0
    finally:
        pool.terminate()


def _bar(done: int, whole: int) -> None:
    """On a terminal, how far it is."""
    if sys.stderr.isatty() and whole:
        full = 40 * done // whole
        sys.stderr.write(f"\r[{'#' * full}{'.' * (40 - full)}] {done}/{whole}")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


# -- what is written to the standard output ---------------------------------------------------------------------------


def pack(arguments: Sequence[str]) -> int:
    """Write the period pack of a ledger."""
    parser = _parser("pack")
    parser.add_argument("--period", required=True, help="a month, 2025-01")
    args = parser.parse_args(arguments)
    return _write(args, lambda place: period_pack(place, args.period))


def export(arguments: Sequence[str]) -> int:
    """Write a whole ledger in a format that other programs read."""
    parser = _parser("export")
    parser.add_argument("--format", required=True, choices=[*FORMATS])
    args = parser.parse_args(arguments)

    async def encoded(place: Place) -> AsyncIterator[bytes]:
        async for piece in exported(place, args.format):
            yield piece.encode()

    return _write(args, encoded)


def whatif(arguments: Sequence[str]) -> int:
    """Write what another pack would change, as JSON."""
    parser = _parser("whatif")
    parser.add_argument("--standard", required=True)
    parser.add_argument("--version", type=int, default=1)
    args = parser.parse_args(arguments)
    try:
        other = packs.named(args.standard, args.version)
    except PackError as error:
        parser.error(str(error))

    async def told(place: Place) -> AsyncIterator[bytes]:
        difference, _ = await what_if(place, other)
        yield json.dumps(difference.shown(), ensure_ascii=False, indent=2).encode() + b"\n"

    return _write(args, told)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.accounting {name}")
    parser.add_argument("--company", required=True)
    parser.add_argument("--ledger", default="main")
    return parser


def _write(args: argparse.Namespace, lines: Callable[[Place], AsyncIterator[bytes]]) -> int:
    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    return uvloop.run(_stream(url, args.company, args.ledger, lines))


async def _stream(url: str, company: str, ledger: str, lines: Callable[[Place], AsyncIterator[bytes]]) -> int:
    pool = await open_pool(url, size=2, command_timeout=600)
    try:
        for place in await places(pool, company, ledger):
            async for line in lines(place):
                sys.stdout.buffer.write(line)
            return 0
        print("no such ledger", file=sys.stderr)
        return 1
    finally:
        pool.terminate()
