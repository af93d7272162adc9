"""What every service can be asked about what it could not handle, over HTTP and on the command line."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from shared import operators
from shared.db import Pool
from shared.inbox import sort_out
from shared.testing import Script, hear
from shared.wire import Raw
from tests.shared.samples import approved, listener, settled
from tests.shared.test_http import client_of, token

OLGA: dict[str, Any] = {"sub": "olga", "roles": ["operator"]}


async def get(pool: Pool, path: str, **claims: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token(**{**OLGA, **claims})}", "Accept-Language": "en"}
    async with client_of(pool, **headers) as client:
        return await client.get(path)


async def one_of_each(pool: Pool) -> None:
    """A rejected event, another that waits for it, and a message that is nothing."""
    script = Script()
    await hear(pool, listener(bad={("SO-1", 1)}), *[script.say(event) for event in (approved(), settled())])
    await listener().receive(pool, [], _impossible(Raw("nonsense", {}, b"\xff\x00")))


def _impossible(message: Raw) -> Sequence[Any]:
    return sort_out([message])[1]


async def test_lists_are_paged_newest_first_and_can_be_searched(pool: Pool) -> None:
    await one_of_each(pool)
    first = (await get(pool, "/rejected?limit=1")).json()
    second = (await get(pool, f"/rejected?limit=1&after={first['next']}")).json()
    third = (await get(pool, f"/rejected?limit=1&after={second['next']}")).json()
    keys = [page["items"][0]["routing_key"] for page in (first, second)]
    assert (keys, third) == (["nonsense", "order.order_approved.v1"], {"items": [], "next": None})
    (found,) = (await get(pool, "/rejected?search=BugError")).json()["items"]
    assert (found["company"], found["sender"], found["reason"]) == ("C1", "order", "BugError: this one again")
    (waits,) = (await get(pool, "/pending")).json()["items"]
    assert waits["routing_key"] == "order.order_settled.v1"


async def test_one_is_shown_with_its_body_as_text_or_base64(pool: Pool) -> None:
    await one_of_each(pool)
    nonsense, event = (await get(pool, "/rejected")).json()["items"]
    shown = (await get(pool, f"/rejected/{event['id']}")).json()
    assert (json.loads(shown["body"])["order_id"], shown["encoding"], shown["history"]) == ("SO-1", "utf-8", [])
    assert shown["headers"]["cloudEvents_subject"] == "order/SO-1"
    shown = (await get(pool, f"/rejected/{nonsense['id']}")).json()
    assert (shown["body"], shown["encoding"]) == ("/wA=", "base64")
    (waits,) = (await get(pool, "/pending")).json()["items"]
    assert "SO-1" in (await get(pool, f"/pending/{waits['id']}")).json()["body"]
    assert (await get(pool, f"/pending/{event['id']}")).status_code == 404


@pytest.mark.parametrize("path", ["/rejected", "/pending", "/rejected/00000000-0000-0000-0000-000000000001"])
async def test_only_operators_may_look(pool: Pool, path: str) -> None:
    refused = await get(pool, path, roles=["sales", "chief_accountant"])
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=501", "search=%00", "dismissed=maybe"])
async def test_a_strange_question_is_refused(pool: Pool, query: str) -> None:
    assert (await get(pool, f"/rejected?{query}")).status_code == 422


async def test_a_dismissal_by_http_is_kept_with_its_reason(pool: Pool) -> None:
    """The sample's door belongs to order, and so do its commands."""
    await one_of_each(pool)
    _, event = (await get(pool, "/rejected")).json()["items"]
    headers = {"Authorization": f"Bearer {token(**OLGA)}", "Idempotency-Key": "d-1", "Accept-Language": "en"}
    async with client_of(pool, **headers) as client:
        for body, status in (({"ids": [event["id"]]}, 422), ({"ids": [event["id"]], "why": "by hand"}, 201),
                             ({"ids": [event["id"]], "why": "by hand"}, 201)):
            answer = await client.post("/messages/dismiss", json=body)
            assert answer.status_code == status, answer.text
    shown = (await get(pool, f"/rejected/{event['id']}")).json()
    (act,) = shown["history"]
    assert (act["actor"], act["why"]) == ("olga", "by hand")
    assert [item["id"] for item in (await get(pool, "/rejected?dismissed=true")).json()["items"]] == [event["id"]]


async def command_line(database: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    operators.add_to(parser.add_subparsers(dest="command"))
    return await operators.work(listener(), database, parser.parse_args(words))


async def test_the_command_line_lists_shows_and_lets_go(
    pool: Pool, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await one_of_each(pool)
    monkeypatch.setattr(operators, "OUTCOME_SECONDS", 0)
    id = str(await pool.fetchval("select id from rejected where company = 'C1'"))
    assert await command_line(database, "rejected", "list") == 0
    assert "BugError: this one again" in capsys.readouterr().out
    assert await command_line(database, "rejected", "show", id) == 0
    assert '"order_id":"SO-1"' in capsys.readouterr().out
    assert await command_line(database, "rejected", "retry", id) == 1
    assert "no running service" in capsys.readouterr().out
    assert await command_line(database, "rejected", "dismiss", id, "--why", "by hand", "--who", "olga") == 0
    assert f"{id}: dismissed" in capsys.readouterr().out
    assert await command_line(database, "rejected", "dismiss", id, "--why", "by hand") == 1
    assert "dismissed already" in capsys.readouterr().out
    assert await command_line(database, "rejected", "show", id) == 0
    assert "dismiss by olga: by hand" in capsys.readouterr().out


def test_a_dismissal_needs_a_reason() -> None:
    parser = argparse.ArgumentParser()
    operators.add_to(parser.add_subparsers(dest="command"))
    with pytest.raises(SystemExit):
        parser.parse_args(["rejected", "dismiss", "00000000-0000-0000-0000-000000000001"])
