"""Sales orders (销售订单): the list, the entry, and one order with everything that can still be done of it."""

import asyncio
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.lists import Badge, Column, Filter, ListView
from services.console.domain.roles import why_not
from services.console.domain.steps import Step, steps_of, still_to_come
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, page
from services.console.pages.rendering import today
from shared.events.order import PlaceOrder
from shared.refusal import Text

router = APIRouter()

STATES = {
    "placed": Badge(Text("已下单", "Placed"), "blue"), "short": Badge(Text("缺货", "Short"), "red"),
    "held": Badge(Text("待审核", "Awaits approval"), "amber"), "approved": Badge(Text("待发货", "To ship"), "blue"),
    "cancelling": Badge(Text("取消中", "Cancelling"), "amber"), "cancelled": Badge(Text("已取消", "Cancelled")),
    "rejected": Badge(Text("已驳回", "Rejected")), "delivered": Badge(Text("已交付", "Delivered"), "violet"),
    "settled": Badge(Text("已结清", "Settled"), "green"),
}
ORDERS = ListView(
    "/orders", Text("订单", "Orders"),
    columns=(
        Column("order_id", Text("单号", "Number"), "code", link="/orders/{order_id}", phone="head"),
        Column("ordered_on", Text("日期", "Date"), "date", sort="date"),
        Column("customer", Text("客户", "Customer"), link="/customers/{customer_id}"),
        Column("gross", Text("含税金额", "Gross"), "money", sort="gross"),
        Column("state", Text("状态", "State"), "state", states=STATES),
        Column("salesperson", Text("业务员", "Salesperson"), phone="none"),
        Column("maker", Text("制单", "Made by"), "who", phone="none"),
    ),
    filters=(
        Filter("state", Text("状态", "State"),
               choices=(("", Text("全部", "All")), *((name, badge.text) for name, badge in STATES.items()))),
        Filter("since", Text("起始日期", "From"), "date"),
        Filter("until", Text("截止日期", "To"), "date"),
        Filter("find", Text("查找", "Find"), "search", hint=Text("单号或客户", "number or customer")),
    ),
    sort="-date",
    empty=Text("没有符合条件的订单", "no order matches"),
)
COLUMNS = ("sku", "quantity", "unit_price")
ROWS = 5
TAKEN = Text("订单 {order} 已录入", "order {order} is entered")
SAID = {"approve": Text("订单 {order} 已审核通过", "order {order} is approved"),
        "reject": Text("订单 {order} 已驳回", "order {order} is rejected"),
        "cancel": Text("已申请取消订单 {order}", "cancelling of order {order} is asked for")}


@router.get("/orders")
async def list_orders(request: Request, person: User, services: Asked) -> Response:
    """Newest first. What is looked for is the beginning of a number, else a part of a customer's name."""
    want = listing.asked(request, ORDERS)
    params: dict[str, Any] = {**want.params, "limit": listing.PAGE_SIZE}
    if find := params.pop("find", ""):
        by_number, who = await asyncio.gather(
            services.get("order", "/orders", number=find, limit=1),
            facts.or_none(services.get("crm", "/customers", q=find, limit=50)))
        ids = [one["customer_id"] for one in who or ()]
        params |= {"number": find} if by_number or not ids else {"customer_id": ids}
    found = await services.get("order", "/orders", **params)
    names = await facts.customers(services, [one["customer_id"] for one in found])
    rows = [{**one, "customer": names.get(one["customer_id"], {}).get("name", one["customer_id"])} for one in found]
    following = found[-1]["order_id"] if len(found) == listing.PAGE_SIZE else None
    return await listing.show(request, listing.page_of(want, {"orders": rows, "next": following}, "orders"),
                              "orders.html", may_not=why_not(person, PlaceOrder))


# -- entry ------------------------------------------------------------------------------------------------------------


@router.get("/orders/new")
async def enter_order(request: Request, person: User, services: Asked, customer_id: str = "") -> Response:
    day = today()
    fields = {"order_id": facts.new_number("SO", day), "ordered_on": str(day), "customer_id": customer_id[:64],
              "warehouse": "main", "salesperson": person.name if person.has("sales") else ""}
    return await _entry(request, person, services, Form(fields, ""), [])


@router.post("/orders/new")
async def place_order(request: Request, form: Posted, person: User, services: Asked) -> Response:
    books = await services.get("accounting", "/books")
    body, put_back = facts.body_of(form, "lines", "sku")
    try:
        await services.ask("order", "/orders", {**body, "currency": (books or {}).get("currency", "")}, form.key)
    except RefusedError as refused:
        return await _entry(request, person, services, form, put_back(refused))
    order_id = body["order_id"]
    order = await facts.until(
        lambda: services.get("order", f"/orders/{order_id}"), lambda order: order["state"] != "placed")
    if order and order["state"] == "approved":  # within the credit limit
        await _approval_heard(services, order_id)
    return go(f"/orders/{order_id}", TAKEN, order=order_id)


@router.post("/orders/total")
async def add_up(request: Request, form: Posted, person: User, services: Asked) -> Response:
    """What the lines come to as they stand: by the rule by which the order service will value them."""
    books = await facts.or_none(services.get("accounting", "/books"))
    return await page(request, "part_totals.html", **facts.totals(form, COLUMNS, books))


