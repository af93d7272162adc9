"""What is shown when something is not as it should be."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.client import RefusedError, UnavailableError
from services.console.domain.feed import OWNERS
from services.console.pages.frame import ForbiddenError, MissingError, NotSignedInError, page
from shared.db import is_transient
from shared.refusal import Text

NOT_THERE = Text("没有这个页面或这份单据", "there is no such page or document")
AWAY = Text("服务暂时没有应答，请稍后重试", "the service does not answer right now; try again in a moment")
BROKEN = Text("出了错，已记入日志", "something went wrong; it is in the log")

logger = structlog.get_logger()


def add_error_pages(pages: FastAPI) -> None:
    for error, handler in (
        (NotSignedInError, _not_signed_in), (ForbiddenError, _forbidden), (MissingError, _missing),
        (UnavailableError, _unavailable), (RefusedError, _refused), (RequestValidationError, _missing),
        (HTTPException, _http),
    ):
        pages.add_exception_handler(error, handler)
    pages.add_middleware(Failures)


async def _not_signed_in(request: Request, _error: Exception) -> Response:
    where = request.url.path if request.method == "GET" and "hx-request" not in request.headers else "/"
    target = str(request.url_for("show_sign_in").path)
    target += f"?to={where}" if where != "/" else ""
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)


async def _forbidden(request: Request, error: Exception) -> Response:
    assert isinstance(error, ForbiddenError)
    return await _show(request, 403, Text("不能这样做", "Not allowed"), error.why)


async def _missing(request: Request, error: Exception) -> Response:
    why = error.why if isinstance(error, MissingError) else None
    return await _show(request, 404, Text("找不到", "Not found"), why or NOT_THERE)


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnavailableError)
    name = OWNERS.get(error.service, Text(error.service, error.service))
    return await _show(request, 503, Text(f"{name.zh}服务不可用", f"{name.en} is not available"), AWAY)


async def _refused(request: Request, error: Exception) -> Response:
    """A refusal that no form shows."""
    assert isinstance(error, RefusedError)
    message = "；".join(one["message"] for one in error.errors)
    return await _show(request, error.status, Text("被拒绝", "Refused"), Text(message, message))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return await _missing(request, error)
    return await _show(request, error.status_code, Text("不能这样做", "Not allowed"), Text(error.detail, error.detail))


class Failures:
    """What nobody caught, as in shared/http.py, but for people: the database is away, or a bug."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if began or scope["type"] != "http":
                raise
            await (await _failed(Request(scope), error))(scope, receive, send)


async def _failed(request: Request, error: Exception) -> Response:
    request.state.person = None  # to show this, nothing may be needed that is away
    if is_transient(error):
        return await _unavailable(request, UnavailableError("console"))
    logger.error("page failed", path=request.url.path, exc_info=error)
    return await _show(request, 500, Text("出错了", "Something went wrong"), BROKEN)


async def _show(request: Request, status: int, title: Text, why: Text) -> Response:
    template = "part_error.html" if "hx-request" in request.headers else "error.html"
    return await page(request, template, status, code=status, title=title, why=why)
