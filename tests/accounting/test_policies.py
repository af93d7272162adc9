"""Changes of the rules of a ledger on a real Postgres: two people, from a day on, by product category, customer group
and warehouse, and every proof holds over them."""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from services.accounting import packs
from services.accounting.domain.linter import lint
from services.accounting.domain.pack import Account, Pack
from services.accounting.domain.posting import MappedAccount, Split
from services.accounting.handlers import service
from services.accounting.proofs import rebuild as rebuilding
from services.accounting.proofs import replay
from services.accounting.proofs.chain import as_of, prove_chain
from services.accounting.proofs.explain import explain
from services.accounting.proofs.place import Place, places
from services.accounting.proofs.rebuild import digest, rebuild
from services.accounting.proofs.whatif import prove_whatif
from shared.db import Pool
from shared.events.order import DeliveredLine, SaleDelivered, SaleReturned
from shared.events.policies import (
    ApprovePolicyChange,
    DiscardPolicyChange,
    PolicyChangeApproved,
    ProposeMapping,
    ProposePack,
)
from shared.refusal import Answer
from shared.testing import Script, as_admin, ask, deliver, hear, said
from tests.accounting import examples
from tests.accounting.doors import door, read
from tests.accounting.test_manual import do, draft
from tests.accounting.test_periods import MARCH, approve, codes, open_books, request, seal
from tests.shared.facts import assert_never_changed

MID = date(2025, 3, 15)
BELOW = [{"code": "500101", "zh": "饮料收入", "en": "Drinks"}, {"code": "500102", "zh": "其他商品收入", "en": "Others"}]
DRINKS = {"role": "revenue", "account": "500101", "by": "product", "group": "饮料", "members": ["BEV-*", "P-1"]}
OTHERS = {"role": "revenue", "account": "500102"}


def mapping(
    *mappings: dict[str, Any], accounts: Sequence[dict[str, str]] = (), on: date = MID, name: str = "PC-1"
) -> ProposeMapping:
    return ProposeMapping.model_validate({
        "proposal_id": name, "effective_on": on, "reason": "按类别核算收入", "accounts": list(accounts),
        "mappings": list(mappings),
    })


async def put_in_force(pool: Pool, proposed: ProposeMapping | ProposePack) -> Answer:
    answer = await ask(pool, service, proposed)
    assert answer.ok, answer.errors
    return await ask(pool, service, ApprovePolicyChange(proposal_id=proposed.proposal_id), actor="zhou")


def sale(n: int, *parts: tuple[str, str], on: date = examples.DAY, customer: str = "C-7") -> SaleDelivered:
    """A delivery with a line per (product, net)."""
    lines = tuple(
        DeliveredLine(line=i, sku=sku, quantity=Decimal(1), net=Decimal(net), tax=Decimal(0), gross=Decimal(net))
        for i, (sku, net) in enumerate(parts, 1)
    )
    net = sum((line.net for line in lines), Decimal(0))
    return SaleDelivered(
        delivery_id=f"SH-{n}", order_id=f"SO-{n}", customer_id=customer, delivered_on=on, currency="CNY", lines=lines,
        net=net, tax=Decimal(0), gross=net,
    )


async def revenue(pool: Pool) -> list[tuple[str, str, Decimal]]:
    """(delivery, account, amount) of every line on an account below 5001 or 5051, in the order of posting."""
    rows = await pool.fetch(
        """
        select j.facts -> 'texts' ->> 'delivery_id' as delivery, l.account, l.amount
        from voucher_line l join voucher v using (company, ledger, seq) join journal j using (company, entry)
        where l.account like '50%' and v.event_id is not null order by l.seq, l.line
        """
    )
    return [tuple(row) for row in rows]


async def proven(pool: Pool) -> Place:
    place, *_ = await places(pool)
    for prove in (explain, rebuild, digest, prove_whatif, prove_chain, as_of):
        assert (await prove(place)).differences == []
    return place


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replay, rebuilding):
        monkeypatch.setattr(module, "BATCH", 3)


# -- a mapping in force -----------------------------------------------------------------------------------------------


