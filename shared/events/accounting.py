"""What may be asked of `accounting`, and what it says."""

from datetime import date

from shared.events.base import MENDERS, Command, CommandRejected, Currency, Event, Key, Month, Name, SayAgain
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


class RequestPeriodClose(Command, owner="accounting", allowed={"accountant", "chief_accountant"}):
    """Ask for the close of a month, the first open one; refused with everything that stands against it.

    申请结账：只能是第一个未结账的月份；不满足结账检查时逐项说明原因和处理办法。
    """

    period: Month


class PeriodCloseRequested(Event, owner="accounting", about=("period", "period")):
    """Somebody asked for the close of a month; somebody else has to approve it.

    有人申请某月结账，须由另一人批准。
    """

    period: str
    requested_by: str


class ApprovePeriodClose(Command, owner="accounting", allowed={"chief_accountant"}):
    """Close a month that somebody else asked to close: VAT and profit and loss are carried forward, and nothing is
    dated into it any more.

    批准结账：结转未交增值税和本期损益，此后不再有凭证记入该月；不得批准自己的申请。
    """

    period: Month


class PeriodClosed(Event, owner="accounting", about=("period", "period")):
    """A month is closed for good; later facts of it are dated `open_from`, the first open day.

    某月已结账，不能反结账；迟到的业务记在第一个未结账日 open_from。
    """

    period: str
    requested_by: str
    approved_by: str
    open_from: date


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
