"""Stock (库存): levels, what lacks, a product with its movements; receiving and counting, made for phones first."""

import asyncio
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.lists import Badge, Column, Filter, ListView
from services.console.domain.roles import Person, unless_own, why_not
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, page
from services.console.pages.rendering import today
from shared.events.inventory import ApproveCount, CountStock, ReceiveGoods, RegisterProducts, ReturnToSupplier
from shared.refusal import Text

router = APIRouter()

WAREHOUSE = Filter("warehouse", Text("仓库", "Warehouse"), "search", hint=Text("全部", "all"))
POOL = (
    Column("sku", Text("商品", "Product"), "code", sort="sku", link="/products/{sku}"),
    Column("name", Text("名称", "Name"), link="/products/{sku}", phone="head"),
    Column("warehouse", Text("仓库", "Warehouse")),
)
LEVELS = ListView(
    "/stock", Text("库存", "Stock"),
    columns=(
        *POOL,
        Column("quantity", Text("现存", "On hand"), "quantity", sort="quantity"),
        Column("reserved", Text("已预留", "Reserved"), "quantity", phone="none"),
        Column("available", Text("可用", "Free"), "quantity", sort="available"),
        Column("unit", Text("单位", "Unit"), phone="none"),
        Column("value", Text("金额", "Value"), "money", sort="value", phone="none"),
    ),
    filters=(Filter("q", Text("查找", "Find"), "search", hint=Text("名称或编号的一部分", "part of name or number")),
             WAREHOUSE),
    sort="sku", empty=Text("没有库存", "nothing in stock"),
)
LOW = ListView(
    "/stock/low", Text("低库存", "Low stock"),
    columns=(
        *POOL,
        Column("available", Text("可用", "Free"), "quantity"),
        Column("waiting", Text("缺货订单等待", "Orders wait for"), "quantity"),
        Column("quantity", Text("现存", "On hand"), "quantity", phone="none"),
        Column("unit", Text("单位", "Unit"), phone="none"),
    ),
    filters=(
        Filter("below", Text("可用不多于", "Free at most"),
               choices=tuple((n, Text(n, n)) for n in ("0", "5", "10", "50", "100", "1000"))),
        WAREHOUSE,
    ),
    empty=Text("没有缺的商品", "nothing lacks"),
)
COUNT_STATES = {"waiting": Badge(Text("待审批", "Awaits approval"), "amber"),
                "approved": Badge(Text("已审批", "Approved"), "green")}
COUNTS = ListView(
    "/stock/counts", Text("盘点单", "Stocktakes"),
    columns=(
        Column("count_id", Text("单号", "Number"), "code", link="/stock/counts/{count_id}", phone="head"),
        Column("counted_on", Text("日期", "Date"), "date"), Column("warehouse", Text("仓库", "Warehouse")),
        Column("counted_by", Text("盘点人", "Counted by"), "who"),
        Column("gain", Text("盘盈", "Gain"), "money"), Column("loss", Text("盘亏", "Loss"), "money"),
        Column("state", Text("状态", "State"), "state", states=COUNT_STATES),
    ),
    filters=(Filter("waiting", Text("状态", "State"),
                    choices=(("", Text("全部", "All")), ("true", Text("待审批", "Awaits approval")))),),
    empty=Text("还没有盘点单", "no stocktakes yet"),
)
KINDS = {
    "opening": Badge(Text("期初", "Opening")), "receipt": Badge(Text("采购入库", "Receipt"), "green"),
    "shipment": Badge(Text("销售出库", "Shipment"), "blue"),
    "customer_return": Badge(Text("销售退回", "Customer's return"), "violet"),
    "purchase_return": Badge(Text("采购退货", "Return to supplier"), "amber"),
    "count": Badge(Text("盘点", "Stocktake"), "amber"),
}
COUNTER_APPROVES_NOT = Text("你是盘点人，须由他人审批", "you counted; somebody else must approve it")
RECEIVED = Text("入库单 {number} 已入库", "receipt {number} is in stock")
COUNTED = Text("盘点单 {number} 已提交，等待审批", "stocktake {number} is entered and awaits approval")
APPROVED = Text("盘点单 {number} 已审批", "stocktake {number} is approved")
SENT_BACK = Text("采购退货单 {number} 已出库", "return {number} has left stock")
REGISTERED = Text("商品 {sku} 已建档", "product {sku} is registered")
Mode = Literal["receive", "count"]


# -- what is there ----------------------------------------------------------------------------------------------------


@router.get("/stock")
async def list_levels(request: Request, person: User, services: Asked) -> Response:
    want = listing.asked(request, LEVELS)
    found = await services.get("inventory", "/levels", **want.params, limit=listing.PAGE_SIZE)
    return await listing.show(request, listing.page_of(want, found, "items"), "stock.html", **_ways(person))


