"""The pages (页面): one module per group; `frame` is what all of them stand on."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from services.console.client import Client
from services.console.feed import Feed
from services.console.identity import Accounts
from services.console.pages import (
    accounts,
    books,
    corrections,
    customers,
    drafts,
    finding,
    home,
    operation,
    orders,
    preferences,
    purchases,
    sign_in,
    stock,
    vouchers,
)
from services.console.pages.errors import add_error_pages
from services.console.pages.guard import Guard
from services.console.pages.rendering import STATIC, show_times_in
from shared.http import NO_TELEMETRY

# Every group of pages; its router's paths are the addresses. They are tried one after the other: lists come first.
GROUPS: tuple[APIRouter, ...] = (
    home.router, vouchers.router, books.router, orders.router, stock.router, customers.router, purchases.router,
    drafts.router, corrections.router, finding.router, operation.router, accounts.router, sign_in.router,
    preferences.router,
)


def add_pages(app: FastAPI, client: Client, *, https: bool, zone: ZoneInfo, feed_days: int) -> None:
    """Everything that is no API and no probe is a page. `app.state.feed` has to run beside them.

    `zone` says what is today, and in what times are shown; `feed_days` is how long what happened is kept."""
    if missing := [name for name in ("htmx.min.js", "hx-sse.min.js", "tabler.min.css")
                   if not (STATIC / "vendor" / name).exists()]:
        raise SystemExit(f"browser files are missing ({', '.join(missing)}): sh tools/browser_files.sh")
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.state.feed = Feed(app.state.pool, client)
    pages.state.pool, pages.state.client, pages.state.https = app.state.pool, client, https
    pages.state.feed, pages.state.feed_days = app.state.feed, feed_days
    show_times_in(zone)
    pages.state.accounts = Accounts(app.state.pool, https=https)
    for group in GROUPS:
        pages.include_router(group)
    pages.mount("/static", Files(directory=STATIC))
    add_error_pages(pages)
    pages.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=3)
    pages.add_middleware(Guard, https=https)
    app.mount("/", pages)


class Files(StaticFiles):
    """Their addresses hold a digest of what is in them, so browsers may keep them for ever."""

    def file_response(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


