"""Search while typing: what stands below a field. Answers are lists of options for static/work.js."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.console.pages.facts import or_none
from services.console.pages.frame import Asked, User, language, page
from shared.refusal import Text

router = APIRouter()
SHOWN = 12
What = Literal["products", "customers", "suppliers", "accounts", "writable"]
# Why no hand may write on an account, in two words; the whole reason is said when one is taken.
BARRED = {"control_account": Text("统驭科目", "control account"), "summary_account": Text("有明细", "has sub-accounts"),
          "memo_account": Text("备查", "memo")}


@router.get("/find/{what}")
async def find(
    request: Request, person: User, services: Asked, what: What,
    q: Annotated[str, Query(max_length=100)] = "", warehouse: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Up to a dozen that have this in their name or number; products with what of them is free. `writable` are all
    accounts, with why no hand may write on some."""
    found: list[dict[str, Any]] | None
    if what == "products":
        found = await or_none(services.get("inventory", "/products", q=q, warehouse=warehouse, limit=SHOWN))
        options = [{**one, "id": one["sku"]} for one in found or ()]
    elif what == "customers":
        found = await or_none(services.get("crm", "/customers", q=q, limit=SHOWN))
        options = [{**one, "id": one["customer_id"]} for one in found or ()]
    elif what in ("accounts", "writable"):
        answer = await or_none(services.get("accounting", "/accounts", q=q, limit=SHOWN))
        found = answer and answer["accounts"]
        options = [{**one, "id": one["code"], "name": one[language(request)]} for one in found or ()]
    else:
        found = await or_none(services.get("inventory", "/suppliers", q=q, limit=SHOWN))
        options = [{**one, "id": one["supplier_id"]} for one in found or ()]
    return await page(request, "part_options.html", what=what, options=options, away=found is None, BARRED=BARRED)
