"""The home page: what waits for me, today's figures, and what happens right now, each with its voucher."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from services.console import views
from services.console.client import Client, RefusedError, UnavailableError
from services.console.domain.home import FIGURES, Task, tasks_for, waiting
from services.console.domain.roles import Person
from services.console.feed import Feed
from services.console.identity import Accounts
from services.console.pages.frame import Asked, Services, User, language, page
from services.console.pages.rendering import template, today, tonight

router = APIRouter()

SHOWN = 30
LATEST = 100  # of what was missed while a browser was away; whoever wants more reads the lists
BEAT_SECONDS = 15.0  # so often a stream shows that it is alive, and that its session still is
TRIES = 40  # then accounting has other troubles, which stand on the page of operation
STREAMS = 300
Row = dict[str, Any]


@router.get("/")
async def show_home(request: Request, person: User, services: Asked) -> Response:
    pool, day = request.app.state.pool, today()
    rows, figures = await asyncio.gather(
        views.newest(pool, person.company, SHOWN),
        views.day_figures(pool, person.company, day - timedelta(days=13), day),
    )
    await _add_vouchers(services, rows)
    return await page(request, "home.html", rows=rows, figures=_cards(figures, day), day=day,
                      tasks=_tasks(request, person), last=rows[0]["seq"] if rows else 0)


def _tasks(request: Request, person: Person) -> list[Task]:
    """What may wait for a person at the services of this installation: webhooks is not everywhere."""
    client: Client = request.app.state.client
    return [task for task in tasks_for(person.roles) if task.service in client.services]


@router.get("/tasks/{name}")
async def show_task(request: Request, person: User, services: Asked, name: str) -> Response:
    """How much of one kind waits; asked for by itself, so that a service that is away spoils only its own line."""
    task = next((task for task in _tasks(request, person) if task.name == name), None)
    if task is None:
        return Response(status_code=204)
    try:
        params = {name: value.format(tonight=tonight().isoformat()) for name, value in task.params.items()}
        answer = await services.get(task.service, task.path, **params)
    except (UnavailableError, RefusedError):
        return await page(request, "part_task.html", task=task, count=None, more=False)
    count, more = waiting(task, answer, person.name)
    return await page(request, "part_task.html", task=task, count=count, more=more)


@router.get("/events/{event_id}/slot")
async def show_slot(
    request: Request, person: User, services: Asked, event_id: UUID, n: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The vouchers of an event of the feed; a slot that asks again while there are none."""
    row: Row = {"event_id": event_id}
    await _add_vouchers(services, [row])
    return await page(request, "part_slot.html", row=row, n=n + 1, tries=TRIES)


@router.get("/feed")
async def stream(
    request: Request, person: User, services: Asked, after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """What happens, as it happens; a browser that comes back says what it had last."""
    feed: Feed = request.app.state.feed
    if feed.streams >= STREAMS:
        return Response(status_code=503, headers={"Retry-After": "30"})
    seq = int(last_event_id) if last_event_id.isdigit() else after
    told = _told(request, services, person.company, seq)
    return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(request: Request, services: Services, company: str, seq: int) -> AsyncIterator[str]:
    feed: Feed = request.app.state.feed
    accounts: Accounts = request.app.state.accounts
    lang = language(request)
    feed_row = template("part_feed_row.html", lang)
    yield ": here\n\n"
    with feed.streaming():
        while await accounts.authenticate(request, quietly=True):
            rows = await views.since(request.app.state.pool, company, seq, LATEST)
            await _add_vouchers(services, rows)
            for row in rows:
                seq = row["seq"]
                html = " ".join(feed_row.render(row=row, lang=lang, n=0, tries=TRIES, fresh=True).split())
                yield f"id: {seq}\ndata: {html}\n\n"
            if not rows:
                await feed.news(company, BEAT_SECONDS)
                yield ": still here\n\n"


async def _add_vouchers(services: Services, rows: Sequence[Row]) -> None:
    """Each row gets `outcome`: its vouchers, or why there are none; None while that is not known."""
    outcomes: Mapping[str, Any] = {}
    if rows:
        try:
            answer = await services.get("accounting", "/events/vouchers", id=[str(row["event_id"]) for row in rows])
            outcomes = answer["events"] if answer else {}
        except (UnavailableError, RefusedError):
            pass  # the slots ask again
    for row in rows:
        row["outcome"] = outcomes.get(str(row["event_id"]))


def _cards(found: Sequence[Row], day: Any) -> list[Row]:
    """Per figure: how often and how much today, and the amounts of the days before."""
    by = {(row["day"], row["type"]): row for row in found}
    none: Row = {"events": 0, "amount": Decimal(0)}
    cards = []
    for figure in FIGURES:
        days = [by.get((day - timedelta(days=back), figure.type), none) for back in range(13, -1, -1)]
        values = [float(row["amount"] if figure.money else row["events"]) for row in days]
        highest = max(*values, 1.0)
        cards.append({"figure": figure, **days[-1],
                      "bars": [round(22 * max(0.0, value) / highest, 1) for value in values]})
    return cards