@router.get("/stock/low")
async def list_low(request: Request, person: User, services: Asked) -> Response:
    """Where less is free than is waited for, or little at all; what lacks most first."""
    want = listing.asked(request, LOW, below="0")
    found = await services.get("inventory", "/shortages", **want.params, limit=listing.PAGE_SIZE)
    return await listing.show(request, listing.page_of(want, found, "items"), "stock.html", **_ways(person))


@router.get("/stock/counts")
async def list_counts(request: Request, person: User, services: Asked) -> Response:
    want = listing.asked(request, COUNTS)
    found = await services.get("inventory", "/counts", **want.params, limit=listing.PAGE_SIZE)
    rows = [{**one, "state": "approved" if one["approved_by"] else "waiting"} for one in found]
    following = rows[-1]["count_id"] if len(rows) == listing.PAGE_SIZE else None
    return await listing.show(request, listing.page_of(want, {"items": rows, "next": following}, "items"),
                              "stock.html", **_ways(person))


def _ways(person: Person) -> dict[str, Any]:
    return {"may_not_receive": why_not(person, ReceiveGoods), "may_not_count": why_not(person, CountStock)}


@router.get("/products/new")
async def enter_product(request: Request, person: User, sku: Annotated[str, Query(max_length=64)] = "") -> Response:
    return await _product_entry(request, person, Form({"products.0.sku": sku}, ""), [])


@router.post("/products/new")
async def register_product(request: Request, form: Posted, person: User, services: Asked) -> Response:
    try:
        await services.ask("inventory", "/products", form.body(), form.key)
    except RefusedError as refused:
        return await _product_entry(request, person, form, refused.errors)
    sku = form["products.0.sku"].strip()
    return go(f"/products/{sku}", REGISTERED, sku=sku)


async def _product_entry(request: Request, person: Person, form: Form, errors: list[dict[str, str]]) -> Response:
    return await page(request, "product_new.html", 422 if errors else 200, form=form, errors=errors,
                      by_field=facts.by_field(errors), may_not=why_not(person, RegisterProducts))


