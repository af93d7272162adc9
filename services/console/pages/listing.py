"""List pages: a view's rows from a service, as a table that becomes cards on a phone."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

from services.console.domain.lists import ListView, Page, Wanted, wanted
from services.console.pages import tables  # noqa: F401  # templates call it
from services.console.pages.frame import page

PAGE_SIZE = 50


def asked(request: Request, view: ListView, **defaults: str) -> Wanted:
    """What the address asks of the list."""
    return wanted(view, request.query_params, defaults)


async def show(request: Request, found: Page, template: str = "list.html", **context: Any) -> Response:
    """The list as a page. A service's answer, its rows under `name`, becomes a Page by `page_of`."""
    return await page(request, template, list=found, **context)


def page_of(want: Wanted, answer: Mapping[str, Any], name: str) -> Page:
    return Page(want, answer[name], answer.get("next"))
