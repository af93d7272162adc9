"""What the working pages have in common: names beside numbers, numbers of new documents, a story with its vouchers."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from fastapi import Request

from services.console import views
from services.console.client import RefusedError, UnavailableError
from services.console.domain.feed import begins
from services.console.domain.forms import filled_rows, nested, placed, row_numbers
from services.console.domain.roles import Person
from services.console.pages.frame import Form, Services
from shared.money import worth

Row = dict[str, Any]
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another one
TRIES, PAUSE_SECONDS = 30, 0.1


async def or_none(asked: Awaitable[Any]) -> Any:
    """What a service answers; None if it is away or says no, when the page is of use without it."""
    try:
        return await asked
    except (UnavailableError, RefusedError):
        return None


async def customers(services: Services, ids: Iterable[str]) -> Mapping[str, Row]:
    """id -> a customer."""
    if not (wanted := sorted(set(ids))):
        return {}
    found = await or_none(services.get("crm", "/customers", customer_id=wanted))
    return {one["customer_id"]: one for one in found or ()}


async def products(services: Services, skus: Iterable[str], warehouse: str = "") -> Mapping[str, Row]:
    """sku -> a product with what of it is free."""
    if not (wanted := sorted(set(skus))):
        return {}
    found = await or_none(services.get("inventory", "/products", sku=wanted, warehouse=warehouse))
    return {one["sku"]: one for one in found or ()}


async def suppliers(services: Services, ids: Iterable[str]) -> Mapping[str, Row]:
    """id -> a supplier."""
    if not (wanted := sorted({one for one in ids if one})):
        return {}
    found = await or_none(services.get("inventory", "/suppliers", supplier_id=wanted))
    return {one["supplier_id"]: one for one in found or ()}


async def accounts(services: Services, codes: Iterable[str]) -> Mapping[str, Row]:
    """code -> an account; of what somebody typed, only what may be a code is asked for."""
    if not (wanted := sorted({one for one in codes if one.isdecimal()})):
        return {}
    found = await or_none(services.get("accounting", "/accounts", code=wanted))
    return {one["code"]: one for one in (found or {"accounts": []})["accounts"]}


async def story(request: Request, services: Services, person: Person, walk: str) -> list[Row]:
    """What happened to a document, oldest first, each with its vouchers (`outcome`)."""
    rows = await told(request, person, walk, limit=100)
    answer = await or_none(services.get("accounting", "/events/vouchers", id=[str(row["event_id"]) for row in rows])
                           ) if rows else None
    for row in rows:
        row["outcome"] = (answer or {"events": {}})["events"].get(str(row["event_id"]))
    return rows


async def told(request: Request, person: Person, walk: str, limit: int = 500) -> list[Row]:
    """What the feed still has of a story, oldest first; `cut` is the first row if what came before it is too old."""
    rows = await views.walk(request.app.state.pool, person.company, walk, limit)
    whole = begins(walk, rows)
    return [{**row, "cut": not whole and place == 0} for place, row in enumerate(rows)]


# Kind of a document -> its page.
PAGES = {"order": "/orders/", "purchase": "/purchases/", "receipt": "/stock/receipts/", "count": "/stock/counts/",
         "supplier_invoice": "/bills/", "customer": "/customers/", "supplier": "/suppliers/"}


def document_of(event: Mapping[str, Any] | None) -> str | None:
    """The page of the business behind an event: of its story, else of the event itself."""
    if event is None:
        return None
    kind, _, number = event["walk"].partition("/")
    return f"{PAGES[kind]}{quote(number, safe='')}" if kind in PAGES else f"/events/{event['event_id']}"


async def until(ask: Callable[[], Awaitable[Any]], told: Callable[[Any], bool]) -> Any:
    """Wait a moment for what a service hears from another one, so that the next page shows what was just done. The
    answer that tells it; None if none does in time."""
    for _ in range(TRIES):
        answer = await or_none(ask())
        if answer is not None and told(answer):
            return answer
        await asyncio.sleep(PAUSE_SECONDS)
    return None


def new_number(prefix: str, day: date) -> str:
    """A number for a new document, which may be changed: SO-261130-7KQ2."""
    return f"{prefix}-{day:%y%m%d}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"


def body_of(form: Form, table: str, column: str) -> tuple[dict[str, Any], Callable[[RefusedError], list[Row]]]:
    """A form with a table as a command's body, without the rows that have nothing in a column; and how the errors that
    come back find their rows again."""
    kept, numbers = filled_rows(form.fields, table, column)
    return nested(kept), lambda refused: placed(refused.errors, table, numbers)


def rows_of(form: Form, table: str, columns: Iterable[str], least: int = 0) -> list[Row]:
    """The rows of a table as they were sent, each with its number `n`, and some empty ones up to `least`."""
    numbers = row_numbers(form.fields, table)
    rows: list[Row] = [{"n": int(n), **{name: form[f"{table}.{n}.{name}"] for name in columns}} for n in numbers]
    following = max((row["n"] for row in rows), default=-1) + 1
    return rows + [{"n": following + i, **dict.fromkeys(columns, "")} for i in range(max(0, least - len(rows)))]


def by_field(errors: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """field -> the first thing that is wrong with it; nothing for all others."""
    found: dict[str, str] = defaultdict(str)
    for error in errors:
        found[error["field"]] = found[error["field"]] or error["message"]
    return found


def totals(form: Form, columns: Sequence[str], books: Mapping[str, Any] | None) -> dict[str, Any]:
    """The net of each row that can be valued, and the sums; `columns` end with quantity and price. A row may state its
    own tax."""
    currency = books["currency"] if books else "CNY"
    rate = Decimal(books["vat_rate"]) if books else Decimal(0)
    nets, tax = {}, Decimal(0)
    for row in rows_of(form, "lines", columns):
        try:
            net = worth(Decimal(row[columns[-2]]), Decimal(row[columns[-1]]), currency)
            given = form[f"lines.{row['n']}.tax"].strip()
            tax += Decimal(given) if given else worth(net, rate, currency)
        except ArithmeticError:
            continue
        nets[row["n"]] = net
    total = sum(nets.values(), Decimal(0))
    return {"nets": nets, "net": total, "tax": tax, "gross": total + tax}