@router.get("/products/{sku}")
async def show_product(
    request: Request, person: User, services: Asked, sku: str, warehouse: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """A product, its stock in each warehouse, and what moved in one of them, newest first (存货明细账)."""
    product, pools = await asyncio.gather(
        services.get("inventory", f"/products/{sku}"), services.get("inventory", "/stock", sku=sku))
    if product is None:
        raise MissingError
    places = [pool["warehouse"] for pool in pools["items"]]
    place = warehouse if warehouse in places else next(iter(places), "")
    moves = await services.get("inventory", f"/stock/{sku}/moves", newest_in=place, limit=listing.PAGE_SIZE,
                               after=after) if place else {"items": [], "next": None}
    return await page(request, "product.html", product=product, pools=pools["items"], place=place, moves=moves,
                      kinds=KINDS, after=after)


# -- receiving and counting -------------------------------------------------------------------------------------------


@router.get("/stock/scan")
async def scan(
    request: Request, person: User, services: Asked, mode: Mode, code: Annotated[str, Query(max_length=100)],
    n: Annotated[int, Query(ge=0, lt=1000)],
) -> Response:
    """The row of what was scanned or typed: a product's number, or a part of its name that only one has."""
    found = await services.get("inventory", "/products", q=code, limit=2)
    exact = [one for one in found if one["sku"].casefold() == code.casefold()] or found
    if len(exact) != 1:
        return await page(request, "part_scan_none.html", code=code, many=len(exact) > 1,
                          may_register=why_not(person, RegisterProducts) is None)
    row = {"n": n, "sku": exact[0]["sku"], "product": exact[0], "quantity": "1", "unit_cost": "", "left": None}
    return await page(request, "part_scan_row.html", row=row, mode=mode, by_field=facts.by_field([]), ordered=False)


@router.get("/stock/receive")
async def receive_form(
    request: Request, person: User, services: Asked, purchase_id: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """With a purchase order its lines stand there already, and wait for their quantities."""
    day = today()
    fields = {"receipt_id": facts.new_number("R", day), "received_on": str(day), "warehouse": "main"}
    if purchase_id:
        purchase = await services.get("inventory", f"/purchase-orders/{purchase_id}")
        if purchase is None:
            raise MissingError
        fields |= {"purchase_id": purchase_id, "supplier_id": purchase["supplier_id"],
                   "warehouse": purchase["warehouse"]}
        open_lines = [line for line in purchase["lines"] if Decimal(line["received"]) < Decimal(line["quantity"])]
        fields |= {f"lines.{n}.sku": line["sku"] for n, line in enumerate(open_lines)}
    return await _receiving(request, person, services, Form(fields, ""), [])


@router.post("/stock/receive")
async def receive(request: Request, form: Posted, person: User, services: Asked) -> Response:
    body, put_back = facts.body_of(form, "lines", "quantity")
    try:
        await services.ask("inventory", "/receipts", body, form.key)
    except RefusedError as refused:
        return await _receiving(request, person, services, form, put_back(refused))
    return go(f"/stock/receipts/{body['receipt_id']}", RECEIVED, number=body["receipt_id"])


async def _receiving(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    rows = facts.rows_of(form, "lines", ("sku", "quantity", "unit_cost"))
    known, who, purchase = await asyncio.gather(
        facts.products(services, [row["sku"] for row in rows if row["sku"]]),
        facts.suppliers(services, [form["supplier_id"]]),
        facts.or_none(services.get("inventory", f"/purchase-orders/{form['purchase_id'] or '-'}")))
    left = {line["sku"]: Decimal(line["quantity"]) - Decimal(line["received"]) for line in purchase["lines"]} \
        if purchase else {}
    for row in rows:
        row |= {"product": known.get(row["sku"]), "left": left.get(row["sku"])}
    return await page(request, "stock_receive.html", 422 if errors else 200, form=form, rows=rows, errors=errors,
                      by_field=facts.by_field(errors), purchase=purchase, supplier=who.get(form["supplier_id"]),
                      may_not=why_not(person, ReceiveGoods))


@router.get("/stock/receipts/{receipt_id}")
async def show_receipt(request: Request, person: User, services: Asked, receipt_id: str) -> Response:
    return await _receipt(request, person, services, receipt_id, Form({}, ""), [])


@router.post("/stock/receipts/{receipt_id}/return")
async def send_back(request: Request, form: Posted, person: User, services: Asked, receipt_id: str) -> Response:
    body, put_back = facts.body_of(form, "lines", "quantity")
    try:
        await services.ask("inventory", "/purchase-returns", {**body, "receipt_id": receipt_id}, form.key)
    except RefusedError as refused:
        return await _receipt(request, person, services, receipt_id, form, put_back(refused))
    return go(f"/stock/receipts/{receipt_id}", SENT_BACK, number=body["purchase_return_id"])


async def _receipt(
    request: Request, person: Person, services: Services, receipt_id: str, form: Form, errors: list[dict[str, Any]]
) -> Response:
    found = await services.get("inventory", f"/receipts/{receipt_id}")
    if found is None:
        raise MissingError
    known, who, story = await asyncio.gather(
        facts.products(services, [line["sku"] for line in found["lines"]]),
        facts.suppliers(services, [found["supplier_id"]]),
        facts.story(request, services, person, f"receipt/{receipt_id}"))
    return await page(
        request, "stock_receipt.html", 422 if errors else 200, receipt=found, supplier=who.get(found["supplier_id"]),
        products=known, story=story, form=form, errors=errors, by_field=facts.by_field(errors), today=today(),
        may_not=why_not(person, ReturnToSupplier), number=facts.new_number("PR", today()))


@router.get("/stock/count")
async def count_form(request: Request, person: User, services: Asked) -> Response:
    day = today()
    fields = {"count_id": facts.new_number("C", day), "counted_on": str(day), "warehouse": "main"}
    return await _counting(request, person, services, Form(fields, ""), [])


@router.post("/stock/count")
async def count(request: Request, form: Posted, person: User, services: Asked) -> Response:
    body, put_back = facts.body_of(form, "lines", "counted")
    try:
        await services.ask("inventory", "/counts", body, form.key)
    except RefusedError as refused:
        return await _counting(request, person, services, form, put_back(refused))
    return go(f"/stock/counts/{body['count_id']}", COUNTED, number=body["count_id"])


async def _counting(
    request: Request, person: Person, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    rows = facts.rows_of(form, "lines", ("sku", "counted"))
    known = await facts.products(services, [row["sku"] for row in rows if row["sku"]])
    for row in rows:
        row |= {"product": known.get(row["sku"]), "quantity": row["counted"], "left": None}
    return await page(request, "stock_count.html", 422 if errors else 200, form=form, rows=rows, errors=errors,
                      by_field=facts.by_field(errors), may_not=why_not(person, CountStock))


@router.get("/stock/counts/{count_id}")
async def show_count(request: Request, person: User, services: Asked, count_id: str) -> Response:
    """The differences, and the button by which somebody else approves them."""
    found = await services.get("inventory", f"/counts/{count_id}")
    if found is None:
        raise MissingError
    known, story = await asyncio.gather(
        facts.products(services, [line["sku"] for line in found["lines"]]),
        facts.story(request, services, person, f"count/{count_id}"))
    may_not = why_not(person, ApproveCount) or unless_own(person, found["counted_by"], COUNTER_APPROVES_NOT)
    return await page(request, "stock_counted.html", count=found, products=known, story=story, may_not=may_not,
                      state=COUNT_STATES["approved" if found["approved_by"] else "waiting"])


@router.post("/stock/counts/{count_id}/approve")
async def approve_count(request: Request, form: Posted, person: User, services: Asked, count_id: str) -> Response:
    await services.ask("inventory", "/counts/approvals", {"count_id": count_id, "approved_on": str(today())}, form.key)
    return go(f"/stock/counts/{count_id}", APPROVED, number=count_id)
