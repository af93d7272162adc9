"""Corrections (更正): a posted voucher stays as it is; a draft says what it should have said, and the law how that is
written."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.console.client import RefusedError
from services.console.domain.drafts import as_typed
from services.console.pages import facts
from services.console.pages.drafts import DRAFTED, READERS, body_of, entry, put_back
from services.console.pages.frame import Asked, Form, MissingError, Posted, Services, User, go, require
from services.console.pages.rendering import today
from services.console.pages.vouchers import MONTH, Number

router = APIRouter()

Period = Annotated[str, Path(pattern=MONTH)]
Word = Literal["记", "收", "付", "转"]


@router.get("/vouchers/{period}/{word}/{number}/correct")
async def enter_correction(
    request: Request, person: User, services: Asked, period: Period, word: Word, number: Number
) -> Response:
    """The voucher's lines as it has them, to be made what they should have been; or why it is not to be corrected."""
    require(person, *READERS)
    of = await _voucher(services, period, word, number)
    day = today()
    fields = {"draft_id": facts.new_number("CV", day), "on": str(day), **as_typed(of["voucher"])}
    return await entry(request, person, services, Form(fields, ""), [], of)


@router.post("/vouchers/{period}/{word}/{number}/correct")
async def keep_correction(
    request: Request, form: Posted, person: User, services: Asked, period: Period, word: Word, number: Number
) -> Response:
    """Keep the draft of a correction; pressed as `gone`, one that says that the voucher should not be there."""
    require(person, *READERS)
    body = {**body_of(form), "period": period, "word": word, "number": number}
    if body.pop("gone", None):
        body["lines"] = []
    try:
        await services.ask("accounting", "/drafts/corrections", body, form.key)
    except RefusedError as refused:
        of = await _voucher(services, period, word, number)
        return await entry(request, person, services, form, put_back(refused, form), of)
    return go(f"/vouchers/drafts/{body['draft_id']}", DRAFTED, id=body["draft_id"])


async def _voucher(services: Services, period: str, word: str, number: int) -> Mapping[str, Any]:
    """A posted voucher, and whether it may be corrected."""
    at = f"/vouchers/{period}/{word}/{number}"
    voucher, correction = await asyncio.gather(
        services.get("accounting", at), services.get("accounting", f"{at}/correction"))
    if voucher is None or correction is None:
        raise MissingError
    return {"voucher": voucher, **correction}
