"""Customers (客户): the list, one with all about it (客户全景), and what is written down of talks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.lists import Badge, Column, Filter, ListView
from services.console.domain.roles import Person, why_not
from services.console.pages import facts, listing
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, page
from services.console.pages.orders import STATES
from services.console.pages.rendering import now, today, tonight, zone
from shared.events import Command
from shared.events.crm import (
    AddContact,
    ChangeCreditLimit,
    ChangeCustomer,
    FileComplaint,
    LogCommunication,
    RegisterCustomers,
    ResolveComplaint,
)
from shared.events.order import PlaceOrder
from shared.refusal import Text

router = APIRouter()

CUSTOMERS = ListView(
    "/customers", Text("客户", "Customers"),
    columns=(
        Column("customer_id", Text("编号", "Number"), "code", link="/customers/{customer_id}"),
        Column("name", Text("名称", "Name"), sort="name", link="/customers/{customer_id}", phone="head"),
        Column("salesperson", Text("业务员", "Salesperson")),
        Column("credit_limit", Text("信用额度", "Credit limit"), "money"),
        Column("balance", Text("应收余额", "Balance"), "money"),
    ),
    filters=(Filter("q", Text("查找", "Find"), "search", hint=Text("名称或编号的一部分", "part of name or number")),),
    empty=Text("没有找到客户", "no customer found"),
)
DUE = ListView(
    "/customers/due", Text("今天要联系的客户", "Customers to see to today"),
    columns=(
        Column("due_on", Text("到期", "Due"), "date"),
        Column("overdue", Text("状态", "State"), "state",
               states={"late": Badge(Text("已过期", "Overdue"), "red"),
                       "today": Badge(Text("今天", "Today"), "amber")}),
        Column("customer_name", Text("客户", "Customer"), link="/customers/{customer_id}", phone="head"),
        Column("kind", Text("事由", "Matter"), "state",
               states={"complaint": Badge(Text("投诉", "Complaint")), "follow_up": Badge(Text("回访", "Follow-up"))}),
        Column("text", Text("内容", "What")),
        Column("who", Text("负责", "Whose"), "who"),
    ),
    empty=Text("今天没有要联系的客户", "nobody waits for us today"),
)
CHANNELS = {"visit": Text("拜访", "Visit"), "phone": Text("电话", "Phone"), "wechat": Text("微信", "WeChat"),
            "email": Text("邮件", "E-mail"), "meeting": Text("会议", "Meeting"), "other": Text("其他", "Other")}
TAKEN = Text("客户 {name} 已建档", "customer {name} is registered")


@dataclass(frozen=True, slots=True)
class Act:
    """A form of a customer's page; `stamp` is the field of a moment that is now, `number` that of a new document."""

    command: type[Command]
    path: str
    said: Text
    number: str = ""
    letter: str = ""
    stamp: str = ""


ACTS = {
    "talk": Act(LogCommunication, "/communications", Text("沟通已记录", "the talk is written down"), "communication_id",
                "T"),
    "contact": Act(AddContact, "/contacts", Text("联系人已添加", "the contact is added"), "contact_id", "CT"),
    "complaint": Act(FileComplaint, "/complaints", Text("投诉已登记", "the complaint is filed"), "complaint_id", "CP",
                     "filed_at"),
    "resolve": Act(ResolveComplaint, "/complaints/resolutions", Text("投诉已解决", "the complaint is resolved"),
                   stamp="resolved_at"),
    "change": Act(ChangeCustomer, "/customers/changes", Text("客户资料已修改", "the customer is changed")),
    "limit": Act(ChangeCreditLimit, "/customers/credit-limits", Text("信用额度已修改", "the credit limit is changed")),
}
MOMENTS = ("talked_at", "due_at")  # as the browser sends them: without a time zone


@router.get("/customers")
async def list_customers(request: Request, person: User, services: Asked) -> Response:
    want = listing.asked(request, CUSTOMERS)
    found = await services.get("crm", "/customers", **want.params, limit=listing.PAGE_SIZE)
    following = found[-1]["customer_id"] if len(found) == listing.PAGE_SIZE else None
    return await listing.show(request, listing.page_of(want, {"customers": found, "next": following}, "customers"),
                              "customers.html", may_not=why_not(person, RegisterCustomers))


