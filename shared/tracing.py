"""Traces that run from an HTTP request through the queues to the voucher, in W3C form (`traceparent`).

A trace that comes from outside is always handed on, in log lines, events and messages. Spans of our own are made and
sent (OTLP over HTTP) only after `start`; until then OpenTelemetry is not even imported.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["INTERNAL", "SERVER", "CONSUMER", "PRODUCER"]

_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MOST_LINKS = 128  # of a span; more are dropped by the library
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_provider: "TracerProvider | None" = None


def start(provider: "TracerProvider") -> None:
    """Make spans from now on."""
    global _provider
    _provider = provider


def stop() -> None:
    """Send what was not sent yet, and make no more spans."""
    global _provider
    if _provider:
        _provider.shutdown()
    _provider = None


def exporting_to(endpoint: str, service: str) -> "TracerProvider":
    """A provider that sends spans to an OpenTelemetry collector."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"fenlu-{service}"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    return provider


def current() -> str | None:
    """The traceparent of what is being done now."""
    return _current.get()


def valid(traceparent: Any) -> str | None:
    """A traceparent that came from outside, if it is one."""
    return traceparent if isinstance(traceparent, str) and _FORM.fullmatch(traceparent) else None


@contextmanager
def span(
    name: str, kind: Kind = "INTERNAL", *, parent: str | None = None, links: Sequence[str | None] = (), **facts: Any
) -> Iterator[None]:
    """Something that takes time: a child of `parent`, else of what is being done, else the beginning of a trace."""
    parent = valid(parent) or current()
    with ExitStack() as stack:
        traceparent = parent
        if _provider:
            made = stack.enter_context(_begun(_provider, name, kind, parent, links, facts))
            traceparent = made
        if traceparent:
            stack.enter_context(structlog.contextvars.bound_contextvars(trace_id=traceparent[3:35]))
        token = _current.set(traceparent)
        try:
            yield
        finally:
            _current.reset(token)


@contextmanager
def spans(name: str, parents: Sequence[str | None]) -> Iterator[list[str | None]]:
    """A span for each part of a batch, as the child of its own parent and linked to the batch; yields the traceparents
    for what the parts lead to. Without `start` and without a parent there is none."""
    if _provider is None:
        yield list(parents)
        return
    with ExitStack() as stack:
        batch = [current()]
        yield [
            stack.enter_context(_begun(_provider, name, "CONSUMER", valid(parent), batch, {})) for parent in parents
        ]


@contextmanager
def _begun(
    provider: "TracerProvider", name: str, kind: Kind, parent: str | None, links: Sequence[str | None],
    facts: dict[str, Any],
) -> Iterator[str]:
    """Of an error only its type is told: its text may hold personal data."""
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, StatusCode, set_span_in_context

    above = set_span_in_context(NonRecordingSpan(_context(parent)), Context()) if parent else Context()
    linked = [Link(_context(link)) for link in dict.fromkeys(links) if link][:_MOST_LINKS]
    made = provider.get_tracer("fenlu").start_span(name, above, SpanKind[kind], facts, linked)
    context = made.get_span_context()
    try:
        yield f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    except BaseException as error:
        made.set_status(StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        made.end()


def _context(traceparent: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace, own, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(own, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
