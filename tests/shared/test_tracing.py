"""A trace from outside is handed on; spans are made and sent only where that is wanted."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared import tracing
from shared.amqp import COMMANDS
from shared.db import Pool
from shared.testing import Script, hear, said
from shared.wire import Raw
from tests.shared.doors import open_door, settings_for
from tests.shared.rabbit import Rabbit
from tests.shared.samples import approved, cancel, desk, listener
from tests.shared.test_http import BODY, client_of, token
from tests.shared.waits import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OpenTelemetry collector: its address, and what was sent to it."""
    came: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


async def cancel_by_http(pool: Pool, traceparent: str | None) -> httpx2.Response:
    given = {"traceparent": traceparent} if traceparent else {}
    async with client_of(pool, Authorization=f"Bearer {token()}", **{"Idempotency-Key": "k-1"}, **given) as client:
        return await client.post("/cancellations", json=BODY)


async def traces_of(pool: Pool) -> list[str | None]:
    rows = await pool.fetch("select traceparent from event order by seq")
    return [row["traceparent"] for row in rows]


async def test_a_trace_is_handed_on_where_no_spans_are_made(pool: Pool) -> None:
    assert (await cancel_by_http(pool, PARENT)).status_code == 201
    assert await traces_of(pool) == [PARENT]


@pytest.mark.parametrize("given", [None, "nonsense", PARENT.upper(), f"00-{'0' * 32}-00f067aa0ba902b7-01"])
async def test_what_is_no_trace_is_left_out(pool: Pool, given: str | None) -> None:
    assert (await cancel_by_http(pool, given)).status_code == 201
    assert await traces_of(pool) == [None]


async def test_a_trace_comes_with_a_command_by_queue(pool: Pool, rabbit: Rabbit) -> None:
    await rabbit.topology(desk())
    async with open_door(desk(), pool, settings_for(rabbit)):
        message = Raw(cancel().type, {"cloudEvents_company": "C1", "traceparent": PARENT}, cancel().body(), "k-1")
        await rabbit.publish(COMMANDS, message, user_id=rabbit.user)
        await until("it is done", lambda: said(pool), lambda events: len(events) == 1)
    assert await traces_of(pool) == [PARENT]


async def test_log_lines_name_the_trace(pool: Pool) -> None:
    with tracing.span("x", parent=PARENT):
        assert structlog.contextvars.get_contextvars()["trace_id"] == TRACE
    assert "trace_id" not in structlog.contextvars.get_contextvars()


async def test_spans_reach_the_collector_with_parents_and_links(
    pool: Pool, collector: tuple[str, list[ExportTraceServiceRequest]]
) -> None:
    address, came = collector
    tracing.start(tracing.exporting_to(address, "order"))
    try:
        assert (await cancel_by_http(pool, PARENT)).status_code == 201
        await hear(pool, listener(bad={("SO-2", 1)}), *(Script().say(approved(f"SO-{n}")) for n in (1, 2)))
    finally:
        tracing.stop()
    (own, *_) = came
    assert own.resource_spans[0].resource.attributes[0].value.string_value
    spans = {span.name: span for r in own.resource_spans for scope in r.scope_spans for span in scope.spans}
    request = spans["order POST"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, "00f067aa0ba902b7")
    (stored, *_) = await traces_of(pool)
    assert stored == f"00-{TRACE}-{request.span_id.hex()}-01"
    everything = str(own)
    assert "BugError" in everything
    assert "this one again" not in everything  # the text of an error may hold personal data
    assert tracing.current() is None


def test_where_it_is_off_nothing_is_imported() -> None:
    """Not even by a whole service."""
    look = "import sys, services.accounting.api, shared.main; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
