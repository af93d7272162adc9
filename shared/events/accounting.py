"""What may be asked of `accounting`, and what it says."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import (
    MENDERS,
    Asked,
    Command,
    CommandRejected,
    Currency,
    Event,
    Key,
    Month,
    Name,
    Part,
    Reason,
    SayAgain,
)
from shared.money import Amount, Quantity, Rate

Ledger = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]


class LedgerBeside(Asked):
    """A ledger of the same company by another standard, fed from the same events at once."""

    ledger: Ledger
    standard: Key


class OpenBooks(Command, owner="accounting", allowed={"chief_accountant", "admin"}):
    """Open a company's books: its currency, accounting standard, VAT rate, and whether vouchers have one word or three;
    the company is the actor's. Ledgers by other standards stand `beside` the main one from the beginning, or never.

    为公司建账：本位币、会计准则、增值税率、凭证字（记，或收付转）；公司就是命令所属的公司。
    按其他准则并行的账簿列在 beside，只能在建账时开设。
    """

    name: Name
    currency: Currency = "CNY"
    standard: Key = "assbe"
    vat_rate: Rate
    opened_on: date
    words: Literal["记", "收付转"] = "记"
    beside: Annotated[tuple[LedgerBeside, ...], Field(max_length=4)] = ()


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


# -- vouchers made by hand --------------------------------------------------------------------------------------------

BOOKKEEPERS = frozenset({"accountant", "chief_accountant"})


class AskedVoucherLine(Asked):
    account: Annotated[str, Field(pattern=r"^\d{4,20}$")]
    side: Literal["D", "C"]
    amount: Amount
    customer: Key | None = None
    supplier: Key | None = None
    product: Key | None = None
    warehouse: Key | None = None
    salesperson: Key | None = None
    quantity: Quantity | None = None
    summary: Name | None = None


class DraftVoucher(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Draft a voucher for what no event says, never on a control account; a negative amount is red-letter on its side.

    填制手工凭证：用于没有事件的业务，不得使用统驭科目；金额为负表示该方红字。
    """

    draft_id: Key
    ledger: Ledger = "main"
    on: date
    summary: Name
    attachments: Annotated[int, Field(ge=1, le=9999)]
    lines: Annotated[tuple[AskedVoucherLine, ...], Field(min_length=2, max_length=500)]


class DraftCorrection(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Draft the correction of a posted voucher by what it should have said; without lines it should not be there.
    The law decides whether red, red and blue, a difference or, for an earlier year, blue is written.

    填制更正凭证：lines 是原凭证应有的内容，不填表示原凭证应注销；
    红字冲销、红蓝更正、差额调整或以前年度蓝字更正由规则选定。
    """

    draft_id: Key
    ledger: Ledger = "main"
    on: date
    period: Month
    word: Literal["记", "收", "付", "转"]
    number: Annotated[int, Field(ge=1, lt=2**63)]
    reason: Reason
    lines: Annotated[tuple[AskedVoucherLine, ...], Field(max_length=500)] = ()


# What becomes the first part of the ids of its drafts; of a file its digest, so that nobody imports one twice.
ImportId = Annotated[str, Field(min_length=1, max_length=56, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
Place = Annotated[int, Field(ge=1, le=1_048_576)]  # the number of a row in its sheet, which errors name


class AskedAmounts(Asked):
    """A row of a sheet: an account with an amount on one side; a negative one is red-letter."""

    row: Place
    account: Annotated[str, Field(pattern=r"^\d{4,20}$")]
    debit: Amount | None = None
    credit: Amount | None = None
    customer: Key | None = None
    supplier: Key | None = None
    product: Key | None = None
    warehouse: Key | None = None
    salesperson: Key | None = None
    quantity: Quantity | None = None


class AskedVoucherRow(AskedAmounts):
    """Rows one after the other with the same date, word and number are a voucher; it gets its own number when it is
    posted. `attachments` stands in its first row."""

    on: date
    word: Name | None = None
    number: Name | None = None
    summary: Name
    attachments: Annotated[int, Field(ge=0, le=9999)] | None = None
    currency: Currency | None = None


class ImportVouchers(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Draft the vouchers of a sheet, in the columns of the usual packages; all rows are checked before any is kept, and
    somebody else has to check each draft.

    导入凭证表（日期、凭证字号、摘要、科目、借贷金额……）：全部行检查无误后生成凭证草稿，仍须由他人审核；统驭科目不得导入。
    """

    import_id: ImportId
    rows: Annotated[tuple[AskedVoucherRow, ...], Field(min_length=1, max_length=3000)]


class ImportOpeningBalances(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Draft the opening balances of accounts that no subledger keeps, against the opening account; stock and
    payables come in by inventory (OpenStock, OpenPayables), receivables by order (OpenReceivables).

    导入期初余额：非统驭科目的期初借方或贷方余额，对方为期初建账科目，生成凭证草稿，仍须由他人审核；
    库存和应付的期初由 inventory 录入，应收的由 order 录入。
    """

    import_id: ImportId
    rows: Annotated[tuple[AskedAmounts, ...], Field(min_length=1, max_length=3000)]


class CheckVoucher(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Check a draft that somebody else made.

    审核凭证草稿；不得审核自己填制的凭证。
    """

    draft_id: Key


class SignVoucher(Command, owner="accounting", allowed={"cashier"}):
    """Sign a draft that moves money, as the cashier, who neither made nor checked it.

    出纳签字：涉及现金或银行存款的凭证须由出纳签字；出纳不得兼任制单和审核。
    """

    draft_id: Key


class PostVoucher(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Post a checked draft for good.

    将已审核的草稿记账，此后不可更改。
    """

    draft_id: Key


class DiscardVoucher(Command, owner="accounting", allowed=BOOKKEEPERS):
    """Give up a draft that was not posted.

    作废尚未记账的草稿。
    """

    draft_id: Key
    why: Reason


class VoucherDrafted(Event, owner="accounting", about=("draft", "draft_id")):
    """Somebody made a draft of a voucher or of a correction.

    有人填制了手工凭证或更正凭证的草稿。
    """

    draft_id: str
    kind: str
    on: date
    maker: str


class VoucherChecked(Event, owner="accounting", about=("draft", "draft_id")):
    """Somebody else checked the draft.

    草稿已由他人审核。
    """

    draft_id: str
    checker: str


class VoucherSigned(Event, owner="accounting", about=("draft", "draft_id")):
    """The cashier signed the draft.

    出纳已签字。
    """

    draft_id: str
    cashier: str


class VoucherNumber(Part):
    ledger: str = "main"
    period: str
    word: str
    number: int


class VoucherPosted(Event, owner="accounting", about=("draft", "draft_id")):
    """The draft was posted under these numbers.

    草稿已记账，凭证号如下。
    """

    draft_id: str
    poster: str
    vouchers: tuple[VoucherNumber, ...]


class VoucherDiscarded(Event, owner="accounting", about=("draft", "draft_id")):
    """The draft was given up.

    草稿已作废。
    """

    draft_id: str
    by: str
    why: str


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
