"""Operation (运行): how each service is, what is unpublished, what was rejected, parked or waits, and retrying it."""

import asyncio
import re
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.client import Client, RefusedError, UnavailableError
from services.console.domain.feed import OWNERS
from services.console.domain.lists import Column, Filter, ListView
from services.console.pages import listing
from services.console.pages.frame import Asked, MissingError, Posted, Services, User, go, page, require
from shared.events.base import OPERATORS
from shared.refusal import Text

router = APIRouter()

Place = Literal["rejected", "pending"]
SERVICE = r"^(order|inventory|accounting|crm|webhooks)$"
FIGURES = {
    "unpublished": Text("未发布", "Unpublished"), "rejected": Text("被拒绝", "Rejected"),
    "parked": Text("其中停放", "of which parked"), "pending": Text("等待前序", "Waiting"),
    "missing": Text("缺失", "Missing"),
}
LINE = re.compile(r'^fenlu_(\w+)\{service="\w+"\} ([0-9.e+-]+)$', re.MULTILINE)
RETRIED = Text("已要求重新处理", "it is to be handled once more")
DISMISSED = Text("已放弃", "it was let go")
PLACES = (("rejected", Text("被拒绝（含停放）", "Rejected, parked")), ("pending", Text("等待前序", "Waiting")))

MESSAGES = ListView(
    "/operation/messages", Text("消息", "Messages"),
    columns=(
        Column("at", Text("时间", "Time"), "moment"),
        Column("routing_key", Text("类型", "Type"), link="/operation/messages/{service}/{place}/{id}", phone="head"),
        Column("sender", Text("发送者", "Sender")),
        Column("reason", Text("原因", "Reason")),
        Column("bytes", Text("字节", "Bytes"), "quantity", phone="none"),
    ),
    filters=(
        Filter("service", Text("服务", "Service"), choices=tuple(
            (name, OWNERS[name]) for name in ("order", "inventory", "accounting", "crm", "webhooks"))),
        Filter("place", Text("去向", "Where"), choices=PLACES),
        Filter("search", Text("查找", "Find"), "search", hint=Text("类型或原因的一部分", "part of the type or reason")),
    ),
    empty=Text("没有这样的消息，一切都处理了", "no such message: everything was handled"),
)


@router.get("/operation")
async def show_services(request: Request, person: User) -> Response:
    """Every service as it says of itself."""
    require(person, *OPERATORS)
    client: Client = request.app.state.client
    found = await asyncio.gather(*(_state(client, name) for name in client.services))
    return await page(request, "operation.html", services=found, figures=FIGURES)


async def _state(client: Client, name: str) -> dict[str, Any]:
    """Ready or not, why, its warnings and figures; a service that does not answer says nothing."""
    state: dict[str, Any] = {"name": name, "ready": False, "problems": {}, "warnings": {}, "figures": {}}
    try:
        ready, metrics = await asyncio.gather(client.probe(name, "/readyz"), client.probe(name, "/metrics"))
    except UnavailableError:
        return {**state, "problems": {"http": "it does not answer"}}
    told = LINE.findall(metrics.body.decode())
    figures = {figure: round(float(value)) for figure, value in told if figure in FIGURES}
    return {**state, **ready.json(), "figures": figures}


@router.get("/operation/messages")
async def list_messages(request: Request, person: User, services: Asked) -> Response:
    """What one service could not handle, newest first."""
    require(person, *OPERATORS)
    want = listing.asked(request, MESSAGES, service="order", place="rejected")
    service, place = want.filters["service"] or "order", want.filters["place"] or "rejected"
    found = await services.get(service, f"/{place}", search=want.filters["search"], after=want.after,
                               limit=listing.PAGE_SIZE)
    rows = [{**row, "service": service} for row in found["items"]]
    return await listing.show(request, listing.page_of(want, {"rows": rows, "next": found["next"]}, "rows"))


@router.get("/operation/messages/{service}/{place}/{id}")
async def show_message(
    request: Request, person: User, services: Asked, service: str, place: Place, id: UUID
) -> Response:
    require(person, *OPERATORS)
    return await _message(request, services, service, place, id)


async def _message(
    request: Request, services: Services, service: str, place: str, id: UUID, refused: RefusedError | None = None
) -> Response:
    found = await services.get(service, f"/{place}/{id}") if re.match(SERVICE, service) else None
    if found is None:
        raise MissingError
    return await page(request, "message.html", message=found, service=service, place=place,
                      errors=refused.errors if refused else [])


@router.post("/operation/messages/{service}/{place}/{id}/{what}")
async def mend(
    request: Request, form: Posted, person: User, services: Asked, service: str, place: Place, id: UUID,
    what: Literal["retry", "dismiss"],
) -> Response:
    """Have a message handled once more, or let it go for good."""
    require(person, *OPERATORS)
    if not re.match(SERVICE, service):
        raise MissingError
    body: dict[str, Any] = {"ids": [str(id)], **({"why": form["why"]} if form["why"] else {})}
    try:
        await services.ask(service, f"/messages/{what}", body, form.key)
    except RefusedError as refused:
        return await _message(request, services, service, place, id, refused)
    return go(f"/operation/messages?service={service}&place={place}", RETRIED if what == "retry" else DISMISSED)
