"""Search while typing: what stands below a field. Answers are lists of options for static/work.js."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.pages.facts import or_none
from services.console.pages.frame import Asked, User, language, page

router = APIRouter()
SHOWN = 12


@router.get("/find/{what}")
async def find(
    request: Request, person: User, services: Asked, what: Literal["products", "customers", "suppliers", "accounts"],
    q: Annotated[str, Query(max_length=100)] = "", warehouse: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Up to a dozen that have this in their name or number; products with what of them is free."""
    found: Any
    if what == "products":
        found = await or_none(services.get("inventory", "/products", q=q, warehouse=warehouse, limit=SHOWN))
        options = [{**one, "id": one["sku"]} for one in found or ()]
    elif what == "customers":
        found = await or_none(services.get("crm", "/customers", q=q, limit=SHOWN))
        options = [{**one, "id": one["customer_id"]} for one in found or ()]
    elif what == "accounts":
        found = await or_none(services.get("accounting", "/accounts"))
        options = _accounts((found or {"accounts": []})["accounts"], q.strip().lower(), language(request))
    else:
        found = await or_none(services.get("inventory", "/suppliers", q=q, limit=SHOWN))
        options = [{**one, "id": one["supplier_id"]} for one in found or ()]
    return await page(request, "part_options.html", what=what, options=options, away=found is None)


def _accounts(chart: list[dict[str, Any]], asked: str, lang: str) -> list[dict[str, Any]]:
    """Those whose code begins so, or whose name has it; a chart has some hundred accounts."""
    fit = [one for one in chart if one["code"].startswith(asked) or asked in one[lang].lower()]
    return [{"id": one["code"], "name": one[lang]} for one in fit[:SHOWN]]