async def _entry(
    request: Request, person: User, services: Services, form: Form, errors: list[dict[str, Any]]
) -> Response:
    rows = facts.rows_of(form, "lines", COLUMNS, least=ROWS)
    books, known, who = await asyncio.gather(
        facts.or_none(services.get("accounting", "/books")),
        facts.products(services, [row["sku"] for row in rows if row["sku"]], form["warehouse"]),
        facts.customers(services, [form["customer_id"]] if form["customer_id"] else []))
    for row in rows:
        row["product"] = known.get(row["sku"])
    return await page(
        request, "order_new.html", 422 if errors else 200, form=form, rows=rows, errors=errors, books=books,
        by_field=facts.by_field(errors), customer=who.get(form["customer_id"]),
        may_not=why_not(person, PlaceOrder), **facts.totals(form, COLUMNS, books))


# -- one order --------------------------------------------------------------------------------------------------------


@router.get("/orders/{order_id}")
async def show_order(request: Request, person: User, services: Asked, order_id: str) -> Response:
    return await _show(request, person, services, order_id, Form({}, ""), "", [])


@router.post("/orders/{order_id}/{step_name}")
async def take_step(
    request: Request, form: Posted, person: User, services: Asked, order_id: str, step_name: str
) -> Response:
    """One of the forms of an order's page; the service judges it, whatever the page said."""
    order, stock = await _order(services, order_id)
    step = next((one for one in steps_of(order, stock, person) if one.name == step_name), None)
    if step is None:
        raise MissingError
    body, put_back = facts.body_of(form, "lines", "quantity")
    if "order_id" in step.command.model_fields:
        body["order_id"] = order_id
    try:
        await services.ask(step.service, step.path, {**body, **step.given}, form.key)
    except RefusedError as refused:
        return await _show(request, person, services, order_id, form, step_name, put_back(refused))
    await _heard(services, order_id, step, body.get(step.number, ""))
    if step.number:
        said = Text(f"{step.title.zh} 已完成：{{n}}", f"{step.title.en} is done: {{n}}")
        return go(f"/orders/{order_id}", said, n=body[step.number])
    return go(f"/orders/{order_id}", SAID[step_name], order=order_id)


async def _heard(services: Services, order_id: str, step: Step, number: str) -> None:
    """Until the other service knows it too."""
    if step.name == "approve":
        await _approval_heard(services, order_id)
    elif step.name == "cancel":
        await facts.until(lambda: services.get("order", f"/orders/{order_id}"),
                          lambda one: one["state"] != "cancelling")
    elif step.service == "inventory":
        table, key = ("deliveries", "delivery_id") if step.name == "ship" else ("returns", "return_id")
        await facts.until(lambda: services.get("order", f"/orders/{order_id}"),
                          lambda one: any(document[key] == number for document in one[table]))


async def _approval_heard(services: Services, order_id: str) -> None:
    """Until the stock may be shipped."""
    await facts.until(lambda: services.get("inventory", f"/fulfilments/{order_id}"), lambda one: one["approved"])


async def _order(services: Services, order_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    order, stock = await asyncio.gather(
        services.get("order", f"/orders/{order_id}"),
        facts.or_none(services.get("inventory", f"/fulfilments/{order_id}")))
    if order is None:
        raise MissingError
    return order, stock


async def _show(
    request: Request, person: User, services: Services, order_id: str, form: Form, opened: str,
    errors: list[dict[str, Any]],
) -> Response:
    order, stock = await _order(services, order_id)
    who, known, credit, story = await asyncio.gather(
        facts.customers(services, [order["customer_id"]]),
        facts.products(services, [line["sku"] for line in order["lines"]]),
        facts.or_none(services.get("order", f"/customers/{order['customer_id']}")),
        facts.story(request, services, person, f"order/{order_id}"))
    reserved = {line["line"]: line for line in stock["lines"]} if stock else {}
    steps = steps_of(order, stock, person)
    suggested = next((step.name for step in steps if step.primary and not step.why_not), "")
    return await page(
        request, "order.html", 422 if errors else 200, order=order, stock=stock, reserved=reserved,
        customer=who.get(order["customer_id"]), products=known, credit=credit, story=story,
        steps=steps, form=form, opened=opened, suggested=suggested, errors=errors, by_field=facts.by_field(errors),
        states=STATES, to_come=still_to_come(order), today=today(), documents=_documents(order))


def _documents(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that was issued for the order, by day."""
    kinds = (
        ("deliveries", "delivery_id", "delivered_on", "gross", Text("发货单", "Delivery")),
        ("invoices", "invoice_id", "issued_on", "gross", Text("发票", "Invoice")),
        ("payments", "payment_id", "received_on", "amount", Text("收款单", "Payment")),
        ("returns", "return_id", "returned_on", "gross", Text("退货单", "Return")),
        ("credit_notes", "credit_note_id", "issued_on", "gross", Text("红字发票", "Credit note")),
        ("refunds", "refund_id", "paid_on", "amount", Text("退款单", "Refund")),
    )
    back = ("returns", "credit_notes", "refunds")
    found = [
        {"kind": title, "number": one[number], "on": one[day], "sign": -1 if table in back else 1,
         "amount": Decimal(one[amount]) * (-1 if table in back else 1), "open": one.get("open")}
        for table, number, day, amount, title in kinds for one in order[table]
    ]
    return sorted(found, key=lambda one: one["on"])