async def test_revenue_is_split_by_product_category_from_the_first_day(pool: Pool) -> None:
    await open_books(pool)
    proposed = mapping(DRINKS, OTHERS, accounts=BELOW, on=date(2025, 3, 1))
    assert (await put_in_force(pool, proposed)).ok
    approved = (await said(pool))[-1]
    assert isinstance(approved, PolicyChangeApproved)
    assert (approved.version, approved.proposed_by, approved.approved_by) == (2, "anna", "zhou")
    await deliver(
        pool, service, sale(1, ("BEV-COLA", "40.00"), ("X-1", "9.00"), ("BEV-TEA", "2.00"), ("P-1", "1.00")),
        sale(2, ("X-1", "7.00")), sale(3, ("BEV", "5.00")),
    )
    assert await revenue(pool) == [
        ("SH-1", "500101", Decimal(43)), ("SH-1", "500102", Decimal(9)), ("SH-2", "500102", Decimal(7)),
        ("SH-3", "500102", Decimal(5)),
    ]
    assert await pool.fetchval("select takes_lines from account where code = '5001'") is False
    await proven(pool)
    async with door(pool) as client:
        income = await read(client, "/statements/income", period=MARCH)
        assert income["lines"][0]["amounts"]["month"] == "64.00"
        ledger = await read(client, "/accounts/5001/ledger", period=MARCH)
        assert ledger["closing"]["balance"] == "64.00"
        [newest, first] = (await read(client, "/policies"))["versions"]
        assert (newest["version"], newest["proposed_by"], newest["approved_by"], first["version"]) == (
            2, "anna", "zhou", 1)
        assert (await read(client, "/policies/versions/2"))["roles"]["revenue"] == "500102"
    await assert_never_changed(pool, "activation", "proposal", "proposal_step", "account", "role_map")


async def test_the_month_is_closed_over_a_change_and_returns_follow_the_map_of_their_day(pool: Pool) -> None:
    await open_books(pool)
    service_income = {"role": "revenue", "account": "5051", "by": "product", "group": "服务", "members": ["SRV-*"]}
    await deliver(pool, service, sale(1, ("SRV-1", "10.00"), ("P-1", "1.00")))
    assert (await put_in_force(pool, mapping(service_income))).ok
    back = sale(1, ("SRV-1", "4.00"))
    returned = SaleReturned(
        return_id="RT-9", returned_on=MID, currency="CNY",
        **{name: getattr(back, name) for name in ("delivery_id", "order_id", "customer_id", "lines", "net", "tax",
                                                  "gross")})
    # before and after the day, in any order of hearing
    await deliver(pool, service, sale(2, ("SRV-1", "20.00"), ("P-1", "2.00"), on=MID), returned,
                  sale(3, ("SRV-1", "30.00"), on=date(2025, 3, 14)))
    assert await revenue(pool) == [
        ("SH-1", "5001", Decimal(11)), ("SH-2", "5051", Decimal(20)), ("SH-2", "5001", Decimal(2)),
        ("SH-1", "5051", Decimal(-4)), ("SH-3", "5001", Decimal(30)),
    ]
    used = await pool.fetch("select mapping_version, count(*) from journal where kind = 'event' "
                            "and event_type like 'order.sale%' group by 1 order by 1")
    assert [tuple(row) for row in used] == [(1, 2), (2, 2)]
    await proven(pool)
    await seal(pool)
    assert (await request(pool)).ok
    assert (await approve(pool)).ok
    assert await pool.fetchval("select sum(debit - credit) from period_balance where account in ('5001', '5051')") == 0
    await deliver(pool, service, sale(4, ("SRV-1", "3.00")))  # late: it is booked in April, by April's map
    assert (await revenue(pool))[-1] == ("SH-4", "5051", Decimal(3))
    await proven(pool)


async def test_by_customer_group_and_by_warehouse(pool: Pool) -> None:
    await open_books(pool)
    chain_stores = {"role": "revenue", "account": "5051", "by": "customer", "group": "连锁", "members": ["CHAIN-*"]}
    north = {"role": "cost_of_sales", "account": "5402", "by": "warehouse", "group": "北方", "members": ["main"]}
    assert (await put_in_force(pool, mapping(chain_stores, north, on=date(2025, 3, 1)))).ok
    south = examples.shipped(shipment_id="SH-3").model_copy(update={"warehouse": "south"})
    await deliver(pool, service, sale(1, ("P-1", "5.00"), customer="CHAIN-1"), sale(2, ("P-1", "6.00")),
                  examples.shipped(), south, examples.adjusted())
    assert await revenue(pool) == [("SH-1", "5051", Decimal(5)), ("SH-2", "5001", Decimal(6))]
    costs = await pool.fetch("select account, amount from voucher_line where account like '540%' order by seq, line")
    assert [tuple(row) for row in costs] == [("5402", Decimal(600)), ("5401", Decimal(600)), ("5402", Decimal(20))]
    await proven(pool)


