"""Language and look: cookies of a browser, whether somebody is signed in there or not."""

from typing import Literal

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

router = APIRouter()
YEAR = 31_536_000


def local(path: str) -> str:
    """A path of ours, or the home page: nobody is sent elsewhere by a link that leads here."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path else "/"


@router.get("/language/{to}")
async def choose_language(to: Literal["zh", "en"], back: str = "/") -> Response:
    return _kept("language", to, back)


@router.get("/theme/{to}")
async def choose_theme(to: Literal["light", "dark"], back: str = "/") -> Response:
    return _kept("theme", to, back)


def _kept(name: str, value: str, back: str) -> Response:
    response = RedirectResponse(local(back), 303)
    response.set_cookie(name, value, max_age=YEAR, samesite="lax")
    return response
