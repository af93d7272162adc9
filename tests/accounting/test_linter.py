"""The linter passes the packs that ship, and refuses a broken one with a sentence that an accountant can read."""

import tomllib
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from services.accounting import docs, packs
from services.accounting.domain.linter import Finding, lint
from services.accounting.domain.pack import Pack, PackError, parse
from services.accounting.domain.reading import DIMENSIONS, READERS
from shared.events import Event


def source() -> dict[str, Any]:
    """The assbe pack as plain data, to be broken."""
    return tomllib.loads(files(packs).joinpath("assbe.toml").read_text(encoding="utf-8"))


def rule(data: dict[str, Any], rule_id: str, part: int = 1) -> dict[str, Any]:
    return next(r for r in data["rules"] if r["id"] == rule_id and r.get("part", 1) == part)


def findings(data: dict[str, Any]) -> list[Finding]:
    return lint(Pack.model_validate(data))


def only(data: dict[str, Any], code: str) -> Finding:
    """The one finding of a pack that was broken in one place."""
    found = findings(data)
    assert [f.code for f in found] == [code]
    assert found[0].zh
    return found[0]


@pytest.mark.parametrize("pack", packs.all_packs(), ids=lambda pack: f"{pack.standard}-{pack.version}")
def test_packs_that_ship_pass(pack: Pack) -> None:
    assert lint(pack) == []


def test_unbalanced_rule() -> None:
    data = source()
    rule(data, "sale-delivered")["lines"][2]["amount"] = "gross"
    finding = only(data, "unbalanced")
    assert finding.place == "rule sale-delivered part 1"
    assert "debit gross, credit gross + net, difference - items.net" in finding.en
    assert "借贷不平: 借方 gross, 贷方 gross + net" in finding.zh


def test_a_line_that_is_red_by_itself_counts_as_red() -> None:
    data = source()
    del rule(data, "purchase-returned")["lines"][1]["red"]
    finding = only(data, "unbalanced")
    assert "debit - items.stock - residual - tax, credit - accrued - gross" in finding.en


def test_balance_is_proven_through_items() -> None:
    data = source()
    for rule_id in ("sale-delivered", "sale-returned"):
        rule(data, rule_id)["lines"][1] |= {"amount": "net", "each": "items", "dimensions": ["product"]}
    assert findings(data) == []
    rule(data, "sale-delivered")["lines"][1] |= {"role": "cost_of_sales", "amount": "tax"}
    assert "difference items.net - items.tax" in only(data, "unbalanced").en


def test_missing_line_is_unbalanced() -> None:
    data = source()
    del rule(data, "payment-received")["lines"][2]
    assert "difference unallocated" in only(data, "unbalanced").en


def test_uncovered_event() -> None:
    data = source()
    data["none"] = [n for n in data["none"] if n["event"] != "order.order_settled.v1"]
    finding = only(data, "uncovered_event")
    assert finding.en == "event order.order_settled.v1 has neither a rule nor a reason for none"
    assert finding.zh == "事件 order.order_settled.v1 既没有记账规则, 也没有不记账的理由"


def test_event_with_rule_and_reason() -> None:
    data = source()
    data["none"].append({"event": "order.order_placed.v1", "zh": "无", "en": "none"})
    only(data, "rule_and_reason")


def test_reason_twice() -> None:
    data = source()
    data["none"].append(data["none"][0])
    only(data, "reason_twice")


@pytest.mark.parametrize("kind", ["rules", "none"])
def test_wrong_event(kind: str) -> None:
    data = source()
    data[kind].append({**data[kind][0], "event": "order.order_shipped.v1"} | ({"id": "x"} if kind == "rules" else {}))
    assert only(data, "unknown_event").en == "there is no event named order.order_shipped.v1"


def test_rule_for_an_event_without_amounts() -> None:
    data = source()
    data["none"] = [n for n in data["none"] if n["event"] != "order.order_approved.v1"]
    data["rules"].append({**rule(data, "order-placed"), "id": "order-approved", "event": "order.order_approved.v1"})
    only(data, "unreadable_event")


def test_two_producers_on_one_control_account() -> None:
    data = source()
    rule(data, "stock-opened")["lines"][1] |= {"role": "ar", "dimensions": []}
    found = findings(data)
    assert [f.code for f in found] == ["two_producers", "control_dimensions"]
    assert found[0].en == (
        "control account 1122 is moved by events of order only, but inventory.stock_opened.v1 comes from inventory"
    )
    assert "统驭科目 1122 只能由 order 的事件变动" in found[0].zh


def test_two_owners_of_one_account() -> None:
    data = source()
    data["roles"]["accrued_payable"] = "2203"
    codes = [f.code for f in findings(data)]
    assert "two_owners" in codes
    assert "two_producers" in codes


