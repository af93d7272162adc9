"""What may be asked of `accounting`, and what it says."""

from datetime import date

from shared.events.base import MENDERS, Command, CommandRejected, Currency, Event, Key, Name, SayAgain
from shared.money import Rate


class OpenBooks(Command, owner="accounting", allowed={"chief_accountant", "admin"}):
    """Open a company's books (建账): its currency, accounting standard and VAT rate; the company is the actor's."""

    name: Name
    currency: Currency = "CNY"
    standard: Key = "assbe"
    vat_rate: Rate
    opened_on: date


class BooksOpened(Event, owner="accounting", about=("books", "ledger")):
    """A company exists: the other services may take its orders and stock."""

    ledger: str
    name: str
    currency: str
    standard: str
    vat_rate: Rate
    opened_on: date


class AccountingCommandRejected(
    CommandRejected, owner="accounting", about=("command", "command_id"), name="command_rejected"
):
    pass


class AccountingSayAgain(SayAgain, owner="accounting", name="say_again", allowed=MENDERS):
    pass
