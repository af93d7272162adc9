"""What all pages stand on: who is signed in, the frame of a page, forms that are sent, what services are asked."""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, unquote

from fastapi import Depends, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.console import store
from services.console.client import Asker, Client, RefusedError
from services.console.domain.forms import nested
from services.console.domain.menu import Entry, place_of, seen_by
from services.console.domain.roles import Person, needs
from services.console.identity import Accounts
from services.console.pages.rendering import LANGUAGES, template
from shared.db import Pool
from shared.refusal import Text

FORM_COOKIE = "fenlu-form"
FORGED = Text("表单已过期，请刷新页面后重试", "this form has expired; reload the page and try again")


class NotSignedInError(Exception):
    """Nobody is signed in at this browser, or not any more."""


class ForbiddenError(Exception):
    """Whoever is signed in may not do this; the text says why."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


class MissingError(Exception):
    """There is no such thing; the text may say why."""

    def __init__(self, why: Text | None = None) -> None:
        super().__init__(why.en if why else "")
        self.why = why


# -- who asks ---------------------------------------------------------------------------------------------------------


async def person_of(request: Request) -> Person | None:
    """Whoever is signed in; asked of the accounts once per request."""
    if not hasattr(request.state, "person"):
        accounts: Accounts = request.app.state.accounts
        request.state.person = await accounts.authenticate(request)
    found: Person | None = request.state.person
    return found


async def current_user(request: Request) -> Person:
    """Every page but the sign-in depends on it."""
    person = await person_of(request)
    if person is None:
        raise NotSignedInError
    return person


User = Annotated[Person, Depends(current_user)]


def require(person: Person, *roles: str) -> None:
    """ForbiddenError unless the person has one of the roles."""
    if not person.has(*roles):
        raise ForbiddenError(needs(roles))


def language(request: Request) -> str:
    """What was chosen; else English where the browser prefers it; else Chinese."""
    chosen = request.cookies.get("language", "")
    if chosen in LANGUAGES:
        return chosen
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"


def address(request: Request) -> str:
    return request.client.host if request.client else ""


# -- what is shown ----------------------------------------------------------------------------------------------------


async def page(request: Request, name: str, /, status: int = 200, **context: Any) -> HTMLResponse:
    """A page, or a part of one, of a template."""
    person = await person_of(request)
    notice = request.cookies.get("notice", "")
    lang, path = language(request), request.scope["path"]  # a URL object takes twenty times as long
    shown = {
        "request": request, "path": path, "query": request.scope["query_string"].decode(), "lang": lang,
        "theme": request.cookies.get("theme", ""), "person": person,
        "menu": _menu(person, place_of(path), lang) if person else "",
        "csrf": csrf(request), "new_key": lambda: secrets.token_urlsafe(16), "notice": _notice(notice), **context,
    }
    response = HTMLResponse(template(name, lang).render(shown), status)
    if notice and "hx-request" not in request.headers:
        response.delete_cookie("notice")
    _keep_form_secret(request, response)
    return response


@lru_cache(maxsize=1_000)
def _menu(person: Person, here: Entry | None, lang: str) -> Markup:
    """It is the same on all pages of a place, so it is made once for each person: a third of what a frame takes."""
    shown = template("part_menu.html", lang).render(person=person, menu=seen_by(person), here=here, lang=lang)
    return Markup(shown)  # nosec B704: the template escapes


def go(path: str, said: Text | None = None, **params: str) -> Response:
    """Go on to another page, which says what was done."""
    response = RedirectResponse(path, 303)
    if said:
        text = json.dumps({"zh": said.zh.format(**params), "en": said.en.format(**params)}, ensure_ascii=False)
        response.set_cookie("notice", quote(text), max_age=60, httponly=True, samesite="lax")
    return response


def _notice(cookie: str) -> dict[str, str] | None:
    """What the page before left to say; anything else that stands in the cookie is nothing."""
    try:
        found = json.loads(unquote(cookie))
        return {"zh": str(found["zh"])[:500], "en": str(found["en"])[:500]}
    except (ValueError, KeyError, TypeError):
        return None


# -- forms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that was sent; `key` is the idempotency key that it was shown with."""

    fields: Mapping[str, str]
    key: str

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    def all(self, name: str) -> list[str]:
        """The values of a field that may come several times; they are joined by line breaks."""
        return [value for value in self[name].split("\n") if value]

    def body(self) -> dict[str, Any]:
        """As a command's JSON."""
        return nested(self.fields)


async def posted(request: Request) -> Form:
    """Every POST depends on it: the form, once its token is found to be this browser's."""
    fields: dict[str, str] = {}
    for name, value in parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True):
        fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    given, key = fields.pop("csrf", ""), fields.pop("key", "")
    if not _is_ours(request, given):
        raise ForbiddenError(FORGED)
    return Form(fields, key or secrets.token_urlsafe(16))


Posted = Annotated[Form, Depends(posted)]


def csrf(request: Request) -> str:
    """The token of this browser's forms: derived from its session, and different in each answer, so that the length of
    a compressed answer tells nothing about it."""
    expected, mask = _expected(request), secrets.token_bytes(32)
    return (mask + bytes(a ^ b for a, b in zip(expected, mask, strict=True))).hex()


def _is_ours(request: Request, given: str) -> bool:
    try:
        raw = bytes.fromhex(given)
    except ValueError:
        return False
    unmasked = bytes(a ^ b for a, b in zip(raw[32:], raw[:32], strict=False))
    return hmac.compare_digest(unmasked, _expected(request))


def _expected(request: Request) -> bytes:
    accounts: Accounts = request.app.state.accounts
    secret = request.cookies.get(accounts.cookie) or _form_secret(request)
    return hmac.digest(secret.encode(), b"form", "sha256")


def _form_secret(request: Request) -> str:
    """Of a browser at which nobody is signed in."""
    if not hasattr(request.state, "form_secret"):
        request.state.form_secret = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    found: str = request.state.form_secret
    return found


def _keep_form_secret(request: Request, response: Response) -> None:
    if hasattr(request.state, "form_secret") and FORM_COOKIE not in request.cookies:
        response.set_cookie(FORM_COOKIE, request.state.form_secret, httponly=True, samesite="lax",
                            secure=request.app.state.https)


# -- what services are asked ------------------------------------------------------------------------------------------


class Services:
    """The other services, asked in the name of whoever is signed in."""

    def __init__(self, request: Request, person: Person) -> None:
        self._client: Client = request.app.state.client
        self._pool: Pool = request.app.state.pool
        self._asker = Asker(person, language(request))
        self._address = address(request)

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """What a GET answers; None for a 404."""
        return await self._client.get(self._asker, service, path, **params)

    async def ask(self, service: str, path: str, body: Mapping[str, Any], key: str) -> Any:
        """Have something done, and write down who asked. RefusedError names the fields at fault."""
        person, now = self._asker.person, datetime.now(UTC)
        detail: dict[str, Any] = {"key": key}
        try:
            return await self._client.post(self._asker, service, path, body, key)
        except RefusedError as refused:
            detail["refused"] = [error["code"] for error in refused.errors]
            raise
        finally:
            about = next((str(value) for name, value in body.items() if name.endswith("_id") or name == "period"), "")
            await store.write_audit(self._pool, person.company, person.name, self._address, f"{service} {path}", about,
                                    detail, now)


async def _services(request: Request, person: User) -> Services:  # not async, it would be sent to a thread
    return Services(request, person)


Asked = Annotated[Services, Depends(_services)]
