"""The chain, its packs and the balances of earlier times: what was changed is found, with a database and without."""

import io
import subprocess
import sys
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting import follower
from services.accounting.domain.chain import merkle_root
from services.accounting.handlers import service
from services.accounting.proofs import chain
from services.accounting.proofs.chain import as_of, prove_chain, seal
from services.accounting.proofs.pack import period_pack
from shared.db import Db, Pool
from shared.testing import ask, deliver
from tests.accounting import examples
from tests.accounting.doors import door, read, trade
from tests.accounting.test_proofs import change, place_of
from tools import verify_pack

VERIFIER = Path(verify_pack.__file__)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BLOCK", 3)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_the_verifier_has_the_same_tree(leaves: list[bytes]) -> None:
    assert verify_pack.merkle_root(leaves) == merkle_root(leaves)
    for n in range(len(leaves)):
        assert merkle_root([*leaves[:n], bytes(31) + b"x", *leaves[n + 1:]]) != merkle_root(leaves)


def test_a_tree_is_that_of_rfc_6962() -> None:
    """The root over the hashes of one and two entries, by hand."""
    a, b = sha256(b"a").digest(), sha256(b"b").digest()
    assert merkle_root([a]) == sha256(b"\0" + a).digest()
    assert merkle_root([a, b]) == sha256(b"\1" + sha256(b"\0" + a).digest() + sha256(b"\0" + b).digest()).digest()


