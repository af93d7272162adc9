"""Compares what a client was told with the databases: nothing of it may be missing, and nothing may be there twice."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tools.checker.databases import PRODUCERS, Databases, opened
from tools.checker.findings import SHOWN

SLICE = 10_000
REFUSED = 400  # the lowest status of a refusal
# Facts that happen once to a document: event type -> the field that names it.
ONCE = {
    "order.order_placed.v1": "order_id",
    "order.order_approved.v1": "order_id",
    "order.order_cancelled.v1": "order_id",
    "order.sale_delivered.v1": "delivery_id",
    "order.invoice_issued.v1": "invoice_id",
    "order.payment_received.v1": "payment_id",
    "order.sale_returned.v1": "return_id",
    "order.credit_note_issued.v1": "credit_note_id",
    "order.refund_paid.v1": "refund_id",
    "order.receivable_opened.v1": "delivery_id",
    "order.advance_opened.v1": "payment_id",
    "inventory.payable_opened.v1": "supplier_invoice_id",
    "inventory.stock_reserved.v1": "order_id",
    "inventory.goods_shipped.v1": "shipment_id",
    "inventory.goods_returned.v1": "return_id",
    "inventory.purchase_ordered.v1": "purchase_id",
    "inventory.goods_received.v1": "receipt_id",
    "inventory.supplier_invoiced.v1": "supplier_invoice_id",
    "inventory.supplier_paid.v1": "supplier_payment_id",
    "inventory.stock_opened.v1": "opening_id",
    "crm.complaint_filed.v1": "complaint_id",
    "crm.complaint_resolved.v1": "complaint_id",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the acknowledged events; `lost` and `duplicated` say which, and how."""

    acknowledged: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]

    @property
    def right(self) -> int:
        """Acknowledged events that are there once, with everything that must follow from them."""
        return self.acknowledged - len(self.lost)

    @property
    def ok(self) -> bool:
        return not (self.lost or self.duplicated)

    def __str__(self) -> str:
        faults = [*(f"LOST {one}" for one in self.lost[:SHOWN]), *(f"DOUBLED {one}" for one in self.duplicated[:SHOWN])]
        summary = f"history: {self.acknowledged} acknowledged, {len(self.lost)} lost, {len(self.duplicated)} doubled"
        return "\n".join([summary, *faults])


async def compare(urls: Mapping[str, str], history: Path) -> Comparison:
    """`history` has a JSON object a line; those with what=acknowledged name the command's key and owner, and the ids of
    the events that the client was told."""
    lost: dict[str, str] = {}
    doubled: list[str] = []
    total = 0
    async with opened(urls) as databases:
        for lines in _slices(history):
            events = {event["id"]: (line["owner"], event["type"]) for line in lines for event in line["events"]}
            total += sum(len(line["events"]) for line in lines)
            lost |= await _not_in_log(databases, events)
            missing, twice = await _journal(databases, events)
            lost |= missing
            doubled += twice
            lost |= await _without_command(databases, lines)
        doubled += await _effects(databases)
        doubled += await _documents(databases)
    return Comparison(total, tuple(lost.values()), tuple(doubled))


def _slices(history: Path) -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    with history.open(encoding="utf-8") as file:
        for text in file:
            if (line := json.loads(text))["what"] == "acknowledged":
                lines.append(line)
            if len(lines) == SLICE:
                yield lines
                lines = []
    yield lines


async def _not_in_log(databases: Databases, events: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Acknowledged events that their producer's log does not hold."""
    faults: dict[str, str] = {}
    by_owner = defaultdict(list)
    for event_id, (owner, _) in events.items():
        by_owner[owner].append(event_id)
    for owner, ids in by_owner.items():
        rows = await getattr(databases, owner).fetch(
            "select id::text, type from event where id = any ($1::text[]::uuid[])", ids
        )
        found = {row["id"]: row["type"] for row in rows}
        faults |= {i: f"{i} ({events[i][1]}) is not in the log of {owner}"
                   for i in ids if found.get(i) != events[i][1]}
    return faults


async def _journal(databases: Databases, events: Mapping[str, tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Acknowledged events that accounting has without a voucher or a reason, or not at all; and those it has twice."""
    rows = await databases.accounting.fetch(
        """
        select j.event_id::text as id, count(*) as entries,
               bool_and(j.none_zh is not null or exists
                   (select from voucher v where v.company = j.company and v.entry = j.entry)) as settled
        from journal j where j.event_id = any ($1::text[]::uuid[]) group by j.event_id
        """,
        list(events),
    )
    found = {row["id"]: row for row in rows}
    missing = {i: f"{i} ({kind}) has no voucher and no reason for none"
               for i, (_, kind) in events.items() if i not in found or not found[i]["settled"]}
    twice = [f"{i} stands {row['entries']} times in the journal" for i, row in found.items() if row["entries"] > 1]
    return missing, twice


async def _without_command(databases: Databases, lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Acknowledged events that the stored answer to their command does not name."""
    faults: dict[str, str] = {}
    by_owner = defaultdict(list)
    for line in lines:
        by_owner[line["owner"]].append(line)
    for owner, own in by_owner.items():
        rows = await getattr(databases, owner).fetch(
            "select key, answer from command where key = any ($1::text[])", [line["key"] for line in own]
        )
        answers = {row["key"]: _ids(row["answer"]) for row in rows}
        faults |= {event["id"]: f"{event['id']} is not the answer to {line['key']} in {owner}"
                   for line in own for event in line["events"] if event["id"] not in answers.get(line["key"], ())}
    return faults


async def _effects(databases: Databases) -> list[str]:
    """Every accepted command led to exactly the events that its one answer names; a refused one to one rejection."""
    faults = []
    for owner in PRODUCERS:
        connection = getattr(databases, owner)
        said = defaultdict(set)
        for row in await connection.fetch("select id::text as id, causation_id from event"):
            said[row["causation_id"]].add(row["id"])
        for row in await connection.fetch("select company, principal, key, status, answer from command"):
            cause = uuid5(NAMESPACE_OID, f"{row['company']}\0{row['principal']}\0{row['key']}")
            effects, answer = said.get(cause, set()), _ids(row["answer"])
            if effects != answer and (row["status"] < REFUSED or len(effects) > 1):
                faults.append(f"{owner}: {row['key']} led to {len(effects)} events, its answer names {len(answer)}")
    return faults


def _ids(answer: str) -> set[str]:
    return {event["id"] for event in json.loads(answer)["events"]}


async def _documents(databases: Databases) -> list[str]:
    """No document is placed, shipped, invoiced or paid twice."""
    faults = []
    for event_type, field in ONCE.items():
        rows = await getattr(databases, event_type.partition(".")[0]).fetch(
            """
            select company, b ->> $2 as document, count(*) as times
            from (select company, convert_from(body, 'UTF8')::jsonb as b from event where type = $1) as e
            group by 1, 2 having count(*) > 1
            """,
            event_type, field,
        )
        faults += [f"{row['document']} of {row['company']}: {row['times']} times {event_type}" for row in rows]
    return faults
