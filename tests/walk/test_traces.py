"""One order that is placed by HTTP is one trace, through all queues to its voucher."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.order.api import router
from shared import tracing
from tests.shared.front import app_of, bearer, client_of
from tests.shared.rabbit import own_virtual_host
from tests.shared.waits import until
from tests.walk.live import Company, begin, company
from tests.walk.trade import DAY
from tools.servers import Servers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ORDER = {
    "order_id": "SO-1", "customer_id": "K1", "ordered_on": DAY.isoformat(), "currency": "CNY",
    "lines": [{"sku": "TEA", "quantity": "3", "unit_price": "100"}],
}


@pytest.fixture
async def live(servers: Servers) -> AsyncIterator[Company]:
    """A company with stock, at a virtual host of its own."""
    with own_virtual_host(servers, "traces") as (url, _):
        async with company(url) as live:
            await begin(live)
            yield live


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.start(provider)
    yield kept
    tracing.stop()


async def place(live: Company, traceparent: str) -> httpx2.Response:
    station = live.stations["order"]
    async with client_of(app_of(station.service, router, station.pool), **bearer("sales")) as client:
        headers = {"Idempotency-Key": "k-1", "traceparent": traceparent}
        return await client.post("/orders", json=ORDER, headers=headers)


async def test_one_order_is_one_trace(live: Company, spans: InMemorySpanExporter) -> None:
    spans.clear()
    placed = await place(live, f"00-{TRACE}-00f067aa0ba902b7-01")
    assert placed.status_code == 201, placed.text
    await live.until_quiet()
    own = await until("the trace is whole", lambda: in_trace(spans), lambda found: len(heard_by(found)) == 4)
    by_id = {span.context.span_id: span for span in own if span.context}
    # The request began it; from every span the parents lead back to the caller's own span.
    (request,) = [span for span in own if span.name == "order POST"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    for span in own:
        while span is not request:
            assert span.parent is not None
            span = by_id[span.parent.span_id]
    # What inventory said to the order is in it, too, and so is its own voucher's posting.
    reserved = await live.stations["inventory"].pool.fetchrow(
        "select traceparent from event where type = 'inventory.stock_reserved.v1'")
    assert reserved is not None
    assert reserved["traceparent"][3:35] == TRACE
    assert by_id[int(reserved["traceparent"][36:52], 16)].name == "inventory hears"
    voucher = await live.stations["accounting"].pool.fetchval(
        "select count(*) from voucher where event_id = $1", placed_id(placed))
    assert voucher == 1
    names = {span.name for span in spans.get_finished_spans()}
    assert {"order publish", "accounting batch", "accounting posts"} <= names
    linked = [f"{link.context.trace_id:032x}" for span in spans.get_finished_spans() if span.name == "order publish"
              for link in span.links]
    assert TRACE in linked


def placed_id(response: httpx2.Response) -> str:
    found: str = response.json()["events"][0]["id"]
    return found


async def in_trace(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    return [s for s in spans.get_finished_spans() if s.context and f"{s.context.trace_id:032x}" == TRACE]


def heard_by(found: list[ReadableSpan]) -> set[str]:
    return {span.name for span in found if span.name.endswith(" hears")}