async def test_whole_blocks_are_sealed_behind_the_posting(pool: Pool) -> None:
    await trade(pool)
    while await follower.follow(pool):
        pass
    blocks = await pool.fetch("select block, first_seq, last_seq, previous, hash from chain_block order by block")
    vouchers = await pool.fetchval("select count(*) from voucher")
    assert [(row["block"], row["first_seq"], row["last_seq"]) for row in blocks] == [
        (n + 1, 3 * n + 1, 3 * n + 3) for n in range(vouchers // 3)
    ]
    assert all(later["previous"] == earlier["hash"] for earlier, later in pairwise(blocks))
    for prove in (prove_chain, as_of):
        result = await prove(await place_of(pool))
        assert (result.differences, result.figures["blocks"]) == ([], -(-vouchers // 3))


async def sealed(pool: Pool) -> None:
    await trade(pool)
    async with pool.acquire() as connection:
        await chain.seal_all(Db(connection, "C1"), "main")


FAULTS = {
    "an amount": (
        "update voucher_line set amount = amount + 1 where seq = 8 and line = 2",
        ["at place 8 was changed", "line 2: amount is"],
    ),
    "a voucher that is gone": (
        "delete from voucher_line where seq = 8; delete from voucher where seq = 8",
        ["the voucher at place 8 is gone"],
    ),
    "a forged block": (
        """
        alter table chain_block disable trigger all;
        update chain_block set leaves = overlay(leaves placing decode(repeat('ab', 32), 'hex') from 1) where block = 2
        """,
        ["block 2 was changed", "voucher 2025-03 记-2 at place 4 was changed"],
    ),
    "a block that was left out": (
        "alter table chain_block disable trigger all; delete from chain_block where block = 2",
        ["block 3 does not follow the one before it"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_was_changed_since_is_named(pool: Pool, name: str) -> None:
    await sealed(pool)
    damage, words = FAULTS[name]
    await change(pool, damage)
    result = await prove_chain(await place_of(pool))
    assert len(result.differences) == len(words)
    for difference, part in zip(result.differences, words, strict=True):
        assert part in difference


async def test_a_block_is_never_changed_and_follows_the_last(pool: Pool) -> None:
    await sealed(pool)
    async with pool.acquire() as connection:
        assert await seal(Db(connection, "C1"), "main") is False
    for sql in ("update chain_block set root = hash", "delete from chain_block"):
        with pytest.raises(Exception, match=r"denied|append-only"):
            await pool.execute(sql)
    with pytest.raises(Exception, match="does not follow the one before"):
        await pool.execute("insert into chain_block select company, ledger, block + 50, first_seq, last_seq, leaves, "
                           "root, balances, previous, hash, sealed_at from chain_block where block = 1")


# -- packs ------------------------------------------------------------------------------------------------------------


async def pack_of(pool: Pool, period: str = "2025-03") -> list[bytes]:
    return [line async for line in period_pack(await place_of(pool), period)]


def verify(lines: list[bytes], **noted: str) -> list[str]:
    text = io.StringIO(b"".join(lines).decode())
    return verify_pack.Pack().read(text).verify(**noted)


def alone(folder: Path, pack: bytes) -> subprocess.CompletedProcess[str]:
    """The program copied to where nothing else is, without the environment and packages of this one."""
    file, lonely = folder / "pack.jsonl", folder / "verify.py"
    file.write_bytes(pack)
    lonely.write_bytes(VERIFIER.read_bytes())
    return subprocess.run([sys.executable, "-I", lonely, file], cwd=folder, capture_output=True, text=True, check=False)


async def test_a_pack_is_verified_by_a_program_of_its_own(pool: Pool, tmp_path: Path) -> None:
    await sealed(pool)
    async with door(pool) as client:
        answer = await client.get("/periods/2025-03/pack")
    assert answer.content == b"".join(await pack_of(pool))
    done = alone(tmp_path, answer.content)
    vouchers = await pool.fetchval("select count(*) from voucher where period = '2025-03'")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ok: {vouchers} vouchers of C1 2025-03, root ")
    done = alone(tmp_path, answer.content.replace("采购入库".encode(), "采购出库".encode()))
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1, "FAULT voucher 2025-03 记-1 at place 2 is not the one that was sealed",
    )


async def test_a_pack_says_what_a_superuser_changed(pool: Pool) -> None:
    """Who changes lines and sums alike has not the hash that was sealed; who seals anew has another one."""
    await sealed(pool)
    before = await pack_of(pool)
    head, root = _head(before), orjson.loads(before[-1])["root"]
    assert verify(before, head=head, root=root) == []
    await change(pool, """
        update voucher_line set amount = amount * 2 where seq = 8;
        update period_balance b set debit = s.debit, credit = s.credit from (
            select account, period, coalesce(sum(amount) filter (where side = 'D'), 0) as debit,
                   coalesce(sum(amount) filter (where side = 'C'), 0) as credit from voucher_line group by 1, 2
        ) as s where s.account = b.account and s.period = b.period
        """)
    row = await pool.fetchrow("select word, number from voucher where seq = 8")
    assert row
    wrong = f"voucher 2025-03 {row['word']}-{row['number']} at place 8 is not the one that was sealed"
    assert verify(await pack_of(pool)) == [wrong]
    await change(pool, "alter table chain_block disable trigger all; delete from chain_block")
    again = await pack_of(pool)
    assert verify(again) == []
    assert verify(again, head=head, root=root) == [
        f"no block has the hash {head}", f"the root is {orjson.loads(again[-1])['root']}, not {root}",
    ]


def _head(pack: list[bytes]) -> str:
    return str([orjson.loads(line)["block"]["hash"] for line in pack if line.startswith(b'{"block"')][-1])


async def test_a_pack_that_was_cut_or_stirred_is_refused(pool: Pool) -> None:
    await sealed(pool)
    lines = await pack_of(pool)
    voucher = next(n for n, line in enumerate(lines) if line.startswith(b'{"voucher"'))
    account = next(n for n, line in enumerate(lines) if b'"1405"' in line and line.startswith(b'{"account"'))
    assert len(verify([*lines[:voucher], *lines[voucher + 1:]])) >= 3
    assert "does not follow" in verify([line for line in lines if not line.startswith(b'{"block":{"block":2,')])[0]
    changed = orjson.loads(lines[account])
    changed["account"]["closing"] = str(Decimal(changed["account"]["closing"]) + 1)
    assert verify([*lines[:account], orjson.dumps(changed), b"\n", *lines[account + 1:]]) == [
        "account 1405: what is stated is not the sum of its lines", "the closing balances do not add up to zero",
    ]
    assert verify([b"{}\n"]) == ["this is no period pack of a version that this program knows"]


# -- balances of earlier times ----------------------------------------------------------------------------------------


async def test_balances_as_of_a_day_and_as_known_then(pool: Pool) -> None:
    """What was known is what was kept: a late voucher changes the day, and not what was known of it."""
    await ask(pool, service, examples.open_books())
    await deliver(pool, service, examples.opened(), examples.delivered("SO-1", "SH-1", date(2025, 3, 5)))
    async with door(pool) as client:
        then = await read(client, "/balances/as-of", on="2025-03-05")
        early = await read(client, "/balances/as-of", on="2025-03-04")
        moment = (await pool.fetchval("select max(posted_at) from voucher")).isoformat()
        async with pool.acquire() as connection:
            await chain.seal_all(Db(connection, "C1"), "main")
        await deliver(
            pool, service, examples.delivered("SO-2", "SH-2", date(2025, 3, 4)),
            examples.delivered("SO-3", "SH-3", date(2025, 2, 1)), examples.delivered("SO-4", "SH-4", date(2025, 4, 1)),
        )
        now = await read(client, "/balances/as-of", on="2025-03-05")
        for known in ({"known": then["known"]}, {"known_at": moment}):
            assert await read(client, "/balances/as-of", on="2025-03-05", **known) == then
            assert await read(client, "/balances/as-of", on="2025-03-04", **known) == {**early, "known": then["known"]}
    balance = {a["code"]: a["balance"] for a in then["accounts"]}
    assert (balance["1122"], balance["5001"]) == ("1130.00", "1000.00")
    assert {a["code"]: a["balance"] for a in now["accounts"]}["1122"] == "3390.00"
    assert "1122" not in {a["code"] for a in early["accounts"]}
    assert (await as_of(await place_of(pool))).differences == []


async def test_another_past_is_seen(pool: Pool) -> None:
    await sealed(pool)
    await change(pool, "update voucher_line set amount = amount * 2 where seq = 8")
    result = await as_of(await place_of(pool))
    assert result.differences[0] == (
        "after block 3 (place 9) the balances are not those that were known then"
    )
