"""What may be asked of `accounting`, and what it says."""

from datetime import date

from shared.events.base import MENDERS, Command, CommandRejected, Currency, Event, Key, Name, SayAgain
from shared.money import Rate


class OpenBooks(Command, owner="accounting", allowed={"chief_accountant", "admin"}):
    """Open a company's books: its currency, accounting standard and VAT rate; the company is the actor's.

    为公司建账：本位币、会计准则、增值税率；公司就是命令所属的公司。
    """

    name: Name
    currency: Currency = "CNY"
    standard: Key = "assbe"
    vat_rate: Rate
    opened_on: date


class BooksOpened(Event, owner="accounting", about=("books", "ledger")):
    """A company exists: the other services may take its orders and stock.

    公司已建账：其他服务可以接受它的订单和库存。
    """

    ledger: str
    name: str
    currency: str
    standard: str
    vat_rate: Rate
    opened_on: date


class AccountingCommandRejected(
    CommandRejected, owner="accounting", about=("command", "command_id"), name="command_rejected"
):
    """A command to `accounting` that came by queue was refused; names the field.

    经队列发给 accounting 的命令被拒绝；指出字段和原因。
    """


class AccountingSayAgain(SayAgain, owner="accounting", name="say_again", allowed=MENDERS):
    """Say a stretch of accounting's log again to one hearer, who missed it or comes late.

    把 accounting 日志中的一段重新说给一个接收方的队列，供漏听或后来加入的服务和伙伴使用。
    """
