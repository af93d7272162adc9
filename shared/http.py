"""The HTTP door: who asks, in which language, how a command is accepted, how errors look, and the probes."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.telemetry import TelemetryConfig
from pydantic import BaseModel
from starlette.exceptions import HTTPException as AnyHTTPException  # also what the router raises: 404, 405
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import figures, tracing
from shared.asked import FORBIDDEN
from shared.asyncapi import asyncapi
from shared.db import ACQUIRE_SECONDS, Db, Pool, is_transient
from shared.events import Actor, Command
from shared.events.base import OPERATORS
from shared.identity import NotAuthenticatedError, TokenVerifier
from shared.refusal import Answer, Text, field_errors
from shared.service import Service

MAX_BODY_BYTES = 1_000_000
MAX_IN_FLIGHT = 64  # requests at once; with their bodies they bound the memory, and few of them wait for a connection
RETRY_AFTER_SECONDS = 1
OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"})

NOT_FOUND = Text("找不到 {field} {value}", "there is no {field} {value}")
UNAVAILABLE = Text(
    "数据库暂时不可用或繁忙，请稍后以同一幂等键重试",
    "the database is away or busy; try again with the same idempotency key",
)
BUSY = Text("服务繁忙，请稍后以同一幂等键重试", "the service is busy; try again with the same idempotency key")
TOO_LARGE = Text("请求体超过 {limit} 字节", "the body has more than {limit} bytes")
NO_LENGTH = Text("请求须带 Content-Length", "the request needs a Content-Length")

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}  # `tracing` and `figures` are ours

logger = structlog.get_logger()


class Said(BaseModel):
    """An event that a command led to."""

    id: str
    type: str
    subject: str
    version: int
    data: dict[str, Any]


class Accepted(BaseModel):
    """The answer to an accepted command: what happened."""

    events: list[Said]


class ProblemError(Exception):
    """Ends a request with errors of both languages; the handler picks the caller's."""

    def __init__(self, status: int, errors: Sequence[Mapping[str, str]]) -> None:
        self.status, self.errors = status, errors


def problem(status: int, field: str, code: str, text: Text, **params: str) -> ProblemError:
    """One error in both languages."""
    return ProblemError(status, [{
        "field": field, "code": code,
        "message_zh": text.zh.format(field=field, **params), "message_en": text.en.format(field=field, **params),
    }])


def plain_json(value: Any) -> Response:
    """What is made of plain values, dates and decimals, as FastAPI would answer it, in a quarter of the time."""
    return Response(orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z), media_type="application/json")


def not_found(field: str, value: str) -> ProblemError:
    """404 that names the field and the value."""
    return problem(404, field, "not_found", NOT_FOUND, value=value)


async def current_actor(request: Request, authorization: Annotated[str, Header()] = "") -> Actor:
    """The authenticated actor of a request; every route but the probes depends on it."""
    scheme, _, token = authorization.partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise NotAuthenticatedError("send a bearer token")
        verifier: TokenVerifier = request.app.state.verifier
        return verifier.verify(token)
    except NotAuthenticatedError as error:
        raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from error


CurrentActor = Annotated[Actor, Depends(current_actor)]


async def _reading(request: Request, actor: CurrentActor) -> AsyncIterator[Db]:
    pool: Pool = request.app.state.pool
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        yield Db(connection, actor.company)


Reading = Annotated[Db, Depends(_reading)]


async def _operating(db: Reading, actor: CurrentActor) -> Db:
    """What could not be handled is shown with all that is in it, so only to those who look after it."""
    if not actor.roles & OPERATORS:
        raise problem(403, "actor", "forbidden", FORBIDDEN, roles=", ".join(sorted(OPERATORS)))
    return db


