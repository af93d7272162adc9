"""The comparison of a client's history with the databases finds whatever is missing or there twice."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.tools.company import traded
from tests.tools.test_checker import copy_of
from tools.checker.history import Comparison, compare

Urls = dict[str, str]
UNLOCK = "alter table {0} disable trigger user"


@pytest.fixture(scope="module")
async def sound() -> AsyncIterator[Urls]:
    """No test changes these databases."""
    async with traded("DEMO") as urls:
        yield urls


@asynccontextmanager
async def spoilt(sound: Urls, owner: str, *statements: str) -> AsyncIterator[Urls]:
    """The same databases but one, which is a copy with a fault."""
    async with copy_of(sound[owner]) as url:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()
        yield {**sound, owner: url}


async def acknowledged(urls: Urls) -> list[dict[str, Any]]:
    """What a client was told: the answers to all commands that were done."""
    lines = []
    for owner, url in urls.items():
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("select key, answer from command where status < 400 order by at")
        await connection.close()
        for row in rows:
            events = [{"id": e["id"], "type": e["type"]} for e in json.loads(row["answer"])["events"]]
            lines.append({"what": "acknowledged", "key": row["key"], "owner": owner, "events": events})
    return lines


async def compared(urls: Urls, folder: Path, lines: list[dict[str, Any]]) -> Comparison:
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return await compare(urls, file)


async def test_sound_databases_hold_all_that_was_acknowledged_once(sound: Urls, tmp_path: Path) -> None:
    lines = await acknowledged(sound)
    found = await compared(sound, tmp_path, [{"what": "killed"}, *lines])
    assert found.ok, str(found)
    assert found.right == found.acknowledged == sum(len(line["events"]) for line in lines) > 20


def first(lines: list[dict[str, Any]], event_type: str) -> str:
    """The id of an acknowledged event of this type."""
    return next(str(event["id"]) for line in lines for event in line["events"] if event["type"] == event_type)


async def test_an_event_that_its_producer_does_not_have_is_lost(sound: Urls, tmp_path: Path) -> None:
    lines = await acknowledged(sound)
    lost = first(lines, "order.invoice_issued.v1")
    async with spoilt(sound, "order", UNLOCK.format("event"), f"delete from event where id = '{lost}'") as urls:
        found = await compared(urls, tmp_path, lines)
    assert [text.partition(" ")[0] for text in found.lost] == [lost]


async def test_an_event_without_its_voucher_is_lost(sound: Urls, tmp_path: Path) -> None:
    lines = await acknowledged(sound)
    lost = first(lines, "order.order_placed.v1")
    lines_of_it = (
        "delete from voucher_line l using voucher v where (v.company, v.ledger, v.seq) = (l.company, l.ledger, l.seq) "
        f"and v.event_id = '{lost}'"
    )
    async with spoilt(
        sound, "accounting", UNLOCK.format("voucher"), UNLOCK.format("voucher_line"), lines_of_it,
        f"delete from voucher where event_id = '{lost}'",
    ) as urls:
        found = await compared(urls, tmp_path, lines)
    assert found.lost == (f"{lost} (order.order_placed.v1) has no voucher and no reason for none",)
    assert found.right == found.acknowledged - 1


async def test_a_command_without_its_answer_is_lost(sound: Urls, tmp_path: Path) -> None:
    lines = await acknowledged(sound)
    line = next(line for line in lines if line["owner"] == "inventory")
    forget = f"delete from command where key = '{line['key']}'"
    async with spoilt(sound, "inventory", UNLOCK.format("command"), forget) as urls:
        found = await compared(urls, tmp_path, lines)
    assert len(found.lost) == len(line["events"])


async def test_a_second_effect_of_a_command_is_found(sound: Urls, tmp_path: Path) -> None:
    lines = await acknowledged(sound)
    again = (
        "insert into event (company, id, subject, version, type, time, actor, correlation_id, causation_id, body) "
        "select company, gen_random_uuid(), 'order/AGAIN', 1, type, time, actor, correlation_id, causation_id, body "
        f"from event where id = '{first(lines, 'order.order_placed.v1')}'"
    )
    async with spoilt(sound, "order", again) as urls:
        found = await compared(urls, tmp_path, lines)
    assert any("led to 2 events, its answer names 1" in text for text in found.duplicated)
    assert any("2 times order.order_placed.v1" in text for text in found.duplicated)