@router.get("/customers/due")
async def list_due(request: Request, person: User, services: Asked) -> Response:
    """Complaints to resolve and talks to follow up until tonight, the longest overdue first."""
    found = await services.get("crm", "/reminders", until=tonight().isoformat(), limit=100)
    rows = [{**one, "overdue": "late" if one["overdue"] else "today"} for one in found or ()]
    return await listing.show(request, listing.page_of(listing.asked(request, DUE), {"rows": rows}, "rows"))


@router.get("/customers/new")
async def enter_customer(request: Request, person: User) -> Response:
    fields = {"customers.0.salesperson": person.name if person.has("sales") else ""}
    return await _entry(request, person, Form(fields, ""), [])


@router.post("/customers/new")
async def register(request: Request, form: Posted, person: User, services: Asked) -> Response:
    try:
        await services.ask("crm", "/customers", form.body(), form.key)
    except RefusedError as refused:
        return await _entry(request, person, form, refused.errors)
    return go(f"/customers/{form['customers.0.customer_id'].strip()}", TAKEN, name=form["customers.0.name"])


async def _entry(request: Request, person: Person, form: Form, errors: list[dict[str, Any]]) -> Response:
    return await page(request, "customer_new.html", 422 if errors else 200, form=form, errors=errors,
                      by_field=facts.by_field(errors), may_not=why_not(person, RegisterCustomers))


@router.get("/customers/{customer_id}")
async def show_customer(request: Request, person: User, services: Asked, customer_id: str) -> Response:
    return await _show(request, person, services, customer_id, Form({}, ""), "", [])


@router.post("/customers/{customer_id}/{act_name}")
async def do_act(
    request: Request, form: Posted, person: User, services: Asked, customer_id: str, act_name: str
) -> Response:
    """One of the forms of a customer's page."""
    act = ACTS.get(act_name)
    if act is None:
        raise MissingError
    body = _with_zone(form.body())
    if act.stamp:
        body[act.stamp] = now().isoformat()
    if "customer_id" in act.command.model_fields:
        body["customer_id"] = customer_id
    try:
        await services.ask("crm", act.path, body, form.key)
    except RefusedError as refused:
        return await _show(request, person, services, customer_id, form, act_name, refused.errors)
    return go(f"/customers/{customer_id}", act.said)


def _with_zone(body: Mapping[str, Any]) -> dict[str, Any]:
    """Moments get the time zone in which they were read; what is no moment stays for the service to refuse."""
    found = dict(body)
    for name in MOMENTS:
        try:
            found[name] = datetime.fromisoformat(found[name]).replace(tzinfo=zone()).isoformat()
        except (KeyError, ValueError):
            continue
    return found


async def _show(
    request: Request, person: User, services: Services, customer_id: str, form: Form, opened: str,
    errors: list[dict[str, Any]],
) -> Response:
    customer, credit = await asyncio.gather(
        services.get("crm", f"/customers/{customer_id}"),
        facts.or_none(services.get("order", f"/customers/{customer_id}")))
    if customer is None:
        raise MissingError
    moment, day = now(), today()
    return await page(
        request, "customer.html", 422 if errors else 200, customer=customer, credit=credit, form=form, opened=opened,
        errors=errors, by_field=facts.by_field(errors), states=STATES, channels=CHANNELS,
        now=f"{moment:%Y-%m-%dT%H:%M}", due=f"{moment + timedelta(days=3):%Y-%m-%dT18:00}",
        documents=_documents(customer),
        numbers={name: facts.new_number(act.letter, day) for name, act in ACTS.items() if act.number},
        may_not={name: why_not(person, act.command) for name, act in ACTS.items()},
        may_not_order=why_not(person, PlaceOrder), contacts={one["contact_id"]: one["name"] for one in
                                                             customer["contacts"]})


def _documents(customer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest of all kinds, newest first; what goes back to the customer below zero."""
    kinds = (("deliveries", Text("发货单", "Delivery"), 1), ("invoices", Text("发票", "Invoice"), 1),
             ("payments", Text("收款单", "Payment"), 1), ("returns", Text("退货单", "Return"), -1),
             ("credit_notes", Text("红字发票", "Credit note"), -1), ("refunds", Text("退款单", "Refund"), -1))
    found = [{**one, "kind": title, "amount": one["amount"] if sign > 0 else f"-{one['amount']}"}
             for table, title, sign in kinds for one in customer[table]]
    return sorted(found, key=lambda one: one["happened_on"], reverse=True)[:20]