def test_control_account_by_another_role_is_still_one() -> None:
    data = source()
    data["roles"]["opening_balances"] = data["roles"]["ar"]
    assert "two_producers" in [f.code for f in findings(data)]


def test_control_account_without_its_dimension() -> None:
    data = source()
    rule(data, "payment-received")["lines"][1]["dimensions"] = []
    assert only(data, "control_dimensions").en == "control account 1122 is kept by customer, not by —"


def test_unknown_amount() -> None:
    data = source()
    rule(data, "invoice-issued")["lines"][0]["amount"] = "vat"
    finding = only(data, "unknown_amount")
    assert finding.en == "there is no amount vat in event order.invoice_issued.v1; on offer: gross, net, tax"


def test_unknown_amount_of_items() -> None:
    data = source()
    rule(data, "goods-shipped")["lines"][1]["amount"] = "price"
    codes = [f.code for f in findings(data)]
    assert codes == ["stock_value", "unknown_amount"]


def test_items_of_an_event_that_has_none() -> None:
    data = source()
    rule(data, "invoice-issued")["lines"][0]["each"] = "items"
    only(data, "unknown_amount")


def test_unknown_role() -> None:
    data = source()
    rule(data, "payment-received")["lines"][0]["role"] = "till"
    assert only(data, "unknown_role").zh == "角色 till 没有对应科目"


def test_control_of_an_unknown_role() -> None:
    data = source()
    data["control"]["till"] = {"owner": "order", "dimensions": []}
    only(data, "unknown_role")


def test_unknown_dimension() -> None:
    data = source()
    rule(data, "payment-received")["lines"][0]["dimensions"] = ["warehouse"]
    assert only(data, "unknown_dimension").en == "there is no dimension warehouse; on offer: customer"


def test_item_dimension_needs_each() -> None:
    data = source()
    rule(data, "goods-shipped")["lines"][0]["dimensions"] = ["product"]
    only(data, "unknown_dimension")


def test_quantity_needs_items() -> None:
    data = source()
    rule(data, "goods-shipped")["lines"][0]["quantity"] = True
    only(data, "no_quantity")


@pytest.mark.parametrize(("summary", "code"), [("订单 {order_no}", "unknown_text"), ("订单 {order_id", "bad_summary")])
def test_summary_template(summary: str, code: str) -> None:
    data = source()
    rule(data, "order-placed")["summary"] = summary
    only(data, code)


def test_role_on_an_account_that_is_not_in_the_chart() -> None:
    data = source()
    data["roles"]["bank"] = "1003"
    only(data, "unknown_account")


def test_role_on_a_summary_account() -> None:
    data = source()
    data["roles"]["accrued_payable"] = "2202"
    only(data, "summary_account")


def test_chart_without_a_parent_or_with_an_account_twice() -> None:
    data = source()
    data["accounts"] = [a for a in data["accounts"] if a["code"] != "222101"]
    assert [f.code for f in findings(data)] == ["account_without_parent"] * 2
    data = source()
    data["accounts"].append(data["accounts"][0])
    only(data, "account_twice")


def test_memo_and_statement_accounts_never_meet() -> None:
    data = source()
    rule(data, "invoice-issued")["word"] = "备"
    assert [f.code for f in findings(data)] == ["memo_mixed", "memo_mixed"]
    data = source()
    rule(data, "order-placed")["word"] = "记"
    assert [f.code for f in findings(data)] == ["memo_mixed", "memo_mixed"]


def test_parts_are_counted_and_of_one_event() -> None:
    data = source()
    rule(data, "sale-delivered", 2)["part"] = 3
    only(data, "parts_not_counted")
    data = source()
    rule(data, "refund-paid")["id"] = "payment-received"
    assert [f.code for f in findings(data)] == ["parts_not_counted", "parts_of_two_events"]


def test_the_entries_of_the_founding_text_are_refused() -> None:
    """2.1 would lower the stock by a receipt, 2.2 raise it by a shipment, 2.3 call VAT revenue, 2.4 book 2.1 again."""
    refused = docs.seed_findings()
    assert {(f.place, f.code) for f in refused} == {
        ("rule seed-2-1 part 1", "stock_value"), ("rule seed-2-2 part 1", "stock_value"),
        ("rule seed-2-2 part 1", "control_dimensions"), ("rule seed-2-3 part 1", "tax_in_revenue"),
        ("rule seed-2-4 part 1", "stock_value"),
    }
    received, _, bought, *_ = refused
    assert received.zh == (
        "入库 (inventory.goods_received.v1): 科目 1405 商品库存 应增加 (借记 items.cost), "
        "规则却使其减少 (贷记 items.cost)"
    )
    assert received.en == (
        "goods come in (inventory.goods_received.v1): account 1405 Merchandise inventory must rise "
        "(debit items.cost), but the rules make it fall (credit items.cost)"
    )
    assert bought.zh.endswith("货物在出入库时已经记账, 这样会重复入账")
    assert bought.en.endswith("goods are posted when they move, so they are booked twice")


