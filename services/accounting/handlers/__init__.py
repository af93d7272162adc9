"""Use cases of accounting: post whatever is heard, open books. Importing this registers its modules, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.accounting import packs, store, views
from services.accounting.domain import posting
from services.accounting.domain.pack import Pack
from services.accounting.handlers import tieout
from services.accounting.views import tieout as tieout_views
from shared import money
from shared.db import Db
from shared.events import Event
from shared.events.accounting import BooksOpened, OpenBooks
from shared.refusal import Refusal, Text, Unfit
from shared.service import Service

FIGURES = {**views.FIGURES, **tieout_views.FIGURES}


async def measure(connection: Any) -> Mapping[str, float]:
    """The figures of all companies' books (FIGURES)."""
    return {**await views.measure(connection), **await tieout_views.measure(connection)}


# Events of different producers have no common order, and a voucher needs no earlier one: order of acceptance is enough.
service = Service("accounting", ordered=False, figures=FIGURES, measure=measure)

UNKNOWN_STANDARD = Text("没有在 {day} 生效的会计准则 {standard}", "there is no standard {standard} in force on {day}")
UNKNOWN_CURRENCY = Text("不支持以 {currency} 记账", "books cannot be kept in {currency}")
# An event of a company that has no books: nothing says in which currency and by which rules to post it.
NO_BOOKS = "company: {company} has no books (公司 {company} 尚未建账)"
LEDGER_TWICE = Text("账簿名 {ledger} 重复", "there is a ledger {ledger} already")
OPEN_ALREADY = Text("公司 {company} 已经建账", "company {company} has books already")


@service.on(Event)
async def post_events(db: Db, events: Sequence[Event]) -> list[Event | Unfit]:
    """Give every event its vouchers, or keep the reason why it has none; refuse what cannot be posted."""
    ledgers = await store.lock_ledgers(db)
    if not ledgers:
        return [Unfit(event, NO_BOOKS.format(company=db.company)) for event in events]
    postings, unfit = posting.post_all(events, ledgers)
    if postings:
        await store.post(db, postings)
    refused = {id(one.event) for one in unfit}
    await tieout.note(db, [event for event in events if id(event) not in refused])
    return [*unfit]


@service.does(OpenBooks)
async def open_books(db: Db, commands: Sequence[OpenBooks]) -> list[Event | Refusal]:
    """Open a company's books (建账) by the newest rules of its standard."""
    return [await _open(db, command) for command in commands]


async def _open(db: Db, command: OpenBooks) -> Event | Refusal:
    if command.currency not in money.CURRENCY_DECIMALS:
        return Refusal(command, "currency", "unknown_currency", UNKNOWN_CURRENCY, {"currency": command.currency})
    by_ledger: dict[str, Pack] = {}
    asked = [("standard", store.LEDGER, command.standard)]
    asked += [(f"beside.{n}.standard", one.ledger, one.standard) for n, one in enumerate(command.beside)]
    for field, ledger, standard in asked:
        if ledger in by_ledger:
            named = field.replace("standard", "ledger")
            return Refusal(command, named, "ledger_twice", LEDGER_TWICE, {"ledger": ledger})
        pack = packs.newest(standard, command.opened_on)
        if pack is None:
            params = {"standard": standard, "day": command.opened_on.isoformat()}
            return Refusal(command, field, "unknown_standard", UNKNOWN_STANDARD, params)
        by_ledger[ledger] = pack
    if not await store.open_book(db, command, by_ledger):
        return Refusal(command, "company", "books_open_already", OPEN_ALREADY, {"company": db.company}, status=409)
    return BooksOpened(
        ledger=store.LEDGER, name=command.name, currency=command.currency, standard=command.standard,
        vat_rate=command.vat_rate, opened_on=command.opened_on,
    )


# Each of these registers its use cases at `service`, so it must be there before them.
from services.accounting.handlers import drafts, imports, periods, policies  # noqa: E402

__all__ = ["drafts", "imports", "open_books", "periods", "policies", "post_events", "service"]
