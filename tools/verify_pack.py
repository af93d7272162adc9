#!/usr/bin/env python3
"""Verifies a period pack of a ledger: `verify_pack.py PACK [--head HASH] [--root HASH]`; the exit code is 1 on a fault.

One file, without a database, without any other package: copy it, read it, trust nobody. It checks that every voucher is
the one that its block was sealed with, that the blocks are one unbroken chain, that numbers have no gaps, that every
voucher balances, and that the stated balances are the sums of the vouchers. `--head` and `--root` are what was noted
down before, on paper or by another party: the hash of a block, and the Merkle root of the month.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """As in RFC 6962: hashes of leaves begin with 0, of nodes with 1; a node without a sibling goes up as it is."""
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves] or [sha256().digest()]
    while len(level) > 1:
        pairs = [sha256(b"\1" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2:]
    return level[0]


class Pack:
    """What a pack says, line by line, and what is wrong with it."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.accounts: dict[str, dict[str, Any]] = {}
        self.blocks: list[dict[str, Any]] = []
        self.vouchers: list[str] = []
        self.faults: list[str] = []
        self.root = ""

    def read(self, lines: Iterable[str]) -> "Pack":
        """Take in the lines of a pack."""
        for number, line in enumerate(lines, 1):
            try:
                said = json.loads(line)
            except ValueError:
                self.faults.append(f"line {number} is not JSON")
                continue
            if "format" in said:
                self.about = said
            elif "account" in said:
                self.accounts[said["account"]["code"]] = said["account"]
            elif "block" in said:
                self.blocks.append(said["block"])
            elif "voucher" in said:
                self.vouchers.append(said["voucher"])
            elif "root" in said:
                self.root = said["root"]
        return self

    def verify(self, head: str | None = None, root: str | None = None) -> list[str]:
        """Every fault, in words. Amounts are read as decimals, never as binary floats."""
        if self.about.get("format") != "fenlu-period-pack" or self.about.get("version") != 1:
            return ["this is no period pack of a version that this program knows"]
        leaves = self.check_chain()
        hashes = [sha256(text.encode()).digest() for text in self.vouchers]
        told = [json.loads(text, parse_float=Decimal, parse_int=int) for text in self.vouchers]
        for voucher, found in zip(told, hashes, strict=True):
            if leaves.get(voucher["seq"]) != found:
                self.faults.append(f"{name(voucher)} at place {voucher['seq']} is not the one that was sealed")
        if merkle_root(hashes).hex() != self.root:
            self.faults.append("the root of the month is not that of its vouchers")
        if len(told) != self.about["vouchers"]:
            self.faults.append(f"{len(told)} vouchers instead of {self.about['vouchers']}")
        self.check_vouchers(told)
        self.check_balances(told)
        if head and head not in {block["hash"] for block in self.blocks}:
            self.faults.append(f"no block has the hash {head}")
        if root and root != self.root:
            self.faults.append(f"the root is {self.root}, not {root}")
        return self.faults

    def check_chain(self) -> dict[int, bytes]:
        """Returns place -> hash of the sealed voucher, of the blocks that hold vouchers of the month."""
        found: dict[int, bytes] = {}
        previous, place, number = "00" * 32, 1, 1
        for block in self.blocks:
            what = f"block {block['block']}"
            if (block["block"], block["first"], block["previous"]) != (number, place, previous):
                self.faults.append(f"{what} does not follow the one before it")
            names = (self.about["company"], self.about["ledger"], block["block"], block["first"], block["last"])
            parts = b"".join(f"{part}\n".encode() for part in names) + b"".join(
                bytes.fromhex(block[part]) for part in ("root", "balances", "previous"))
            if sha256(parts).hexdigest() != block["hash"]:
                self.faults.append(f"{what} was changed: its hash is not that of what it says")
            if block["leaves"] is not None:
                whole = bytes.fromhex(block["leaves"])
                leaves = [whole[at:at + 32] for at in range(0, len(whole), 32)]
                if merkle_root(leaves).hex() != block["root"] or len(leaves) != block["last"] - block["first"] + 1:
                    self.faults.append(f"{what} was changed: its root is not that of its leaves")
                found.update(enumerate(leaves, block["first"]))
            previous, place, number = block["hash"], block["last"] + 1, block["block"] + 1
        return found

    def check_vouchers(self, told: Sequence[dict[str, Any]]) -> None:
        """Each at home, whole and balanced; the numbers of each word without gaps."""
        numbers = defaultdict[str, list[int]](list)
        for voucher in told:
            home = [voucher[part] for part in ("company", "ledger", "period")]
            if home != [self.about[part] for part in ("company", "ledger", "period")]:
                self.faults.append(f"{name(voucher)} is of another company, ledger or month")
            numbers[voucher["word"]].append(voucher["number"])
            sums = defaultdict[bool, Decimal](Decimal)
            for line in voucher["lines"]:
                memo = self.accounts.get(line["account"], {}).get("memo", False)
                sums[memo] += signed(line)
            if any(sums.values()) or [line["line"] for line in voucher["lines"]] != list(
                    range(1, voucher["line_count"] + 1)):
                self.faults.append(f"{name(voucher)} does not balance or is not whole")
        for word, given in numbers.items():
            if sorted(given) != list(range(1, len(given) + 1)):
                self.faults.append(f"the numbers of word {word} have gaps")

    def check_balances(self, told: Sequence[dict[str, Any]]) -> None:
        """What is stated per account is the sum of its lines."""
        moved = defaultdict[str, dict[str, Decimal]](lambda: {"D": Decimal(0), "C": Decimal(0)})
        for line in (line for voucher in told for line in voucher["lines"]):
            moved[line["account"]][line["side"]] += Decimal(line["amount"])
        for code in sorted(set(moved) | set(self.accounts)):
            said = self.accounts.get(code, {"opening": 0, "debit": 0, "credit": 0, "closing": 0})
            stated = [Decimal(said[part]) for part in ("opening", "debit", "credit", "closing")]
            if stated[1:3] != [moved[code]["D"], moved[code]["C"]] or stated[0] + stated[1] - stated[2] != stated[3]:
                self.faults.append(f"account {code}: what is stated is not the sum of its lines")
        for part in ("opening", "closing"):
            if sum(Decimal(a[part]) for a in self.accounts.values() if not a["memo"]):
                self.faults.append(f"the {part} balances do not add up to zero")


def name(voucher: dict[str, Any]) -> str:
    return f"voucher {voucher['period']} {voucher['word']}-{voucher['number']}"


def signed(line: dict[str, Any]) -> Decimal:
    return Decimal(line["amount"]) * (1 if line["side"] == "D" else -1)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack", type=argparse.FileType("r", encoding="utf-8"))
    parser.add_argument("--head", help="the hash of a block that was noted down before")
    parser.add_argument("--root", help="the root of the month that was noted down before")
    args = parser.parse_args(arguments)
    pack = Pack().read(args.pack)
    faults = pack.verify(args.head, args.root)
    for fault in faults:
        print(f"FAULT {fault}")
    if not faults:
        head = pack.blocks[-1]["hash"] if pack.blocks else "none"
        print(f"ok: {len(pack.vouchers)} vouchers of {pack.about['company']} {pack.about['period']}, root {pack.root}, "
              f"head {head}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