def test_vat_is_never_revenue() -> None:
    data = source()
    lines = rule(data, "sale-returned")["lines"]
    lines[1]["amount"] = "gross"
    del lines[2]
    found = {f.code: f for f in findings(data)}
    assert set(found) == {"tax_in_revenue"}
    assert found["tax_in_revenue"].en == "VAT is not revenue: account 5001 Revenue gets a debit gross, which holds tax"


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"role": "revenue"}, {"5401", "5001"}),
        ({"role": "bank"}, {"5401", "1002"}),
        ({"dimensions": ["warehouse"]}, {"5401"}),
    ],
)
def test_what_is_reversed_must_cancel_out(changes: dict[str, Any], left: set[str]) -> None:
    data = source()
    rule(data, "goods-returned")["lines"][0] |= changes
    found = [f for f in findings(data) if f.code == "not_reversed"]
    assert {f.en.split("account ")[1][:4] for f in found} == left


def test_reversal_is_per_dimension_and_quantity() -> None:
    data = source()
    rule(data, "sale-returned")["lines"][1]["dimensions"] = ["customer"]
    assert [f.code for f in findings(data)] == ["not_reversed", "not_reversed"]
    data = source()
    rule(data, "goods-returned")["lines"][1]["quantity"] = False
    finding = only(data, "not_reversed")
    assert finding.zh == (
        "规则 goods-returned 应冲回 goods-shipped, "
        "但两者相加, 科目 1405 (辅助核算 product, warehouse) 余贷记 items.quantity"
    )
    assert finding.en == (
        "rule goods-returned is to reverse goods-shipped, but together they leave account 1405 (by product, warehouse) "
        "with credit items.quantity"
    )


def test_a_reversal_names_a_rule() -> None:
    data = source()
    rule(data, "goods-returned")["reverses"] = "goods-sent"
    assert only(data, "unknown_rule").en == "there is no rule goods-sent to reverse"


@pytest.mark.parametrize("pack", packs.all_packs(), ids=lambda pack: pack.standard)
def test_what_reverses_what(pack: Pack) -> None:
    assert {(r.id, r.part): r.reverses for r in pack.rules if r.reverses} == {
        ("order-rejected", 1): "order-placed", ("order-cancelled", 1): "order-placed",
        ("sale-delivered", 2): "order-placed", ("sale-returned", 1): "sale-delivered",
        ("credit-note-issued", 1): "invoice-issued", ("goods-returned", 1): "goods-shipped",
    }


def test_a_bill_never_touches_the_inventory_account() -> None:
    data = source()
    rule(data, "supplier-invoiced")["lines"][1] |= {"role": "inventory", "dimensions": []}
    assert {f.code for f in findings(data)} == {"stock_value", "control_dimensions"}


def test_stock_that_moves_without_a_rule_is_refused() -> None:
    data = source()
    data["rules"] = [r for r in data["rules"] if r["id"] != "stock-opened"]
    data["none"].append({"event": "inventory.stock_opened.v1", "zh": "不记", "en": "not posted"})
    only(data, "stock_value")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("standard = ", "not TOML"),
        ('standard = "x"', "version: Field required"),
        ((files(packs) / "assbe.toml").read_text(encoding="utf-8") + "\nif = 1", "none.28.if: Extra inputs"),
    ],
)
def test_what_is_no_pack_is_named(text: str, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        parse(text)


def test_a_pack_with_a_finding_never_posts() -> None:
    data = source()
    rule(data, "sale-delivered")["lines"][1]["amount"] = "gross"
    with pytest.raises(PackError, match="pack assbe 1: rule sale-delivered part 1: does not balance"):
        packs.proven(Pack.model_validate(data))


def test_readers_declare_only_what_exists() -> None:
    """What the linter trusts: names are fields, dimensions are columns, each total has one identity and no cycle."""
    for event_type, reader in READERS.items():
        assert event_type in Event.registry
        fields = set(reader.event.model_fields)
        assert {reader.on, reader.currency, *reader.amounts, *reader.dimensions.values(), *reader.texts} <= fields
        assert {*reader.dimensions, *reader.item_dimensions} <= set(DIMENSIONS)
        assert max(Counter(i.total for i in reader.identities).values(), default=0) <= 1
        symbols = {*reader.amounts, *(f"items.{name}" for name in reader.item_amounts)}
        assert set(reader.stock.change) <= symbols
        assert {name for i in reader.identities for name in (i.total, *i.parts)} <= symbols
        totals = [i.total for i in reader.identities]
        for at, identity in enumerate(reader.identities):
            assert not set(identity.parts) & set(totals[: at + 1]), "a total is made of later ones only: no cycle"
