"""What may be asked of `crm`, and what it says: ids, limits and dates, never a name, a phone number or a text."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.events.base import MENDERS, NO_NUL, Asked, Command, CommandRejected, Currency, Event, Key, Name, SayAgain
from shared.money import Amount, NonNegativeAmount

Phone = Annotated[str, Field(min_length=3, max_length=40, pattern=NO_NUL)]
Email = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Words = Annotated[str, Field(min_length=1, max_length=4000, pattern=NO_NUL)]
Channel = Literal["visit", "phone", "email", "wechat", "meeting", "other"]

# -- commands ---------------------------------------------------------------------------------------------------------


class NewCustomer(Asked):
    customer_id: Key
    name: Name
    credit_limit: NonNegativeAmount
    salesperson: Key | None = None  # who looks after the customer


class RegisterCustomers(Command, owner="crm", allowed={"sales", "admin"}):
    """Add customers with their credit limits in the books' currency.

    新增客户档案和信用额度，币种为账簿的本位币。
    """

    customers: Annotated[tuple[NewCustomer, ...], Field(min_length=1, max_length=1000)]


class ChangeCustomer(Command, owner="crm", allowed={"sales", "admin"}):
    """Change what is known of a customer; what is not given stays.

    修改客户资料；未给出的字段不变。
    """

    customer_id: Key
    name: Name | None = None
    salesperson: Key | None = None


class ChangeCreditLimit(Command, owner="crm", allowed={"accountant", "chief_accountant"}):
    """Change a customer's credit limit.

    修改客户的信用额度。
    """

    customer_id: Key
    credit_limit: NonNegativeAmount


class AddContact(Command, owner="crm", allowed={"sales", "admin"}):
    """Add a person to talk to.

    新增客户的联系人。
    """

    contact_id: Key
    customer_id: Key
    name: Name
    title: Name | None = None
    phone: Phone | None = None
    email: Email | None = None


class LogCommunication(Command, owner="crm", allowed={"sales"}):
    """Write down a talk with a customer.

    记录一次与客户的沟通。
    """

    communication_id: Key
    customer_id: Key
    contact_id: Key | None = None
    channel: Channel
    talked_at: datetime
    text: Words
    follow_up_on: date | None = None


class FileComplaint(Command, owner="crm", allowed={"sales"}):
    """Take a complaint with the time by which it must be resolved.

    登记客户投诉和应解决的时限。
    """

    complaint_id: Key
    customer_id: Key
    order_id: Key | None = None
    filed_at: datetime
    due_at: datetime
    text: Words
    assignee: Key | None = None


class ResolveComplaint(Command, owner="crm", allowed={"sales"}):
    """Say how a complaint was resolved.

    登记投诉如何解决。
    """

    complaint_id: Key
    resolved_at: datetime
    text: Words


# -- events -----------------------------------------------------------------------------------------------------------


class CustomerRegistered(Event, owner="crm", about=("customer", "customer_id")):
    """A customer exists, with a credit limit in the books' currency.

    客户已建档，信用额度以账簿的本位币计。
    """

    customer_id: str
    credit_limit: Amount
    currency: Currency


class CreditLimitChanged(Event, owner="crm", about=("customer", "customer_id")):
    """A customer's credit limit is another one from now on.

    客户的信用额度从此刻起改变。
    """

    customer_id: str
    credit_limit: Amount
    currency: Currency


class CommunicationLogged(Event, owner="crm", about=("communication", "communication_id")):
    """Somebody talked with a customer; what was said stays in crm.

    与客户有过一次沟通；内容只留在 crm。
    """

    communication_id: str
    customer_id: str
    channel: Channel
    talked_at: datetime


class ComplaintFiled(Event, owner="crm", about=("complaint", "complaint_id")):
    """A customer complained, and wants it resolved by `due_at`.

    客户投诉，要求在 due_at 之前解决。
    """

    complaint_id: str
    customer_id: str
    due_at: datetime


class ComplaintResolved(Event, owner="crm", about=("complaint", "complaint_id")):
    """A complaint was resolved.

    投诉已解决。
    """

    complaint_id: str
    customer_id: str
    resolved_at: datetime


class CrmCommandRejected(CommandRejected, owner="crm", about=("command", "command_id"), name="command_rejected"):
    """A command to `crm` that came by queue was refused; names the field.

    经队列发给 crm 的命令被拒绝；指出字段和原因。
    """


class CrmSayAgain(SayAgain, owner="crm", name="say_again", allowed=MENDERS):
    """Say a stretch of crm's log again to one hearer, who missed it or comes late.

    把 crm 日志中的一段重新说给一个接收方的队列，供漏听或后来加入的服务和伙伴使用。
    """