def test_the_member_that_says_most_decides() -> None:
    split = Split("product", {m: MappedAccount(m, False) for m in ("A-*", "A-B*", "A-B1", "C")})
    found = [split.account(value) for value in ("A-B1", "A-B2", "A-C", "C", "CC", "A", None)]
    assert [account and account.code for account in found] == ["A-B1", "A-B*", "A-*", "C", None, None, None]


@pytest.mark.parametrize("standard", ["assbe", "cas", "ifrs"])
def test_the_linter_passes_the_pack_with_every_account_that_a_role_may_get(standard: str) -> None:
    pack = packs.named(standard, 1)
    for role in ("revenue", "cost_of_sales"):
        above = pack.chart[pack.roles[role]]
        own = Account(code=f"{above.code}01", zh="明细", en="detail", kind=above.kind, side=above.side)
        changed = Pack.model_validate({**pack.with_accounts([*pack.accounts, own]).model_dump(),
                                       "roles": {**pack.roles, role: own.code}})
        assert lint(changed) == []


# -- two people -------------------------------------------------------------------------------------------------------


SERVICES = {"role": "revenue", "account": "5051", "by": "product", "members": ["SRV-*"]}


async def test_nobody_approves_what_they_proposed_neither_by_the_service_nor_past_it(pool: Pool) -> None:
    await open_books(pool)
    assert (await ask(pool, service, mapping(SERVICES))).ok
    assert codes(await ask(pool, service, mapping(SERVICES), actor="zhou")) == ["proposal_exists"]
    own = await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"))
    assert (codes(own), own.status) == (["self_approval"], 403)
    refused = await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"), actor="zhou", roles=["accountant"])
    assert refused.status == 403
    forged = """
        select post_vouchers('C1', 'main', 'CNY', '2025-03-01', jsonb_build_array(
            '[2]'::jsonb, '["mapping"]'::jsonb, '[null]'::jsonb, '[null]'::jsonb, '[null]'::jsonb, '[null]'::jsonb,
            jsonb_build_array($1::text), jsonb_build_array(f.facts), '[1]'::jsonb, '["x"]'::jsonb, '["x"]'::jsonb,
            '["assbe"]'::jsonb, '[1]'::jsonb, '[1]'::jsonb), '[]', '[]')
        from (select content || jsonb_build_object('proposal_id', $2::text, 'mapping_version', 2, 'standard', 'assbe',
                  'pack_version', 1, 'roles', (select jsonb_object_agg(role, account) from role_map),
                  'splits', '[]'::jsonb, 'chart', '[]'::jsonb) || $3::jsonb as facts
              from proposal) as f
    """
    faults: list[tuple[str, str, dict[str, Any], str]] = [
        ("anna", "PC-1", {}, "nobody approves what they proposed"),
        ("zhou", "PC-2", {}, "does not follow from a proposal"),
        ("zhou", "PC-1", {"mapping_version": 3}, "does not follow from a proposal"),
        ("zhou", "PC-1", {"mappings": []}, "does not follow from a proposal"),
        ("zhou", "PC-1", {"effective_on": "2025-02-01"}, "does not follow from a proposal"),
        ("zhou", "PC-1", {"roles": {"revenue": "2202"}}, "takes no lines"),
    ]
    for actor, name, facts, words in faults:
        with pytest.raises(asyncpg.CheckViolationError, match=words):
            await pool.execute(forged, actor, name, facts)
    for text in (
        "insert into proposal_step values ('C1', 'PC-1', 'approved', 'zhou')",
        "insert into activation select company, ledger, 2, 2, standard, 1, effective_on, splits from activation",
        "insert into role_map select company, ledger, 2, role, account, effective_on from role_map",
        "insert into account values ('C1', 'main', '500109', 'x', 'x', 'revenue', 'C', true)",
        "select open_chart('C1', 'main', 'assbe', 1, '2025-03-01', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
            await pool.execute(text)
    assert (await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"), actor="zhou")).ok
    again = await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"), actor="wang")
    assert (codes(again), again.status) == (["approved"], 409)
    assert await pool.fetchval("select count(*) from journal where kind = 'mapping'") == 1


async def test_a_proposal_is_discarded_once(pool: Pool) -> None:
    await open_books(pool)
    assert (await ask(pool, service, mapping(SERVICES))).ok
    async with door(pool) as client:
        assert [p["proposal_id"] for p in (await read(client, "/policies/proposals"))["proposals"]] == ["PC-1"]
        assert (await ask(pool, service, DiscardPolicyChange(proposal_id="PC-1", why="弄错"))).ok
        assert (await read(client, "/policies/proposals"))["proposals"] == []
    assert codes(await ask(pool, service, ApprovePolicyChange(proposal_id="PC-1"), actor="zhou")) == ["discarded"]
    assert codes(await ask(pool, service, DiscardPolicyChange(proposal_id="PC-1", why="x"))) == ["discarded"]
    assert codes(await ask(pool, service, ApprovePolicyChange(proposal_id="PC-9"), actor="zhou")) == ["not_found"]


async def test_two_approvals_at_once_and_events_beside_them_are_one_order(pool: Pool) -> None:
    """Whoever comes second waits for the book; every event names the version that was in force when it was posted."""
    await open_books(pool)
    for n in (1, 2):
        assert (await ask(pool, service, mapping(SERVICES, on=date(2025, 3, 1), name=f"PC-{n}"))).ok
    script = Script()
    events = [script.say(sale(n, ("SRV-1", "1.00"), ("P-1", "2.00"))) for n in range(60)]
    approvals = [ask(pool, service, ApprovePolicyChange(proposal_id=f"PC-{n}"), actor=actor)
                 for n in (1, 2) for actor in ("zhou", "wang")]
    answers = await asyncio.gather(
        *[hear(pool, service, *events[first:first + 3]) for first in range(0, 60, 3)], *approvals)
    assert sorted(answer.status for answer in answers if isinstance(answer, Answer)) == [201, 201, 409, 409]
    assert await pool.fetchval("select count(*) from journal where kind = 'event' and none_zh is null") == 60
    wrong = await pool.fetchval(
        """
        select count(*) from journal j join voucher v using (company, entry)
        join voucher_line l using (company, ledger, seq)
        where l.account = '5051' and mapping_version = 1 or l.account = '5001' and l.amount = 3 and mapping_version > 1
        """
    )
    assert wrong == 0
    assert await pool.fetchval("select max(version) from activation") == 3
    await proven(pool)


# -- what is refused --------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[ProposeMapping, list[tuple[str, str]]]] = {
    "a closed month": (mapping(SERVICES, on=date(2025, 2, 28)), [("effective_on", "period_closed")]),
    "nothing": (mapping(), [("mappings", "nothing")]),
    "an unknown role": (mapping({**SERVICES, "role": "rent"}), [("mappings.0.role", "unknown_role")]),
    "receivables": (mapping({"role": "ar", "account": "1221"}), [("mappings.0.role", "balance_role")]),
    "the bank": (mapping({"role": "bank", "account": "1012"}), [("mappings.0.role", "balance_role")]),
    "the profit of the year": (mapping({"role": "profit", "account": "3101"}), [("mappings.0.role", "balance_role")]),
    "an account that is not there": (
        mapping({**SERVICES, "account": "5009"}), [("mappings.0.account", "unknown_account")]),
    "an account that takes no lines": (
        mapping({"role": "cost_of_sales", "account": "2221"}), [("mappings.0.account", "summary_account")]),
    "cost on revenue": (
        mapping({"role": "cost_of_sales", "account": "5051"}), [("mappings.0.account", "other_kind")]),
    "another role's account": (mapping({**SERVICES, "account": "5301"}), [("mappings.0.account", "taken")]),
    "members of nothing": (mapping({**SERVICES, "by": None}), [("mappings.0.members", "no_members")]),
    "two dimensions": (mapping(SERVICES, {**SERVICES, "by": "customer", "members": ["C-1"]}),
                       [("mappings.1.by", "two_dimensions")]),
    "a dimension that an event does not carry": (
        mapping({"role": "cost_of_sales", "account": "5402", "by": "customer", "members": ["C-1"]}),
        [("mappings.0.by", "not_carried")]),
    "a member twice": (mapping(SERVICES, {**SERVICES, "account": "5111"}), [("mappings.1.members", "twice")]),
    "an account twice": (mapping(accounts=[{"code": "560201", "zh": "工资", "en": "Wages"}] * 2),
                         [("accounts.1.code", "twice")]),
    "an account that is there": (mapping(accounts=[{"code": "1002", "zh": "x", "en": "x"}]),
                                 [("accounts.0.code", "exists")]),
    "an account without one above": (mapping(accounts=[{"code": "700101", "zh": "x", "en": "x"}]),
                                     [("accounts.0.code", "no_parent")]),
    "a new account of the first level": (mapping(accounts=[{"code": "5002", "zh": "x", "en": "x"}]),
                                         [("accounts.0.code", "no_parent")]),
    "a role left on an account that gets others below": (
        mapping(accounts=BELOW, on=date(2025, 3, 1)), [("accounts", "role_left_behind")]),
    "receivables divided": (mapping(accounts=[{"code": "112201", "zh": "x", "en": "x"}], on=date(2025, 3, 1)),
                            [("accounts", "role_left_behind")]),
    "an account below another one's from a later day": (
        mapping(DRINKS, OTHERS, accounts=BELOW), [("effective_on", "at_once")]),
    "the backlog": (mapping({"role": "backlog", "account": "9002"}), [("mappings.0.role", "balance_role")]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_would_break_a_promise_is_refused_and_names_its_field(pool: Pool, name: str) -> None:
    proposed, wanted = REFUSED[name]
    await open_books(pool)
    answer = await ask(pool, service, proposed)
    assert [(error["field"], error["code"]) for error in answer.errors] == wanted
    assert all(error["message_zh"] and error["message_en"] for error in answer.errors)
    assert await pool.fetchval("select count(*) from proposal") == 0


async def test_an_account_that_was_posted_or_drafted_on_gets_no_accounts_below_it(pool: Pool) -> None:
    await open_books(pool)
    assert (await do(pool, draft())).ok  # rent on 5602
    wages = mapping(accounts=[{"code": "560201", "zh": "工资", "en": "Wages"}], on=date(2025, 3, 1))
    assert codes(await ask(pool, service, wages)) == ["posted_parent"]
    below = mapping(DRINKS, OTHERS, accounts=BELOW, on=date(2025, 3, 1), name="PC-2")
    assert (await ask(pool, service, below)).ok
    await deliver(pool, service, sale(1, ("P-1", "1.00")))  # between proposal and approval
    refused = await ask(pool, service, ApprovePolicyChange(proposal_id="PC-2"), actor="zhou")
    assert (codes(refused), refused.status) == (["posted_parent"] * 2, 409)
    async with as_admin(pool, schema_stays=True) as admin:
        await admin.execute("insert into account values ('C1', 'main', '500101', 'x', 'x', 'revenue', 'C', true)")
        with pytest.raises(asyncpg.CheckViolationError, match="was posted on"):
            await admin.execute("update account set takes_lines = false where code = '5001'")


async def test_an_account_for_vouchers_by_hand_needs_no_role(pool: Pool) -> None:
    await open_books(pool)
    wages = [{"code": "560201", "zh": "工资", "en": "Wages"}, {"code": "56020101", "zh": "奖金", "en": "Bonus"}]
    assert (await put_in_force(pool, mapping(accounts=wages))).ok
    kept = await pool.fetch("select code, kind, side, takes_lines from account where code like '5602%' order by code")
    assert [tuple(row) for row in kept] == [
        ("5602", "expense", "D", False), ("560201", "expense", "D", False), ("56020101", "expense", "D", True)]
    assert codes(await do(pool, draft("D-1"))) == ["summary_account"]
    assert (await do(pool, draft("D-2", ("56020101", "D", "5.00"), ("2211", "C", "5.00")))).ok


async def test_days_rise_with_versions(pool: Pool) -> None:
    await open_books(pool)
    assert (await put_in_force(pool, mapping(SERVICES))).ok
    earlier = mapping(SERVICES, on=date(2025, 3, 14), name="PC-2")
    assert codes(await ask(pool, service, earlier)) == ["before_another"]
    same_day = mapping({**SERVICES, "members": ["S-*"]}, name="PC-3")
    assert (await put_in_force(pool, same_day)).ok
    await deliver(pool, service, sale(1, ("SRV-1", "1.00"), on=MID), sale(2, ("S-1", "1.00"), on=MID))
    assert [account for _, account, _ in await revenue(pool)] == ["5001", "5051"]


# -- another version of the pack --------------------------------------------------------------------------------------


def second(**changed: Any) -> Pack:
    """A second version of assbe, which summarises a sale in other words."""
    first = packs.named("assbe", 1)
    rules = [rule.model_copy(update={"summary": "发货 {delivery_id}"}) if rule.id == "sale-delivered" else rule
             for rule in first.rules]
    return Pack.model_validate({**first.model_dump(), "rules": [rule.model_dump() for rule in rules], "version": 2,
                                **changed})


def release_with(monkeypatch: pytest.MonkeyPatch, pack: Pack) -> None:
    """As if this release had one more pack."""
    everything = (*packs.proven_packs(), packs.proven(pack))
    monkeypatch.setattr(packs, "proven_packs", lambda: everything)


def pack_change(version: int = 2, standard: str = "assbe", on: date = MID) -> ProposePack:
    return ProposePack(proposal_id="PK-1", effective_on=on, reason="新版", standard=standard, version=version)


async def test_another_version_of_the_pack_posts_from_its_day_on(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_books(pool)
    release_with(monkeypatch, second())
    assert (await put_in_force(pool, mapping(SERVICES, on=date(2025, 3, 1)))).ok
    assert (await put_in_force(pool, pack_change())).ok
    await deliver(pool, service, sale(1, ("SRV-1", "1.00")), sale(2, ("SRV-1", "1.00"), on=MID))
    rows = await pool.fetch(
        """
        select v.summary, v.rule_version, v.checker, j.pack_version, j.mapping_version
        from voucher v join journal j using (company, entry) where v.word = '记' order by v.seq
        """
    )
    assert [tuple(row) for row in rows] == [
        ("销售发货 SH-1 订单 SO-1", 1, "rule:sale-delivered@1", 1, 2), ("发货 SH-2", 2, "rule:sale-delivered@2", 2, 3)]
    assert [account for _, account, _ in await revenue(pool)] == ["5051", "5051"]  # what was mapped stays
    await proven(pool)


PACKS: dict[str, tuple[dict[str, Any], ProposePack, str]] = {
    "another standard": ({}, pack_change(1, "cas"), "other_standard"),
    "a version that is not there": ({}, pack_change(7), "unknown_pack"),
    "the version that is in force": ({}, pack_change(1), "same_version"),
    "before its day": ({"effective_on": date(2026, 1, 1)}, pack_change(), "not_in_force"),
    "an account of another side": (
        {"accounts": [{**a.model_dump(), "side": "D"} if a.code == "5111" else a.model_dump()
                      for a in packs.named("assbe", 1).accounts]}, pack_change(), "accounts_differ"),
    "a role with a balance on another account": (
        {"roles": {**packs.named("assbe", 1).roles, "bank": "1012"}}, pack_change(), "balance_role"),
    "an account that takes no lines there": (
        {"accounts": [*(a.model_dump() for a in packs.named("assbe", 1).accounts),
                      {"code": "110101", "zh": "x", "en": "x", "kind": "asset", "side": "D"}]}, pack_change(),
        "new_parent"),
}


@pytest.mark.parametrize("name", PACKS)
async def test_a_pack_whose_accounts_do_not_line_up_is_refused(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    changed, proposed, code = PACKS[name]
    await open_books(pool)
    release_with(monkeypatch, second(**changed))
    assert codes(await ask(pool, service, proposed)) == [code]


async def test_a_pack_may_bring_new_accounts(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_books(pool)
    new = {"code": "140403", "zh": "材料成本差异-运费", "en": "Cost variance, freight", "kind": "asset", "side": "D"}
    release_with(monkeypatch, second(accounts=[*(a.model_dump() for a in packs.named("assbe", 1).accounts), new]))
    assert (await put_in_force(pool, pack_change())).ok
    assert await pool.fetchval("select takes_lines from account where code = '140403'")
    await proven(pool)
