"""A command is done once, however often and by whichever door it comes; a refused one does nothing and says why."""

import asyncio

import pytest

from shared.db import Pool
from shared.events import CommandRejected
from shared.testing import ask, said
from tests.shared.samples import BugError, cancel, desk, effects

DESK = desk()


async def kept(pool: Pool) -> int:
    """How many answers are kept."""
    return int(await pool.fetchval("select count(*) from command"))


async def test_an_accepted_command_answers_with_what_happened(pool: Pool) -> None:
    answer = await ask(pool, DESK, cancel(), actor="anna", key="k-1")
    (event,) = await said(pool)
    assert answer.status == 201
    assert answer.ok
    data = {"order_id": "SO-1", "customer_id": "CU-1", "requested_on": "2026-03-01", "reason": "changed their mind"}
    assert answer.events == [{
        "id": str(event.envelope.id), "type": "order.order_cancel_requested.v1", "subject": "order/SO-1", "version": 1,
        "data": data,
    }]
    assert event.envelope.actor == "anna"


async def test_a_repeated_command_answers_as_the_first_and_does_nothing_twice(pool: Pool) -> None:
    first = await ask(pool, DESK, cancel(), key="k-1")
    again = await ask(pool, DESK, cancel(), key="k-1")
    assert again == first
    assert len(await effects(pool)) == len(await said(pool)) == 1


async def test_ten_at_once_are_one(pool: Pool) -> None:
    answers = await asyncio.gather(*(ask(pool, DESK, cancel(), key="k-1") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].status == 201
    assert len(await effects(pool)) == len(await said(pool)) == 1


async def test_different_commands_about_one_aggregate_at_once_are_all_done(pool: Pool) -> None:
    """They collide at the log's unique versions; the losers are tried again."""
    answers = await asyncio.gather(*(ask(pool, DESK, cancel(), key=f"k-{n}") for n in range(4)))
    assert [answer.status for answer in answers] == [201] * 4
    assert sorted(event.envelope.version for event in await said(pool)) == [1, 2, 3, 4]
    assert len(await effects(pool)) == 4


async def test_one_key_for_two_requests_is_a_409(pool: Pool) -> None:
    await ask(pool, DESK, cancel("SO-1"), key="k-1")
    answer = await ask(pool, DESK, cancel("SO-2"), key="k-1")
    assert answer.status == 409
    (error,) = answer.errors
    assert (error["field"], error["code"]) == ("idempotency_key", "key_reused")
    assert "k-1" in error["message_zh"]
    assert "k-1" in error["message_en"]
    assert await effects(pool) == [("SO-1", 0)]


async def test_a_key_belongs_to_its_principal_and_company(pool: Pool) -> None:
    for company, actor in (("C1", "anna"), ("C1", "bo"), ("C2", "anna")):
        answer = await ask(pool, DESK, cancel(f"SO-{company}-{actor}"), key="k-1", company=company, actor=actor)
        assert answer.ok, (company, actor)


async def test_who_lacks_the_role_is_forbidden(pool: Pool) -> None:
    answer = await ask(pool, DESK, cancel(), roles=["warehouse"], key="k-1")
    assert answer.status == 403
    (error,) = answer.errors
    assert (error["field"], error["code"]) == ("actor", "forbidden")
    assert "sales" in error["message_zh"]
    assert "sales" in error["message_en"]
    assert (await effects(pool), await said(pool), await kept(pool)) == ([], [], 0)
    assert (await ask(pool, DESK, cancel(), roles=["warehouse", "sales"], key="k-1")).ok


async def test_a_refusal_is_kept_and_answers_again(pool: Pool) -> None:
    first = await ask(pool, DESK, cancel(reason="refuse"), key="k-1")
    assert first.status == 409
    assert first.errors == [{
        "field": "order_id", "code": "not_now",
        "message_zh": "订单 SO-1 现在不能取消", "message_en": "order SO-1 cannot be cancelled now",
    }]
    assert (await said(pool), await kept(pool)) == ([], 1)
    assert await ask(pool, DESK, cancel(reason="refuse"), key="k-1") == first
    assert await kept(pool) == 1


async def test_after_a_bug_nothing_is_left_and_the_key_is_free(pool: Pool) -> None:
    with pytest.raises(BugError):
        await ask(pool, DESK, cancel(reason="bug"), key="k-1")
    assert (await effects(pool), await said(pool), await kept(pool)) == ([], [], 0)
    assert (await ask(pool, DESK, cancel(), key="k-1")).ok


async def rejections(pool: Pool) -> list[CommandRejected]:
    return [event for event in await said(pool) if isinstance(event, CommandRejected)]


async def test_by_queue_a_refusal_is_said_once(pool: Pool) -> None:
    for _ in range(3):
        await ask(pool, DESK, cancel(reason="refuse"), key="k-1", by_queue=True)
    (rejection,) = await rejections(pool)
    assert rejection.type == "order.command_rejected.v1"
    assert (rejection.command_id, rejection.command, rejection.principal) == ("k-1", "order.cancel_order.v1", "anna")
    assert (rejection.field, rejection.code) == ("order_id", "not_now")
    assert rejection.message_zh == "订单 SO-1 现在不能取消"


async def test_by_queue_a_forbidden_command_is_said_once_also_at_the_same_time(pool: Pool) -> None:
    answers = await asyncio.gather(*(
        ask(pool, DESK, cancel(), roles=["warehouse"], key="k-1", by_queue=True) for _ in range(8)
    ))
    assert {answer.status for answer in answers} == {403}
    (rejection,) = await rejections(pool)
    assert rejection.code == "forbidden"


async def test_by_queue_a_reused_key_is_said_once(pool: Pool) -> None:
    await ask(pool, DESK, cancel("SO-1"), key="k-1", by_queue=True)
    for _ in range(2):
        await ask(pool, DESK, cancel("SO-2"), key="k-1", by_queue=True)
    (rejection,) = await rejections(pool)
    assert rejection.code == "key_reused"
    assert await effects(pool) == [("SO-1", 0)]


async def test_both_doors_share_the_keys(pool: Pool) -> None:
    by_http = await ask(pool, DESK, cancel(), key="k-1")
    by_queue = await ask(pool, DESK, cancel(), key="k-1", by_queue=True)
    assert by_queue == by_http
    assert len(await effects(pool)) == 1