Operating = Annotated[Db, Depends(_operating)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


def accept(router: APIRouter, path: str, command_type: type[Command]) -> None:
    """POST `path` accepts a command; the body is the same JSON as by queue, and so is the function that does it."""

    async def endpoint(command: Any, request: Request, actor: CurrentActor, key: IdempotencyKey) -> Response:
        service: Service = request.app.state.service
        answer: Answer = await service.ask(request.app.state.pool, command, actor, key)
        if not answer.ok:
            raise ProblemError(answer.status, answer.errors)
        return JSONResponse({"events": answer.events}, answer.status)

    endpoint.__annotations__["command"] = command_type
    router.add_api_route(
        path, endpoint, methods=["POST"], status_code=201, response_model=Accepted, name=command_type.__name__,
        description=f"{command_type.__doc__} Roles: {', '.join(sorted(command_type.allowed))}.",
    )


def create_app(
    service: Service,
    router: APIRouter,
    pool: Pool,
    verifier: TokenVerifier,
    probes: "Probes",
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The service's HTTP application."""
    from shared.kernel_api import kernel_router  # it is made of what stands above

    app = FastAPI(title=f"Fenlu {service.name}", version="1", docs_url=None, redoc_url=None, lifespan=lifespan,
                  telemetry=NO_TELEMETRY)
    app.state.service, app.state.pool, app.state.verifier = service, pool, verifier
    app.include_router(router)
    app.include_router(kernel_router(service))
    app.add_exception_handler(ProblemError, _show_problem)
    app.add_exception_handler(RequestValidationError, _show_invalid)
    app.add_exception_handler(AnyHTTPException, _show_http)
    app.add_middleware(_Front, service=service.name)
    probes.add_to(app)
    document = asyncapi(service)
    app.add_api_route("/asyncapi.json", lambda: JSONResponse(document), methods=["GET"])
    return app


class Probes:
    """`/livez` (the process), `/readyz` (what it needs), `/metrics` (Prometheus text)."""

    def __init__(
        self, ready: Callable[[], Awaitable[dict[str, str]]], metrics: Callable[[], Awaitable[bytes]],
        warnings: Callable[[], Awaitable[dict[str, str]]],
    ) -> None:
        self._ready, self._metrics, self._warnings = ready, metrics, warnings

    def add_to(self, app: FastAPI) -> None:
        app.add_api_route("/livez", self._livez, methods=["GET"])
        app.add_api_route("/readyz", self._readyz, methods=["GET"])
        app.add_api_route("/metrics", self._show_metrics, methods=["GET"])

    async def _livez(self) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def _readyz(self) -> JSONResponse:
        wrong = await self._ready()
        shown = {"ready": not wrong, "problems": wrong, "warnings": await self._warnings()}
        return JSONResponse(shown, 503 if wrong else 200)

    async def _show_metrics(self) -> Response:
        return Response(await self._metrics(), media_type="text/plain; version=0.0.4")


class _Front:
    """What every request goes through: it is counted by its route and a part of the asker's trace, so many may be under
    way, and a failure is answered. Probes are not business, and always get through.

    A plain ASGI middleware: Starlette's decorated ones start a task and two streams for each request, a fifth of its
    time. And no exception handler: Starlette raises what those handle once more, and then the server writes a traceback
    for every request that comes while the database is away.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app, self._service, self._in_flight = app, service, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, answered = Request(scope, receive), _Answered(send)
        if request.url.path in OPEN_PATHS:
            await self._answer(request, answered)
            return
        began = time.perf_counter()
        parent = tracing.valid(request.headers.get("traceparent"))
        with tracing.span(f"{self._service} {request.method}", "SERVER", parent=parent, path=request.url.path):
            await self._limited(request, answered)
        route = getattr(scope.get("route"), "path", "none")  # never the path itself: anybody can make up those
        figures.HTTP_SECONDS.labels(self._service, f"{request.method} {route}", answered.status).observe(
            time.perf_counter() - began)

    async def _limited(self, request: Request, answered: "_Answered") -> None:
        if wrong := self._refusal(request):
            await (await _show_problem(request, wrong))(request.scope, request.receive, answered)
            return
        self._in_flight += 1
        try:
            await self._answer(request, answered)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: Request, answered: "_Answered") -> None:
        try:
            await self._app(request.scope, request.receive, answered)
        except Exception as error:
            if answered.status:  # too late for another answer
                raise
            await (await _show_failure(request, error))(request.scope, request.receive, answered)

    def _refusal(self, request: Request) -> ProblemError | None:
        length = request.headers.get("content-length", "")
        if request.method == "POST" and not length.isdigit():  # a body in chunks may have no end
            return problem(411, "body", "no_length", NO_LENGTH)
        if request.method == "POST" and int(length) > MAX_BODY_BYTES:
            return problem(413, "body", "too_large", TOO_LARGE, limit=str(MAX_BODY_BYTES))
        if self._in_flight >= MAX_IN_FLIGHT:
            return problem(503, "", "busy", BUSY)
        return None


class _Answered:
    """The way of an answer, and its status once it has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _in_language(request: Request, errors: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Chinese first; English for a caller whose first preference is English."""
    english = request.headers.get("accept-language", "").strip().lower().startswith("en")
    message = "message_en" if english else "message_zh"
    return [{"field": e["field"], "code": e["code"], "message": e[message]} for e in errors]


async def _show_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 503 else None
    return JSONResponse({"errors": _in_language(request, error.errors)}, error.status, headers)


async def _show_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"errors": _in_language(request, field_errors(error.errors()))}, 422)


async def _show_http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnyHTTPException)
    entry = {"field": "", "code": f"http_{error.status_code}", "message": str(error.detail)}
    return JSONResponse({"errors": [entry]}, error.status_code, error.headers)


async def _show_failure(request: Request, error: Exception) -> JSONResponse:
    """What nobody caught: the database is away (503, safe to repeat), or a bug (500)."""
    if is_transient(error):
        return await _show_problem(request, problem(503, "", "unavailable", UNAVAILABLE))
    logger.error("request failed", path=request.url.path, exc_info=error)
    return JSONResponse({"errors": [{"field": "", "code": "internal", "message": type(error).__name__}]}, 500)
