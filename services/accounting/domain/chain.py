"""The hash chain over a ledger: blocks of vouchers, their Merkle roots, and what binds each block to the one before.

tools/verify_pack.py says the same in a program of its own, for whoever trusts neither this code nor the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH = 32  # bytes
FIRST = bytes(HASH)  # what stands before the first block


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes as in RFC 6962: leaves and nodes are told apart by their first byte, and a node that has no
    sibling goes up as it is. Without leaves it is the hash of nothing."""
    level = [sha256(b"\0" + leaf).digest() for leaf in leaves] or [sha256().digest()]
    while len(level) > 1:
        pairs = [sha256(b"\1" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2:]
    return level[0]


@dataclass(frozen=True, slots=True)
class Block:
    """Vouchers from one place to another; see migrations/0011_chain.sql."""

    company: str
    ledger: str
    block: int
    first_seq: int
    last_seq: int
    leaves: bytes
    balances: bytes
    previous: bytes

    @property
    def root(self) -> bytes:
        return merkle_root(self.hashes)

    @property
    def hashes(self) -> list[bytes]:
        return [self.leaves[at:at + HASH] for at in range(0, len(self.leaves), HASH)]

    @property
    def hash(self) -> bytes:
        name = f"{self.company}\n{self.ledger}\n{self.block}\n{self.first_seq}\n{self.last_seq}\n"
        return sha256(name.encode() + self.root + self.balances + self.previous).digest()
