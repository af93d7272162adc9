"""Personal data is in crm's own tables and nowhere else: not in events, answers, the kernel's tables, or logs."""

import json

import pytest
import structlog
from pydantic import ValidationError

from services.crm.handlers import service
from shared.db import Pool
from shared.events import Actor, Command
from shared.events.crm import AddContact, LogCommunication, RegisterCustomers
from shared.refusal import field_errors
from shared.testing import ask, deliver, said
from tests.crm.stories import NOON, books, complaint, contact, page, register, rename, resolve, talk

HOLDS_PERSONAL_DATA = {"customer", "customer_word", "contact", "communication", "complaint"}
SECRETS = (
    "Zhang-Sanfeng", "张三丰", "13800138000", "san@example.com", "采购经理", "想要更多的茶", "茶叶受潮了", "已换新茶",
)


def spellings(secret: str) -> list[str]:
    """As text, as the hexadecimal bytes that Postgres shows, and escaped in JSON; without capitals."""
    return [secret.lower(), secret.encode().hex(), json.dumps(secret)[1:-1].lower()]


def told(text: str) -> set[str]:
    return {secret for secret in SECRETS for spelling in spellings(secret) if spelling in text.lower()}


async def tables_that_tell(pool: Pool) -> dict[str, set[str]]:
    names = await pool.fetch("select tablename from pg_tables where schemaname = 'public' order by tablename")
    found = {}
    for [name] in names:
        rows = await pool.fetch(f'select t::text from "{name}" as t')
        if secrets := told("\n".join(row[0] for row in rows)):
            found[name] = secrets
    return found


ACCEPTED: list[Command] = [
    register("K1", name="Zhang-Sanfeng 张三丰"), rename(name="Zhang-Sanfeng 张三丰茶行"), contact(),
    talk(contact_id="P1"), complaint(), resolve(),
]
# Refused for every kind of reason, each with personal data in its body.
REFUSED: list[Command] = [
    register("K1", name="张三丰"), register("K2", name="张三丰", limit="0.001"), rename("K9", name="张三丰"), contact(),
    contact("P2", title=" "), contact("P2", customer_id="K9"), talk(), talk("T2", contact_id="P9"),
    talk("T2", talked_at=NOON.replace(tzinfo=None)), complaint(), complaint("B2", customer_id="K9"),
    complaint("B2", due_at=NOON.replace(year=2025)), resolve(), resolve("B9"),
]
# What is no command at all.
MALFORMED: list[tuple[type[Command], dict[str, object]]] = [
    (RegisterCustomers, {"customers": [{"customer_id": "张三丰", "name": "张三丰\0", "credit_limit": "张三丰"}]}),
    (AddContact, {"contact_id": "张三丰", "customer_id": 13800138000, "name": ["张三丰"], "email": "采购经理",
                  "phone": "13800138000\0", "title": "采购经理" * 100}),
    (LogCommunication, {"communication_id": "T2", "customer_id": "K1", "channel": "张三丰", "talked_at": "13800138000x",
                        "text": "想要更多的茶\0", "follow_up_on": "san@example.com"}),
]


async def test_personal_data_stays_in_its_tables(pool: Pool) -> None:
    await deliver(pool, service, books())
    answers = []
    with structlog.testing.capture_logs() as logs:
        for command in ACCEPTED:
            answers.append(await ask(pool, service, command))
            assert answers[-1].ok
        for command in REFUSED:
            for by_queue in (False, True):
                answers.append(await ask(pool, service, command, by_queue=by_queue))
                assert not answers[-1].ok
        for command_type, body in MALFORMED:
            with pytest.raises(ValidationError) as caught:
                command_type.model_validate(body)
            errors = field_errors(caught.value.errors())
            assert told(str(errors)) == set()
            await service.say_rejection(pool, Actor("anna", "C1"), command_type.type, command_type.type, errors)
    assert told((await page(pool)).model_dump_json()) == set(SECRETS) - {"已换新茶", "茶叶受潮了"}
    found = await tables_that_tell(pool)
    assert set().union(*found.values()) == set(SECRETS), "the search is able to find all of them"
    assert set(found) == HOLDS_PERSONAL_DATA
    assert told(str(answers)) == told(str(logs)) == set()
    assert told("".join(event.model_dump_json() for event in await said(pool))) == set()
    assert len([e for e in await said(pool) if e.type == "crm.command_rejected.v1"]) == len(REFUSED) + len(MALFORMED)
