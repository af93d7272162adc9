"""Purchasing (采购): orders, what is received and not billed yet (三单匹配), bills and what suppliers are owed."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.lists import Badge, Column, Filter, ListView
from services.console.domain.roles import Person, why_not
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, page
from services.console.pages.rendering import today
from shared.events.inventory import (
    BookSupplierInvoice,
    PaySupplier,
    PlacePurchaseOrder,
    ReceiveGoods,
    RegisterSuppliers,
)
from shared.refusal import Text

router = APIRouter()

STATES = {"open": Badge(Text("未到货", "Open"), "blue"), "part_received": Badge(Text("部分到货", "Partly in"), "amber"),
          "received": Badge(Text("已到齐", "All in"), "green")}
PURCHASES = ListView(
    "/purchases", Text("采购订单", "Purchase orders"),
    columns=(
        Column("purchase_id", Text("单号", "Number"), "code", link="/purchases/{purchase_id}", phone="head"),
        Column("ordered_on", Text("日期", "Date"), "date", sort="date"),
        Column("supplier", Text("供应商", "Supplier"), link="/suppliers/{supplier_id}"),
        Column("net", Text("不含税金额", "Net"), "money"),
        Column("state", Text("状态", "State"), "state", states=STATES),
        Column("warehouse", Text("仓库", "Warehouse"), phone="none"),
    ),
    filters=(
        Filter("state", Text("状态", "State"),
               choices=(("", Text("全部", "All")), *((name, badge.text) for name, badge in STATES.items()))),
        Filter("find", Text("查找", "Find"), "search", hint=Text("单号或供应商", "number or supplier")),
    ),
    sort="-date", empty=Text("没有符合条件的采购订单", "no purchase order matches"),
)
MATCH = ListView(
    "/purchases/match", Text("待开票入库", "Received, not billed"),
    columns=(
        Column("received_on", Text("日期", "Date"), "date"), Column("receipt_id", Text("入库单", "Receipt"), "code"),
        Column("supplier_id", Text("供应商", "Supplier")), Column("sku", Text("商品", "Product"), "code"),
        Column("unbilled", Text("未开票数量", "Not billed"), "quantity"),
        Column("accrued", Text("暂估金额", "Accrued"), "money"),
    ),
    filters=(Filter("supplier_id", Text("供应商", "Supplier"), "search", hint=Text("编号", "number")),),
    empty=Text("没有等待发票的入库", "nothing waits for a bill"),
)
SUPPLIERS = ListView(
    "/suppliers", Text("供应商", "Suppliers"),
    columns=(
        Column("supplier_id", Text("编号", "Number"), "code", link="/suppliers/{supplier_id}"),
        Column("name", Text("名称", "Name"), link="/suppliers/{supplier_id}", phone="head"),
        Column("balance", Text("应付余额", "Owed"), "money"),
    ),
    empty=Text("还没有供应商", "no suppliers yet"),
)
COLUMNS = ("sku", "quantity", "unit_cost")
ROWS = 5
ORDERED = Text("采购订单 {number} 已下达", "purchase order {number} is placed")
BILLED = Text("采购发票 {number} 已入账", "bill {number} is booked")
PAID = Text("付款单 {number} 已登记", "payment {number} is recorded")
REGISTERED = Text("供应商 {number} 已建档", "supplier {number} is registered")
PICK = Text("请先勾选入库明细", "tick the lines that the bill is for first")


def _ways(person: Person) -> dict[str, Any]:
    return {"may_not_order": why_not(person, PlacePurchaseOrder), "may_not_bill": why_not(person, BookSupplierInvoice)}


# -- orders -----------------------------------------------------------------------------------------------------------


@router.get("/purchases")
async def list_purchases(request: Request, person: User, services: Asked) -> Response:
    """Newest first. What is looked for is an order's number, else a part of a supplier's name or number."""
    want = listing.asked(request, PURCHASES)
    params: dict[str, Any] = {**want.params, "limit": listing.PAGE_SIZE}
    found = await _found(services, params, params.pop("find", ""))
    who = await facts.suppliers(services, [one["supplier_id"] for one in found])
    rows = [{**one, "supplier": who.get(one["supplier_id"], {}).get("name", one["supplier_id"])} for one in found]
    following = rows[-1]["purchase_id"] if len(rows) == listing.PAGE_SIZE else None
    return await listing.show(request, listing.page_of(want, {"items": rows, "next": following}, "items"),
                              "purchases.html", **_ways(person))


async def _found(services: Services, params: Mapping[str, Any], find: str) -> list[dict[str, Any]]:
    of: dict[str, Any] = {}
    if find:
        if "/" not in find and (exact := await services.get("inventory", f"/purchase-orders/{find}")):
            return [exact]
        named = await services.get("inventory", "/suppliers", q=find, limit=50)
        if not named:
            return []
        of = {"supplier_id": [one["supplier_id"] for one in named]}
    found: list[dict[str, Any]] = await services.get("inventory", "/purchase-orders", **params, **of)
    return found


@router.get("/purchases/new")
async def enter_purchase(
    request: Request, person: User, services: Asked, supplier_id: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    day = today()
    fields = {"purchase_id": facts.new_number("PO", day), "ordered_on": str(day), "warehouse": "main",
              "supplier_id": supplier_id}
    return await _entry(request, person, services, Form(fields, ""), [])


@router.post("/purchases/new")
async def place_purchase(request: Request, form: Posted, person: User, services: Asked) -> Response:
    body, put_back = facts.body_of(form, "lines", "sku")
    try:
        await services.ask("inventory", "/purchase-orders", body, form.key)
    except RefusedError as refused:
        return await _entry(request, person, services, form, put_back(refused))
    return go(f"/purchases/{body['purchase_id']}", ORDERED, number=body["purchase_id"])


@router.post("/purchases/total")
async def add_up(request: Request, form: Posted, person: User, services: Asked) -> Response:
    books = await facts.or_none(services.get("accounting", "/books"))
    return await page(request, "part_totals.html", **facts.totals(form, COLUMNS, books))


async def _entry(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    rows = facts.rows_of(form, "lines", COLUMNS, least=ROWS)
    books, known, who = await asyncio.gather(
        facts.or_none(services.get("accounting", "/books")),
        facts.products(services, [row["sku"] for row in rows if row["sku"]], form["warehouse"]),
        facts.suppliers(services, [form["supplier_id"]]))
    for row in rows:
        row["product"] = known.get(row["sku"])
    return await page(
        request, "purchase_new.html", 422 if errors else 200, form=form, rows=rows, errors=errors,
        by_field=facts.by_field(errors), supplier=who.get(form["supplier_id"]),
        may_not=why_not(person, PlacePurchaseOrder), **facts.totals(form, COLUMNS, books))


# -- bills ------------------------------------------------------------------------------------------------------------


@router.get("/purchases/match")
async def list_unbilled(request: Request, person: User, services: Asked) -> Response:
    """What was received and waits for its bill, oldest first; ticked lines go into the bill."""
    want = listing.asked(request, MATCH)
    found = await services.get("inventory", "/match-queue", **want.params, limit=listing.PAGE_SIZE)
    known, who = await asyncio.gather(
        facts.products(services, [one["sku"] for one in found["items"]]),
        facts.suppliers(services, [one["supplier_id"] for one in found["items"]]))
    return await listing.show(request, listing.page_of(want, found, "items"), "purchases_match.html", suppliers=who,
                              products=known, **_ways(person))


@router.get("/purchases/bill")
async def bill_form(
    request: Request, person: User, services: Asked, line: Annotated[list[str], Query(max_length=500)] = [],  # noqa: B006
) -> Response:
    """The bill for the lines that were ticked (R-1/2: receipt and line), at what was expected of them."""
    if not line:
        return go("/purchases/match", PICK)
    wanted = {tuple(one.split("/")) for one in line if one.count("/") == 1}
    queue = await asyncio.gather(*(
        services.get("inventory", "/match-queue", after=f"{receipt}/{int(n) - 1}", limit=1)
        for receipt, n in sorted(wanted) if n.isdigit() and int(n) > 0))
    found = [one["items"][0] for one in queue if one["items"]]
    found = [one for one in found if (one["receipt_id"], str(one["line"])) in wanted]
    if not found:
        raise MissingError
    fields = {"supplier_id": found[0]["supplier_id"], "invoiced_on": str(today()), "currency": "CNY"}
    for n, one in enumerate(found):
        unit = (Decimal(one["accrued"]) / Decimal(one["unbilled"])).quantize(Decimal("0.00000001")).normalize()
        fields |= {f"lines.{n}.receipt_id": one["receipt_id"], f"lines.{n}.line": str(one["line"]),
                   f"lines.{n}.sku": one["sku"], f"lines.{n}.quantity": f"{Decimal(one['unbilled']).normalize():f}",
                   f"lines.{n}.expected": f"{unit:f}", f"lines.{n}.unit_cost": f"{unit:f}"}
    return await _bill(request, person, services, Form(fields, ""), [])


@router.post("/purchases/bill")
async def book_bill(request: Request, form: Posted, person: User, services: Asked) -> Response:
    body, put_back = facts.body_of(form, "lines", "quantity")
    for row in body.get("lines", ()):
        row.pop("sku", None)
        row.pop("expected", None)
    books = await services.get("accounting", "/books")
    try:
        await services.ask("inventory", "/supplier-invoices", {**body, "currency": books["currency"]}, form.key)
    except RefusedError as refused:
        return await _bill(request, person, services, form, put_back(refused))
    return go(f"/bills/{body['supplier_invoice_id']}", BILLED, number=body["supplier_invoice_id"])


async def _bill(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    rows = facts.rows_of(form, "lines", ("receipt_id", "line", "sku", "quantity", "expected", "unit_cost", "tax"))
    known, who, books = await asyncio.gather(
        facts.products(services, [row["sku"] for row in rows]), facts.suppliers(services, [form["supplier_id"]]),
        facts.or_none(services.get("accounting", "/books")))
    return await page(
        request, "purchases_bill.html", 422 if errors else 200, form=form, rows=rows, errors=errors, products=known,
        by_field=facts.by_field(errors), supplier=who.get(form["supplier_id"]),
        may_not=why_not(person, BookSupplierInvoice), **facts.totals(form, COLUMNS, books))


@router.get("/purchases/{purchase_id}")
async def show_purchase(request: Request, person: User, services: Asked, purchase_id: str) -> Response:
    found = await services.get("inventory", f"/purchase-orders/{purchase_id}")
    if found is None:
        raise MissingError
    walks = [f"purchase/{purchase_id}", *(f"receipt/{one['receipt_id']}" for one in found["receipts"][:20])]
    known, who, stories = await asyncio.gather(
        facts.products(services, [line["sku"] for line in found["lines"]]),
        facts.suppliers(services, [found["supplier_id"]]),
        asyncio.gather(*(facts.story(request, services, person, walk) for walk in walks)))
    story = sorted((row for rows in stories for row in rows), key=lambda row: row["said_at"])
    return await page(request, "purchase.html", purchase=found, supplier=who.get(found["supplier_id"]), products=known,
                      story=story, states=STATES, may_not_receive=why_not(person, ReceiveGoods))


@router.get("/bills/{bill_id}")
async def show_bill(request: Request, person: User, services: Asked, bill_id: str) -> Response:
    found = await services.get("inventory", f"/supplier-invoices/{bill_id}")
    if found is None:
        raise MissingError
    known, who, story = await asyncio.gather(
        facts.products(services, [line["sku"] for line in found["lines"]]),
        facts.suppliers(services, [found["supplier_id"]]),
        facts.story(request, services, person, f"supplier_invoice/{bill_id}"))
    return await page(request, "purchases_bill_shown.html", bill=found, supplier=who.get(found["supplier_id"]),
                      products=known, story=story)


# -- suppliers --------------------------------------------------------------------------------------------------------


@router.get("/suppliers")
async def list_suppliers(request: Request, person: User, services: Asked) -> Response:
    return await _suppliers(request, person, services, Form({}, ""), [])


@router.post("/suppliers")
async def register_supplier(request: Request, form: Posted, person: User, services: Asked) -> Response:
    try:
        await services.ask("inventory", "/suppliers", form.body(), form.key)
    except RefusedError as refused:
        return await _suppliers(request, person, services, form, refused.errors)
    number = form["suppliers.0.supplier_id"].strip()
    return go(f"/suppliers/{number}", REGISTERED, number=number)


async def _suppliers(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    want = listing.asked(request, SUPPLIERS)
    found = await services.get("inventory", "/suppliers", **want.params, limit=listing.PAGE_SIZE)
    following = found[-1]["supplier_id"] if len(found) == listing.PAGE_SIZE else None
    shown = listing.page_of(want, {"items": found, "next": following}, "items")
    return await page(request, "suppliers.html", 422 if errors else 200, list=shown, form=form, errors=errors,
                      by_field=facts.by_field(errors), may_not=why_not(person, RegisterSuppliers))


@router.get("/suppliers/{supplier_id}")
async def show_supplier(request: Request, person: User, services: Asked, supplier_id: str) -> Response:
    return await _supplier(request, person, services, supplier_id, Form({}, ""), [])


@router.post("/suppliers/{supplier_id}/pay")
async def pay(request: Request, form: Posted, person: User, services: Asked, supplier_id: str) -> Response:
    books = await services.get("accounting", "/books")
    body = {**form.body(), "supplier_id": supplier_id, "currency": books["currency"]}
    try:
        await services.ask("inventory", "/supplier-payments", body, form.key)
    except RefusedError as refused:
        return await _supplier(request, person, services, supplier_id, form, refused.errors)
    return go(f"/suppliers/{supplier_id}", PAID, number=form["supplier_payment_id"])


async def _supplier(
    request: Request, person: Person, services: Services, supplier_id: str, form: Form,
    errors: list[Mapping[str, str]] | list[dict[str, Any]],
) -> Response:
    found, purchases, waiting = await asyncio.gather(
        services.get("inventory", f"/suppliers/{supplier_id}"),
        services.get("inventory", "/purchase-orders", supplier_id=supplier_id, sort="-date", limit=20),
        services.get("inventory", "/match-queue", supplier_id=supplier_id, limit=50))
    if found is None:
        raise MissingError
    return await page(
        request, "supplier.html", 422 if errors else 200, supplier=found, purchases=purchases, waiting=waiting["items"],
        form=form, errors=errors, by_field=facts.by_field(errors), states=STATES, today=today(),
        number=facts.new_number("PV", today()), may_not_pay=why_not(person, PaySupplier), **_ways(person))
