"""SQL of periods: what the checks before a close look at, requests of a close, and what is closed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.accounting import views
from services.accounting.domain.closing import Balance, first_day, next_period
from services.accounting.domain.periods import Hole, Numbers, State, Tie
from services.accounting.domain.posting import Policies, Terms
from services.accounting.store import LEDGER, drafts
from services.accounting.views import tieout
from shared import money
from shared.db import Db

UNDELIVERED = 20  # shipments without delivery value that are listed


async def load_state(db: Db, ledgers: Sequence[Policies], period: str) -> State:
    """All that the checks of a period look at, in every ledger; the cost is that of the period."""
    main, *beside = [await _state(db, policies.first, period) for policies in ledgers]
    return replace(main, beside=beside)


async def _state(db: Db, terms: Terms, period: str) -> State:
    ledger = terms.ledger
    gaps = await _gaps(db)
    holes, older = await _holes(db, gaps)
    numbers = await db.fetch(
        """
        select word, count(*) as vouchers, max(number) as last from voucher
        where company = $1 and ledger = $2 and period = $3 group by word order by word
        """,
        db.company, ledger, period,
    )
    seals = await db.fetch(
        """
        select source, max(position) as position from journal
        where company = $1 and event_type like '%.period_sealed.v1' and facts -> 'texts' ->> 'subject' = 'period/' || $2
        group by source
        """,
        db.company, period,
    )
    difference = await db.fetchval(
        """
        select coalesce(sum(abs(difference)), 0) from (
            select sum(b.debit - b.credit) as difference
            from period_balance b join account a on a.company = b.company and a.ledger = b.ledger and a.code = b.account
            where b.company = $1 and b.ledger = $2 group by a.kind = 'memo'
        ) as statement_and_memo
        """,
        db.company, ledger,
    )
    waiting = await drafts.unposted(db, first_day(period), first_day(next_period(period)))
    return State(
        period=period, terms=terms, heard=frozenset(gap["source"] for gap in gaps),
        sealed={row["source"]: row["position"] for row in seals}, holes=holes, older=older,
        numbers=[Numbers(**row) for row in numbers], undelivered=await _undelivered(db, period),
        drafts=[draft["draft_id"] for draft in waiting],
        balances=await _balances(db, terms, period),
        ties=[Tie(row["role"], row["source"], row["position"], row["differences"])
              for row in await tieout.standing(db, ledger)],
        difference=money.round_money(difference, terms.currency),
    )


async def _gaps(db: Db) -> list[dict[str, Any]]:
    """Per producer: which of its positions are not in the journal, at this very moment. `views.gaps` shows what a
    producer's last statement revealed; a month is not closed on that.

    Whether any is missing costs one small row per producer. Only then the newest positions are read to name the holes;
    `unlisted` says how many older ones there are.
    """
    sources = await db.fetch(
        "select source, position - events as missing from heard where company = $1 order by source", db.company
    )
    return [{**row, **(await _missing(db, row["source"], row["missing"]))} for row in sources]


async def _missing(db: Db, source: str, missing: int) -> dict[str, Any]:
    if missing == 0:
        return {"holes": [], "unlisted": 0}
    rows = await db.fetch(
        """
        with newest as (
            select position from journal where company = $1 and source = $2 order by position desc limit $3
        ), bounded as (
            select position from newest union all select 0 where (select count(*) from newest) < $3
        )
        select below + 1 as first, position - 1 as last
        from (select position, lead(position) over (order by position desc) as below from bounded) as pairs
        where below < position - 1 order by first
        """,
        db.company, source, views.HOLES_WITHIN,
    )
    listed = sum(row["last"] - row["first"] + 1 for row in rows)
    return {"holes": [dict(row) for row in rows], "unlisted": missing - listed}


async def _holes(db: Db, gaps: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Hole]], dict[str, int]]:
    """Positions that are missing of each producer, without those that an operator let go; and how many are not listed
    because they are so old."""
    rows = await db.fetch(
        """
        select i.source, i.position from rejected r join inbox i on i.company = r.company and i.event_id = r.id
        where r.company = $1 and r.dismissed_at is not null and i.position is not null
        """,
        db.company,
    )
    let_go: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        let_go[row["source"]].add(row["position"])
    holes, older = {}, {}
    for gap in gaps:
        gone = let_go[gap["source"]]
        listed = [(hole["first"], hole["last"]) for hole in gap["holes"]]
        holes[gap["source"]] = [hole for hole in listed if _size(hole) > _within(hole, gone)]
        older[gap["source"]] = gap["unlisted"] - len(gone) + sum(_within(hole, gone) for hole in listed)
    return holes, older


def _size(hole: Hole) -> int:
    return hole[1] - hole[0] + 1


def _within(hole: Hole, positions: set[int]) -> int:
    return sum(hole[0] <= position <= hole[1] for position in positions)


async def _undelivered(db: Db, period: str) -> list[str]:
    """Shipments of a period without delivery value. What was shipped or sold for nothing has no voucher, so that is
    looked for in the journal."""
    rows = await db.fetch(
        """
        with shipped as (
            select j.facts from voucher v join journal j on j.company = v.company and j.entry = v.entry
            where v.company = $1 and v.ledger = $2 and v.period = $3 and v.event_type = 'inventory.goods_shipped.v1'
            union all
            select facts from journal
            where company = $1 and none_zh is not null and event_type = 'inventory.goods_shipped.v1'
              and facts ->> 'on' between $3 || '-01' and $3 || '-31'
        ), delivered as (
            select j.facts -> 'texts' ->> 'delivery_id' as delivery_id
            from voucher v join journal j on j.company = v.company and j.entry = v.entry
            where v.company = $1 and v.ledger = $2 and v.period = $3 and v.event_type = 'order.sale_delivered.v1'
        )
        select s.facts -> 'texts' ->> 'shipment_id' as shipment_id from shipped s
        where not exists (select from delivered where delivery_id = s.facts -> 'texts' ->> 'shipment_id')
          and not exists (select from journal
                          where company = $1 and none_zh is not null and event_type = 'order.sale_delivered.v1'
                            and facts -> 'texts' ->> 'delivery_id' = s.facts -> 'texts' ->> 'shipment_id')
        order by 1 limit $4
        """,
        db.company, LEDGER, period, UNDELIVERED,
    )
    return [row["shipment_id"] for row in rows]


async def _balances(db: Db, terms: Terms, period: str) -> list[Balance]:
    """Every statement account that stands somewhere at the end of a period."""
    rows = await db.fetch(
        """
        select a.code as account, a.kind, sum(b.debit - b.credit) as amount
        from period_balance b join account a on a.company = b.company and a.ledger = b.ledger and a.code = b.account
        where b.company = $1 and b.ledger = $2 and b.period <= $3 and a.kind <> 'memo'
        group by a.code, a.kind having sum(b.debit - b.credit) <> 0 order by a.code
        """,
        db.company, terms.ledger, period,
    )
    return [Balance(row["account"], row["kind"], money.round_money(row["amount"], terms.currency)) for row in rows]


async def requests(db: Db, period: str) -> list[str]:
    """Who asked for the close of a period, the first one first."""
    rows = await db.fetch(
        "select requested_by from close_request where company = $1 and period = $2 order by requested_at, requested_by",
        db.company, period,
    )
    return [row["requested_by"] for row in rows]


async def insert_request(db: Db, period: str, requested_by: str) -> None:
    await db.execute(
        "insert into close_request (company, period, requested_by) values ($1, $2, $3)",
        db.company, period, requested_by,
    )


async def closed(db: Db) -> list[dict[str, Any]]:
    """Closed periods, newest first, with the journal row and the vouchers that closed each."""
    rows = await db.fetch(
        """
        select c.period, c.entry, j.facts ->> 'requested_by' as requested_by, j.actor as approved_by,
               j.accepted_at as closed_at
        from closed_period c join journal j on j.company = c.company and j.entry = c.entry
        where c.company = $1 order by c.period desc
        """,
        db.company,
    )
    return [dict(row) for row in rows]
